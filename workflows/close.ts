import { isCancellation } from '@temporalio/workflow';
import { FAILURE_TYPES } from '../contracts/failures.js';
import type { FinalStateResult, LastCallResult, ProcessRef } from '../contracts/messages.js';
import type { Subject } from './control.js';
import { type End, unlessEnded } from './ends.js';
import { type AnsweredKind, outcomeAtClose, outcomeBeforeActing } from './outcomes.js';
import type { ProcessRun } from './process-run.js';
import { durable, durableOptions } from './proxies.js';
import { runStep, StepFailure } from './steps.js';
import { insideWindow, LAST_CALL_MS, LATE_GRACE_MS, type Moment, utcText } from './window.js';

/** Two attempts at most: the close comes in seconds. */
const LAST_CALL_LIMITS = { startToCloseTimeout: '10s', retry: { maximumAttempts: 2 } } as const;

/** What happens to an install or update shortly before its window closes, and after. */
export class Close {
  private readonly process: ProcessRef;
  /** What Talkdesk said shortly before the close, when asked. */
  private lastCallState: LastCallResult['remoteState'] | null = null;

  /**
   * @param act brings the product to what was read, and registers the undoing
   */
  constructor(
    private readonly kind: AnsweredKind,
    private readonly run: ProcessRun,
    private readonly subject: Subject,
    private readonly act: () => Promise<unknown>,
  ) {
    this.process = run.process;
  }

  /** The last call of a window that closes then. */
  lastCallBefore(closeMs: number): Moment {
    return {
      atMs: Math.max(closeMs - LAST_CALL_MS, Date.now() + 1),
      summary: `Last call, shortly before Talkdesk's window closes at ${utcText(closeMs)}`,
      run: () => this.lastCall(),
    };
  }

  /** What Talkdesk says of the installation once the window has closed. */
  async finalState(): Promise<FinalStateResult> {
    const input = { processId: this.process.processId };
    return await runStep('readFinalState', input, 'Read the final state', this.subject);
  }

  /** The end that this state means. */
  async endAt({ finalState, attempted }: FinalStateResult): Promise<End> {
    const before = this.lastCallState === null ? '' : `; shortly before, it said ${this.lastCallState}`;
    const end = {
      outcome: outcomeAtClose(this.kind, finalState, attempted),
      reason: `the window closed, Talkdesk says ${finalState}${before}`,
      remoteState: finalState,
    };
    return this.kind === 'install' && end.outcome === 'approved' ? await this.onceKnown(end) : end;
  }

  /** Reads the state while the credentials live, then lets waiting steps make their last attempt. */
  private async lastCall(): Promise<void> {
    this.run.control.nudges += 1;
    try {
      const options = { ...durableOptions('readRemoteState', 'Read state before close'), ...LAST_CALL_LIMITS };
      const answer = await durable.readRemoteState.executeWithOptions(options, [{ processId: this.process.processId }]);
      this.lastCallState = answer.remoteState;
    } catch (error) {
      // Whatever kept the answer away: the state is asked for again after the close.
      if (isCancellation(error)) throw error;
    }
  }

  /**
   * An install that is in use, while restored tables may not know its users and its account in the product: without the account an
   * uninstall would not end access. Nothing is decided here any more, so nothing but what overtakes it changes the end.
   */
  private async onceKnown(end: End): Promise<End> {
    this.subject.doing('approved before; seeing to it that users and product account are in the tables');
    const window = await insideWindow(Date.now() + LATE_GRACE_MS, [], () => unlessEnded(this.run, () => this.learn()));
    return window.kind === 'finished' && window.value.kind === 'ended' ? window.value.end : end;
  }

  /** The steps of an install that was approved, which find what they have done already in the process row or by its key. */
  private async learn(): Promise<void> {
    try {
      const input = { processId: this.process.processId };
      const { remoteState } = await runStep('syncFromTalkdesk', input, 'Read from Talkdesk', this.subject);
      if (outcomeBeforeActing(this.kind, remoteState) !== null) return;
      await this.act();
    } catch (error) {
      // A claim counts an event that nobody has opened yet; one that turns out to be unusable ends nothing.
      const preEmpted = error instanceof StepFailure && error.type === FAILURE_TYPES.preEmpted;
      if (!preEmpted || (await this.run.isPreEmpted())) throw error;
    }
  }
}
