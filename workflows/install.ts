import { CancellationScope, condition, isCancellation, setCurrentDetails } from '@temporalio/workflow';
import { FAILURE_TYPES } from '../contracts/failures.js';
import type { FinalStateResult, LastCallResult, ProcessRef, TenantView } from '../contracts/messages.js';
import type { FinalState, ProcessOutcome, RemoteState } from '../contracts/outcomes.js';
import { durable } from './proxies.js';
import { mustUndo, outcomeAtClose, outcomeBeforeProvisioning, outcomeInsteadOfDecision, preEmptedBy } from './state.js';
import { ignoreCancellation, type RunControl, runStep, StepFailure } from './steps.js';
import { insideWindow, LATE_GRACE_MS, utcText } from './window.js';

/** Talkdesk's window, from the event's `created_at` (talkdesk-api.md 7.1). */
const WINDOW_MS = 7 * 24 * 60 * 60 * 1_000;

/** How an install ended inside its window. `recorded`: the step that found out has written the outcome already. */
interface End {
  outcome: ProcessOutcome;
  reason: string;
  remoteState: FinalState | null;
  recorded?: boolean;
}

/**
 * One install, from the first look at Talkdesk to its recorded outcome: sync, provision, decide, all inside Talkdesk's window;
 * what must be undone is undone outside it, before the outcome is recorded.
 */
export async function runInstall(
  process: ProcessRef,
  control: RunControl,
  lookAtInbox: () => Promise<TenantView>,
): Promise<ProcessOutcome> {
  const install = new Install(process, control, lookAtInbox);
  return await install.run();
}

/** Ends an install that another event overtook: undo what was begun, record. */
export async function supersedeInstall(
  process: ProcessRef,
  byEventId: string,
  control: RunControl,
): Promise<ProcessOutcome> {
  const end: End = { outcome: 'superseded', reason: `overtaken by event ${byEventId}`, remoteState: null };
  return await finish(process, end, process.needsUndo, control);
}

class Install {
  /** Set before the product is called, so that whatever happens to the call is undone when the install does not succeed. */
  private undoRegistered: boolean;
  /** What Talkdesk said shortly before the close, when asked. */
  private lastCallState: LastCallResult['remoteState'] | null = null;

  constructor(
    private readonly process: ProcessRef,
    private readonly control: RunControl,
    private readonly lookAtInbox: () => Promise<TenantView>,
  ) {
    this.undoRegistered = process.needsUndo;
  }

  async run(): Promise<ProcessOutcome> {
    const end = await this.untilEnd();
    return end.recorded === true ? end.outcome : await finish(this.process, end, this.undoRegistered, this.control);
  }

  private async untilEnd(): Promise<End> {
    const closeMs = this.process.createdAtMs + WINDOW_MS;
    if (closeMs > Date.now()) return await this.insideWindowUntil(closeMs);
    // The event is older than its own window: only Talkdesk knows whether it still waits.
    describe(this.process, 'arrived after its window; asking Talkdesk whether it still waits');
    const last = await this.stateAfterClose();
    const waits = last.finalState === 'waiting';
    return waits ? await this.insideWindowUntil(Date.now() + LATE_GRACE_MS) : this.endAtClose(last);
  }

  private async insideWindowUntil(closeMs: number): Promise<End> {
    const window = await insideWindow({ closeMs, onLastCall: () => this.lastCall() }, () => this.unlessPreEmpted());
    if (window.kind === 'finished') return window.value;
    describe(this.process, 'window closed; asking Talkdesk for the final state');
    return this.endAtClose(await this.stateAfterClose());
  }

  /** Runs the steps; a wake-up meanwhile makes the run look whether a newer event ends this install. */
  private async unlessPreEmpted(): Promise<End> {
    const steps = new CancellationScope();
    const watch = new CancellationScope();
    let byEventId: string | null = null;
    const watching = watch
      .run(async () => {
        for (let seen = this.control.wakes; byEventId === null; ) {
          await condition(() => this.control.wakes !== seen);
          seen = this.control.wakes;
          byEventId = preEmptedBy(this.process, await this.lookAtInbox());
        }
        steps.cancel();
      })
      .catch(ignoreCancellation);
    try {
      return await steps.run(() => this.stepsUnlessMistaken());
    } catch (error) {
      if (byEventId !== null && isCancellation(error)) return superseded(`overtaken by event ${byEventId}`);
      if (error instanceof StepFailure) return endOfFailure(error);
      throw error;
    } finally {
      watch.cancel();
      await watching;
    }
  }

  /**
   * A claim counts an install event that nobody has opened yet. If that event turns out to be unusable, the steps go on; they find
   * their results so far in the process row.
   */
  private async stepsUnlessMistaken(): Promise<End> {
    try {
      return await this.steps();
    } catch (error) {
      if (!(error instanceof StepFailure) || error.type !== FAILURE_TYPES.preEmpted) throw error;
      if (preEmptedBy(this.process, await this.lookAtInbox()) !== null) throw error;
      return await this.steps();
    }
  }

  private async steps(): Promise<End> {
    const { process, control } = this;
    const input = { processId: process.processId };
    describe(process, 'reading account, installation, users and plan from Talkdesk');
    const sync = await runStep('syncFromTalkdesk', input, 'Read from Talkdesk', control);
    const ended = outcomeBeforeProvisioning(sync.remoteState);
    if (ended !== null) return { outcome: ended, reason: stateReason(sync.remoteState), remoteState: sync.remoteState };

    describe(process, `provisioning the product account and ${sync.users} users`);
    this.undoRegistered = true;
    const refusal = await this.provision();

    const decision = refusal === null ? 'approve' : 'reject';
    describe(process, refusal === null ? 'approving at Talkdesk' : `rejecting at Talkdesk: ${refusal}`);
    const decided = await runStep(
      'postDecision',
      { ...input, decision, reason: refusal ?? 'provisioned' },
      refusal === null ? 'Approve at Talkdesk' : 'Reject at Talkdesk',
      control,
    );
    switch (decided.result) {
      case 'approved':
        describeOutcome(process, 'approved');
        return { outcome: 'approved', reason: 'provisioned', remoteState: 'accepted', recorded: true };
      case 'rejected':
        return { outcome: 'rejected', reason: refusal ?? 'rejected', remoteState: 'refused' };
      case 'ended':
        return {
          outcome: outcomeInsteadOfDecision(decided.remoteState),
          reason: stateReason(decided.remoteState),
          remoteState: decided.remoteState,
        };
    }
  }

  /** The product's reason when it refuses, else null. */
  private async provision(): Promise<string | null> {
    try {
      await runStep('provisionAccount', { processId: this.process.processId }, 'Provision in product', this.control);
      return null;
    } catch (error) {
      if (error instanceof StepFailure && error.type === FAILURE_TYPES.refused) return error.message;
      throw error;
    }
  }

  /** Reads the state while the credentials live, then lets waiting steps make their last attempt. */
  private async lastCall(): Promise<void> {
    this.control.nudges += 1;
    try {
      const answer = await durable.readRemoteState.executeWithOptions(
        {
          startToCloseTimeout: '10s',
          retry: { maximumAttempts: 2 },
          summary: 'Read state before close',
        },
        [{ processId: this.process.processId }],
      );
      this.lastCallState = answer.remoteState;
    } catch (error) {
      // Whatever kept the answer away: the state is asked for again after the close.
      if (isCancellation(error)) throw error;
    }
  }

  private async stateAfterClose(): Promise<FinalStateResult> {
    const input = { processId: this.process.processId };
    return await runStep('readFinalState', input, 'Read the final state', this.control);
  }

  private endAtClose({ finalState, attempted }: FinalStateResult): End {
    const before = this.lastCallState === null ? '' : `; shortly before, it said ${this.lastCallState}`;
    return {
      outcome: outcomeAtClose(finalState, attempted),
      reason: `the window closed, Talkdesk says ${finalState}${before}`,
      remoteState: finalState,
    };
  }
}

/** Undoes what must be undone, outside the window and for as long as it takes, and records the outcome. */
async function finish(
  process: ProcessRef,
  end: End,
  undoRegistered: boolean,
  control: RunControl,
): Promise<ProcessOutcome> {
  const input = { processId: process.processId };
  if (undoRegistered && mustUndo(end.outcome, end.remoteState)) {
    describe(process, `${end.outcome}: undoing the provisioning`);
    await runStep('undoProvisioning', input, 'Undo in product', control);
  }
  const recorded = { ...input, outcome: end.outcome, reason: end.reason, ...remoteStateOf(end) };
  const { outcome } = await runStep('recordOutcome', recorded, `Record the outcome: ${end.outcome}`, control);
  describeOutcome(process, `${outcome}: ${end.reason}`);
  return outcome;
}

function remoteStateOf(end: End): { remoteState?: RemoteState } {
  const state = end.remoteState;
  return state === null || state === 'credentials-dead' ? {} : { remoteState: state };
}

function endOfFailure(failure: StepFailure): End {
  switch (failure.type) {
    case FAILURE_TYPES.gone:
      return { outcome: 'superseded', reason: failure.message, remoteState: 'gone' };
    case FAILURE_TYPES.preEmpted:
      return superseded(failure.message);
    default:
      throw failure;
  }
}

function superseded(reason: string): End {
  return { outcome: 'superseded', reason, remoteState: null };
}

function stateReason(state: RemoteState): string {
  return `Talkdesk reports the installation as ${state}`;
}

/** The "current details" of the run in the Web UI: what is done now, and until when. */
function describe(process: ProcessRef, now: string): void {
  const closeMs = process.createdAtMs + WINDOW_MS;
  const closes = closeMs > Date.now() ? 'closes' : 'closed';
  setCurrentDetails(`${subjectOf(process)}: ${now}.\n\nTalkdesk's window ${closes} at **${utcText(closeMs)}**.`);
}

/** The "current details" once nothing is left to do. */
function describeOutcome(process: ProcessRef, outcome: string): void {
  setCurrentDetails(`${subjectOf(process)}: **${outcome}**.`);
}

function subjectOf(process: ProcessRef): string {
  return `**Install** of installation \`${process.installationId}\``;
}
