import { CancellationScope, isCancellation } from '@temporalio/workflow';
import { FAILURE_TYPES } from '../contracts/failures.js';
import type { ProcessOutcome } from '../contracts/outcomes.js';
import { Subject } from './control.js';
import type { ProcessRun, RunProcess } from './process-run.js';
import { runStep, StepFailure } from './steps.js';
import { rotationAlarm } from './warnings.js';
import { CLOSE_AFTER_MS, insideWindow, LATE_GRACE_MS, utcText } from './window.js';

/** How a rotation ends. `recorded`: the step that found out has written the outcome already. */
interface End {
  outcome: 'acknowledged' | 'superseded' | 'expired';
  reason: string;
  recorded?: boolean;
}

/**
 * One rotation: the new set is proved with a token, becomes current, is acknowledged; the sets before it go with the outcome
 * (talkdesk-api.md 7.5). At the close it becomes current unproved, because the old one is revoked anyway.
 */
export const runRotation: RunProcess = async (run) => {
  const subject = subjectOf(run);
  const closeMs = run.process.createdAtMs + CLOSE_AFTER_MS;
  // A rotation that arrives after its own window holds the only credentials that can still be accepted.
  const untilMs = closeMs > Date.now() ? closeMs : Date.now() + LATE_GRACE_MS;
  const window = await insideWindow(untilMs, [rotationAlarm(run.process, subject)], () => untilEnd(run, subject));
  const end: End =
    window.kind === 'finished'
      ? window.value
      : { outcome: 'expired', reason: 'the window closed before the new credentials were acknowledged' };
  return await finish(run, end, subject);
};

/** Ends a rotation that another event overtook. */
export async function supersedeRotation(run: ProcessRun, byEventId: string): Promise<ProcessOutcome> {
  return await finish(run, superseded(`overtaken by event ${byEventId}`), subjectOf(run));
}

async function untilEnd(run: ProcessRun, subject: Subject): Promise<End> {
  const steps = new CancellationScope();
  const stopWatching = run.onPreEmption(() => steps.cancel());
  try {
    return await steps.run(() => rotate(run, subject));
  } catch (error) {
    if (run.preEmptedBy !== null && isCancellation(error)) return superseded(`overtaken by event ${run.preEmptedBy}`);
    if (!(error instanceof StepFailure)) throw error;
    if (error.type === FAILURE_TYPES.preEmpted) return superseded(error.message);
    // Talkdesk accepts the new set and does not know what is to be acknowledged: there is nothing to wait for.
    if (error.type === FAILURE_TYPES.gone) return { outcome: 'expired', reason: error.message };
    throw error;
  } finally {
    stopWatching();
  }
}

async function rotate(run: ProcessRun, subject: Subject): Promise<End> {
  const input = { processId: run.process.processId };
  subject.doing('proving the new credentials with a token');
  const { current } = await runStep('proveCredentials', input, 'Prove new credentials', subject);
  if (!current) return superseded('newer credentials are current already');
  // Steps whose credentials were not accepted need not wait for their next attempt.
  run.control.nudges += 1;
  subject.doing('acknowledging the new credentials at Talkdesk');
  await runStep('acknowledgeCredentials', input, 'Acknowledge at Talkdesk', subject);
  return { outcome: 'acknowledged', reason: 'acknowledged', recorded: true };
}

async function finish(run: ProcessRun, end: End, subject: Subject): Promise<ProcessOutcome> {
  const { outcome, reason } = end;
  if (end.recorded === true) {
    subject.ended(`**${outcome}**`);
    return outcome;
  }
  const input = { processId: run.process.processId, outcome, reason };
  const recorded = await runStep('recordOutcome', input, `Record the outcome: ${outcome}`, subject);
  subject.ended(`**${recorded.outcome}**: ${reason}`);
  return recorded.outcome;
}

function superseded(reason: string): End {
  return { outcome: 'superseded', reason };
}

function subjectOf({ control, process }: ProcessRun): Subject {
  const title = `**Credential rotation** of installation \`${process.installationId}\``;
  const closeMs = process.createdAtMs + CLOSE_AFTER_MS;
  const footer = () => `The old credentials are revoked at **${utcText(closeMs)}**, unless that has happened.`;
  return new Subject(control, process.eventId, title, process.processId, footer);
}
