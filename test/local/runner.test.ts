import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { processesMarked } from '../support/processes.js';
import { fromRunner } from '../support/temporal.js';
import { scratchDir, until } from './scratch.js';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const PASSES = `
  import assert from 'node:assert/strict';
  import { test } from 'node:test';
  test('has what it needs', () => {
    for (const name of ['POSTGRES_URL', 'TEMPLATE_DATABASE', 'TEMPORAL_ADDRESS', 'TEMPORAL_CLI', 'TIME_SKIPPING_SERVER', 'WORKFLOW_BUNDLE']) {
      assert.ok(process.env['TEST_' + name], name);
    }
    assert.equal(process.env.DATABASE_URL, undefined);
  });`;
const LEAVES_A_PROCESS = `
  import { spawn } from 'node:child_process';
  import { test } from 'node:test';
  test('passes, but leaves a process in a group and session of its own', () => {
    spawn(process.execPath, ['-e', 'setTimeout(() => {}, 600000)'], { detached: true, stdio: 'ignore' }).unref();
  });`;
const WAITS = `
  import { test } from 'node:test';
  import { setTimeout } from 'node:timers/promises';
  test('waits', async () => { await setTimeout(600000); });`;

/** Runs the runner on one file of its own, as from a shell with settings of its own. Gives its folder for temporary files. */
function run(t: TestContext, code: string, tmp = join(scratchDir(t), 'tmp')) {
  const dir = scratchDir(t);
  mkdirSync(tmp, { recursive: true });
  const file = join(dir, 'sample.mjs');
  writeFileSync(file, code);
  const child = spawn(process.execPath, ['--import', 'tsx', 'test/run.ts', file], {
    cwd: ROOT,
    env: {
      ...process.env,
      TMPDIR: tmp,
      DATABASE_URL: 'postgresql://nobody@127.0.0.1:1/none',
      TEMPORAL_CLI_PATH: fromRunner('TEST_TEMPORAL_CLI'),
      TEMPORAL_TEST_SERVER_PATH: fromRunner('TEST_TIME_SKIPPING_SERVER'),
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (chunk: string) => {
      output += chunk;
    });
  }
  t.after(() => child.kill('SIGTERM'));
  const exited = once(child, 'close').then(([exitCode]) => exitCode as number | null);
  return { tmp, exited, output: () => output, kill: (signal: NodeJS.Signals) => void child.kill(signal) };
}

/** Folders of runs that were not removed. */
const runsIn = (tmp: string) => readdirSync(tmp).filter((name) => name.startsWith('appconnect-test-'));

/** Processes of node:test: one that runs the files, one for the file. */
const testsOf = (tmp: string) =>
  processesMarked(tmp).filter(({ command }) => /sample\.mjs/.test(command) && !/test\/run\.ts/.test(command)).length;

test('tests get servers, template and bundle, and none of the shell’s settings; nothing is left', async (t) => {
  const runner = run(t, PASSES);
  assert.equal(await runner.exited, 0, runner.output());
  assert.match(runner.output(), /All tests passed, \d+\.\d s in all\.\n$/);
  assert.deepEqual(processesMarked(runner.tmp), []);
  assert.deepEqual(runsIn(runner.tmp), []);
});

test('a process that a test leaves behind fails the run and is ended', async (t) => {
  const runner = run(t, LEAVES_A_PROCESS);
  assert.equal(await runner.exited, 1, runner.output());
  assert.match(runner.output(), /pass 1\n[\s\S]*LEFT BEHIND by a test: process \d+: .*setTimeout/);
  assert.deepEqual(processesMarked(runner.tmp), []);
});

test('a signal ends tests and servers', async (t) => {
  const runner = run(t, WAITS);
  await until('the test runs', () => testsOf(runner.tmp) === 2, 60_000);
  runner.kill('SIGTERM');
  assert.equal(await runner.exited, 130, runner.output());
  assert.deepEqual(processesMarked(runner.tmp), []);
  assert.deepEqual(runsIn(runner.tmp), []);
});

test('what a killed run leaves is ended by the next one', async (t) => {
  const killed = run(t, WAITS);
  await until('the test runs', () => testsOf(killed.tmp) === 2, 60_000);
  killed.kill('SIGKILL');
  await until(
    'the runner is gone',
    () => !processesMarked(killed.tmp).some(({ command }) => command.includes('test/run.ts')),
  );
  const left = processesMarked(killed.tmp).map(({ command }) => command);
  for (const word of ['postgres', 'start-dev'])
    assert.ok(
      left.some((command) => command.includes(word)),
      word,
    );

  const next = run(t, PASSES, killed.tmp);
  assert.equal(await next.exited, 0, next.output());
  assert.match(next.output(), /Found temporal \(process \d+\) left behind/);
  assert.deepEqual(processesMarked(killed.tmp), []);
  assert.deepEqual(runsIn(killed.tmp), []);
});
