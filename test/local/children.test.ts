import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { type ChildSpec, createChildren } from '../../local/children.js';
import { identityOf, type ProcessIdentity } from '../../local/process-identity.js';
import { scratchDir, until } from './scratch.js';

const WAIT = 'setInterval(() => {}, 1000)';
const STUBBORN = "process.on('SIGTERM', () => {}); process.stdout.write('deaf\\n'); setInterval(() => {}, 1000)";

function specOf(script: string, changes: Partial<ChildSpec> = {}): ChildSpec {
  return {
    what: 'waiter',
    command: process.execPath,
    args: ['-e', script],
    env: {},
    stopSignal: 'SIGTERM',
    stopTimeoutMs: 5_000,
    ...changes,
  };
}

/** A child of the test itself, unknown to the code under test. */
async function stranger(t: TestContext): Promise<ProcessIdentity> {
  const started = spawn(process.execPath, ['-e', WAIT], { stdio: 'ignore' });
  await once(started, 'spawn');
  t.after(() => started.kill('SIGKILL'));
  const identity = identityOf(started.pid ?? -1);
  assert.ok(identity);
  return identity;
}

/** Starts a parent that starts a child, and kills the parent as a power cut would. Gives the child's pid. */
async function orphanOf(t: TestContext, dataDir: string): Promise<number> {
  const fixture = fileURLToPath(new URL('./fixture-parent.ts', import.meta.url));
  const parent = spawn(process.execPath, ['--import', 'tsx', fixture, dataDir], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [chunk] = (await once(parent.stdout, 'data')) as [Buffer];
  const pid = Number(chunk.toString());
  t.after(() => {
    if (identityOf(pid) !== null) process.kill(pid, 'SIGKILL');
  });
  parent.kill('SIGKILL');
  await once(parent, 'exit');
  assert.notEqual(identityOf(pid), null, 'the child outlives its parent');
  return pid;
}

function record(dataDir: string, content: object): string {
  mkdirSync(join(dataDir, 'run'), { recursive: true });
  const file = join(dataDir, 'run', 'waiter-1.json');
  writeFileSync(file, JSON.stringify(content));
  return file;
}

test('a child writes to its log, is on record while it runs, and is in a process group of its own', async (t) => {
  const dataDir = scratchDir(t);
  const child = createChildren({ dataDir, say: assert.fail }).start(
    specOf(`console.log('one'); console.error('two'); ${WAIT}`),
  );
  t.after(() => child.stop());
  await until('both lines are in the log', () => child.output() === 'one\ntwo\n');
  assert.equal(statSync(child.logFile).mode & 0o777, 0o600);
  const [file] = readdirSync(join(dataDir, 'run'));
  const onRecord = JSON.parse(readFileSync(join(dataDir, 'run', String(file)), 'utf8')) as Record<string, unknown>;
  assert.deepEqual(
    { pid: onRecord['pid'], what: onRecord['what'], command: onRecord['command'] },
    { pid: child.pid, what: 'waiter', command: process.execPath },
  );
  // Signal 0 to a group succeeds only when the group exists.
  assert.ok(process.kill(-child.pid, 0));
  await child.stop();
  assert.equal(await child.ended, 'was ended by SIGTERM');
  await until('the record is gone', () => readdirSync(join(dataDir, 'run')).length === 0);
});

test('a child that does not end in good order is killed after its limit', async (t) => {
  const child = createChildren({ dataDir: scratchDir(t), say: assert.fail }).start(
    specOf(STUBBORN, { stopTimeoutMs: 100 }),
  );
  t.after(() => child.stop());
  await until('it is deaf', () => child.output() === 'deaf\n');
  await child.stop();
  assert.equal(await child.ended, 'was ended by SIGKILL');
});

test('a program that is not there is told in a phrase', async (t) => {
  const child = createChildren({ dataDir: scratchDir(t), say: assert.fail }).start(
    specOf('', { command: '/no/such/program' }),
  );
  assert.match(await child.ended, /^could not be started: .*ENOENT/);
  assert.equal(child.running(), false);
  await child.stop();
});

test('the next start ends the child of a killed parent, and says so', async (t) => {
  const dataDir = scratchDir(t);
  const pid = await orphanOf(t, dataDir);
  const said: string[] = [];
  assert.equal(await createChildren({ dataDir, say: (line) => said.push(line) }).endOrphans(), 1);
  assert.equal(identityOf(pid), null);
  assert.equal(said.length, 1);
  assert.match(String(said[0]), new RegExp(`waiter \\(process ${pid}\\)`));
  assert.deepEqual(readdirSync(join(dataDir, 'run')), []);
});

test('a stranger who was given the recorded pid is left alone', async (t) => {
  const dataDir = scratchDir(t);
  const other = await stranger(t);
  const file = record(dataDir, { pid: other.pid, startedAt: 'boot:1', what: 'waiter', command: process.execPath });
  assert.equal(await createChildren({ dataDir, say: assert.fail }).endOrphans(), 0);
  assert.notEqual(identityOf(other.pid), null);
  assert.equal(existsSync(file), false, 'the record that names nobody of ours is removed');
});

test('a process of the recorded pid and start time that runs another program is left alone', async (t) => {
  const dataDir = scratchDir(t);
  const other = await stranger(t);
  record(dataDir, { pid: other.pid, startedAt: other.startedAt, what: 'postgres', command: '/somewhere/bin/postgres' });
  assert.equal(await createChildren({ dataDir, say: assert.fail }).endOrphans(), 0);
  assert.notEqual(identityOf(other.pid), null);
});

test('damaged records and ones that name nobody are passed over', async (t) => {
  const dataDir = scratchDir(t);
  for (const content of [{}, { pid: 'x' }, { pid: -1, startedAt: 'a', what: 'b', command: 'c' }]) {
    record(dataDir, content);
    assert.equal(await createChildren({ dataDir, say: assert.fail }).endOrphans(), 0);
  }
  writeFileSync(join(dataDir, 'run', 'half.json'), '{"pid": 1');
  assert.equal(await createChildren({ dataDir, say: assert.fail }).endOrphans(), 0);
  assert.deepEqual(readdirSync(join(dataDir, 'run')), []);
});
