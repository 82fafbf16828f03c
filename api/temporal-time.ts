import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Client, type ConnectionLike, WorkflowNotFoundError } from '@temporalio/client';
import { msToTs, tsToMs } from '@temporalio/common/lib/time.js';
import type { Clock } from '../contracts/clock.js';
import { messageOf } from './errors.js';
import { asTemporalError, grpcErrorIn, TemporalError } from './temporal-errors.js';

/**
 * Lets open runs have the service's time, in development: Temporal's dev server can take a run's timers and waiting retries to a later
 * time (`timeSkippingConfig` with a fast-forward), and does so as soon as nothing of the run is under way.
 */
export interface RunTime {
  /** The same connection, whose starts give a run the service's time from its first task on. */
  startingInTime(connection: ConnectionLike): ConnectionLike;
  /**
   * Takes every open run to the service's time. What its timers and retries do on the way is done when this ends.
   * @param limitMs for all runs together
   * @returns when the next timer of an open run is due; null: not known, or none
   * @throws TemporalError when Temporal is away or does not skip time, or a run is not there within the limit
   */
  follow(limitMs: number): Promise<Date | null>;
}

type StartRequest = Parameters<Client['workflowService']['startWorkflowExecution']>[0];

/** A clock that differs by less is the machine's. */
const SAME_TIME_MS = 50;
const LOOK_AGAIN_MS = 10;
const PARALLEL = 8;
/** Runs started here, which Temporal's list may not show yet. */
const MOST_REMEMBERED = 1_000;
/** The server's own limit of a hundred skips is one morning of a product that is asked every five minutes. */
const MOST_SKIPS = 100_000;
/** gRPC status codes. */
const DEADLINE_EXCEEDED = 4;
const NOT_FOUND = 5;
const UNIMPLEMENTED = 12;
/** temporal.api.enums.v1: WorkflowExecutionStatus, PendingActivityState, FastForwardPollingResult */
const RUNNING = 1;
const ACTIVITY_SCHEDULED = 1;
const POLL_COMPLETED = 2;
const POLL_FAILED = 3;

const NO_SKIPPING =
  "the service has the time, but the timers of its open runs do not follow: this Temporal server does not skip time. Temporal's " +
  'dev server does, started with --dynamic-config-value frontend.WorkflowTimeSkippingEnabled=true';

/** Creates it. `aheadMs`: how far the service's clock is from the machine's. */
export function createRunTime(deps: {
  client: Client;
  namespace: string;
  taskQueue: string;
  now: Clock;
  aheadMs(): number;
}): RunTime {
  const { client, namespace, taskQueue, now } = deps;
  const service = () => client.workflowService;
  const startedHere = new Set<string>();
  let skips = false;

  /** Asks about a run that does not exist: a server that can skip says so, another one does not know the question. */
  async function assertSkipping(): Promise<void> {
    if (skips) return;
    try {
      const workflowExecution = { workflowId: `no-run-${randomUUID()}` };
      await service().pollWorkflowExecutionTimeSkipping({ namespace, workflowExecution, fastForwardId: 'none' });
    } catch (error) {
      const code = grpcErrorIn(error)?.code;
      if (code === UNIMPLEMENTED) throw new TemporalError('refused', NO_SKIPPING);
      if (code !== NOT_FOUND) throw asTemporalError('ask whether Temporal skips time', error);
    }
    skips = true;
  }

  async function openRuns(): Promise<string[]> {
    const ids = new Set(startedHere);
    const query = `ExecutionStatus = "Running" AND TaskQueue = "${taskQueue.replace(/["\\]/g, '\\$&')}"`;
    for await (const { workflowId } of client.workflow.list({ query })) ids.add(workflowId);
    return [...ids];
  }

  /** Takes a run to the time, and waits until it rests there. Gives when its next timer is due; null: it has ended. */
  async function take(workflowId: string): Promise<number | null> {
    for (;;) {
      const rest = await atRest(workflowId);
      if (rest === null) return null;
      const { timeMs, nextTimerMs } = rest;
      const aheadMs = now().getTime() - timeMs;
      if (aheadMs < SAME_TIME_MS) return nextTimerMs;
      const fastForwardConfig = { id: randomUUID(), duration: msToTs(aheadMs) };
      await service().updateWorkflowExecutionOptions({
        namespace,
        workflowExecution: { workflowId },
        workflowExecutionOptions: {
          timeSkippingConfig: { enabled: true, maxSessionSkipCount: MOST_SKIPS, fastForwardConfig },
        },
        updateMask: { paths: ['time_skipping_config'] },
      });
      await arrival(workflowId, fastForwardConfig.id);
    }
  }

  /** Waits until a run has nothing to do at its own time: a fast-forward may end while something is still under way. Null: it has ended. */
  async function atRest(workflowId: string): Promise<{ timeMs: number; nextTimerMs: number } | null> {
    for (;;) {
      const nextTimerMs = await nextTimerOf(workflowId);
      const execution = { workflowId };
      const run = await service().describeWorkflowExecution({ namespace, execution });
      const time = run.workflowExtendedInfo?.timeSkippingInfo?.currentTime;
      const timeMs = time ? tsToMs(time) : Date.now();
      const waits = ({ state, nextAttemptScheduleTime }: NonNullable<typeof run.pendingActivities>[number]) =>
        state === ACTIVITY_SCHEDULED && nextAttemptScheduleTime != null && tsToMs(nextAttemptScheduleTime) > timeMs;
      const rests = !run.pendingWorkflowTask && run.pendingActivities?.every(waits) !== false;
      if (run.workflowExecutionInfo?.status !== RUNNING) return null;
      if (rests && nextTimerMs > timeMs) return { timeMs, nextTimerMs };
      await sleep(LOOK_AGAIN_MS);
    }
  }

  /** Waits for the end of a fast-forward, whatever ended it: where the run is then has to be looked at. */
  async function arrival(workflowId: string, fastForwardId: string): Promise<void> {
    for (;;) {
      const poll = { namespace, workflowExecution: { workflowId }, fastForwardId };
      const { fastForwardPollingResult: result } = await service().pollWorkflowExecutionTimeSkipping(poll);
      if (result === POLL_COMPLETED || result === POLL_FAILED) return;
    }
  }

  async function takeIfOpen(workflowId: string): Promise<number | null> {
    try {
      return await take(workflowId);
    } catch (error) {
      if (grpcErrorIn(error)?.code === NOT_FOUND || error instanceof WorkflowNotFoundError) return null;
      throw error;
    }
  }

  /** The earliest timer of a run that has neither fired nor been cancelled. */
  async function nextTimerOf(workflowId: string): Promise<number> {
    const dueAtMs = new Map<string, number>();
    const { events } = await client.workflow.getHandle(workflowId).fetchHistory();
    for (const event of events ?? []) {
      const started = event.timerStartedEventAttributes;
      const ended = event.timerFiredEventAttributes ?? event.timerCanceledEventAttributes;
      if (started?.timerId) dueAtMs.set(started.timerId, tsToMs(event.eventTime) + tsToMs(started.startToFireTimeout));
      if (ended?.timerId) dueAtMs.delete(ended.timerId);
    }
    return Math.min(...dueAtMs.values());
  }

  async function followWithin(): Promise<Date | null> {
    await assertSkipping();
    let nextMs = Number.POSITIVE_INFINITY;
    await inParallel(await openRuns(), async (workflowId) => {
      const nextTimerMs = await takeIfOpen(workflowId);
      if (nextTimerMs === null) startedHere.delete(workflowId);
      else if (nextTimerMs > now().getTime()) nextMs = Math.min(nextMs, nextTimerMs);
    });
    return Number.isFinite(nextMs) ? new Date(nextMs) : null;
  }

  return {
    startingInTime(connection) {
      const { workflowService } = connection;
      const startWorkflowExecution = async (request: StartRequest) => {
        const aheadMs = deps.aheadMs();
        if (request.workflowId) remember(startedHere, request.workflowId);
        if (!skips || aheadMs < SAME_TIME_MS) return await workflowService.startWorkflowExecution(request);
        // A delay of the first task that is skipped at once: so that already this task has the service's time.
        const duration = msToTs(aheadMs);
        return await workflowService.startWorkflowExecution({
          ...request,
          requestEagerExecution: false,
          workflowStartDelay: duration,
          timeSkippingConfig: {
            enabled: true,
            maxSessionSkipCount: MOST_SKIPS,
            fastForwardConfig: { id: randomUUID(), duration },
          },
        });
      };
      const inTime = Object.create(workflowService, { startWorkflowExecution: { value: startWorkflowExecution } });
      return Object.create(connection, { workflowService: { value: inTime } }) as ConnectionLike;
    },

    async follow(limitMs) {
      try {
        return await client.withDeadline(Date.now() + limitMs, followWithin);
      } catch (error) {
        if (error instanceof TemporalError) throw error;
        if (grpcErrorIn(error)?.code === DEADLINE_EXCEEDED) {
          const words = `something of an open run is under way for more than ${limitMs / 1000} s; its timers follow when that ends`;
          throw new TemporalError('unavailable', words);
        }
        throw asTemporalError(`take open runs to another time (${messageOf(error)})`, error);
      }
    },
  };
}

function remember(ids: Set<string>, id: string): void {
  ids.delete(id);
  ids.add(id);
  const oldest = ids.values().next().value;
  if (ids.size > MOST_REMEMBERED && oldest !== undefined) ids.delete(oldest);
}

async function inParallel<T>(items: readonly T[], act: (item: T) => Promise<void>): Promise<void> {
  const waiting = [...items];
  const work = async (): Promise<void> => {
    for (let item = waiting.shift(); item !== undefined; item = waiting.shift()) await act(item);
  };
  await Promise.all(Array.from({ length: PARALLEL }, work));
}
