import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { ApplicationFailure } from '@temporalio/activity';
import type { WorkflowHandle } from '@temporalio/client';
import type { TestWorkflowEnvironment } from '@temporalio/testing';
import type { Activities } from '../../../activities/index.js';
import { FAILURE_TYPES, type FailureType } from '../../../contracts/failures.js';
import type { ProcessKind } from '../../../contracts/ids.js';
import {
  LIFECYCLE_WORKFLOW,
  type LifecycleInput,
  type LifecycleResult,
  type ProcessRef,
} from '../../../contracts/messages.js';
import { createWorker } from '../../../worker/create-worker.js';
import { type Call, type FakeTenant, fakeActivities, tenantWith } from '../../support/fake-activities.js';
import { testWorkflowBundle } from '../../support/temporal.js';

export const MINUTE_MS = 60_000;
export const HOUR_MS = 60 * MINUTE_MS;
export const DAY_MS = 24 * HOUR_MS;

/** A process whose event is `ageMs` old on the server's clock. */
export async function processAged(
  env: TestWorkflowEnvironment,
  kind: ProcessKind,
  ageMs: number,
  more: Partial<ProcessRef> = {},
): Promise<ProcessRef> {
  const eventId = randomUUID();
  const createdAtMs = (await env.currentTimeMs()) - ageMs;
  const common = { processId: `${kind}:${eventId}`, kind, eventId, installationId: 'i1' };
  return { ...common, createdAtMs, needsUndo: false, ...more };
}

/** Fails as a classed activity failure does; a class that is tried again comes back after `retryInMs`. */
export function failing(type: FailureType, message: string, retryInMs = HOUR_MS): never {
  const ends: FailureType[] = [FAILURE_TYPES.refused, FAILURE_TYPES.gone, FAILURE_TYPES.preEmpted];
  const retryable = !ends.includes(type);
  throw ApplicationFailure.create({
    type,
    message,
    nonRetryable: !retryable,
    ...(retryable ? { nextRetryDelay: retryInMs } : {}),
  });
}

/** A lifecycle run that is watched. */
export interface Run {
  handle: WorkflowHandle;
  tenant: FakeTenant;
  calls: Call[];
  names(): string[];
  /** Input of the first call of an activity. */
  input(name: keyof Activities): unknown;
  /** Inputs of all its calls. */
  inputs(name: keyof Activities): unknown[];
  count(name: keyof Activities): number;
}

/** Runs the lifecycle workflow over a tenant with these processes until `watch` is done. */
export async function running(
  env: TestWorkflowEnvironment,
  tenant: FakeTenant | ProcessRef,
  overrides: Partial<Activities>,
  watch: (run: Run) => Promise<void>,
  input: Partial<LifecycleInput> = {},
): Promise<void> {
  const held = 'processes' in tenant ? tenant : tenantWith(tenant);
  const { activities, calls } = fakeActivities(held, overrides);
  const taskQueue = randomUUID();
  const worker = await createWorker({
    connection: env.nativeConnection,
    namespace: 'default',
    taskQueue,
    workflowBundle: testWorkflowBundle(),
    activities,
    warn: () => undefined,
    maxCachedWorkflows: 0,
  });
  const named = (name: keyof Activities) => calls.filter((call) => call.name === name).map((call) => call.input);
  await worker.runUntil(async () => {
    const handle = await env.client.workflow.start(LIFECYCLE_WORKFLOW, {
      workflowId: `app/${randomUUID()}`,
      taskQueue,
      args: [{ tenant: { appId: 'app', accountId: 'account' }, ...input }],
    });
    await watch({
      handle,
      tenant: held,
      calls,
      names: () => calls.map((call) => call.name),
      input: (name) => named(name)[0],
      inputs: named,
      count: (name) => named(name).length,
    });
  });
}

/** When the run ended, on the server's clock. */
export async function endedMs(handle: WorkflowHandle): Promise<number> {
  const { closeTime } = await handle.describe();
  assert.ok(closeTime, 'the run has ended');
  return closeTime.getTime();
}

/** Outcomes of the run's events, in the order in which they came. */
export async function outcomesOf(handle: WorkflowHandle): Promise<string[]> {
  const result = (await handle.result()) as LifecycleResult;
  return result.outcomes.map(({ outcome }) => outcome);
}

/** The outcome of a run with one event. */
export async function outcomeOf(handle: WorkflowHandle): Promise<string | undefined> {
  return (await outcomesOf(handle))[0];
}

/** Number of events in the run's history, and of those with this attribute. */
export async function eventCount(handle: WorkflowHandle, attribute?: string): Promise<number> {
  const { events = [] } = await handle.fetchHistory();
  const held = events ?? [];
  if (attribute === undefined) return held.length;
  return held.filter((event) => (event as unknown as Record<string, unknown>)[attribute] != null).length;
}
