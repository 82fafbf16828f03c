import type { DecisionResult } from '../contracts/messages.js';
import type { ActionableState, DecisionVerb, FinalState } from '../contracts/outcomes.js';
import type { ProcessRecord } from '../store/types.js';
import type { TalkdeskError } from '../talkdesk/errors.js';

/** What Talkdesk says of an installation before a decision. */
export interface Reading {
  state: ActionableState;
  /** When that state was reached, on Talkdesk's clock, in whole seconds; null when it does not say. */
  updatedAt: Date | null;
}

/** What judging needs to know of a process. */
export type Judged = Pick<
  ProcessRecord,
  'kind' | 'eventCreatedAt' | 'decision' | 'decisionAttemptedAt' | 'earlierApprovalAt' | 'approvalTried'
>;

/**
 * What the state found before sending means for a decision (docs/lifecycle.md): the result, or null where it is to be sent.
 */
export function judgeBefore(process: Judged, decision: DecisionVerb, reading: Reading): DecisionResult | null {
  const { state } = reading;
  const triedBefore = process.decisionAttemptedAt !== null && process.decision === decision;
  switch (state) {
    case 'waiting':
      return null;
    case 'accepted':
      return process.kind === 'install'
        ? judgeAcceptedInstall(process, decision)
        : judgeAcceptedUpdate(process, decision, triedBefore, reading.updatedAt);
    case 'refused': {
      const ours =
        process.kind === 'install' ? decisionBehind(process, state) === 'reject' : triedBefore && decision === 'reject';
      return ours ? { result: 'rejected' } : { result: 'ended', remoteState: state };
    }
    case 'dead':
    case 'gone':
      return { result: 'ended', remoteState: state };
  }
}

/** The decision of this process that was on its way to Talkdesk at least once, as far as the tables know. */
export function attemptedDecision(process: Pick<Judged, 'decision' | 'decisionAttemptedAt'>): DecisionVerb | null {
  return process.decisionAttemptedAt === null ? null : process.decision;
}

/**
 * The decision of ours behind the state of an install. Nothing but this service approves or rejects an installation: that takes the
 * installation's own credentials. So a state that tells of a decision tells of ours, also to tables that were restored from a backup of
 * before it; unless they know what this process has sent. Suspended is what was accepted before.
 */
export function decisionBehind(
  process: Pick<Judged, 'decision' | 'decisionAttemptedAt'>,
  state: FinalState,
): DecisionVerb | null {
  const attempted = attemptedDecision(process);
  if (attempted !== null) return attempted;
  if (state === 'accepted' || state === 'suspended') return 'approve';
  return state === 'refused' ? 'reject' : null;
}

function judgeAcceptedInstall(process: Judged, decision: DecisionVerb): DecisionResult {
  const approved = process.approvalTried || decisionBehind(process, 'accepted') === 'approve';
  return decision === 'approve' && approved ? { result: 'approved' } : { result: 'ended', remoteState: 'accepted' };
}

/**
 * An installation is accepted before its update, too, so the times decide; and where Talkdesk does not show that it waits, the decision
 * is sent all the same: once more the same one is harmless.
 */
function judgeAcceptedUpdate(
  process: Judged,
  decision: DecisionVerb,
  triedBefore: boolean,
  updatedAt: Date | null,
): DecisionResult | null {
  const { decisionAttemptedAt, earlierApprovalAt, eventCreatedAt } = process;
  if (triedBefore && decisionAttemptedAt !== null && isNotOlder(updatedAt, decisionAttemptedAt)) {
    return { result: decision === 'approve' ? 'approved' : 'rejected' };
  }
  return decision === 'approve' && isAnsweredBy(earlierApprovalAt, eventCreatedAt) ? { result: 'approved' } : null;
}

/**
 * Whether an approval of another process of the installation answered an event, too: the decision call applies to whatever is pending.
 * Events have whole seconds, so one of the approval's own second may have come after it; it is answered by itself.
 */
export function isAnsweredBy(approvalAt: Date | null, eventCreatedAt: Date): boolean {
  return approvalAt !== null && approvalAt.getTime() >= eventCreatedAt.getTime() + 1_000;
}

/** At the granularity of Talkdesk's times, a second. */
function isNotOlder(updatedAt: Date | null, attemptedAt: Date): boolean {
  return updatedAt !== null && updatedAt.getTime() >= Math.floor(attemptedAt.getTime() / 1_000) * 1_000;
}

/**
 * What the state after sending means: the result, or null where Talkdesk still waits.
 *
 * @param sendError what Talkdesk answered, where that was a no
 */
export function judgeAfter(
  process: Judged,
  decision: DecisionVerb,
  sendError: TalkdeskError | null,
  state: ActionableState,
): DecisionResult | null {
  switch (state) {
    case 'waiting':
      return null;
    case 'accepted':
      if (decision === 'approve') return isForbidden(process, sendError) ? null : { result: 'approved' };
      // A rejected update leaves the installation accepted, with its old settings (talkdesk-api.md 10.13).
      if (process.kind === 'update' && sendError === null) return { result: 'rejected' };
      return { result: 'ended', remoteState: state };
    case 'refused':
      return decision === 'reject' ? { result: 'rejected' } : { result: 'ended', remoteState: state };
    case 'dead':
    case 'gone':
      return { result: 'ended', remoteState: state };
  }
}

/** An update's "accepted" after a 403 is the state before it: the approval did not get through. */
function isForbidden(process: Judged, sendError: TalkdeskError | null): boolean {
  return process.kind === 'update' && sendError !== null && sendError.failureClass !== 'conflict';
}
