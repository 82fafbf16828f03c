import { FAILURE_TYPES } from '../contracts/failures.js';
import type { FinalStateResult, LastCallResult, ProcessInput } from '../contracts/messages.js';
import type { DecisionVerb, FinalState } from '../contracts/outcomes.js';
import type { ProcessRecord } from '../store/types.js';
import { TalkdeskError } from '../talkdesk/errors.js';
import type { TalkdeskInstallation } from '../talkdesk/types.js';
import { accessOf, actionable, parkingGone } from './access.js';
import type { Attempt } from './attempts.js';
import type { ActivityParts } from './deps.js';
import { StepError } from './failures.js';
import { attemptedDecision, decisionBehind, isAnsweredBy } from './judgement.js';

/** Attempts after which an unreachable Talkdesk parks a process whose window has closed. */
const PARK_AFTER_ATTEMPTS = 6;

/** Activities around the close of a window. */
export function createFinalStateActivities(parts: ActivityParts) {
  const { processes, talkdesk, runAttempt } = parts;

  async function readState(process: ProcessRecord, attempt: Attempt): Promise<TalkdeskInstallation> {
    const access = accessOf(parts, process);
    return await talkdesk.readInstallation(access, attempt);
  }

  /** The decision of ours that a state after the close can be due to. */
  function attemptedBy(
    process: ProcessRecord,
    finalState: FinalState,
    stateUpdatedAt: Date | null,
  ): DecisionVerb | null {
    if (process.kind === 'install') return decisionBehind(process, finalState);
    if (isAnsweredBy(process.earlierApprovalAt, process.eventCreatedAt)) return 'approve';
    // An update that ran out leaves the installation accepted, with its old settings, as of the close.
    return stateUpdatedAt !== null && stateUpdatedAt >= process.closeAt ? null : attemptedDecision(process);
  }

  return {
    /** One look at the state while the credentials still live; never fails for what Talkdesk answers. */
    async readRemoteState(input: ProcessInput): Promise<LastCallResult> {
      return await runAttempt(async (attempt) => {
        const process = await processes.read(input.processId);
        try {
          return { remoteState: (await readState(process, attempt)).state };
        } catch (error) {
          return { remoteState: stateOfFailure(error) ?? 'unreachable' };
        }
      });
    },

    /** Talkdesk's last word after a window closed. Unreachable for long parks: nothing is undone on a guess. */
    async readFinalState(input: ProcessInput): Promise<FinalStateResult> {
      return await runAttempt(
        async (attempt) => {
          const process = await processes.read(input.processId);
          try {
            const installation = await parkingGone(process, attempt, () => readState(process, attempt));
            const { state, stateWord, stateUpdatedAt } = installation;
            const finalState = state === 'suspended' ? state : actionable(process.kind, { state, stateWord });
            return { finalState, attempted: attemptedBy(process, finalState, stateUpdatedAt) };
          } catch (error) {
            const finalState = stateOfFailure(error);
            if (finalState === 'credentials-dead' || (finalState === 'gone' && process.kind === 'install')) {
              return { finalState, attempted: attemptedDecision(process) };
            }
            if (!attempt.isLocal && attempt.number >= PARK_AFTER_ATTEMPTS && error instanceof TalkdeskError) {
              throw new StepError(
                FAILURE_TYPES.needsPerson,
                `The window closed and Talkdesk cannot be asked how it ended: ${error.message}`,
              );
            }
            throw error;
          }
        },
        { processId: input.processId },
      );
    },
  };
}

/** What a failed reading says of the state, where it says something. */
function stateOfFailure(error: unknown): 'gone' | 'credentials-dead' | null {
  if (!(error instanceof TalkdeskError)) return null;
  if (error.failureClass === 'gone') return 'gone';
  return error.failureClass === 'credentials' ? 'credentials-dead' : null;
}
