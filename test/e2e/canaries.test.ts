import assert from 'node:assert/strict';
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { historyToJSON } from '@temporalio/common/lib/proto-utils.js';
import protobuf from '@temporalio/proto';
import { Client as PostgresClient } from 'pg';
import { createChildren } from '../../local/children.js';
import { type Postgres, startPostgres } from '../../local/postgres.js';
import { applyMigrations } from '../../store/migrations.js';
import { awaitOutcomes } from '../support/outcomes.js';
import { eventually } from '../support/eventually.js';
import { type Leak, leaksIn, leaksInFolder, patternsOf } from '../support/leaks.js';
import { type ServiceProcess, startServiceProcess } from '../support/service.js';
import type { CreatedInstallation } from '../support/simulator.js';
import { createSurroundings, type Surroundings } from '../support/stack.js';
import { connectTemporal, createOwnDevServer, type OwnTemporalServer, type TestTemporal } from '../support/temporal.js';

const TEMPLATE = 'canary_template';

/** Everything that keeps data lies below this folder: PostgreSQL, Temporal, logs. */
let folder: string;
let postgres: Postgres;
let server: OwnTemporalServer;
let temporal: TestTemporal;
let surroundings: Surroundings;
let service: ServiceProcess;
let secrets: { name: string; value: string }[];
let installed: CreatedInstallation[];

before(async () => {
  folder = mkdtempSync(join(tmpdir(), 'appconnect-canaries-'));
  chmodSync(folder, 0o755);
  const children = createChildren({ dataDir: folder, say: () => undefined });
  postgres = await startPostgres({ dataDir: folder, children, say: () => undefined, env: process.env });
  await postgres.ensureDatabase(TEMPLATE);
  await applyMigrations(postgres.urlOf(TEMPLATE));
  // The databases of this file live in its own server, whose files can then be read whole.
  process.env['TEST_POSTGRES_URL'] = postgres.urlOf('postgres');
  process.env['TEST_TEMPLATE_DATABASE'] = TEMPLATE;
  server = await createOwnDevServer({ dir: folder });
  temporal = await connectTemporal(server.address);
  surroundings = await createSurroundings({
    temporalAddress: server.address,
    env: { LOG_LEVEL: 'trace' },
  });
  service = await startServiceProcess(surroundings, 'service');
  await exerciseEveryWay();
  const given = await surroundings.simulator.control.secrets();
  const sealingKey = surroundings.env['SEALING_KEYS']?.split(':')[1] as string;
  secrets = [
    ...given.map((value, index) => ({ name: `simulator's secret ${index}`, value })),
    { name: 'the sealing key', value: sealingKey },
  ];
});
after(async () => {
  await service?.kill('SIGKILL');
  await temporal?.close();
  await surroundings?.stop();
  await server?.stop();
  await postgres?.stop();
  rmSync(folder, { recursive: true, force: true });
});

/** A healthy install with a rotation, an update and a logout; failures with talkative answers, a refusal, forged and unusable deliveries. */
async function exerciseEveryWay(): Promise<void> {
  const { control } = surroundings.simulator;
  const create = (accountName: string) =>
    control.createInstallation({ app_id: surroundings.appId, account_name: accountName });
  const healthy = await create('healthy');
  installed = [healthy];
  await settled(healthy);
  for (const change of [control.rotate, control.update, control.logout]) {
    const { event_id } = await change(healthy.installation_id);
    await awaitOutcomes(surroundings, [event_id]);
  }

  await control.fault({ route: 'token', kind: 'status', status: 401, times: 2, body: { error: 'invalid_client' } });
  await control.fault({ route: 'account', kind: 'status', status: 500, times: 3, body: '<html>broken</html>' });
  await control.fault({ route: 'state', kind: 'reset', when: 'after' });
  installed.push(await create('troubled'));

  await surroundings.product.query('INSERT INTO blocked_account (account_name, reason) VALUES ($1, $2)', [
    'blocked',
    'unpaid invoices',
  ]);
  installed.push(await create('blocked'));

  const forged = await control.createInstallation({
    app_id: surroundings.appId,
    account_name: 'forged',
    deliver: false,
  });
  assert.equal((await control.deliver(forged.event_id, { sign: { tamper: 'changed-body' } })).status, 401);

  const strangersApp = 'f'.repeat(32);
  await control.registerApp(strangersApp, { callback_url: webhook() });
  const foreign = await control.createInstallation({ app_id: strangersApp, account_name: 'foreign', deliver: false });
  assert.equal((await control.deliver(foreign.event_id)).status, 200);

  for (const installation of installed) await settled(installation);
}

function webhook(): string {
  const address = /"ingressUrl":"([^"]+)"/.exec(readFileSync(service.logFile, 'utf8'))?.[1];
  return `${address}/webhooks/talkdesk`;
}

async function settled(installation: CreatedInstallation): Promise<void> {
  await eventually(
    `${installation.account_name} is settled`,
    async () => {
      const rows = await surroundings.database.query<{ status: string }>(
        'SELECT status FROM inbox_event WHERE id = $1',
        [installation.event_id],
      );
      return rows[0]?.status === 'settled';
    },
    150_000,
  );
}

/** Histories of all runs, as JSON and as the bytes that Temporal sends. */
async function histories(): Promise<{ place: string; bytes: Buffer }[]> {
  const texts: { place: string; bytes: Buffer }[] = [];
  for await (const run of temporal.client.workflow.list()) {
    const handle = temporal.client.workflow.getHandle(run.workflowId, run.runId);
    const history = await handle.fetchHistory();
    texts.push({ place: `history ${run.workflowId} (JSON)`, bytes: Buffer.from(historyToJSON(history)) });
    const encoded = protobuf.temporal.api.history.v1.History.encode(history).finish();
    texts.push({ place: `history ${run.workflowId} (protobuf)`, bytes: Buffer.from(encoded) });
  }
  return texts;
}

/** Every row of every table, as text: files may hold long values compressed. */
async function rows(): Promise<{ place: string; bytes: Buffer }[]> {
  const tables = await surroundings.database.query<{ name: string }>(
    `SELECT quote_ident(tablename) AS name FROM pg_tables WHERE schemaname = 'public'`,
  );
  return await Promise.all(
    tables.map(async ({ name }) => {
      const content = await surroundings.database.query<{ row: string }>(`SELECT t::text AS row FROM ${name} t`);
      return { place: `table ${name}`, bytes: Buffer.from(content.map(({ row }) => row).join('\n')) };
    }),
  );
}

async function checkpoint(): Promise<void> {
  const client = new PostgresClient({ connectionString: postgres.urlOf('postgres') });
  await client.connect();
  await client.query('CHECKPOINT');
  await client.end();
}

async function search(): Promise<{ leaks: Leak[]; places: string[]; bytes: number }> {
  const patterns = patternsOf(secrets);
  await checkpoint();
  const texts = [...(await histories()), ...(await rows())];
  texts.push({ place: 'log of the service', bytes: readFileSync(service.logFile) });
  const files = leaksInFolder(folder, patterns);
  return {
    leaks: [...texts.flatMap(({ place, bytes }) => leaksIn(place, bytes, patterns)), ...files.leaks],
    places: texts.map(({ place }) => place),
    bytes: files.bytes,
  };
}

describe('client secrets, private keys, tokens, assertions and the sealing key', () => {
  it('are nowhere in logs, histories, Temporal’s files, tables, or PostgreSQL’s files', async () => {
    // Of five installations and a rotation the client secret and the private key, of three at least one token and one assertion.
    assert.ok(secrets.length >= 6 * 2 + 3 * 2 + 1, `${secrets.length} secrets to look for`);
    const outcomes = await surroundings.database.query<{ outcome: string }>(
      'SELECT outcome FROM process ORDER BY outcome',
    );
    assert.deepEqual(
      outcomes.map(({ outcome }) => outcome),
      ['acknowledged', 'approved', 'approved', 'approved', 'rejected'],
    );
    for (const table of ['refused_delivery', 'quarantine', 'credential']) {
      const [count] = await surroundings.database.query<{ n: number }>(`SELECT count(*)::int AS n FROM ${table}`);
      assert.ok((count?.n ?? 0) > 0, `${table} holds something`);
    }
    const found = await search();
    assert.deepEqual(found.leaks, []);
    assert.ok(found.places.filter((place) => place.startsWith('history')).length >= 6);
    assert.ok(found.bytes > 10_000_000, 'the data files were read');
    assert.ok(existsSync(server.dbFile));
  });

  it('would be found: a leak planted in each place, in another spelling each time, is reported', async () => {
    const secret = (index: number) => secrets[index] as { name: string; value: string };
    writeFileSync(service.logFile, `GET /?token=${encodeURIComponent(`${secret(0).value}+`)}\n`, { flag: 'a' });
    await surroundings.database.query('CREATE TABLE planted (value text)');
    await surroundings.database.query('INSERT INTO planted VALUES ($1)', [
      Buffer.from(secret(1).value).toString('hex'),
    ]);
    await temporal.client.workflow.start('planted', {
      workflowId: 'planted',
      taskQueue: 'nobody',
      args: [{ leak: secret(2).value }],
      memo: { note: Buffer.from(`x${secret(3).value}`).toString('base64') },
    });
    await eventually('the planted run is listed', async () => {
      for await (const { workflowId } of temporal.client.workflow.list()) if (workflowId === 'planted') return true;
      return false;
    });
    const { leaks } = await search();
    const seen = (name: string, place: RegExp) => leaks.some((leak) => leak.secret === name && place.test(leak.place));
    assert.ok(seen(secret(0).name, /^log of the service$/));
    assert.ok(seen(secret(1).name, /^table planted$/), 'in the table');
    assert.ok(
      leaks.some((leak) => leak.secret === secret(1).name && /(base|pg_wal)\//.test(leak.place)),
      'in a data file',
    );
    assert.ok(seen(secret(2).name, /JSON/), 'in the history as JSON');
    assert.ok(seen(secret(2).name, /protobuf/), 'in the history as protobuf');
    assert.ok(seen(secret(2).name, /temporal\.db/), 'in Temporal’s file');
    assert.ok(seen(secret(3).name, /protobuf/), 'as base64 inside base64');
  });
});
