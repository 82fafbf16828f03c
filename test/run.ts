/** The test runner: `npm test [-- options] [files]`. Prepares servers, runs node:test, and leaves nothing behind. */
import { type ChildProcess, spawn } from 'node:child_process';
import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { createChildren } from '../local/children.js';
import { messageOf } from '../local/local-error.js';
import { tryLock } from '../local/lock.js';
import { beginReport, reportTable } from './faults/support/report.js';
import { type PreparedRun, prepareRun, tmpOf } from './support/prepare-run.js';
import { type FoundProcess, processesMarked } from './support/processes.js';

const USAGE = `Runs the tests with everything they need: PostgreSQL, a Temporal server, the time-skipping test server, a browser.

  npm test                             all tests but the long ones
  npm run test:lifecycle               long: windows of days, orders of arrival, 10,000 users, odd data, random stories
  npm run test:simulator               long: the page in a browser, \`check\` against this service and against wrong backends
  npm run test:faults                  long: the service killed at each call of a port, every fault by name, secrets looked for,
                                       twelve broken builds, recovery times, customers and faults at random; ends with a table
  npm run test:faults -- --minutes 5 --seed 7
                                       customers and faults at random only: so long, with this seed
  npm test -- test/store api/webhooks  files and folders, or parts of their names
  npm test -- --only 'wrong key'       tests whose names match the pattern
  npm test -- --skip test/local        all but these
  npm test -- --concurrency 1          files at a time (2 unless given, 3 for test:simulator)
  npm test -- --list                   names the files and ends

No database, server or internet access of yours is used, but for fetching Temporal's programs once (they are kept in the cache
folder) where TEMPORAL_CLI_PATH, TEMPORAL_TEST_SERVER_PATH or temporal on PATH do not name them, and a Chromium where the machine
has none.`;

/** What takes minutes by itself, or goes through many forms of one thing, has a command of its own. */
const SETS: Record<string, string[]> = {
  lifecycle: [
    'test/e2e/windows/',
    'test/e2e/orders/',
    'test/e2e/volume.test.ts',
    'test/e2e/hostile.test.ts',
    'test/e2e/operations.test.ts',
    'test/e2e/products.test.ts',
    'test/model/',
    'test/product/python-suite.test.ts',
    'test/product/suite.test.ts',
    'test/workflows/rotation.test.ts',
  ],
  simulator: ['test/check/', 'test/e2e/time/', 'test/page/', 'test/simulator/'],
  faults: [
    'test/faults/',
    'test/e2e/canaries.test.ts',
    'test/e2e/kill.test.ts',
    'test/e2e/namespace.test.ts',
    'test/e2e/outage.test.ts',
  ],
};
/** What measures times, or fills the machine, runs by itself after the others. */
const ALONE = ['test/faults/nemesis', 'test/faults/outage', 'test/faults/recovery'];
const NEMESIS = ['test/faults/nemesis.test.ts'];

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const RUN_PREFIX = 'appconnect-test-';
/** Longest time of one test file: a test that hangs must not hang the run. Fault tests go through hundreds of processes. */
const TEST_LIMIT_MS = 480_000;
const FAULTS_LIMIT_MS = 1_500_000;
/** After a signal the tests get this long to run their own clean-up. */
const ABORT_LIMIT_MS = 5_000;

const say = (line: string) => void process.stdout.write(`${line}\n`);

async function main(): Promise<number> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      help: { type: 'boolean', short: 'h' },
      only: { type: 'string', multiple: true },
      concurrency: { type: 'string', default: '2' },
      list: { type: 'boolean' },
      set: { type: 'string' },
      skip: { type: 'string', multiple: true, default: [] },
      minutes: { type: 'string' },
      seed: { type: 'string' },
    },
  });
  if (values.help) {
    say(USAGE);
    return 0;
  }
  const random = values.set === 'faults' && (values.minutes !== undefined || values.seed !== undefined);
  const chosen = values.set === undefined ? positionals : random ? NEMESIS : SETS[values.set];
  if (chosen === undefined) {
    process.stderr.write(`There is no set ${values.set}; the sets are ${Object.keys(SETS).join(', ')}.\n`);
    return 1;
  }
  const files = testFiles(chosen).filter((file) => !values.skip.some((part) => file.includes(part)));
  if (files.length === 0) {
    process.stderr.write(`No test file matches ${positionals.join(', ') || 'test/**/*.test.ts'}.\n`);
    return 1;
  }
  if (values.list) {
    say(files.join('\n'));
    return 0;
  }
  const startedAt = performance.now();
  await clearKilledRuns();
  const runDir = mkdtempSync(join(tmpdir(), RUN_PREFIX));
  // PostgreSQL may run as another user, who must be able to enter.
  chmodSync(runDir, 0o755);
  const lock = await tryLock(join(runDir, 'lock'));

  let tests: ChildProcess | null = null;
  let aborted: NodeJS.Signals | null = null;
  const abort = (signal: NodeJS.Signals) => {
    if (aborted !== null) return;
    aborted = signal;
    say(`\n${signal}: ending the tests and the servers.`);
    tests?.kill('SIGTERM');
    setTimeout(() => tests?.kill('SIGKILL'), ABORT_LIMIT_MS).unref();
  };
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, abort);

  let code = 1;
  let runner: PreparedRun | null = null;
  try {
    runner = await prepareRun(runDir, say, {
      browser: files.some(usesBrowser),
      faultyService: files.some(isFaultTest),
    });
    say(`Prepared in ${seconds(startedAt)}; ${files.length} test files.`);
    if (aborted === null) {
      const faults = {
        ...(values.minutes && { FAULT_MINUTES: values.minutes }),
        ...(values.seed && { FAULT_SEED: values.seed }),
      };
      const randomMs = Number(values.minutes ?? 0) * 3 * 60_000;
      const limitMs = files.some(isFaultTest) ? FAULTS_LIMIT_MS + randomMs : TEST_LIMIT_MS;
      const options = (values.only ?? []).map((pattern) => `--test-name-pattern=${pattern}`);
      if (files.some(isFaultTest)) beginReport();
      const passes = [files.filter((file) => !wantsItAlone(file)), files.filter(wantsItAlone)];
      code = 0;
      for (const [pass, some] of passes.entries()) {
        if (some.length === 0 || aborted !== null) continue;
        tests = spawn(
          process.execPath,
          [
            '--import',
            'tsx',
            '--test',
            `--test-concurrency=${pass === 0 ? values.concurrency : 1}`,
            `--test-timeout=${limitMs}`,
            '--test-reporter=spec',
            ...options,
            ...some,
          ],
          { cwd: ROOT, env: { ...runner.env, ...faults }, stdio: ['ignore', 'inherit', 'inherit'] },
        );
        const passCode = await ended(tests);
        code ||= passCode;
      }
      if (files.some(isFaultTest)) say(reportTable());
    }
  } finally {
    await runner?.stop();
  }
  if (runner.problems.length > 0) code = 1;
  for (const problem of runner.problems) say(`NOT PREPARED: ${problem}`);
  if (await endLeftovers(runDir)) code = 1;
  if (lock.kind === 'taken') lock.lock.release();
  rmSync(runDir, { recursive: true, force: true });
  say(`${code === 0 ? 'All tests passed' : aborted === null ? 'FAILED' : 'Aborted'}, ${seconds(startedAt)} in all.`);
  return aborted === null ? code : 130;
}

/** Test files below test/: all of them but the long ones, those whose path contains one of the parts, or any file that is named outright. */
function testFiles(parts: string[]): string[] {
  const all = readdirSync(join(ROOT, 'test'), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.test.ts'))
    .map((name) => join('test', name))
    .sort();
  const long = Object.values(SETS).flat();
  if (parts.length === 0) return all.filter((file) => !long.some((part) => file.startsWith(part)));
  const files = parts.flatMap((part) => {
    const found = statSync(resolve(part), { throwIfNoEntry: false });
    if (found?.isFile()) return [relative(ROOT, resolve(part))];
    const wanted = found === undefined ? part : relative(ROOT, resolve(part));
    return all.filter((file) => file.includes(wanted));
  });
  return [...new Set(files)];
}

function isFaultTest(file: string): boolean {
  return file.startsWith('test/faults/');
}

function wantsItAlone(file: string): boolean {
  return ALONE.some((part) => file.startsWith(part));
}

/** A browser is large, so it is fetched only for the files that want one. */
function usesBrowser(file: string): boolean {
  return readFileSync(join(ROOT, file), 'utf8').includes('/support/browser.js');
}

/** Ends what a killed run left running, and removes its folder. */
async function clearKilledRuns(): Promise<void> {
  for (const name of readdirSync(tmpdir())) {
    const dir = join(tmpdir(), name);
    if (!name.startsWith(RUN_PREFIX) || statSync(join(dir, 'lock'), { throwIfNoEntry: false }) === undefined) continue;
    try {
      const lock = await tryLock(join(dir, 'lock'));
      if (lock.kind === 'held') continue;
      await createChildren({ dataDir: dir, say }).endOrphans();
      killAll(startedBy(dir));
      rmSync(dir, { recursive: true, force: true });
    } catch {
      // Another user's run.
    }
  }
}

/** Everything has been stopped: whatever is still there was left by a test. Kills it and says so. */
async function endLeftovers(runDir: string): Promise<boolean> {
  const deadline = performance.now() + 3_000;
  // A child that was told to end a moment ago may still be on its way out.
  while (startedBy(runDir).length > 0 && performance.now() < deadline) await sleep(50);
  const left = startedBy(runDir);
  for (const { pid, command } of left) say(`LEFT BEHIND by a test: process ${pid}: ${command.slice(0, 200)}`);
  killAll(left);
  return left.length > 0;
}

/** Processes that the tests of a run have started, and their children. */
function startedBy(runDir: string): FoundProcess[] {
  return processesMarked(tmpOf(runDir)).filter(({ inherited }) => inherited);
}

function killAll(processes: FoundProcess[]): void {
  for (const { pid } of processes) {
    try {
      process.kill(pid, 'SIGKILL');
    } catch {
      // Ended meanwhile.
    }
  }
}

function ended(child: ChildProcess): Promise<number> {
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (code) => resolve(code ?? 1));
  });
}

function seconds(since: number): string {
  return `${((performance.now() - since) / 1000).toFixed(1)} s`;
}

try {
  process.exitCode = await main();
} catch (error) {
  process.stderr.write(`${messageOf(error)}\n`);
  process.exitCode = 1;
}
