import type { Client, WorkflowHandle } from '@temporalio/client';

export type HistoryEvent = NonNullable<Awaited<ReturnType<WorkflowHandle['fetchHistory']>>['events']>[number];

/** Temporal's numbers of event types that matter here (temporal.api.enums.v1.EventType). */
const WORKFLOW_TASK_SCHEDULED = 5;
export const ACTIVITY_SCHEDULED = 10;
export const MARKER_RECORDED = 25;

const TRIES = 3;

/** A closed run. */
interface PlayedRun {
  events: readonly HistoryEvent[];
  /** Most workflow tasks of it when nothing stands still; one unless said. */
  tasks?: number;
}

/** The newest run of a workflow id, once it is closed. */
export async function closedRun(client: Client, workflowId: string) {
  const { runId } = await client.workflow.getHandle(workflowId).describe();
  const handle = client.workflow.getHandle(workflowId, runId);
  await handle.result();
  return { description: await handle.describe(), events: (await handle.fetchHistory()).events ?? [] };
}

/**
 * Plays a story of its own accounts until the machine did not stand still in it, three times at most, and gives the last one. Quick
 * attempts are part of a run's one workflow task; that one was cut off, or the sweeper handed the event over, shows as a further task.
 */
export async function withoutStall<T>(
  play: (nth: number) => Promise<T>,
  runsOf: (played: T) => readonly PlayedRun[],
): Promise<T> {
  for (let nth = 1; ; nth += 1) {
    const played = await play(nth);
    if (nth === TRIES || !runsOf(played).some(stoodStill)) return played;
  }
}

/** A sweep starts a run that takes the durable way from its first step, which is a further task, too. */
function stoodStill({ events, tasks = 1 }: PlayedRun): boolean {
  return events.filter(({ eventType }) => eventType === WORKFLOW_TASK_SCHEDULED).length > tasks;
}
