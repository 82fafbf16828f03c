import type { Client } from '@temporalio/client';
import { LIFECYCLE_WORKFLOW, LOGOUT_WORKFLOW } from '../contracts/messages.js';
import type { Known } from '../store/known-events.js';
import { createRunReader, type ListedRun, type ReadLimits } from './run-reader.js';
import { joined, type ToldEvent, toldBy } from './told.js';

/** An event, and the run that says most of it. */
interface Met {
  event: ToldEvent;
  run: ListedRun;
}

/**
 * Compares the runs since a time with the tables, such as after the database was restored from a backup of that time, and names what
 * the runs have met and the tables do not have. Changes nothing.
 *
 * @param deps.known what the tables have of the ids asked for
 * @param deps.say hears how far it is, from time to time
 * @returns lines for a person; the last one says how many there are
 */
export async function listLost(
  deps: {
    client: Client;
    taskQueue: string;
    known(asked: { eventIds: string[]; installationIds: string[] }): Promise<Known>;
    limits: ReadLimits;
    say(progress: string): void;
  },
  since: Date,
): Promise<string[]> {
  const reader = createRunReader(deps);
  const runs = await reader.list(
    `TaskQueue = '${deps.taskQueue}' AND WorkflowType IN ('${LIFECYCLE_WORKFLOW}', '${LOGOUT_WORKFLOW}') ` +
      `AND (CloseTime >= '${since.toISOString()}' OR CloseTime IS NULL)`,
  );
  const met = new Map<string, Met>();
  const unsure: ListedRun[] = [];
  for (const [index, told] of (await reader.histories(runs, toldBy)).entries()) {
    const run = runs[index] as ListedRun;
    if (told?.interrupted === true) unsure.push(run);
    for (const event of told?.events ?? []) met.set(event.eventId, withMore(met.get(event.eventId), { event, run }));
  }
  const all = [...met.values()];
  const known = await deps.known({
    eventIds: [...met.keys()],
    installationIds: [...new Set(all.map(({ event }) => event.installationId).filter((id) => id !== null))],
  });
  const lost = all.filter(({ event }) => !known.eventIds.has(event.eventId));
  const extent = `${runs.length} runs since ${since.toISOString()}`;
  return [
    ...lost.map((one) => lineOf(one, known)),
    ...unsure.map((run) => `Unsure: a task was interrupted, and may have handled more than is told ${placeOf(run)}.`),
    (lost.length === 0
      ? `Nothing is missing: the tables have every event of ${extent}`
      : `${lost.length} missing, of ${extent}`) +
      (unsure.length === 0 ? '' : `; ${unsure.length} of them may have handled more than they tell`) +
      (lost.length + unsure.length === 0 ? '.' : '. See docs/restore.md.'),
  ];
}

/** The run with the outcome says most; without one, the open run, which has to be ended; else the first. */
function withMore(before: Met | undefined, next: Met): Met {
  if (before === undefined) return next;
  const event = joined(before.event, next.event);
  const settled = before.event.outcome !== null;
  return { event, run: !settled && (next.event.outcome !== null || next.run.isOpen) ? next.run : before.run };
}

function lineOf({ event, run }: Met, known: Known): string {
  const { eventId, type, installationId } = event;
  const what = [eventId, type, installationId === null ? null : `of installation ${installationId}`];
  // A logout is recorded however its run goes about it.
  const outcome = event.outcome ?? (run.type === LOGOUT_WORKFLOW && !run.isOpen ? 'recorded' : null);
  const how = outcome ?? (run.isOpen ? 'in a run that is still open' : 'with an outcome that is not told');
  let consequence = '';
  if (installationId !== null && !known.installationIds.has(installationId)) {
    consequence = `; installation ${installationId} is not in the tables: its credentials are lost`;
  } else if (type === 'app.credentials_rotated') {
    consequence = `; installation ${installationId} has credentials of before: the new ones are lost`;
  }
  return `Lost: event ${what.filter((part) => part !== null).join(' ')}, ${how} ${placeOf(run)}${consequence}.`;
}

function placeOf({ workflowId, runId }: ListedRun): string {
  return `(workflow ${workflowId}, run ${runId})`;
}
