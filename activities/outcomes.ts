import type { FactName } from '../contracts/facts.js';
import type {
  OutcomeInput,
  OutcomeResult,
  ParkInput,
  PersonDecisionInput,
  ProcessInput,
  WarningInput,
} from '../contracts/messages.js';
import type { DecisionVerb, ProcessOutcome } from '../contracts/outcomes.js';
import { OutcomeConflictError } from '../store/errors.js';
import type { ActivityParts } from './deps.js';

/** The moment that a recorded outcome is, for people who watch. */
export const FACT_OF_OUTCOME: Readonly<Record<ProcessOutcome, FactName | null>> = {
  approved: 'approved',
  rejected: 'rejected',
  acknowledged: 'credentials-acknowledged',
  expired: 'expired',
  superseded: 'superseded',
  'credentials-gone': 'credentials-gone',
  contradicted: 'contradicted',
  cancelled: null,
};

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
        const fact = FACT_OF_OUTCOME[input.outcome];
        if (fact !== null) await tell(input.processId, fact, input.reason);
        return { outcome: input.outcome };
      });
    },

    /** Records a person's decision. Answers with the one that stands: the first. */
    async recordPersonDecision(input: PersonDecisionInput): Promise<{ decision: DecisionVerb; reason: string }> {
      return await runAttempt(async () => {
        const { decision, reason } = await processes.recordPersonDecision({ ...input, at: now() });
        return { decision, reason };
      });
    },

    /** Says that a process is still open, in log and audit. */
    async recordWarning(input: WarningInput): Promise<void> {
      await runAttempt(async () => {
        await processes.recordWarning({ ...input, at: now() });
        await tell(input.processId, 'warned', input.text);
      });
    },

    /** Marks a process as waiting for the person who stopped its run. */
    async parkProcess(input: ParkInput): Promise<void> {
      await runAttempt(async () => {
        const changed = await processes.recordParked({ ...input, at: now() });
        if (changed) await tell(input.processId, 'parked', input.reason);
      });
    },

    /** Ends the parking of a process. */
    async resumeProcess(input: ProcessInput): Promise<void> {
      await runAttempt(async () => {
        await processes.recordParked({ ...input, reason: null, at: now() });
      });
    },
  };
}
