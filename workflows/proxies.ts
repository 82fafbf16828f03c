import { ActivityCancellationType, proxyActivities, proxyLocalActivities } from '@temporalio/workflow';
import type { Activities } from '../activities/index.js';

/** Longest quick attempt, in milliseconds: short against the workflow task, which waits for it. */
const LOCAL_ATTEMPT_MS = 2_000;

/** One quick attempt; what it cannot do in time or at once goes the durable way. */
export const LOCAL_OPTIONS = {
  startToCloseTimeout: LOCAL_ATTEMPT_MS,
  scheduleToCloseTimeout: LOCAL_ATTEMPT_MS,
  retry: { maximumAttempts: 1 },
} as const;

/**
 * Durable attempts, without end: the window around them ends them. The heartbeat notices a killed worker in seconds. Waiting for
 * the end of a cancelled attempt keeps two attempts of one step from overlapping. Delays between attempts come with each failure
 * (activities/failures.ts), because only there a Retry-After is known; the policy here is for attempts that left no failure.
 */
const DURABLE_OPTIONS = {
  startToCloseTimeout: '15s',
  heartbeatTimeout: '5s',
  cancellationType: ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
  retry: { initialInterval: '1s', backoffCoefficient: 2, maximumInterval: '5m' },
} as const;

/** Steps that move lists of users, thousands at a time: their heartbeat tells that they are alive. */
const LONG_STEPS: ReadonlySet<keyof Activities> = new Set([
  'syncFromTalkdesk',
  'provisionAccount',
  'undoProvisioning',
] as const);
const LONG_ATTEMPT = '3m';

/** Options of the durable attempts of a step. */
export function durableOptions(step: keyof Activities, summary: string) {
  const startToCloseTimeout = LONG_STEPS.has(step) ? LONG_ATTEMPT : DURABLE_OPTIONS.startToCloseTimeout;
  return { ...DURABLE_OPTIONS, startToCloseTimeout, summary } as const;
}

export const quick = proxyLocalActivities<Activities>(LOCAL_OPTIONS);
export const durable = proxyActivities<Activities>(DURABLE_OPTIONS);
