import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import { isAlive, type ProcessIdentity } from '../../local/process-identity.js';
import { fromRunner } from '../support/temporal.js';
import { until } from './scratch.js';

/** The local mode as a process, as `npm start` runs it. */
export interface StartProcess {
  pid: number;
  stdout(): string;
  stderr(): string;
  /** Waits until its output matches; fails when it ends before. */
  says(pattern: RegExp): Promise<RegExpExecArray>;
  kill(signal: NodeJS.Signals): void;
  /** Fulfilled with its exit code, null when a signal ended it. */
  exited: Promise<number | null>;
}

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
/** Much longer than a start takes on a busy machine. */
const LIMIT_MS = 120_000;

/**
 * Starts it on free ports, with the run's Temporal CLI.
 * @param env settings besides `DATA_DIR`, winning over the free ports
 */
export function startLocalMode(
  t: TestContext,
  dataDir: string,
  args: string[],
  env: Record<string, string> = {},
): StartProcess {
  const anyPort = { PORT: '0', OPS_PORT: '0', SIMULATOR_PORT: '0', TEMPORAL_PORT: '0', TEMPORAL_UI_PORT: '0' };
  const child = spawn(process.execPath, ['--import', 'tsx', 'local/main.ts', ...args], {
    cwd: ROOT,
    env: { ...process.env, TEMPORAL_CLI_PATH: fromRunner('TEST_TEMPORAL_CLI'), ...anyPort, DATA_DIR: dataDir, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
    stdout += chunk;
  });
  child.stderr.setEncoding('utf8').on('data', (chunk: string) => {
    stderr += chunk;
  });
  const exited = once(child, 'close').then(([code]) => code as number | null);
  t.after(async () => {
    child.kill('SIGTERM');
    await exited;
  });
  return {
    pid: child.pid ?? -1,
    stdout: () => stdout,
    stderr: () => stderr,
    async says(pattern) {
      const ended = () => child.exitCode !== null || child.signalCode !== null;
      await until(`it says ${pattern}; it said:\n${stdout}${stderr}`, () => pattern.test(stdout) || ended(), LIMIT_MS);
      const match = pattern.exec(stdout);
      if (match === null) throw new Error(`It ended without saying ${pattern}:\n${stdout}${stderr}`);
      return match;
    },
    kill: (signal) => void child.kill(signal),
    exited,
  };
}

/** The children on record in a data folder. */
export function childrenOf(dataDir: string): (ProcessIdentity & { what: string })[] {
  return readdirSync(join(dataDir, 'run'))
    .filter((name) => name.endsWith('.json'))
    .map((name) => JSON.parse(readFileSync(join(dataDir, 'run', name), 'utf8')) as ProcessIdentity & { what: string })
    .sort((a, b) => (a.what < b.what ? -1 : 1));
}

/** Those of the processes that still run, by what they are. */
export function stillRunning(processes: (ProcessIdentity & { what: string })[]): string[] {
  return processes.filter(isAlive).map(({ what }) => what);
}
