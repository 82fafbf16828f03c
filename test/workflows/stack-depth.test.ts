import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, describe, it } from 'node:test';
import type { TestWorkflowEnvironment } from '@temporalio/testing';
import type { Activities } from '../../activities/index.js';
import { LIFECYCLE_WORKFLOW } from '../../contracts/messages.js';
import { createWorker } from '../../worker/create-worker.js';
import { eventually } from '../support/eventually.js';
import { createTimeSkipping, testWorkflowBundle } from '../support/temporal.js';

let env: TestWorkflowEnvironment;
before(async () => {
  env = await createTimeSkipping();
});
after(async () => {
  await env?.teardown();
});

describe('an error in workflow code', () => {
  it('names the place where it arose and its caller, and no more', async () => {
    const taskQueue = randomUUID();
    const worker = await createWorker({
      connection: env.nativeConnection,
      namespace: 'default',
      taskQueue,
      workflowBundle: testWorkflowBundle(),
      // Two processes without anything in them: an error of the run's own code, several calls deep.
      activities: {
        takeEvents: async () => ({ record: { newestInstall: null }, events: [], processes: [null, null] }),
      } as unknown as Activities,
      warn: () => undefined,
    });
    await worker.runUntil(async () => {
      const args = [{ tenant: { appId: 'app-1', accountId: 'account-1' } }];
      const handle = await env.client.workflow.start(LIFECYCLE_WORKFLOW, { workflowId: randomUUID(), taskQueue, args });
      const stack = await eventually('the workflow task failed', async () => {
        const { events } = await handle.fetchHistory();
        const failed = events?.find((event) => event.workflowTaskFailedEventAttributes);
        return failed?.workflowTaskFailedEventAttributes?.failure?.stackTrace;
      });
      const places = stack.split('\n').filter((line) => line.trim().startsWith('at '));
      assert.match(places[0] ?? '', /workflows\/lifecycle\.ts:\d+/);
      assert.ok(places.length <= 2, stack);
      await handle.terminate();
    });
  });
});
