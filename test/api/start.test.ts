import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { Client, Connection } from '@temporalio/client';
import { type RunningApi, startApi } from '../../api/start.js';
import { loadConfig } from '../../config/index.js';
import { freePort } from '../../local/ports.js';
import { createTestDatabase, type TestDatabase } from '../support/database.js';
import { fromRunner, uniqueName } from '../support/temporal.js';
import {
  APP_ID,
  deliver,
  EVENT_SECRETS,
  installedEvent,
  type KeyEndpoint,
  newSigningKey,
  send,
  type SigningKey,
  signatureHeaders,
  startKeyEndpoint,
} from './support/deliveries.js';
import { captureLog } from './support/log.js';

const SHIPPED_REGION_NAMES = ['us', 'eu', 'ca', 'au', 'au-mytalkdesk', 'uk'];

describe('the ingress as a whole', () => {
  const { log, lines } = captureLog();
  const taskQueue = uniqueName('api-test');
  const running: RunningApi[] = [];
  let dir: string;
  let database: TestDatabase;
  let key: SigningKey;
  let keys: KeyEndpoint;
  let connection: Connection;
  let client: Client;
  let env: Record<string, string>;

  before(async () => {
    dir = await mkdtemp(join(tmpdir(), 'appconnect-api-'));
    database = await createTestDatabase();
    key = newSigningKey();
    keys = await startKeyEndpoint(key);
    connection = await Connection.connect({ address: fromRunner('TEST_TEMPORAL_ADDRESS') });
    client = new Client({ connection, namespace: 'default' });
    // Every region answers from here, so that nothing of the outside is asked for a key.
    const regions = SHIPPED_REGION_NAMES.map((name) => ({ name, gateway: keys.url, tokenHosts: ['*.talkdeskid.com'] }));
    await writeFile(join(dir, 'regions.json'), JSON.stringify(regions));
    await writeFile(join(dir, 'apps.json'), JSON.stringify({ [APP_ID]: {} }));
    env = {
      DATABASE_URL: database.url,
      TEMPORAL_ADDRESS: fromRunner('TEST_TEMPORAL_ADDRESS'),
      TEMPORAL_TASK_QUEUE: taskQueue,
      PORT: '0',
      OPS_PORT: '0',
      TALKDESK_REGIONS_FILE: join(dir, 'regions.json'),
      ALLOW_INSECURE_HTTP: keys.hostPort,
      SEALING_KEYS: `k1:${randomBytes(32).toString('base64')}`,
      APPS_FILE: join(dir, 'apps.json'),
      SWEEP_INTERVAL_MS: '100',
    };
  });
  afterEach(async () => {
    for (const api of running.splice(0)) await api.stop();
  });
  after(async () => {
    await connection?.close();
    await keys?.close();
    await database?.drop();
    await rm(dir, { recursive: true, force: true });
  });

  async function start(changes: Record<string, string> = {}): Promise<RunningApi> {
    const api = await startApi(loadConfig({ ...env, ...changes }, { worker: false }), { log });
    running.push(api);
    return api;
  }

  /** An ingress that has begun a run: the first hand-over waits for a connection to Temporal, maybe longer than it may take. */
  async function startConnected(): Promise<RunningApi> {
    const api = await start();
    const { body, eventId } = installedEvent();
    assert.equal((await deliver(`${api.ingressUrl}/webhooks/talkdesk`, key, body)).status, 200);
    await until(async () => (await dispatchedAt(eventId)) !== null);
    return api;
  }

  async function inputOf(accountId: string): Promise<unknown> {
    const { events } = await client.workflow.getHandle(`${APP_ID}/${accountId}`).fetchHistory();
    const input = events?.[0]?.workflowExecutionStartedEventAttributes?.input?.payloads?.[0]?.data;
    return JSON.parse(Buffer.from(input ?? []).toString());
  }

  async function dispatchedAt(eventId: string): Promise<Date | null> {
    const rows = await database.query<{ dispatched_at: Date | null }>(
      'SELECT dispatched_at FROM inbox_event WHERE id = $1',
      [eventId],
    );
    assert.equal(rows.length, 1);
    return rows[0]?.dispatched_at ?? null;
  }

  it('starts the run right after the acknowledgement', async () => {
    const api = await startConnected();
    const event = installedEvent();
    const answer = await deliver(`${api.ingressUrl}/webhooks/talkdesk`, key, event.body);
    assert.equal(answer.status, 200);
    await until(async () => (await dispatchedAt(event.eventId)) !== null);
    assert.deepEqual(await inputOf(event.accountId), { tenant: { appId: APP_ID, accountId: event.accountId } });
    const described = await client.workflow.getHandle(`${APP_ID}/${event.accountId}`).describe();
    assert.equal(described.taskQueue, taskQueue);
    const metrics = await send(`${api.opsUrl}/metrics`, { method: 'GET' });
    assert.ok(metrics.body.includes('appconnect_dispatches_total{result="started"} 2'));
    assert.ok(metrics.body.includes('process_cpu_seconds_total'));
  });

  it('accepts while Temporal is away; the sweeper hands over when it is back', async () => {
    const blind = await start({ TEMPORAL_ADDRESS: `127.0.0.1:${await freePort()}` });
    const event = installedEvent();
    assert.equal((await deliver(`${blind.ingressUrl}/webhooks/talkdesk`, key, event.body)).status, 200);
    assert.equal((await send(`${blind.opsUrl}/livez`, { method: 'GET' })).status, 200);
    assert.equal((await send(`${blind.opsUrl}/readyz`, { method: 'GET' })).status, 200);
    await until(() =>
      lines.some((line) => line.includes(event.eventId) && line.includes('the sweeper will try again')),
    );
    assert.equal(await dispatchedAt(event.eventId), null);
    await running.pop()?.stop();

    await start();
    await until(async () => (await dispatchedAt(event.eventId)) !== null);
    assert.deepEqual(await inputOf(event.accountId), {
      tenant: { appId: APP_ID, accountId: event.accountId },
      durableFirst: true,
    });
  });

  it('works with a key it learnt before, while the key endpoint is away', async () => {
    const first = await start();
    assert.equal((await deliver(`${first.ingressUrl}/webhooks/talkdesk`, key, installedEvent().body)).status, 200);
    await running.pop()?.stop();
    keys.mode = 'failing';
    try {
      const second = await start();
      assert.equal((await deliver(`${second.ingressUrl}/webhooks/talkdesk`, key, installedEvent().body)).status, 200);
    } finally {
      keys.mode = 'serving';
    }
  });

  it('lets a delivery that is under way finish when it is told to stop', async () => {
    const api = await startConnected();
    const { body, eventId } = installedEvent();
    const url = new URL(api.ingressUrl);
    const socket = connect(Number(url.port), url.hostname);
    let text = '';
    socket.on('data', (chunk: Buffer) => {
      text += chunk.toString('latin1');
    });
    const headers = { Host: 'x', ...signatureHeaders(key, body), 'Content-Length': String(body.length) };
    const head = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
    socket.write(`POST /webhooks/talkdesk HTTP/1.1\r\n${head.join('')}\r\n`);
    socket.write(body.subarray(0, 100));
    // Served on the same process: once this is answered, the head above has been read.
    await send(`${api.ingressUrl}/other`);
    const stopped = running.pop()?.stop();
    await assert.rejects(send(`${api.ingressUrl}/other`), /ECONNREFUSED/);
    socket.write(body.subarray(100));
    await once(socket, 'close');
    await stopped;
    assert.match(text, /^HTTP\/1\.1 200 OK\r\n/);
    assert.notEqual(await dispatchedAt(eventId), null);
  });

  it('refuses to start on a database that lacks a migration', async () => {
    const empty = await createTestDatabase({ empty: true });
    await assert.rejects(start({ DATABASE_URL: empty.url }), /lacks .+: run "npm run db:migrate" first/);
    await empty.drop();
  });

  it('says which settings to change when an address is taken, and leaves nothing open', async () => {
    const api = await start();
    const port = new URL(api.ingressUrl).port;
    await assert.rejects(start({ PORT: port }), (error: Error) => {
      assert.equal(
        error.message,
        `127.0.0.1:${port} is in use by another process: end it or set HOST and PORT differently`,
      );
      return true;
    });
    await assert.rejects(start({ OPS_PORT: port }), /set OPS_HOST and OPS_PORT differently$/);
    // PostgreSQL lists a connection for a moment after its end; one left open would stay for a minute.
    await until(async () => {
      const [left] = await database.query<{ n: number }>(
        `SELECT count(*)::int AS n FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'appconnect-lifecycle'`,
      );
      return left !== undefined && left.n <= 2;
    });
    await running.pop()?.stop();
  });

  it('logs no secret', () => {
    const text = lines.join('');
    assert.ok(lines.length > 10);
    for (const secret of [...EVENT_SECRETS, env['SEALING_KEYS']?.slice(3) ?? '', 'client_secret'])
      assert.ok(!text.includes(secret));
  });

  it('is a process that starts, serves and ends on SIGTERM', async () => {
    const child = spawn(
      process.execPath,
      ['--import', 'tsx', fileURLToPath(new URL('../../api/main.ts', import.meta.url))],
      {
        env: { PATH: process.env['PATH'], ...env },
        stdio: ['ignore', 'pipe', 'pipe'],
      },
    );
    let output = '';
    child.stdout.on('data', (chunk: Buffer) => {
      output += chunk.toString();
    });
    await until(() => output.includes('ingress is up'));
    const { ingressUrl } = JSON.parse(output.split('\n').find((line) => line.includes('ingress is up')) ?? '{}');
    assert.equal((await deliver(`${ingressUrl}/webhooks/talkdesk`, key, installedEvent().body)).status, 200);
    child.kill('SIGTERM');
    const [code] = await once(child, 'exit');
    assert.equal(code, 0);
    await assert.rejects(send(`${ingressUrl}/webhooks/talkdesk`), /ECONNREFUSED/);
  });

  it('ends with one sentence when its settings are wrong', async () => {
    const child = spawn(
      process.execPath,
      ['--import', 'tsx', fileURLToPath(new URL('../../api/main.ts', import.meta.url))],
      {
        env: { PATH: process.env['PATH'], ...env, PORT: 'many' },
        stdio: ['ignore', 'pipe', 'pipe'],
      },
    );
    let errors = '';
    child.stderr.on('data', (chunk: Buffer) => {
      errors += chunk.toString();
    });
    const [code] = await once(child, 'close');
    assert.equal(code, 1);
    assert.match(errors, /PORT/);
    assert.ok(!errors.includes('    at '));
  });
});

async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  const giveUpMs = performance.now() + 40_000;
  while (!(await condition())) {
    assert.ok(performance.now() < giveUpMs, 'the condition was not met in time');
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
