import assert from 'node:assert/strict';
import { once } from 'node:events';
import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import { Client } from 'pg';
import { createChildren } from '../../local/children.js';
import { startPostgres } from '../../local/postgres.js';
import { processesMarked } from '../support/processes.js';
import { scratchDir, until } from './scratch.js';
import { childrenOf, startLocalMode, stillRunning } from './start-process.js';

/** What a newcomer sees: each moment with its elapsed time, in order but for account and users, which are read together. */
const TIMELINE = new RegExp(
  [
    'received +\\+0 ms.*',
    'acknowledged +\\+\\d+ ms.*',
    'token +\\+\\d+ ms.*',
    '(?:account +\\+\\d+ ms.*\\n +users +\\+\\d+ ms +3 users|users +\\+\\d+ ms +3 users\\n +account +\\+\\d+ ms.*)',
    'provisioned +\\+\\d+ ms.*',
    'approved +\\+\\d+ ms',
  ].join('\\n +'),
);

test('npm start -- --once installs, ends with 0 and leaves nothing running; the next one finds its data', async (t) => {
  const dataDir = scratchDir(t);
  const first = startLocalMode(t, dataDir, ['--once']);
  assert.equal(await first.exited, 0, first.stdout() + first.stderr());
  assert.match(first.stdout(), TIMELINE);
  assert.match(first.stdout(), /is completed at Talkdesk; account and users are in the product\.\n$/);
  assert.equal(first.stderr(), '');
  assert.deepEqual(processesMarked(dataDir), []);
  assert.equal(existsSync(join(dataDir, 'lock')), false);

  for (const secret of ['sealing-keys', 'product-password', join('postgres', 'password')]) {
    assert.equal(statSync(join(dataDir, secret)).mode & 0o777, 0o600, secret);
  }
  const sealingKeys = readFileSync(join(dataDir, 'sealing-keys'), 'utf8');
  const bundleMadeAt = statSync(join(dataDir, 'workflow-bundle')).mtimeMs;
  const second = startLocalMode(t, dataDir, ['--once']);
  assert.equal(await second.exited, 0, second.stdout() + second.stderr());
  assert.equal(readFileSync(join(dataDir, 'sealing-keys'), 'utf8'), sealingKeys);
  assert.equal(statSync(join(dataDir, 'workflow-bundle')).mtimeMs, bundleMadeAt, 'made once');

  const children = createChildren({ dataDir, say: assert.fail });
  t.after(() => children.killAll());
  const postgres = await startPostgres({ dataDir, children, say: assert.fail, env: process.env });
  const client = new Client({ connectionString: postgres.urlOf('appconnect') });
  await client.connect();
  const { rows } = await client.query('SELECT outcome, count(*)::int AS n FROM process GROUP BY outcome');
  await client.end();
  await postgres.stop();
  assert.deepEqual(rows, [{ outcome: 'approved', n: 2 }]);
});

test('it stays up, refuses a second start, is found again after a kill, and stops in order on SIGTERM', async (t) => {
  const dataDir = scratchDir(t);
  const first = startLocalMode(t, dataDir, []);
  await first.says(/Ctrl-C stops everything in order/);
  assert.match(first.stdout(), TIMELINE);
  const [, readyz] = await first.says(/health, metrics +(\S+)/);
  assert.equal((await fetch(String(readyz))).status, 200);
  const [, page] = await first.says(/this run in the Web UI +(\S+)/);
  assert.match(String(page), /\/namespaces\/default\/workflows\/demo-app%2F[0-9a-f]{32}\/[0-9a-f-]{36}\/history$/);
  assert.equal((await fetch(String(page))).status, 200);
  const [, simulator] = await first.says(/simulator's page +(http:\/\/[^/\s]+)/);
  const moved = await fetch(`${simulator}/_control/clock`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ advance_ms: 604_800_000 }),
  });
  const { followers } = (await moved.json()) as { followers: object[] };
  const told = String(readyz).replace('/readyz', '/dev/clock');
  assert.deepEqual(followers, [{ url: told, last_error: null }], 'one jump moves the service, too');

  const other = startLocalMode(t, dataDir, []);
  assert.equal(await other.exited, 1);
  assert.equal(
    other.stderr(),
    `The data folder ${dataDir} is in use by another start (process ${first.pid}): stop that one, or choose another folder, for example DATA_DIR=.data2.\n`,
  );

  const orphans = childrenOf(dataDir);
  assert.deepEqual(
    orphans.map(({ what }) => what),
    ['postgres', 'simulator', 'temporal'],
  );
  first.kill('SIGKILL');
  await first.exited;
  // The simulator ends with its parent; the two that keep data have to be found.
  await until('the simulator has ended', () => stillRunning(orphans).join() === 'postgres,temporal');

  const second = startLocalMode(t, dataDir, []);
  await second.says(/Ctrl-C stops everything in order/);
  assert.match(second.stdout(), /Found postgres \(process \d+\) left behind/);
  assert.match(second.stdout(), /Found temporal \(process \d+\) left behind/);
  assert.match(second.stdout(), TIMELINE);
  assert.deepEqual(stillRunning(orphans), []);

  const started = childrenOf(dataDir);
  second.kill('SIGTERM');
  assert.equal(await second.exited, 0, second.stderr());
  assert.equal(second.stderr(), '');
  assert.deepEqual(stillRunning(started), []);
  assert.deepEqual(processesMarked(dataDir), []);
});

test('a signal while everything is starting leaves nothing running', async (t) => {
  const dataDir = scratchDir(t);
  const start = startLocalMode(t, dataDir, []);
  await until(
    'PostgreSQL runs',
    () => existsSync(join(dataDir, 'run')) && childrenOf(dataDir).some(({ what }) => what === 'postgres'),
    60_000,
  );
  const started = childrenOf(dataDir);
  start.kill('SIGINT');
  assert.equal(await start.exited, 0, start.stderr());
  assert.match(start.stdout(), /SIGINT: stopping/);
  assert.deepEqual(stillRunning(started), []);
  assert.deepEqual(processesMarked(dataDir), []);
});

test('when a part ends by itself, the reason is told and the rest is stopped', async (t) => {
  const dataDir = scratchDir(t);
  const start = startLocalMode(t, dataDir, []);
  await start.says(/Ctrl-C stops everything in order/);
  const started = childrenOf(dataDir);
  const temporal = started.find(({ what }) => what === 'temporal');
  process.kill(Number(temporal?.pid), 'SIGKILL');
  assert.equal(await start.exited, 1);
  assert.match(start.stderr(), /^Temporal was ended by SIGKILL unexpectedly\. Its last lines \(.*temporal\.log\):/);
  assert.deepEqual(stillRunning(started), []);
});

test('what is in the way is told in one sentence that says what to do', async (t) => {
  const dir = scratchDir(t);
  const occupant = createServer();
  occupant.listen(0, '127.0.0.1');
  await once(occupant, 'listening');
  t.after(() => occupant.close());
  const { port } = occupant.address() as AddressInfo;
  writeFileSync(join(dir, 'file'), '');
  const cases: [string, Record<string, string>, RegExp][] = [
    ['a', { PORT: String(port) }, new RegExp(`^Port ${port} for the ingress is in use: .*PORT=0.*\\n$`)],
    [
      'b',
      { TEMPORAL_UI_PORT: String(port) },
      new RegExp(`^Port ${port} for the Temporal Web UI is in use: .*TEMPORAL_UI_PORT=0.*\\n$`),
    ],
    ['c', { OPS_PORT: 'many' }, /^OPS_PORT must be a port from 1 to 65535, or 0 for any free one\.\n$/],
    [
      'd',
      { TEMPORAL_CLI_PATH: '/no/such/temporal' },
      /^TEMPORAL_CLI_PATH is set to \/no\/such\/temporal, but it does not run .*: correct it or unset it\.\n$/,
    ],
    [join('file', 'data'), {}, /^Cannot use the data folder .*: a file is in the way of a folder\. .*\n$/],
  ];
  await Promise.all(
    cases.map(async ([name, env, sentence]) => {
      const start = startLocalMode(t, join(dir, name), ['--once'], env);
      assert.equal(await start.exited, 1);
      assert.match(start.stderr(), sentence);
    }),
  );
  assert.deepEqual(processesMarked(dir), []);
});

test('--help tells what it starts and ends; a word it does not know is refused', async (t) => {
  const dir = scratchDir(t);
  const help = startLocalMode(t, join(dir, 'data'), ['--help']);
  const unknown = startLocalMode(t, join(dir, 'data'), ['--onec']);
  assert.equal(await help.exited, 0);
  assert.match(help.stdout(), /npm start -- --once/);
  assert.equal(await unknown.exited, 1);
  assert.match(unknown.stderr(), /^--onec is not known here\./);
  assert.equal(existsSync(join(dir, 'data')), false);
});
