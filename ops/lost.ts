import { type Client, WorkflowFailedError, type WorkflowExecutionInfo } from '@temporalio/client';
import {
  INSTALLATION_ID_ATTRIBUTE,
  LIFECYCLE_WORKFLOW,
  type LifecycleResult,
  LOGOUT_WORKFLOW,
} from '../contracts/messages.js';
import type { Known } from '../store/known-events.js';

/** Results asked for at a time. */
const PARALLEL = 8;

/** What one run of Temporal says of events. */
interface RunTold {
  run: WorkflowExecutionInfo;
  outcomes: LifecycleResult['outcomes'];
  /** It ended, and not with a result. */
  failed: boolean;
}

/**
 * Compares the runs since a time with the tables, such as after the database was restored from a backup of that time, and names what
 * the runs have handled and the tables do not have. Changes nothing.
 *
 * @param deps.known what the tables have of the ids asked for
 * @returns lines for a person; the last one says how many there are
 */
export async function listLost(
  deps: {
    client: Client;
    taskQueue: string;
    known(asked: { eventIds: string[]; installationIds: string[] }): Promise<Known>;
  },
  since: Date,
): Promise<string[]> {
  const { client } = deps;
  const runs: WorkflowExecutionInfo[] = [];
  const query =
    `TaskQueue = '${deps.taskQueue}' AND WorkflowType IN ('${LIFECYCLE_WORKFLOW}', '${LOGOUT_WORKFLOW}') ` +
    `AND (CloseTime >= '${since.toISOString()}' OR ExecutionStatus = 'Running')`;
  for await (const run of client.workflow.list({ query })) runs.push(run);
  const told = await inLanes(runs, (run) => tell(client, run));
  const known = await deps.known({
    eventIds: told.flatMap(({ outcomes }) => outcomes.map(({ eventId }) => eventId)),
    installationIds: runs.map(installationOf).filter((id) => id !== null),
  });
  const lost = await inLanes(told, (one) => linesOf(client, one, known));
  const lines = lost.flat();
  return [
    ...lines,
    lines.length === 0
      ? `Nothing is missing: the tables have every event of ${runs.length} runs since ${since.toISOString()}.`
      : `${lines.length} missing, of ${runs.length} runs since ${since.toISOString()}. See docs/restore.md.`,
  ];
}

async function tell(client: Client, run: WorkflowExecutionInfo): Promise<RunTold> {
  const none = { run, outcomes: [] };
  if (run.status.name === 'RUNNING') return { ...none, failed: false };
  if (run.status.name !== 'COMPLETED') return { ...none, failed: true };
  const logout = /\/logout\/([^/]+)$/.exec(run.workflowId)?.[1];
  if (logout !== undefined) {
    return { run, outcomes: [{ eventId: decodeURIComponent(logout), outcome: 'recorded' }], failed: false };
  }
  try {
    const handle = client.workflow.getHandle(run.workflowId, run.runId, { followRuns: false });
    return { run, outcomes: ((await handle.result()) as LifecycleResult).outcomes, failed: false };
  } catch (error) {
    if (!(error instanceof WorkflowFailedError)) throw error;
    return { ...none, failed: true };
  }
}

async function linesOf(client: Client, { run, outcomes, failed }: RunTold, known: Known): Promise<string[]> {
  const missing = outcomes.filter(({ eventId }) => !known.eventIds.has(eventId));
  const account = run.workflowId.split('/').slice(0, 2).join('/');
  const isOpen = run.status.name === 'RUNNING';
  // A completed one tells of no outcome where a signal met its first task: the steps ran again, and found it recorded.
  const idle = (isOpen || failed || outcomes.length === 0) && !known.openAccounts.has(account);
  const installationId = installationOf(run);
  const unknown = installationId !== null && !known.installationIds.has(installationId);
  // A run that tells of none is only of interest where the tables show nothing that it was for.
  if (missing.length === 0 && !(idle && (unknown || isOpen))) return [];
  const summary = await client.workflow
    .getHandle(run.workflowId, run.runId)
    .describe()
    .then((description) => description.staticSummary());
  const begun = summary ?? 'an event that it does not name';
  const from = `(workflow ${run.workflowId}, run ${run.runId}, begun by ${begun})`;
  const consequence = (rotated: boolean): string => {
    if (unknown) return `; installation ${installationId} is not in the tables: its credentials are lost`;
    return rotated ? `; installation ${installationId} has credentials of before: the new ones are lost` : '';
  };
  if (idle)
    return [`Lost: an event without an outcome ${from}${consequence(begun.startsWith('app.credentials_rotated'))}.`];
  return missing.map(
    ({ eventId, outcome }) => `Lost: event ${eventId}, ${outcome} ${from}${consequence(outcome === 'acknowledged')}.`,
  );
}

function installationOf(run: WorkflowExecutionInfo): string | null {
  const [id] = (run.searchAttributes[INSTALLATION_ID_ATTRIBUTE] ?? []) as string[];
  return id ?? null;
}

async function inLanes<In, Out>(items: readonly In[], work: (item: In) => Promise<Out>): Promise<Out[]> {
  const results: Out[] = [];
  const waiting = [...items.entries()];
  const lane = async () => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      const [index, item] = next;
      results[index] = await work(item);
    }
  };
  await Promise.all(Array.from({ length: PARALLEL }, lane));
  return results;
}
