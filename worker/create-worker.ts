import {
  type ActivityInterceptorsFactory,
  type NativeConnection,
  Worker,
  type WorkflowBundleOption,
} from '@temporalio/worker';
import type { Activities } from '../activities/index.js';
import { attemptWarnings, type WarnOfAttempt } from './interceptors.js';

/** Time that running activities get to end by themselves when the worker stops. Below the usual 30 s of a process manager. */
const SHUTDOWN_GRACE_MS = 10_000;
/** After this, the worker stops even if an activity never returns. */
const SHUTDOWN_FORCE_MS = 20_000;
/** How long a run's next task is kept for the worker that has the run in its memory: when that was killed, another one takes over. */
const STICKY_MS = 1_000;

export interface CreateWorkerOptions {
  connection: NativeConnection;
  namespace: string;
  taskQueue: string;
  workflowBundle: WorkflowBundleOption;
  activities: Activities;
  /** Told of attempts that keep failing. */
  warn: WarnOfAttempt;
  /** Around every attempt of an activity, inside the warnings. */
  activityInterceptors?: ActivityInterceptorsFactory[];
  /** Cached runs; 0 replays each task from the start (tests). Default 500. */
  maxCachedWorkflows?: number;
}

/** The Temporal worker of this service. A healthy install is one workflow task with four local activities. */
export async function createWorker(options: CreateWorkerOptions): Promise<Worker> {
  return await Worker.create({
    connection: options.connection,
    namespace: options.namespace,
    taskQueue: options.taskQueue,
    workflowBundle: options.workflowBundle,
    activities: options.activities,
    interceptors: { activity: [attemptWarnings(options.warn), ...(options.activityInterceptors ?? [])] },
    maxCachedWorkflows: options.maxCachedWorkflows ?? 500,
    stickyQueueScheduleToStartTimeout: STICKY_MS,
    maxConcurrentWorkflowTaskExecutions: 40,
    maxConcurrentLocalActivityExecutions: 100,
    maxConcurrentActivityTaskExecutions: 100,
    shutdownGraceTime: SHUTDOWN_GRACE_MS,
    shutdownForceTime: SHUTDOWN_FORCE_MS,
  });
}
