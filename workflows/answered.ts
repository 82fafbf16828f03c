import { condition } from '@temporalio/workflow';
import { FAILURE_TYPES } from '../contracts/failures.js';
import type { ProcessRef, SyncResult } from '../contracts/messages.js';
import type { DecisionVerb, ProcessOutcome, RemoteState } from '../contracts/outcomes.js';
import { Close } from './close.js';
import { Subject } from './control.js';
import { personDecision } from './decisions.js';
import { type End, superseded, unlessEnded } from './ends.js';
import { type AnsweredKind, mustUndo, outcomeBeforeActing, outcomeInsteadOfDecision } from './outcomes.js';
import type { RunProcess, ProcessRun } from './process-run.js';
import { runStep, StepFailure } from './steps.js';
import { dueWarnings } from './warnings.js';
import { CLOSE_AFTER_MS, DUE_AFTER_MS, insideWindow, LATE_GRACE_MS, utcText } from './window.js';

/** Words in which the two kinds differ. */
const WORDS: Readonly<
  Record<AnsweredKind, { title: string; acting: string; act: string; undoing: string; undo: string; reason: string }>
> = {
  install: {
    title: 'Install',
    acting: 'provisioning the product account',
    act: 'Provision in product',
    undoing: 'undoing the provisioning',
    undo: 'Undo in product',
    reason: 'provisioned',
  },
  update: {
    title: 'Update',
    acting: 'bringing the product account to the new settings',
    act: 'Update in product',
    undoing: 'restoring the old settings',
    undo: 'Restore in product',
    reason: 'updated',
  },
};

/** One install, from the first look at Talkdesk to its recorded outcome. */
export const runInstall: RunProcess = async (run) => await new AnsweredProcess('install', run).run();

/** One update: everything is read anew, and the product brought to it. */
export const runUpdate: RunProcess = async (run) => await new AnsweredProcess('update', run).run();

/** Ends an install or update that another event overtook: undo what was begun, record. */
export async function supersede(kind: AnsweredKind, run: ProcessRun, byEventId: string): Promise<ProcessOutcome> {
  return await new AnsweredProcess(kind, run).finish(superseded(`overtaken by event ${byEventId}`));
}

/**
 * A process that Talkdesk and the customer wait for: sync, decide, act, answer, all inside Talkdesk's window; what must be undone is
 * undone outside it, before the outcome is recorded.
 */
class AnsweredProcess {
  private readonly process: ProcessRef;
  private readonly subject: Subject;
  private readonly words: (typeof WORDS)[AnsweredKind];
  private readonly closeMs: number;
  private readonly close: Close;
  /** Set before the product is called, so that whatever happens to the call is undone when the process does not succeed. */
  private undoRegistered: boolean;

  constructor(
    private readonly kind: AnsweredKind,
    private readonly processRun: ProcessRun,
  ) {
    const { process, control } = processRun;
    this.process = process;
    this.words = WORDS[kind];
    this.undoRegistered = process.needsUndo;
    this.closeMs = process.createdAtMs + CLOSE_AFTER_MS;
    const title = `**${this.words.title}** of installation \`${process.installationId}\``;
    this.subject = new Subject(control, process.eventId, title, process.processId, () => {
      const closes = this.closeMs > Date.now() ? 'closes' : 'closed';
      return `Talkdesk's window ${closes} at **${utcText(this.closeMs)}**.`;
    });
    this.close = new Close(kind, processRun, this.subject, () => this.act());
  }

  async run(): Promise<ProcessOutcome> {
    const end = await this.untilEnd();
    if (end.recorded !== true) return await this.finish(end);
    this.subject.ended(`**${end.outcome}**`);
    return end.outcome;
  }

  /** Undoes what must be undone, outside the window and for as long as it takes, and records the outcome. */
  async finish(end: End): Promise<ProcessOutcome> {
    const input = { processId: this.process.processId };
    if (this.undoRegistered && mustUndo(end.outcome, end.remoteState)) {
      this.subject.doing(`${end.outcome}: ${this.words.undoing}`);
      await runStep('undoProvisioning', input, this.words.undo, this.subject);
    }
    const recorded = { ...input, outcome: end.outcome, reason: end.reason, ...remoteStateOf(end) };
    const { outcome } = await runStep('recordOutcome', recorded, `Record the outcome: ${end.outcome}`, this.subject);
    this.subject.ended(`**${outcome}**: ${end.reason}`);
    return outcome;
  }

  private async untilEnd(): Promise<End> {
    if (this.closeMs > Date.now()) return await this.insideWindowUntil(this.closeMs);
    // The event is older than its own window: only Talkdesk knows whether it still waits.
    this.subject.doing('arrived after its window; asking Talkdesk whether it still waits');
    const asked = await unlessEnded(this.processRun, () => this.close.finalState());
    if (asked.kind === 'ended') return asked.end;
    const waits = asked.value.finalState === 'waiting';
    return waits ? await this.insideWindowUntil(Date.now() + LATE_GRACE_MS) : await this.close.endAt(asked.value);
  }

  private async insideWindowUntil(closeMs: number): Promise<End> {
    const moments = [...dueWarnings(this.process, this.subject), this.close.lastCallBefore(closeMs)];
    const window = await insideWindow(closeMs, moments, () =>
      unlessEnded(this.processRun, () => this.stepsUnlessMistaken()),
    );
    if (window.kind === 'finished') return window.value.kind === 'ended' ? window.value.end : window.value.value;
    this.subject.doing('window closed; asking Talkdesk for the final state');
    const asked = await unlessEnded(this.processRun, () => this.close.finalState());
    return asked.kind === 'ended' ? asked.end : await this.close.endAt(asked.value);
  }

  /**
   * A claim counts an event that nobody has opened yet. If that event turns out to be unusable, the steps go on; they find their
   * results so far in the process row.
   */
  private async stepsUnlessMistaken(): Promise<End> {
    try {
      return await this.steps();
    } catch (error) {
      if (!(error instanceof StepFailure) || error.type !== FAILURE_TYPES.preEmpted) throw error;
      if (await this.processRun.isPreEmpted()) throw error;
      return await this.steps();
    }
  }

  private async steps(): Promise<End> {
    const { subject } = this;
    const input = { processId: this.process.processId };
    subject.doing('reading account, installation, users and plan from Talkdesk');
    const sync = await runStep('syncFromTalkdesk', input, 'Read from Talkdesk', subject);
    // What an update's reading changed in our tables is taken back with the rest.
    if (this.kind === 'update') this.undoRegistered = true;
    const ended = outcomeBeforeActing(this.kind, sync.remoteState);
    if (ended !== null) return { outcome: ended, reason: stateReason(sync.remoteState), remoteState: sync.remoteState };

    const wanted = await this.decision(sync);
    if (wanted.decision === 'reject') return await this.answer('reject', wanted.reason);
    subject.doing(`${this.words.acting} and ${sync.users} users${changesText(sync)}`);
    const refusal = await this.act();
    return refusal === null ? await this.answer('approve', wanted.reason) : await this.answer('reject', refusal);
  }

  /** What policy, or a person, wants. */
  private async decision(sync: SyncResult): Promise<{ decision: DecisionVerb; reason: string }> {
    const { policy, decided } = sync;
    if (decided !== undefined) return decided;
    const approve = { decision: 'approve', reason: this.words.reason } as const;
    if (policy === undefined || policy.mode === 'automatic') return approve;
    if (policy.mode === 'reject') return { decision: 'reject', reason: policy.reason };

    const dueMs = this.process.createdAtMs + DUE_AFTER_MS;
    const byPerson = await personDecision({ subject: this.subject, process: this.process, dueMs, atDue: policy.atDue });
    if (byPerson !== null) return byPerson;
    if (policy.atDue === 'approve') return approve;
    if (policy.atDue === 'reject') return { decision: 'reject', reason: 'Nobody decided in time.' };
    this.subject.doing('nobody decided in time; the window is left to lapse');
    // Ended by the close, or by an event that pre-empts.
    await condition(() => false);
    throw new Error('unreachable: the wait for the close cannot end by itself');
  }

  /** Calls the product. Gives its reason when it refuses, else null. */
  private async act(): Promise<string | null> {
    this.undoRegistered = true;
    try {
      await runStep('provisionAccount', { processId: this.process.processId }, this.words.act, this.subject);
      return null;
    } catch (error) {
      if (error instanceof StepFailure && error.type === FAILURE_TYPES.refused) return error.message;
      throw error;
    }
  }

  private async answer(decision: DecisionVerb, reason: string): Promise<End> {
    this.subject.doing(decision === 'approve' ? 'approving at Talkdesk' : `rejecting at Talkdesk: ${reason}`);
    const input = { processId: this.process.processId, decision, reason };
    const summary = decision === 'approve' ? 'Approve at Talkdesk' : 'Reject at Talkdesk';
    const answered = await runStep('postDecision', input, summary, this.subject);
    switch (answered.result) {
      case 'approved':
        return { outcome: 'approved', reason, remoteState: 'accepted', recorded: true };
      case 'rejected': {
        // Found rejected where an approve was to be sent: that one's reason is not why.
        const why = decision === 'reject' ? reason : stateReason('refused');
        return { outcome: 'rejected', reason: why, remoteState: this.kind === 'install' ? 'refused' : null };
      }
      case 'credentials-gone':
        throw new Error(`an ${this.kind} cannot end as credentials-gone`);
      case 'ended':
        return {
          outcome: outcomeInsteadOfDecision(answered.remoteState),
          reason: stateReason(answered.remoteState),
          remoteState: answered.remoteState,
        };
    }
  }
}

function changesText({ changes, upgrade }: SyncResult): string {
  const users =
    changes === undefined ? '' : ` (${changes.add} new, ${changes.resume} resumed, ${changes.suspend} suspended)`;
  return upgrade === undefined ? users : `${users}; the app goes from version ${upgrade.from} to ${upgrade.to}`;
}

function remoteStateOf(end: End): { remoteState?: RemoteState } {
  const state = end.remoteState;
  return state === null || state === 'credentials-dead' ? {} : { remoteState: state };
}

function stateReason(state: RemoteState): string {
  return `Talkdesk reports the installation as ${state}`;
}
