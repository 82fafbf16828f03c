import { setTimeout as sleep } from 'node:timers/promises';
import { FAILURE_TYPES } from '../contracts/failures.js';
import type { DecisionInput, DecisionResult } from '../contracts/messages.js';
import type { ActionableState } from '../contracts/outcomes.js';
import type { ProcessRecord } from '../store/types.js';
import { TalkdeskError } from '../talkdesk/errors.js';
import type { InstallationAccess } from '../talkdesk/types.js';
import { accessOf, actionable, gatewayOf, parkingGone } from './access.js';
import type { Attempt } from './attempts.js';
import { type Claim, claimProcess } from './claims.js';
import type { ActivityParts } from './deps.js';
import { StepError } from './failures.js';
import { judgeAfter, judgeBefore, type Reading } from './judgement.js';
import { FACT_OF_OUTCOME } from './outcomes.js';
import { END_ACCESS_STEP } from './product.js';
import { createUninstallApproval } from './uninstall-approval.js';

/** Under this name the store keeps the step's result (`recordDecided`). */
const DECISION_STEP = 'decide';
/** Waits between the readings that confirm a decision: Talkdesk may apply it a moment after its answer. */
const READ_BACK_DELAYS_MS = [50, 150, 300];

/** The activity that answers Talkdesk. */
export function createDecisionActivities(parts: ActivityParts) {
  const { processes, talkdesk, now, observe, runAttempt, breakers } = parts;
  const approveUninstall = createUninstallApproval(parts, send);

  /**
   * Claimed → read the state → send → read back. The call has no idempotency key and applies to whatever is pending
   * (talkdesk-api.md 4.4, client rule); what each state means is in judgement.ts.
   */
  async function decide(input: DecisionInput, claim: Claim, attempt: Attempt): Promise<DecisionResult> {
    const { process } = claim;
    const access = accessOf(parts, process);
    const before = await read(process, access, attempt);
    const settled = judgeBefore(process, input.decision, before);
    if (settled !== null) return settled;
    await claim.ensureFresh();
    // An install's attempt was recorded with its claim: nothing else approves an install, whenever it was.
    if (process.kind === 'update') await recordSending(input, attempt);
    const sendError = await send(access, input, attempt);
    const after = await readBack(process, access, attempt);
    const result = judgeAfter(process, input.decision, sendError, after);
    if (result !== null) return result;
    // A 404 is no reason to give up an installation that Talkdesk has just shown.
    throw sendError === null || sendError.failureClass === 'gone' ? stillWaiting(input) : sendError;
  }

  async function recordSending({ processId, decision, reason }: DecisionInput, attempt: Attempt): Promise<void> {
    const sending = { processId, attemptToken: attempt.token, verb: decision, reason, at: now() };
    if (await processes.recordSending(sending)) return;
    throw new StepError(FAILURE_TYPES.retryable, 'This attempt was too slow and lost its claim on the process.');
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

  async function read({ kind }: ProcessRecord, access: InstallationAccess, attempt: Attempt): Promise<Reading> {
    const installation = await talkdesk.readInstallation(access, attempt);
    return { state: actionable(kind, installation), updatedAt: installation.stateUpdatedAt };
  }

  async function readBack(
    process: ProcessRecord,
    access: InstallationAccess,
    attempt: Attempt,
  ): Promise<ActionableState> {
    let { state } = await read(process, access, attempt);
    for (const delayMs of READ_BACK_DELAYS_MS) {
      if (state !== 'waiting') break;
      await sleep(delayMs, undefined, { signal: attempt.signal });
      state = (await read(process, access, attempt)).state;
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
    const { processId, reason } = input;
    if (isOutcome(process, result)) {
      const outcome = result.result;
      const remoteState = process.kind === 'uninstall' ? 'gone' : 'accepted';
      const why = outcome === 'approved' ? reason : 'its credentials are dead, or were never there';
      await processes.recordOutcome({ processId, outcome, reason: why, remoteState, at });
      const { installationId, eventId } = process;
      const name = FACT_OF_OUTCOME[outcome];
      if (name !== null) observe({ name, atMs: at.getTime(), installationId, eventId });
      return;
    }
    const decided = { processId, attemptToken: attempt.token, remoteState: stateAfter(process, result), at };
    await processes.recordDecided({ ...decided, stepResult: result });
  }

  return {
    /** Posts approve or reject, once, and confirms it. */
    async postDecision(input: DecisionInput): Promise<DecisionResult> {
      const { processId, decision, reason } = input;
      return await runAttempt(
        async (attempt) => {
          const isInstall = processId.startsWith('install:');
          const verb = isInstall ? { decision: { verb: decision, reason } } : {};
          const claim = await claimProcess(parts, attempt, { processId, ...verb });
          if (claim.kind === 'finished') return resultOfFinished(claim.outcome);
          const { process } = claim;
          try {
            const done = process.stepResults[DECISION_STEP] as DecisionResult | undefined;
            if (done !== undefined) {
              // Decided while its access had not ended: now it can be the outcome.
              if (isOutcome(process, done)) await record(input, process, attempt, done);
              else await processes.release(processId, attempt.token);
              return done;
            }
            const result =
              process.kind === 'uninstall'
                ? await approveUninstall(input, claim, attempt)
                : await parkingGone(process, attempt, () =>
                    breakers.guard(gatewayOf(process.installation), attempt, () => decide(input, claim, attempt)),
                  );
            await record(input, process, attempt, result);
            return result;
          } catch (error) {
            await processes.release(processId, attempt.token);
            throw error;
          }
        },
        { processId },
      );
    },
  };
}

/** Approved and credentials-gone are outcomes at once, unless an uninstall's access has not ended yet. */
function isOutcome(
  process: ProcessRecord,
  result: DecisionResult,
): result is { result: 'approved' | 'credentials-gone' } {
  if (result.result !== 'approved' && result.result !== 'credentials-gone') return false;
  return process.kind !== 'uninstall' || process.stepResults[END_ACCESS_STEP] !== undefined;
}

/** The remote state that a result stands for, in our tables. */
function stateAfter(process: ProcessRecord, result: DecisionResult): ActionableState {
  if (result.result === 'ended') return result.remoteState;
  if (process.kind === 'uninstall') return 'gone';
  // A rejected update leaves the installation in use (talkdesk-api.md 10.13).
  return process.kind === 'update' || result.result === 'approved' ? 'accepted' : 'refused';
}

function stillWaiting({ decision }: DecisionInput): StepError {
  return new StepError(
    FAILURE_TYPES.retryable,
    `Talkdesk was told to ${decision} but still reports the installation as waiting.`,
  );
}

function resultOfFinished(outcome: string): DecisionResult {
  if (outcome === 'approved' || outcome === 'rejected' || outcome === 'credentials-gone') return { result: outcome };
  throw new StepError(FAILURE_TYPES.preEmpted, `the process has ended already: ${outcome}`);
}
