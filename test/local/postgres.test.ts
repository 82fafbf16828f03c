import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { Client } from 'pg';
import { createChildren } from '../../local/children.js';
import { LocalError } from '../../local/local-error.js';
import { type Postgres, type PostgresOptions, startPostgres } from '../../local/postgres.js';
import { identityOf } from '../../local/process-identity.js';
import { scratchDir } from './scratch.js';

/** A server on the folder, ended after the test whatever happens. */
async function start(t: TestContext, dataDir: string, changes: Partial<PostgresOptions> = {}): Promise<Postgres> {
  const children = createChildren({ dataDir, say: assert.fail });
  t.after(() => children.killAll());
  return startPostgres({ dataDir, children, say: assert.fail, env: process.env, ...changes });
}

async function query(url: string, sql: string): Promise<unknown[]> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query(sql)).rows;
  } finally {
    await client.end();
  }
}

test('it serves on 127.0.0.1 with a password that only its files hold, stops in order, and finds its data again', async (t) => {
  const dataDir = scratchDir(t);
  const first = await start(t, dataDir);
  await first.ensureDatabase('shop');
  await first.ensureDatabase('shop');
  await query(first.urlOf('shop'), 'CREATE TABLE kept AS SELECT 42 AS answer');
  assert.deepEqual(await query(first.urlOf('shop'), 'SHOW listen_addresses'), [{ listen_addresses: '127.0.0.1' }]);

  const wrong = new URL(first.urlOf('shop'));
  wrong.password = 'guessed';
  await assert.rejects(query(wrong.href, 'SELECT 1'), { code: '28P01' });
  const passwordFile = join(dataDir, 'postgres', 'password');
  assert.equal(statSync(passwordFile).mode & 0o777, 0o600);
  const password = readFileSync(passwordFile, 'utf8').trim();
  assert.ok(password.length >= 32);
  assert.ok(!readFileSync(first.child.logFile, 'utf8').includes(password));

  await first.stop();
  assert.equal(await first.child.ended, 'ended with code 0');
  assert.match(first.child.output(), /database system is shut down/);

  const second = await start(t, dataDir);
  assert.deepEqual(await query(second.urlOf('shop'), 'SELECT answer FROM kept'), [{ answer: 42 }]);
  await second.stop();
});

test('killed while it writes, it recovers at the next start; a pid file that names a stranger is no obstacle', async (t) => {
  const dataDir = scratchDir(t);
  const first = await start(t, dataDir);
  await query(first.urlOf('postgres'), 'CREATE TABLE kept AS SELECT generate_series(1, 1000) AS n');
  process.kill(first.child.pid, 'SIGKILL');
  assert.equal(await first.child.ended, 'was ended by SIGKILL');

  // The number of the dead server has been given to somebody else, whom PostgreSQL would take for a server of its user.
  const pidFile = join(dataDir, 'postgres', 'data', 'postmaster.pid');
  const { uid, gid } = statSync(pidFile);
  // Not this very Node, which another user may not be allowed to run.
  const stranger = spawn('sleep', ['600'], {
    stdio: 'ignore',
    cwd: '/',
    uid,
    gid,
  });
  await once(stranger, 'spawn');
  t.after(() => stranger.kill('SIGKILL'));
  const lines = readFileSync(pidFile, 'utf8').split('\n');
  writeFileSync(pidFile, [String(stranger.pid), ...lines.slice(1)].join('\n'));

  const second = await start(t, dataDir);
  assert.deepEqual(await query(second.urlOf('postgres'), 'SELECT count(*)::int AS n FROM kept'), [{ n: 1000 }]);
  assert.notEqual(identityOf(stranger.pid ?? -1), null, 'the stranger is left alone');
  await second.stop();
});

test('a server that outlived its parent and is on no record is found by its pid file and ended', async (t) => {
  const dataDir = scratchDir(t);
  const first = await start(t, dataDir);
  const said: string[] = [];
  const second = await start(t, dataDir, { say: (line) => said.push(line) });
  assert.equal(await first.child.ended, 'ended with code 0', 'it was asked to stop in order');
  assert.match(String(said[0]), new RegExp(`PostgreSQL \\(process ${first.child.pid}\\) left behind`));
  assert.deepEqual(await query(second.urlOf('postgres'), 'SELECT 1 AS one'), [{ one: 1 }]);
  await second.stop();
});

test('what keeps it from starting is told in words: a port in use, a damaged cluster', async (t) => {
  const dataDir = scratchDir(t);
  const occupant = createServer();
  occupant.listen(0, '127.0.0.1');
  await once(occupant, 'listening');
  t.after(() => occupant.close());
  const { port } = occupant.address() as AddressInfo;
  await assert.rejects(start(t, dataDir, { port }), (error) => {
    assert.ok(error instanceof LocalError);
    assert.equal(
      error.message,
      `Port ${port} for the PostgreSQL server is in use: end what uses it, or choose another one, for example POSTGRES_PORT=0 for any free port.`,
    );
    return true;
  });

  writeFileSync(join(dataDir, 'postgres', 'data', 'postgresql.conf'), 'shared_buffers = plenty\n');
  await assert.rejects(
    start(t, dataDir),
    /PostgreSQL ended with code 1. Its last lines \(.*postgres\.log\):\n.*shared_buffers/s,
  );
});
