import { setTimeout as sleep } from 'node:timers/promises';
import { FAILURE_TYPES } from '../contracts/failures.js';
import type { DecisionInput, DecisionResult } from '../contracts/messages.js';
import type { ActionableState, DecisionVerb } from '../contracts/outcomes.js';
import type { ProcessRecord } from '../store/types.js';
import { TalkdeskError } from '../talkdesk/errors.js';
import type { InstallationAccess } from '../talkdesk/types.js';
import type { Attempt } from './attempts.js';
import { type Claim, claimProcess } from './claims.js';
import type { ActivityParts } from './deps.js';
import { StepError } from './failures.js';
import { accessOf, actionable, gatewayOf } from './talkdesk.js';

/** Under this name the store keeps the step's result (`recordDecided`). */
const DECISION_STEP = 'decide';
/** Waits between the readings that confirm a decision: Talkdesk may apply it a moment after its answer. */
const READ_BACK_DELAYS_MS = [50, 150, 300];

/** The activity that answers Talkdesk. */
export function createDecisionActivities(parts: ActivityParts) {
  const { processes, talkdesk, now, observe, runAttempt, breakers } = parts;

  /**
   * Claimed → read the state → send if it waits → read back. The call has no idempotency key and applies to whatever is pending, so
   * nothing is sent that Talkdesk does not report as waiting (talkdesk-api.md 4.4, client rule).
   */
  async function decide(input: DecisionInput, claim: Claim, attempt: Attempt): Promise<DecisionResult> {
    const access = accessOf(parts, claim.process);
    const before = await readState(access, attempt);
    // An accepted install is this process's doing only if it has tried before: nothing else approves an install.
    const triedBefore = claim.process.decisionAttemptedAt !== null && claim.process.decision === input.decision;
    if (before !== 'waiting') return judge(before, input.decision, triedBefore);
    await claim.ensureFresh();
    const sendError = await send(access, input, attempt);
    const after = await readBack(access, attempt);
    if (after !== 'waiting') return judge(after, input.decision, true);
    // A 404 is no reason to give up an installation that Talkdesk has just shown.
    throw sendError === null || sendError.failureClass === 'gone' ? stillWaiting(input.decision) : sendError;
  }

  /** An answer that says no does not say what holds now; the state does. Anything else ends the attempt. */
  async function send(
    access: InstallationAccess,
    input: DecisionInput,
    attempt: Attempt,
  ): Promise<TalkdeskError | null> {
    try {
      await talkdesk.postState(access, input.decision, input.reason, attempt);
      return null;
    } catch (error) {
      if (error instanceof TalkdeskError && ['conflict', 'gone', 'needs-person'].includes(error.failureClass))
        return error;
      throw error;
    }
  }

  async function readState(access: InstallationAccess, attempt: Attempt): Promise<ActionableState> {
    return actionable(await talkdesk.readInstallation(access, attempt));
  }

  async function readBack(access: InstallationAccess, attempt: Attempt): Promise<ActionableState> {
    let state = await readState(access, attempt);
    for (const delayMs of READ_BACK_DELAYS_MS) {
      if (state !== 'waiting') break;
      await sleep(delayMs, undefined, { signal: attempt.signal });
      state = await readState(access, attempt);
    }
    return state;
  }

  async function record(
    input: DecisionInput,
    process: ProcessRecord,
    attempt: Attempt,
    result: DecisionResult,
  ): Promise<void> {
    const at = now();
    const fact = { atMs: at.getTime(), installationId: process.installationId, eventId: process.eventId };
    if (result.result === 'approved') {
      const outcome = { outcome: 'approved', reason: input.reason, remoteState: 'accepted' } as const;
      await processes.recordOutcome({ processId: input.processId, ...outcome, at });
      observe({ ...fact, name: 'approved' });
    } else {
      const remoteState = result.result === 'ended' ? result.remoteState : 'refused';
      await processes.recordDecided({
        processId: input.processId,
        attemptToken: attempt.token,
        remoteState,
        stepResult: result,
        at,
      });
    }
  }

  return {
    /** Posts approve or reject, once, and confirms it. Approved is recorded as the outcome of the process at once. */
    async postDecision(input: DecisionInput): Promise<DecisionResult> {
      return await runAttempt(async (attempt) => {
        const { processId, decision, reason } = input;
        const claim = await claimProcess(parts, attempt, { processId, decision: { verb: decision, reason } });
        if (claim.kind === 'finished') return resultOfFinished(claim.outcome);
        const { process } = claim;
        try {
          const done = process.stepResults[DECISION_STEP];
          if (done !== undefined) {
            await processes.release(processId, attempt.token);
            return done as DecisionResult;
          }
          const result = await breakers.guard(gatewayOf(process), attempt, () => decide(input, claim, attempt));
          await record(input, process, attempt, result);
          return result;
        } catch (error) {
          await processes.release(processId, attempt.token);
          throw error;
        }
      });
    },
  };
}

/** What a state other than waiting means to a decision. */
function judge(
  state: Exclude<ActionableState, 'waiting'>,
  decision: DecisionVerb,
  byThisProcess: boolean,
): DecisionResult {
  if (byThisProcess && state === 'accepted' && decision === 'approve') return { result: 'approved' };
  if (byThisProcess && state === 'refused' && decision === 'reject') return { result: 'rejected' };
  return { result: 'ended', remoteState: state };
}

function stillWaiting(decision: DecisionVerb): StepError {
  return new StepError(
    FAILURE_TYPES.retryable,
    `Talkdesk was told to ${decision} but still reports the installation as waiting.`,
  );
}

function resultOfFinished(outcome: string): DecisionResult {
  if (outcome === 'approved' || outcome === 'rejected') return { result: outcome };
  throw new StepError(FAILURE_TYPES.preEmpted, `the process has ended already: ${outcome}`);
}
