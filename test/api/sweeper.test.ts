import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, before, beforeEach, describe, it } from 'node:test';
import { Client, Connection } from '@temporalio/client';
import { createDispatcher } from '../../api/dispatcher.js';
import { createMetrics } from '../../api/metrics.js';
import { createSweeper, type Sweeper } from '../../api/sweeper.js';
import { createLifecycleStarter, createTemporalClient, type LifecycleStarter } from '../../api/temporal.js';
import { freePort } from '../../local/ports.js';
import { createStore } from '../../store/index.js';
import { createSealer } from '../../store/sealing.js';
import type { DispatchItem, Store } from '../../store/types.js';
import { createTestDatabase, type TestDatabase } from '../support/database.js';
import { createOwnDevServer, fromRunner, uniqueName } from '../support/temporal.js';
import { captureLog } from './support/log.js';

const TASK_QUEUE = uniqueName('api-test');
const NAMESPACE_ID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

interface EventRow {
  namespace_id: string | null;
  dispatched_at: Date | null;
  dispatch_attempts: number;
}

describe('the sweeper', () => {
  const { log, lines } = captureLog();
  let database: TestDatabase;
  let store: Store;
  let connection: Connection;
  let client: Client;
  let starter: LifecycleStarter;

  before(async () => {
    connection = await Connection.connect({ address: fromRunner('TEST_TEMPORAL_ADDRESS') });
    client = new Client({ connection, namespace: 'default' });
    starter = starterOf(client);
    await starter.ensureSearchAttributes();
  });
  after(() => connection?.close());
  beforeEach(async () => {
    database = await createTestDatabase();
    store = createStore({
      databaseUrl: database.url,
      sealer: createSealer([{ id: 'k1', key: randomBytes(32) }]),
      poolMax: 6,
      log,
    });
    lines.length = 0;
  });
  afterEach(async () => {
    await store?.close();
    await database?.drop();
  });

  function starterOf(using: Client, deadlineMs = 5_000): LifecycleStarter {
    return createLifecycleStarter({ client: using, taskQueue: TASK_QUEUE, namespace: 'default', deadlineMs });
  }

  function newSweeper(changes: { starter?: LifecycleStarter; graceMs?: number; auditQuietMs?: number } = {}): Sweeper {
    const using = changes.starter ?? starter;
    const metrics = createMetrics();
    const dispatcher = createDispatcher({ starter: using, inbox: store.inbox, metrics, log, maxInFlight: 8 });
    return createSweeper({
      inbox: store.inbox,
      dispatcher,
      starter: using,
      metrics,
      log,
      intervalMs: 20,
      graceMs: changes.graceMs ?? 0,
      auditQuietMs: changes.auditQuietMs ?? 600_000,
    });
  }

  async function stored(type = 'app.installed'): Promise<DispatchItem> {
    const id = randomBytes(16).toString('hex');
    const tenant = { appId: 'app-1', accountId: `account-${id}` };
    const item = { eventId: id, type, tenant, installationId: `inst-${id}`, createdAt: new Date() };
    await store.inbox.accept({
      eventId: id,
      type: item.type,
      ...tenant,
      installationId: item.installationId,
      createdAt: item.createdAt,
      receivedAt: item.createdAt,
      disposition: 'dispatch',
      rawBody: Buffer.from(`{"id":"${id}"}`),
    });
    return item;
  }

  async function rowOf(item: DispatchItem): Promise<EventRow> {
    const [row] = await database.query<EventRow>('SELECT * FROM inbox_event WHERE id = $1', [item.eventId]);
    assert.ok(row);
    return row;
  }

  function handleOf(item: DispatchItem) {
    return client.workflow.getHandle(`app-1/${item.tenant.accountId}`);
  }

  async function wakesOf(item: DispatchItem): Promise<number> {
    const { events } = await handleOf(item).fetchHistory();
    return (events ?? []).filter((event) => event.workflowExecutionSignaledEventAttributes).length;
  }

  it('hands over what was left while Temporal was away, on the durable way', async () => {
    const away = createTemporalClient({
      connectionOptions: { address: `127.0.0.1:${await freePort()}` },
      namespace: 'default',
    });
    const item = await stored();
    const blind = newSweeper({ starter: starterOf(away.client, 200) });
    assert.deepEqual(await blind.sweepOnce(), { handedOver: 0, restarted: 0 });
    assert.deepEqual(await blind.sweepOnce(), { handedOver: 0, restarted: 0 });
    assert.equal((await rowOf(item)).dispatched_at, null);
    await away.close();

    const sweeper = newSweeper();
    assert.deepEqual(await sweeper.sweepOnce(), { handedOver: 1, restarted: 0 });
    assert.match((await rowOf(item)).namespace_id ?? '', NAMESPACE_ID);
    const { events } = await handleOf(item).fetchHistory();
    const input = events?.[0]?.workflowExecutionStartedEventAttributes?.input?.payloads?.[0]?.data;
    assert.deepEqual(JSON.parse(Buffer.from(input ?? []).toString()), { tenant: item.tenant, durableFirst: true });
    assert.deepEqual(await sweeper.sweepOnce(), { handedOver: 0, restarted: 0 });
  });

  it('leaves fresh events to the dispatcher', async () => {
    const item = await stored();
    assert.deepEqual(await newSweeper({ graceMs: 60_000 }).sweepOnce(), { handedOver: 0, restarted: 0 });
    assert.equal((await rowOf(item)).dispatch_attempts, 0);
  });

  it('hands over again what was dispatched to a namespace with another id', async () => {
    const item = await stored();
    await store.inbox.markDispatched(item.eventId, '00000000-0000-0000-0000-000000000000');
    assert.deepEqual(await newSweeper().sweepOnce(), { handedOver: 1, restarted: 0 });
    assert.match((await rowOf(item)).namespace_id ?? '', NAMESPACE_ID);
    assert.equal((await handleOf(item).describe()).status.name, 'RUNNING');
  });

  it('notices by itself that the server was emptied, and makes it usable again', async () => {
    const dir = await mkdtemp(join(tmpdir(), 'appconnect-sweeper-'));
    const server = await createOwnDevServer({ dir });
    const own = createTemporalClient({ connectionOptions: { address: server.address }, namespace: 'default' });
    try {
      const sweeper = newSweeper({ starter: starterOf(own.client) });
      const item = await stored();
      assert.equal((await sweeper.sweepOnce()).handedOver, 1);
      const before = (await rowOf(item)).namespace_id;
      assert.equal((await sweeper.sweepOnce()).handedOver, 0);

      await server.kill();
      await Promise.all(['', '-wal', '-shm'].map((suffix) => rm(`${server.dbFile}${suffix}`, { force: true })));
      await server.restart();
      await until(async () => (await sweeper.sweepOnce()).handedOver === 1);
      const after = (await rowOf(item)).namespace_id;
      assert.match(after ?? '', NAMESPACE_ID);
      assert.notEqual(after, before);
      assert.equal(
        (await own.client.workflow.getHandle(`app-1/${item.tenant.accountId}`).describe()).status.name,
        'RUNNING',
      );
    } finally {
      await own.close();
      await server.stop();
      await rm(dir, { recursive: true, force: true });
    }
  });

  it('audits unsettled events: restarts a run that has gone, leaves an open one alone', async () => {
    const lost = await stored();
    const open = await stored();
    assert.deepEqual(await newSweeper().sweepOnce(), { handedOver: 2, restarted: 0 });
    await handleOf(lost).terminate();
    assert.deepEqual(await newSweeper({ auditQuietMs: 600_000 }).sweepOnce(), { handedOver: 0, restarted: 0 });
    assert.deepEqual(await newSweeper({ auditQuietMs: 0 }).sweepOnce(), { handedOver: 0, restarted: 1 });
    assert.equal((await handleOf(lost).describe()).status.name, 'RUNNING');
    assert.equal(await wakesOf(open), 0);
  });

  it('audits logouts by their own runs', async () => {
    const item = await stored('user.logout');
    const own = client.workflow.getHandle(`app-1/${item.tenant.accountId}/logout/${item.eventId}`);
    assert.deepEqual(await newSweeper().sweepOnce(), { handedOver: 1, restarted: 0 });
    assert.deepEqual(await newSweeper({ auditQuietMs: 0 }).sweepOnce(), { handedOver: 0, restarted: 0 });
    await own.terminate();
    assert.deepEqual(await newSweeper({ auditQuietMs: 0 }).sweepOnce(), { handedOver: 0, restarted: 1 });
    assert.equal((await own.describe()).status.name, 'RUNNING');
    await assert.rejects(handleOf(item).describe(), { name: 'WorkflowNotFoundError' });
  });

  it('shares the work with other sweepers: each event is handed over once', async () => {
    const items = await Promise.all(Array.from({ length: 3 }, () => stored()));
    const results = await Promise.all([newSweeper(), newSweeper(), newSweeper()].map((sweeper) => sweeper.sweepOnce()));
    assert.equal(
      results.reduce((sum, { handedOver }) => sum + handedOver, 0),
      3,
    );
    for (const item of items) {
      assert.equal((await rowOf(item)).dispatch_attempts, 1);
      assert.equal(await wakesOf(item), 0);
    }
  });

  it('goes on by itself, survives a failing inbox, says so once, and stops', async () => {
    const sweeper = newSweeper();
    await database.query('ALTER TABLE inbox_event RENAME TO inbox_event_away');
    sweeper.start();
    await until(() => lines.some((line) => line.includes('sweeper could not finish')));
    await sweeper.sweepOnce();
    await sweeper.sweepOnce();
    assert.equal(lines.filter((line) => line.includes('sweeper could not finish')).length, 1);
    await database.query('ALTER TABLE inbox_event_away RENAME TO inbox_event');
    const item = await stored();
    await until(async () => (await rowOf(item)).dispatched_at !== null);
    // Said at the end of the pass, after its hand-overs.
    await until(() => lines.some((line) => line.includes('sweeper works again')));
    await sweeper.stop();
    assert.equal(lines.filter((line) => line.includes('sweeper works again')).length, 1);
    const late = await stored();
    // Longer than several intervals: nothing may come.
    await new Promise((resolve) => setTimeout(resolve, 150));
    assert.equal((await rowOf(late)).dispatched_at, null);
  });
});

async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  const giveUpMs = performance.now() + 40_000;
  while (!(await condition())) {
    assert.ok(performance.now() < giveUpMs, 'the condition was not met in time');
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
