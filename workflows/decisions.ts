import { ApplicationFailure, condition, setHandler } from '@temporalio/workflow';
import { type DecideInput, type DecideResult, decideUpdate, type ProcessRef } from '../contracts/messages.js';
import type { DecisionVerb } from '../contracts/outcomes.js';
import { type AwaitedDecision, type RunControl, Subject } from './control.js';
import { runStep } from './steps.js';
import { utcText } from './window.js';

/** Longest reason, in characters, that goes to Talkdesk. */
const MAX_REASON_LENGTH = 500;

/**
 * Waits for a person's decision until it is due.
 *
 * @returns the decision, or null when nobody decided in time
 */
export async function personDecision(options: {
  subject: Subject;
  process: ProcessRef;
  /** Milliseconds since the epoch. */
  dueMs: number;
  atDue: 'approve' | 'reject' | 'lapse';
}): Promise<{ decision: DecisionVerb; reason: string } | null> {
  const { subject, process, dueMs, atDue } = options;
  const { awaited } = subject.control;
  const { processId, installationId } = process;
  const entry: AwaitedDecision = { processId, installationId, untilMs: dueMs, taken: false, decided: null };
  awaited.set(processId, entry);
  const otherwise = { approve: 'it is approved', reject: 'it is rejected', lapse: 'the window is left to lapse' }[
    atDue
  ];
  subject.doing(`**waiting for a person to approve or reject**; at ${utcText(dueMs)} ${otherwise}`);
  try {
    const summary = `A decision is due at ${utcText(dueMs)}; then ${otherwise}`;
    await condition(() => entry.taken, Math.max(1, dueMs - Date.now()), { summary });
    if (entry.taken) await condition(() => entry.decided !== null);
    return entry.decided;
  } finally {
    awaited.delete(processId);
  }
}

/** Takes decisions of persons. What comes too late, twice, or for nothing that waits is refused with a sentence. */
export function handleDecisions(control: RunControl): void {
  setHandler(
    decideUpdate,
    async (input: DecideInput): Promise<DecideResult> => {
      const entry = awaitedFor(control, input);
      const { processId, installationId } = entry;
      entry.taken = true;
      const title = `**Decision** for installation \`${installationId}\``;
      const subject = new Subject(control, processId, title, null);
      const { decision, reason, by } = input;
      const recorded = await runStep(
        'recordPersonDecision',
        { processId, decision, reason, by },
        `Record the decision of ${by.slice(0, 60)}: ${decision}`,
        subject,
      );
      subject.leave();
      entry.decided = { decision: recorded.decision, reason: recorded.reason };
      return { processId, installationId };
    },
    {
      validator: (input) => {
        if (input.decision !== 'approve' && input.decision !== 'reject') {
          throw refusal('A decision is approve or reject.');
        }
        if (typeof input.by !== 'string' || input.by === '') throw refusal('Say who decides (by).');
        const { reason } = input;
        if (typeof reason !== 'string' || reason.length > MAX_REASON_LENGTH || /\p{Cc}/u.test(reason)) {
          throw refusal(`A reason is a line of at most ${MAX_REASON_LENGTH} characters.`);
        }
        awaitedFor(control, input);
      },
    },
  );
}

/** The process that a decision is for. Throws a refusal that says what is wrong. */
function awaitedFor(control: RunControl, { processId }: DecideInput): AwaitedDecision {
  const open = [...control.awaited.values()].filter((entry) => !entry.taken);
  if (processId === undefined) {
    if (open.length > 1) {
      throw refusal(`Several processes wait; name one: ${open.map((entry) => entry.processId).join(', ')}.`);
    }
    const [only] = open;
    if (only === undefined) throw refusal('Nothing of this account waits for a decision.');
    return inTime(only);
  }
  const entry = control.awaited.get(processId);
  if (entry === undefined) throw refusal(`The process ${processId} does not wait for a decision, or no longer.`);
  if (entry.taken) throw refusal(`The process ${processId} was decided a moment ago.`);
  return inTime(entry);
}

function inTime(entry: AwaitedDecision): AwaitedDecision {
  if (Date.now() < entry.untilMs) return entry;
  throw refusal(`Too late: the decision on ${entry.processId} was due at ${utcText(entry.untilMs)}.`);
}

function refusal(message: string): ApplicationFailure {
  return ApplicationFailure.create({ type: 'DecisionRefused', message, nonRetryable: true });
}
