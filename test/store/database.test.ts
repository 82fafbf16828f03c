import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, createConnection, createServer, type Server, type Socket } from 'node:net';
import { after, before, describe, it } from 'node:test';
import { Client } from 'pg';
import { createSealer, createStore, type Store, StoreUnavailableError } from '../../store/index.js';
import { delivery, openStore, type TestStore } from './fixtures.js';

let t: TestStore;
before(async () => {
  t = await openStore();
});
after(async () => {
  await Promise.allSettled(stores.map((store) => store.close()));
  for (const { server, sockets } of servers) {
    server.close();
    for (const socket of sockets) socket.destroy();
  }
  await t.end();
});

/** Ended with the tests, also with those that fail. */
const stores: Store[] = [];
const servers: { server: Server; sockets: Socket[] }[] = [];

function storeAt(url: string, poolMax = 2): Store {
  const store = createStore({
    databaseUrl: url,
    sealer: createSealer([{ id: 'k1', key: Buffer.alloc(32, 7) }]),
    poolMax,
    log: { warn: () => undefined },
  });
  stores.push(store);
  return store;
}

/** The address of the test's database, but at this port. */
function urlAt(server: Server): string {
  const url = new URL(t.database.url);
  url.host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  return url.href;
}

async function listen(onConnection: (socket: Socket) => void): Promise<Server> {
  const sockets: Socket[] = [];
  const server = createServer((socket) => {
    sockets.push(socket);
    onConnection(socket);
  }).listen(0, '127.0.0.1');
  servers.push({ server, sockets });
  await once(server, 'listening');
  return server;
}

/** What the call threw, and after how long. */
async function refusalOf(work: Promise<unknown>): Promise<{ error: Error; tookMs: number }> {
  const startedAtMs = performance.now();
  const error: unknown = await work.then(
    () => assert.fail('it went through'),
    (reason: unknown) => reason,
  );
  assert.ok(error instanceof Error);
  return { error, tookMs: performance.now() - startedAtMs };
}

describe('a database that cannot take an event', { concurrency: true }, () => {
  it('is told at once when nothing listens', async () => {
    const server = await listen(() => undefined);
    const store = storeAt(urlAt(server));
    server.close();
    await once(server, 'close');
    const { error } = await refusalOf(store.inbox.accept(delivery()));
    assert.ok(error instanceof StoreUnavailableError, error.stack);
    assert.match(error.message, /cannot be reached/);
    await store.close();
  });

  it('is told within three seconds when it takes connections and says nothing', async () => {
    const server = await listen(() => undefined);
    const store = storeAt(urlAt(server));
    const { error, tookMs } = await refusalOf(store.inbox.accept(delivery()));
    assert.ok(error instanceof StoreUnavailableError, error.stack);
    assert.ok(tookMs < 8_000, `${tookMs} ms`);
    await store.close();
  });

  it('is told within three seconds when it stops in the middle, and is used again when it comes back', async () => {
    const target = new URL(t.database.url);
    const pairs: [Socket, Socket][] = [];
    const server = await listen((inner) => {
      const outer = createConnection(Number(target.port), target.hostname);
      inner.pipe(outer).pipe(inner);
      inner.on('error', () => outer.destroy());
      outer.on('error', () => inner.destroy());
      pairs.push([inner, outer]);
    });
    const store = storeAt(urlAt(server));
    assert.deepEqual(await store.inbox.accept(delivery({ eventId: 'before' })), { kind: 'stored' });
    for (const [inner, outer] of pairs) {
      inner.unpipe(outer);
      inner.pause();
    }
    const { error, tookMs } = await refusalOf(store.inbox.accept(delivery({ eventId: 'meanwhile' })));
    assert.ok(error instanceof StoreUnavailableError, error.stack);
    assert.ok(tookMs < 8_000, `${tookMs} ms`);
    for (const [inner] of pairs.splice(0)) inner.destroy();
    assert.deepEqual(await store.inbox.accept(delivery({ eventId: 'after' })), { kind: 'stored' });
    await store.close();
  });

  it('is told within three seconds when every connection is taken', async () => {
    const own = await openStore();
    const store = storeAt(own.database.url, 1);
    await store.inbox.accept(delivery({ eventId: 'locked' }));
    // A lock held elsewhere keeps the only connection busy.
    const blocker = new Client({ connectionString: own.database.url });
    await blocker.connect();
    await blocker.query('BEGIN; LOCK TABLE inbox_event IN ACCESS EXCLUSIVE MODE');
    const refusals = await Promise.all(
      ['blocked-1', 'blocked-2'].map((eventId) => refusalOf(store.inbox.accept(delivery({ eventId })))),
    );
    await blocker.end();
    await own.end();
    for (const { error, tookMs } of refusals) {
      assert.ok(error instanceof StoreUnavailableError, error.stack);
      assert.ok(tookMs < 8_000, `${tookMs} ms`);
    }
  });
});

describe('connections', () => {
  it('that the server ends are replaced without anybody noticing, and are heard of', async () => {
    const heard: Error[] = [];
    const store = createStore({
      databaseUrl: t.database.url,
      sealer: t.sealer,
      poolMax: 2,
      log: { warn: () => undefined },
      onPoolError: (error) => heard.push(error),
    });
    await store.inbox.accept(delivery({ eventId: 'c1' }));
    await t.database.query(
      `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'appconnect-lifecycle' AND datname = current_database()`,
    );
    while (heard.length === 0) await new Promise((resolve) => setImmediate(resolve));
    assert.deepEqual(await store.inbox.accept(delivery({ eventId: 'c2' })), { kind: 'stored' });
    await store.close();
  });

  it('keep their settings beside those of the address', async () => {
    const url = new URL(t.database.url);
    url.searchParams.set('options', '-c work_mem=8MB -c TimeZone=Asia/Tokyo');
    const store = storeAt(url.href);
    await store.inbox.accept(
      delivery({ eventId: 'zoned', accountId: 'zoned', createdAt: new Date('2026-03-29T01:30:00.000Z') }),
    );
    const [untaken] = await store.processes.untaken({ appId: 'app-1', accountId: 'zoned' });
    assert.equal(untaken?.createdAt.toISOString(), '2026-03-29T01:30:00.000Z');
    await store.close();
  });

  it('are not opened before they are needed, and none is left after the end', async () => {
    const server = await listen(() => assert.fail('a connection was opened'));
    const idle = storeAt(urlAt(server));
    await idle.close();
    server.close();
    await assert.rejects(idle.inbox.accept(delivery()), StoreUnavailableError);
  });
});
