import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { Client, Connection } from '@temporalio/client';
import { NativeConnection, Worker } from '@temporalio/worker';
import {
  createLifecycleStarter,
  createTemporalClient,
  type LifecycleStarter,
  type SharingStarter,
} from '../../api/temporal.js';
import { TemporalError } from '../../api/temporal-errors.js';
import type { DispatchItem } from '../../store/types.js';
import { fromRunner, quietRuntime, uniqueName } from '../support/temporal.js';
import { closedPort } from './support/servers.js';

const TASK_QUEUE = uniqueName('api-test');

function newItem(changes: Partial<DispatchItem> = {}): DispatchItem {
  const id = randomBytes(16).toString('hex');
  return {
    eventId: id,
    type: 'app.installed',
    tenant: { appId: 'app-1', accountId: `account-${id}` },
    installationId: `installation-${id}`,
    createdAt: new Date('2026-01-05T10:00:00Z'),
    ...changes,
  };
}

describe('starting and waking runs', () => {
  let connection: Connection;
  let client: Client;
  let starter: LifecycleStarter;

  before(async () => {
    quietRuntime();
    connection = await Connection.connect({ address: fromRunner('TEST_TEMPORAL_ADDRESS') });
    client = new Client({ connection, namespace: 'default' });
    starter = starterWith(client);
    await starter.ensureSearchAttributes();
  });
  after(() => connection?.close());

  function starterWith(using: Client, namespace = 'default'): SharingStarter {
    return createLifecycleStarter({ client: using, taskQueue: TASK_QUEUE, namespace, deadlineMs: 5_000 });
  }

  async function eventsOf(workflowId: string) {
    const history = await client.workflow.getHandle(workflowId).fetchHistory();
    return history.events ?? [];
  }

  async function newNamespace(): Promise<string> {
    const namespace = uniqueName('api-test');
    const { config } = await connection.workflowService.describeNamespace({ namespace: 'default' });
    const retention = config?.workflowExecutionRetentionTtl;
    assert.ok(retention);
    await connection.workflowService.registerNamespace({ namespace, workflowExecutionRetentionPeriod: retention });
    return namespace;
  }

  async function attributesOf(namespace: string): Promise<Record<string, unknown>> {
    const answer = await connection.operatorService.listSearchAttributes({ namespace });
    return answer.customAttributes ?? {};
  }

  it('starts a run under the id of the tenant, with identifiers only', async () => {
    const item = newItem({ tenant: { appId: 'app/1', accountId: 'acc 7' }, installationId: 'inst-*7*' });
    const handle = client.workflow.getHandle('app%2F1/acc%207');
    await handle.terminate().catch(() => undefined);
    assert.equal(await starter.startOrWake(item, { durableFirst: false }), 'started');

    const described = await handle.describe();
    assert.equal(described.type, 'lifecycleWorkflow');
    assert.equal(described.taskQueue, TASK_QUEUE);
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

  describe('a logout', () => {
    const logoutOf = (item: DispatchItem): DispatchItem => ({ ...item, type: 'user.logout' });
    const idOf = (item: DispatchItem) => `app-1/${item.tenant.accountId}/logout/${item.eventId}`;

    it('gets a run of its own, beside the open run of its tenant', async () => {
      const item = newItem();
      await starter.startOrWake(item, { durableFirst: false });
      assert.equal(await starter.startOrWake(logoutOf(item), { durableFirst: false }), 'started');
      const described = await client.workflow.getHandle(idOf(item)).describe();
      assert.equal(described.type, 'logoutWorkflow');
      assert.equal(described.taskQueue, TASK_QUEUE);
      assert.equal(
        await described.staticSummary(),
        `user.logout of installation ${item.installationId} for account ${item.tenant.accountId}`,
      );
      const start = (await eventsOf(idOf(item)))[0]?.workflowExecutionStartedEventAttributes;
      const payloads = (start?.input?.payloads ?? []).map(({ data }) => JSON.parse(Buffer.from(data ?? []).toString()));
      assert.deepEqual(payloads, [{ eventId: item.eventId }]);
      const { eventId, installationId } = item;
      assert.deepEqual(described.memo, { begunBy: { eventId, type: 'user.logout', installationId } });
      const attribute = start?.searchAttributes?.indexedFields?.['InstallationId']?.data;
      assert.equal(Buffer.from(attribute ?? []).toString(), JSON.stringify(item.installationId));
      const signals = (await eventsOf(`app-1/${item.tenant.accountId}`)).filter(
        (event) => event.workflowExecutionSignaledEventAttributes,
      );
      assert.equal(signals.length, 0);
    });

    it('is known while its run is open, and started again after it was ended from outside', async () => {
      const item = logoutOf(newItem());
      const options = { durableFirst: false };
      assert.equal(await starter.isOpen(item), false);
      assert.equal(await starter.startOrWake(item, options), 'started');
      assert.equal(await starter.startOrWake(item, options), 'known');
      assert.equal(await starter.isOpen(item), true);
      assert.equal(await starter.isOpen({ ...item, type: 'app.updated' }), false);
      await client.workflow.getHandle(idOf(item)).terminate();
      assert.equal(await starter.isOpen(item), false);
      assert.equal(await starter.startOrWake(item, options), 'started');
    });

    it('is not repeated once its run has completed, unless it is unsettled all the same', async () => {
      const item = logoutOf(newItem());
      const native = await NativeConnection.connect({ address: fromRunner('TEST_TEMPORAL_ADDRESS') });
      const worker = await Worker.create({
        connection: native,
        taskQueue: TASK_QUEUE,
        workflowsPath: fileURLToPath(new URL('./support/trivial-workflows.ts', import.meta.url)),
      });
      await worker.runUntil(async () => {
        await starter.startOrWake(item, { durableFirst: false });
        await client.workflow.getHandle(idOf(item)).result();
        assert.equal(await starter.startOrWake(item, { durableFirst: true }), 'known');
        assert.equal(await starter.startOrWake(item, { durableFirst: true, again: true }), 'started');
        await client.workflow.getHandle(idOf(item)).result();
      });
      await native.close();
    });
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
      taskQueue: TASK_QUEUE,
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

  it('knows the namespace by its id', async () => {
    const { namespaceInfo } = await client.workflowService.describeNamespace({ namespace: 'default' });
    assert.match(namespaceInfo?.id ?? '', /^[0-9a-f-]{36}$/);
    assert.equal(await starter.namespaceId(), namespaceInfo?.id);
  });

  it('registers the search attribute in a namespace that lacks it', async () => {
    const namespace = await newNamespace();
    const elsewhere = new Client({ connection, namespace });
    const there = starterWith(elsewhere, namespace);
    assert.equal((await attributesOf(namespace))['InstallationId'], undefined);
    await there.ensureSearchAttributes();
    await there.ensureSearchAttributes();
    const keyword = 2;
    assert.equal((await attributesOf(namespace))['InstallationId'], keyword);
    const item = newItem();
    assert.equal(await there.startOrWake(item, { durableFirst: false }), 'started');
  });

  it('says in words how to get the search attribute right when it cannot', async () => {
    const namespace = await newNamespace();
    const int = 3;
    await connection.operatorService.addSearchAttributes({ namespace, searchAttributes: { InstallationId: int } });
    const there = starterWith(new Client({ connection, namespace }), namespace);
    await assert.rejects(there.ensureSearchAttributes(), (error: unknown) => {
      assert.ok(error instanceof TemporalError);
      assert.equal(error.kind, 'refused');
      assert.match(error.message, /InstallationId of type Keyword/);
      assert.match(error.message, /exists with another type/);
      assert.match(
        error.message,
        /temporal operator search-attribute create --namespace \S+ --name InstallationId --type Keyword/,
      );
      return true;
    });
  });

  it('says that the namespace does not exist', async () => {
    const elsewhere = new Client({ connection, namespace: 'nowhere' });
    const lost = starterWith(elsewhere, 'nowhere');
    for (const attempt of [() => lost.startOrWake(newItem(), { durableFirst: false }), () => lost.namespaceId()]) {
      await assert.rejects(attempt, (error: unknown) => {
        assert.ok(error instanceof TemporalError, String(error));
        assert.equal(error.kind, 'refused');
        assert.match(error.message, /nowhere/);
        return true;
      });
    }
  });
});

describe('a Temporal server that is away', () => {
  it('fails within the deadline, without having connected before', async () => {
    const address = `127.0.0.1:${await closedPort()}`;
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
