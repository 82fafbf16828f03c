import type { OutcomeInput, OutcomeResult, ParkInput, ProcessInput } from '../contracts/messages.js';
import type { FactName } from '../contracts/facts.js';
import type { ProcessOutcome } from '../contracts/outcomes.js';
import { OutcomeConflictError } from '../store/errors.js';
import type { ActivityParts } from './deps.js';

/** Activities that record what became of a process. */
export function createOutcomeActivities(parts: ActivityParts) {
  const { processes, now, observe, runAttempt } = parts;

  async function tell(processId: string, name: FactName, note: string): Promise<void> {
    const { installationId, eventId } = await processes.read(processId);
    observe({ name, atMs: now().getTime(), installationId, eventId, note });
  }

  return {
    /** Ends a process. Answers with the outcome that stands: the first one recorded. */
    async recordOutcome(input: OutcomeInput): Promise<OutcomeResult> {
      return await runAttempt(async () => {
        try {
          await processes.recordOutcome({ ...input, at: now() });
        } catch (error) {
          if (error instanceof OutcomeConflictError) return { outcome: error.recorded as ProcessOutcome };
          throw error;
        }
        if (input.outcome !== 'cancelled') await tell(input.processId, input.outcome, input.reason);
        return { outcome: input.outcome };
      });
    },

    /** Marks a process as waiting for a person, with what must be done. */
    async parkProcess(input: ParkInput): Promise<void> {
      await runAttempt(async () => {
        await processes.recordParked({ ...input, at: now() });
        await tell(input.processId, 'parked', input.reason);
      });
    },

    /** Ends the parking of a process. */
    async resumeProcess(input: ProcessInput): Promise<void> {
      await runAttempt(() => processes.recordParked({ ...input, reason: null, at: now() }));
    },
  };
}
