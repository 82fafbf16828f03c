import { CancellationScope, condition, isCancellation } from '@temporalio/workflow';
import { FAILURE_TYPES } from '../contracts/failures.js';
import type { ProcessOutcome } from '../contracts/outcomes.js';
import { Subject } from './control.js';
import type { ProcessRun, RunProcess } from './process-run.js';
import { runStep, StepFailure } from './steps.js';

/** How long the approval waits for a product that does not end access: the customer must not wait for it for ever. */
const ACCESS_PATIENCE = '1 hour';

/**
 * One uninstall: access ends first, then Talkdesk gets its approval, which is tried until it is taken, or the credentials are dead. The
 * line is free once access has ended. Nothing limits it: Talkdesk's window is a matter of its own here (talkdesk-api.md 7.2).
 */
export const runUninstall: RunProcess = async (run) => {
  const subject = subjectOf(run);
  const steps = new CancellationScope();
  const stopWatching = run.onPreEmption(() => steps.cancel());
  try {
    const outcome = await steps.run(() => uninstall(run, subject));
    subject.ended(`**${outcome}**`);
    // A rotation whose credentials are refused learns by its next attempt that they went with the installation.
    run.control.nudges += 1;
    return outcome;
  } catch (error) {
    if (run.preEmptedBy !== null && isCancellation(error)) return await supersedeUninstall(run, run.preEmptedBy);
    if (error instanceof StepFailure && error.type === FAILURE_TYPES.preEmpted) {
      await run.isPreEmpted();
      return await endSuperseded(run, error.message);
    }
    throw error;
  } finally {
    stopWatching();
  }
};

/**
 * Ends an uninstall whose installation was installed again under the same id: an approval would answer the wrong process. Access ends all
 * the same, because the new installation may never come to be.
 */
export async function supersedeUninstall(run: ProcessRun, byEventId: string): Promise<ProcessOutcome> {
  return await endSuperseded(run, `overtaken by event ${byEventId}`);
}

async function endSuperseded(run: ProcessRun, reason: string): Promise<ProcessOutcome> {
  const subject = subjectOf(run);
  const { processId } = run.process;
  subject.doing('superseded: ending access in the product');
  await runStep('endAccess', { processId }, 'End access in product', subject);
  const input = { processId, outcome: 'superseded', reason } as const;
  const { outcome } = await runStep('recordOutcome', input, 'Record the outcome: superseded', subject);
  subject.ended(`**${outcome}**: ${reason}`);
  return outcome;
}

async function uninstall(run: ProcessRun, subject: Subject): Promise<ProcessOutcome> {
  const input = { processId: run.process.processId };
  subject.doing('ending access in the product');
  let ended = false;
  const ending = runStep('endAccess', input, 'End access in product', subject).then(() => {
    ended = true;
    run.leaveLine();
  });
  // Whatever ends it badly is seen where it is awaited below.
  ending.catch(() => undefined);
  await Promise.race([ending, condition(() => ended, ACCESS_PATIENCE)]);
  const inOrder = ended;

  subject.doing(inOrder ? 'approving at Talkdesk' : 'approving at Talkdesk; the product has not ended access yet');
  const decision = { ...input, decision: 'approve', reason: 'uninstalled' } as const;
  const { result } = await runStep('postDecision', decision, 'Approve at Talkdesk', subject);
  if (result !== 'approved' && result !== 'credentials-gone') throw new Error(`an uninstall cannot end as ${result}`);
  if (inOrder) return result;

  subject.doing(`${result}; waiting for the product to end access`);
  await ending;
  const reason = result === 'approved' ? 'uninstalled' : 'Talkdesk could not be answered any more';
  const recorded = { ...input, outcome: result, reason };
  return (await runStep('recordOutcome', recorded, `Record the outcome: ${result}`, subject)).outcome;
}

function subjectOf({ control, process }: ProcessRun): Subject {
  const title = `**Uninstall** of installation \`${process.installationId}\``;
  return new Subject(control, process.eventId, title, process.processId);
}
