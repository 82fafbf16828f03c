import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { after, before, describe, it } from 'node:test';
import { ApplicationFailure, Context } from '@temporalio/activity';
import { FAILURE_TYPES } from '../../contracts/failures.js';
import { LIFECYCLE_WORKFLOW, type LifecycleResult, type ProcessRef, wakeSignal } from '../../contracts/messages.js';
import { createWorker } from '../../worker/create-worker.js';
import { eventually } from '../support/eventually.js';
import { fakeActivities, tenantWith } from '../support/fake-activities.js';
import { connectTemporal, type TestTemporal, testWorkflowBundle } from '../support/temporal.js';

let temporal: TestTemporal;
before(async () => {
  temporal = await connectTemporal();
});
after(async () => {
  await temporal?.close();
});

/** Wakes a run while its second attempt, a regular one, is under way and then ends as `ending` says. */
async function wakeDuringAttempt(ending: (context: Context) => Promise<never>): Promise<string | undefined> {
  const eventId = randomUUID();
  const process: ProcessRef = {
    processId: `install:${eventId}`,
    kind: 'install',
    eventId,
    installationId: 'i1',
    createdAtMs: Date.now(),
    needsUndo: false,
  };
  let attempts = 0;
  const { activities } = fakeActivities(tenantWith(process), {
    async provisionAccount() {
      attempts += 1;
      if (attempts === 1) throw ApplicationFailure.create({ type: FAILURE_TYPES.retryable, message: 'down' });
      if (attempts === 2) return await ending(Context.current());
      return { productAccountId: 'account-1', users: 3 };
    },
  });
  const taskQueue = randomUUID();
  const worker = await createWorker({
    connection: temporal.nativeConnection,
    namespace: 'default',
    taskQueue,
    workflowBundle: testWorkflowBundle(),
    activities,
    warn: () => undefined,
  });
  return await worker.runUntil(async () => {
    const handle = await temporal.client.workflow.start(LIFECYCLE_WORKFLOW, {
      workflowId: `app/${randomUUID()}`,
      taskQueue,
      args: [{ tenant: { appId: 'app', accountId: 'account' } }],
    });
    await eventually('the second attempt is under way', async () => attempts === 2);
    await handle.signal(wakeSignal);
    const result = (await handle.result()) as LifecycleResult;
    return result.outcomes[0]?.outcome;
  });
}

/** Resolves when the attempt's own cancellation request arrives, which a heartbeat brings. */
async function cancelled(context: Context): Promise<void> {
  const beat = setInterval(() => context.heartbeat(), 200);
  try {
    if (!context.cancellationSignal.aborted) await once(context.cancellationSignal, 'abort');
  } finally {
    clearInterval(beat);
  }
}

describe('a wake-up while a regular attempt is under way', () => {
  it('lets the next attempt follow when that one fails by itself after the request', async () => {
    const outcome = await wakeDuringAttempt(async (context) => {
      await cancelled(context);
      throw ApplicationFailure.create({ type: FAILURE_TYPES.retryable, message: 'the product failed: 503' });
    });
    assert.equal(outcome, 'approved');
  });

  it('lets the next attempt follow when that one is lost with its worker', async () => {
    const outcome = await wakeDuringAttempt(async (context) => {
      // No heartbeat, no answer: as the server sees a killed worker.
      await once(context.cancellationSignal, 'abort');
      throw new Error('unreachable before the heartbeat timeout');
    });
    assert.equal(outcome, 'approved');
  });
});
