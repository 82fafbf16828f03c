import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, describe, it } from 'node:test';
import type { WorkflowHandle } from '@temporalio/client';
import type { TestWorkflowEnvironment } from '@temporalio/testing';
import type { Activities } from '../../activities/index.js';
import type { OpenEvent } from '../../contracts/events.js';
import { FAILURE_TYPES } from '../../contracts/failures.js';
import { LOGOUT_WORKFLOW, REQUEST_ROTATION_WORKFLOW, wakeSignal } from '../../contracts/messages.js';
import { createWorker } from '../../worker/create-worker.js';
import { type Call, fakeActivities, tenantWith } from '../support/fake-activities.js';
import { createTimeSkipping, testWorkflowBundle } from '../support/temporal.js';
import { eventCount, failing, MINUTE_MS, outcomesOf, processAged, running } from './support/runs.js';

let env: TestWorkflowEnvironment;
before(async () => {
  env = await createTimeSkipping();
});
after(async () => {
  await env?.teardown();
});

function trialEvent(eventId: string, type: string, createdAtMs: number): OpenEvent {
  return { eventId, type, createdAtMs, receivedAtMs: createdAtMs, installationId: 'i1', taken: true };
}

describe('a trial event', () => {
  it('is applied beside an update that waits, in the order of events', async () => {
    const update = await processAged(env, 'update', MINUTE_MS);
    const tenant = tenantWith(update);
    tenant.bareEvents = [
      trialEvent('t2', 'app.trial_ended', update.createdAtMs + 2_000),
      trialEvent('t1', 'app.trial_started', update.createdAtMs + 1_000),
    ];
    let up = false;
    const overrides: Partial<Activities> = {
      syncFromTalkdesk: async () =>
        up ? { remoteState: 'waiting', users: 3 } : failing(FAILURE_TYPES.retryable, 'Talkdesk is down'),
    };
    await running(env, tenant, overrides, async ({ handle, inputs }) => {
      await env.sleep('5 minutes');
      assert.deepEqual(inputs('applyTrial'), [{ eventId: 't1' }, { eventId: 't2' }]);
      up = true;
      await handle.signal(wakeSignal);
      assert.deepEqual(await outcomesOf(handle), ['recorded', 'recorded', 'approved']);
    });
  });

  it('waits for the install it follows', async () => {
    const install = await processAged(env, 'install', MINUTE_MS);
    const tenant = tenantWith(install);
    tenant.bareEvents = [trialEvent('t1', 'app.trial_started', install.createdAtMs + 1_000)];
    await running(env, tenant, {}, async ({ handle, names }) => {
      assert.deepEqual(await outcomesOf(handle), ['approved', 'recorded']);
      assert.ok(names().indexOf('postDecision') < names().indexOf('applyTrial'));
    });
  });
});

/** Runs a workflow of one argument over fake activities until `watch` is done. */
async function runningWorkflow(
  workflow: string,
  input: object,
  overrides: Partial<Activities>,
  watch: (handle: WorkflowHandle, calls: Call[]) => Promise<void>,
): Promise<void> {
  const { activities, calls } = fakeActivities(tenantWith(), overrides);
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
  await worker.runUntil(async () => {
    const handle = await env.client.workflow.start(workflow, { workflowId: randomUUID(), taskQueue, args: [input] });
    await watch(handle, calls);
  });
}

describe('a logout', () => {
  it('is handed to the product in one workflow task', async () => {
    await runningWorkflow(LOGOUT_WORKFLOW, { eventId: 'l1' }, {}, async (handle, calls) => {
      await handle.result();
      assert.deepEqual(calls, [{ name: 'handOverLogout', input: { eventId: 'l1' } }]);
      assert.equal(await eventCount(handle, 'workflowTaskCompletedEventAttributes'), 1);
    });
  });

  it('that the product does not take is recorded after ten minutes all the same', async () => {
    const handOverLogout = async () => failing(FAILURE_TYPES.retryable, 'the product is down', MINUTE_MS);
    await runningWorkflow(LOGOUT_WORKFLOW, { eventId: 'l1' }, { handOverLogout }, async (handle, calls) => {
      await handle.result();
      assert.ok(calls.filter(({ name }) => name === 'handOverLogout').length >= 8);
      assert.deepEqual(calls.at(-1), {
        name: 'settleEvent',
        input: { eventId: 'l1', outcome: 'recorded', reason: 'not handed over: the product is down' },
      });
    });
  });
});

describe('a rotation of our own', () => {
  it('asks Talkdesk until it takes it', async () => {
    let failures = 3;
    const requestRotation = async () => {
      if (failures-- > 0) failing(FAILURE_TYPES.retryable, 'Talkdesk is down', MINUTE_MS);
    };
    const input = { installationId: 'i1' };
    await runningWorkflow(REQUEST_ROTATION_WORKFLOW, input, { requestRotation }, async (handle, calls) => {
      await handle.result();
      assert.equal(calls.length, 4);
    });
  });
});
