import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { Client } from '@temporalio/client';
import { NativeConnection, Worker } from '@temporalio/worker';
import { createLifecycleStarter, createTemporalClient } from '../../api/temporal.js';
import { TemporalError } from '../../api/temporal-errors.js';
import { freePort } from '../../local/ports.js';
import { fromRunner } from '../support/temporal.js';
import { connectStarter, newItem } from './support/starters.js';

const { taskQueue, connection, client, starter, starterWith, eventsOf } = await connectStarter();

describe('starting and waking runs', () => {
  it('starts a run under the id of the tenant, with identifiers only', async () => {
    const item = newItem({ tenant: { appId: 'app/1', accountId: 'acc 7' }, installationId: 'inst-*7*' });
    const handle = client.workflow.getHandle('app%2F1/acc%207');
    await handle.terminate().catch(() => undefined);
    assert.equal(await starter.startOrWake(item, { durableFirst: false }), 'started');

    const described = await handle.describe();
    assert.equal(described.type, 'lifecycleWorkflow');
    assert.equal(described.taskQueue, taskQueue);
    assert.equal(described.status.name, 'RUNNING');
    assert.equal(await described.staticSummary(), 'app.installed of installation inst-?7? for account acc?7');
    const start = (await eventsOf('app%2F1/acc%207'))[0]?.workflowExecutionStartedEventAttributes;
    const payload = start?.input?.payloads?.[0]?.data;
    assert.deepEqual(JSON.parse(Buffer.from(payload ?? []).toString()), {
      tenant: { appId: 'app/1', accountId: 'acc 7' },
    });
    assert.equal(start?.input?.payloads?.length, 1);
    const { eventId } = item;
    assert.deepEqual(described.memo, { begunBy: { eventId, type: 'app.installed', installationId: 'inst-*7*' } });
    const attribute = start?.searchAttributes?.indexedFields?.['InstallationId']?.data;
    assert.equal(Buffer.from(attribute ?? []).toString(), '"inst-*7*"');
    assert.equal(Number(start?.workflowTaskTimeout?.seconds), 5);
    assert.equal(Number(start?.workflowExecutionTimeout?.seconds ?? 0), 0);
    assert.equal(Number(start?.workflowRunTimeout?.seconds ?? 0), 0);
    await handle.terminate();
  });

  it('tells the run when it comes out of a backlog', async () => {
    const item = newItem();
    await starter.startOrWake(item, { durableFirst: true });
    const start = (await eventsOf(`app-1/${item.tenant.accountId}`))[0]?.workflowExecutionStartedEventAttributes;
    const input = JSON.parse(Buffer.from(start?.input?.payloads?.[0]?.data ?? []).toString());
    assert.equal(input.durableFirst, true);
  });

  it('wakes an open run instead of starting a second, and says whether one is open', async () => {
    const item = newItem();
    assert.equal(await starter.isOpen(item), false);
    assert.equal(await starter.startOrWake(item, { durableFirst: false }), 'started');
    assert.equal(await starter.startOrWake(item, { durableFirst: false }), 'woken');
    assert.equal(await starter.isOpen(item), true);

    const signals = (await eventsOf(`app-1/${item.tenant.accountId}`)).flatMap((event) =>
      event.workflowExecutionSignaledEventAttributes ? [event.workflowExecutionSignaledEventAttributes] : [],
    );
    assert.equal(signals.length, 1);
    assert.equal(signals[0]?.signalName, 'wake');
    assert.deepEqual(signals[0]?.input?.payloads ?? [], []);

    await client.workflow.getHandle(`app-1/${item.tenant.accountId}`).terminate();
    assert.equal(await starter.isOpen(item), false);
    assert.equal(await starter.startOrWake(item, { durableFirst: false }), 'started');
  });

  it('starts again when the run closes between the start and the wake-up', async () => {
    const item = newItem();
    await starter.startOrWake(item, { durableFirst: false });
    let closings = 0;
    const racing = new Client({
      connection,
      interceptors: {
        workflow: [
          {
            async signal(input, next) {
              closings += 1;
              await client.workflow.getHandle(input.workflowExecution.workflowId).terminate();
              await next(input);
            },
          },
        ],
      },
    });
    assert.equal(await starterWith(racing).startOrWake(item, { durableFirst: false }), 'started');
    assert.equal(closings, 1);
    assert.equal(await starter.isOpen(item), true);
  });

  it('gives up after three rounds when runs keep closing', async () => {
    const item = newItem();
    const plain = client.workflow;
    const always = new Client({
      connection,
      interceptors: {
        workflow: [
          {
            async signal(input, next) {
              await plain.getHandle(input.workflowExecution.workflowId).terminate();
              try {
                await next(input);
              } finally {
                await starter.startOrWake(item, { durableFirst: false });
              }
            },
          },
        ],
      },
    });
    await starter.startOrWake(item, { durableFirst: false });
    await assert.rejects(starterWith(always).startOrWake(item, { durableFirst: false }), (error: unknown) => {
      assert.ok(error instanceof TemporalError);
      assert.equal(error.kind, 'unavailable');
      return true;
    });
  });

  it('starts eagerly over the connection of a worker, but not what comes out of a backlog', async () => {
    const native = await NativeConnection.connect({ address: fromRunner('TEST_TEMPORAL_ADDRESS') });
    const worker = await Worker.create({
      connection: native,
      taskQueue,
      workflowsPath: fileURLToPath(new URL('./support/trivial-workflows.ts', import.meta.url)),
    });
    const sharing = starterWith(client);
    sharing.shareConnection(native);
    await worker.runUntil(async () => {
      for (const [durableFirst, eager] of [
        [false, true],
        [true, false],
      ] as const) {
        const item = newItem();
        assert.equal(await sharing.startOrWake(item, { durableFirst }), 'started');
        const workflowId = `app-1/${item.tenant.accountId}`;
        assert.deepEqual(await client.workflow.getHandle(workflowId).result(), { outcomes: [] });
        const start = (await eventsOf(workflowId))[0]?.workflowExecutionStartedEventAttributes;
        assert.equal(start?.eagerExecutionAccepted, eager);
      }
    });
    await native.close();
  });

  it('falls back to a plain start where an eager one is refused', async () => {
    const item = newItem();
    const eager = starterWith(client);
    eager.shareConnection(connection);
    assert.equal(await eager.startOrWake(item, { durableFirst: false }), 'started');
    assert.equal(await eager.startOrWake(item, { durableFirst: false }), 'woken');
  });
});

describe('a Temporal server that is away', () => {
  it('fails within the deadline, without having connected before', async () => {
    const address = `127.0.0.1:${await freePort()}`;
    const { client, close } = createTemporalClient({ connectionOptions: { address }, namespace: 'default' });
    const starter = createLifecycleStarter({ client, taskQueue: 'any', namespace: 'default', deadlineMs: 300 });
    const startedMs = performance.now();
    await assert.rejects(starter.startOrWake(newItem(), { durableFirst: false }), (error: unknown) => {
      assert.ok(error instanceof TemporalError);
      assert.equal(error.kind, 'unavailable');
      return true;
    });
    assert.ok(performance.now() - startedMs < 1_500);
    await close();
  });
});
