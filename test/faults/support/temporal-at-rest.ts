import type { Client } from '@temporalio/client';
import { eventually } from '../../support/eventually.js';
import type { Surroundings } from '../../support/stack.js';
import { asOperator } from './operator.js';

/** temporal.api.enums.v1.WorkflowTaskFailedCause: a completion that came with an unheard signal; the end of a run that was reset. */
const HARMLESS_CAUSES = [1, 20];
/** A task that was lost with its worker comes again after five seconds. */
const TASK_LIMIT_MS = 20_000;

/**
 * I8 no workflow task failing at rest: each open run of the service's task queue whose last workflow task did not come to its end, as a
 * sentence. A completion that was refused because a signal came is none.
 */
export async function failingTasks(surroundings: Surroundings): Promise<string[]> {
  const query = runsThatAre(['Running'], surroundings);
  return await asOperator(surroundings, async (client) => {
    const found: string[] = [];
    for await (const { workflowId, runId } of client.workflow.list({ query })) {
      const failing = await failingTask(client, workflowId, runId);
      if (failing !== null) found.push(`I8: the run of ${workflowId} ${failing}`);
    }
    return found;
  });
}

/** Those of `failingTasks` that do not go away: a run that was told something a moment ago has a task under way. */
export async function stuckTasks(surroundings: Surroundings, limitMs = TASK_LIMIT_MS): Promise<string[]> {
  let found: string[] = [];
  const none = async () => {
    found = await failingTasks(surroundings);
    return found.length === 0;
  };
  await eventually('no workflow task fails', none, limitMs).catch(() => undefined);
  return [...found, ...(await failedRuns(surroundings))];
}

/** A run of ours never fails: a mistake in its code fails its task, and a person ends it by other means. */
async function failedRuns(surroundings: Surroundings): Promise<string[]> {
  const query = runsThatAre(['Failed', 'TimedOut'], surroundings);
  return await asOperator(surroundings, async (client) => {
    const found: string[] = [];
    for await (const { workflowId, status } of client.workflow.list({ query }))
      found.push(`I8: a run of ${workflowId} has ended as ${status.name}`);
    return found;
  });
}

/** How many runs of the service's task queue are open; none, once everything has its outcome. */
export async function openRuns(surroundings: Surroundings): Promise<number> {
  const query = runsThatAre(['Running'], surroundings);
  return await asOperator(surroundings, async (client) => (await client.workflow.count(query)).count);
}

/** The runs of the service that are in one of these states, as a query. */
function runsThatAre(states: readonly string[], { env }: Surroundings): string {
  const listed = states.map((state) => `"${state}"`).join(', ');
  return `ExecutionStatus IN (${listed}) AND TaskQueue = "${env['TEMPORAL_TASK_QUEUE']}"`;
}

/** What became of a run's last workflow task, when it was no good. */
async function failingTask(client: Client, workflowId: string, runId: string): Promise<string | null> {
  const run = client.workflow.getHandle(workflowId, runId);
  const [{ raw, status }, { events }] = await Promise.all([run.describe(), run.fetchHistory()]);
  if (status.name !== 'RUNNING') return null;
  const last = events?.findLast(
    (event) =>
      event.workflowTaskCompletedEventAttributes ??
      event.workflowTaskFailedEventAttributes ??
      event.workflowTaskTimedOutEventAttributes,
  );
  const attempt = raw.pendingWorkflowTask?.attempt ?? 1;
  const failed = last?.workflowTaskFailedEventAttributes;
  if (failed && !HARMLESS_CAUSES.includes(Number(failed.cause))) {
    return `has a failing workflow task, attempt ${attempt}: ${failed.failure?.message}`;
  }
  // Only the first failure in a row is written to the history; the server counts the further ones.
  return attempt > 1 ? `has a workflow task at attempt ${attempt}` : null;
}
