import { type ChildProcess, spawn } from 'node:child_process';
import {
  closeSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { basename, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { LocalError, messageOf } from './local-error.js';
import { commandLineOf, identityOf, isAlive, type ProcessIdentity } from './process-identity.js';

/** What to run, and how to end it. */
export interface ChildSpec {
  /** One word for files and messages, such as `postgres`. */
  what: string;
  command: string;
  args: string[];
  /** The whole environment of the child; nothing is added. */
  env: NodeJS.ProcessEnv;
  /** The signal that ends it in good order. */
  stopSignal: NodeJS.Signals;
  /** Time to end in good order before it is killed. */
  stopTimeoutMs: number;
  /** The user it runs as, when not ours. */
  user?: { uid: number; gid: number } | null;
  /** Opens an IPC channel, for a child that ends itself when the channel closes. */
  ipc?: boolean;
}

/** A running child. */
export interface Child {
  readonly what: string;
  readonly pid: number;
  readonly logFile: string;
  /** Fulfilled with a phrase such as `ended with code 1` when the child has ended, whoever ended it. */
  readonly ended: Promise<string>;
  running(): boolean;
  /** What this run of the child has written so far. */
  output(): string;
  /** The last lines of it, for a message. */
  lastLines(): string;
  /** Ends it in good order, or kills it after its limit. Safe to call twice. */
  stop(): Promise<void>;
}

/** Starts children and remembers them on disk, so that a later start can end what a killed one left behind. */
export interface Children {
  start(spec: ChildSpec): Child;
  /** Ends recorded children of an earlier, killed parent. Returns how many. Call it while holding the data folder's lock. */
  endOrphans(): Promise<number>;
  /** Last resort, synchronous: kills whatever still runs. */
  killAll(): void;
}

interface ChildRecord extends ProcessIdentity {
  what: string;
  command: string;
  stopSignal: NodeJS.Signals;
  stopTimeoutMs: number;
}

/** A log above this is set aside (one older one is kept) before the next start appends to it. */
const LOG_LIMIT_BYTES = 10_000_000;

/**
 * @param dataDir gets `logs/` (one file per kind of child) and `run/` (one record per running child)
 * @param say prints one line for the person at the terminal
 */
export function createChildren(options: { dataDir: string; say: (line: string) => void }): Children {
  const logDir = join(options.dataDir, 'logs');
  const runDir = join(options.dataDir, 'run');
  const running = new Set<ChildProcess>();

  function start(spec: ChildSpec): Child {
    mkdirSync(logDir, { recursive: true, mode: 0o700 });
    mkdirSync(runDir, { recursive: true, mode: 0o700 });
    const logFile = join(logDir, `${spec.what}.log`);
    setAsideWhenLarge(logFile);
    const log = openSync(logFile, 'a', 0o600);
    const logStart = statSync(logFile).size;
    let child: ChildProcess;
    try {
      child = spawn(spec.command, spec.args, {
        env: spec.env,
        // Its own process group: Ctrl-C at the terminal must reach this process only, which then stops its children in order.
        detached: true,
        windowsHide: true,
        // A file, not a pipe: a child that outlives a killed parent must not fail for writing a log line.
        stdio: spec.ipc === true ? ['ignore', log, log, 'ipc'] : ['ignore', log, log],
        ...(spec.user ? { uid: spec.user.uid, gid: spec.user.gid } : {}),
      });
    } finally {
      closeSync(log);
    }
    const pid = child.pid;
    const ended = new Promise<string>((resolve) => {
      child.once('error', (error) => resolve(`could not be started: ${messageOf(error)}`));
      child.once('exit', (code, signal) =>
        resolve(code === null ? `was ended by ${signal}` : `ended with code ${code}`),
      );
    });
    if (pid === undefined) {
      return notStarted(spec.what, logFile, ended);
    }
    running.add(child);
    const recordFile = join(runDir, `${spec.what}-${pid}.json`);
    writeRecord(recordFile, spec, pid);
    void ended.then(() => {
      running.delete(child);
      rmSync(recordFile, { force: true });
    });
    const isRunning = () => child.exitCode === null && child.signalCode === null;
    const output = () => readFileSync(logFile).subarray(logStart).toString('utf8');
    return {
      what: spec.what,
      pid,
      logFile,
      ended,
      running: isRunning,
      output,
      lastLines: () => lastLinesOf(output()),
      async stop() {
        if (!isRunning()) return;
        signalTo(pid, spec.stopSignal);
        const inTime = await Promise.race([ended.then(() => true), sleep(spec.stopTimeoutMs, false, { ref: false })]);
        if (!inTime) {
          killGroup(pid);
          await ended;
        }
      },
    };
  }

  async function endOrphans(): Promise<number> {
    let count = 0;
    for (const file of recordFiles(runDir)) {
      const record = readRecord(file);
      if (record !== null && isOurs(record)) {
        options.say(
          `Found ${record.what} (process ${record.pid}) left behind by an earlier start that was killed: ending it.`,
        );
        await endProcess(record, record.stopSignal, record.stopTimeoutMs);
        count += 1;
      }
      rmSync(file, { force: true });
    }
    return count;
  }

  return {
    start,
    endOrphans,
    killAll() {
      for (const child of running) if (child.pid !== undefined) killGroup(child.pid);
    },
  };
}

/**
 * Ends a process that is not our child: its signal first, a kill after the limit.
 * @throws LocalError when it cannot be ended
 */
export async function endProcess(identity: ProcessIdentity, signal: NodeJS.Signals, limitMs: number): Promise<void> {
  signalTo(identity.pid, signal);
  if (await goneWithin(identity, limitMs)) return;
  killGroup(identity.pid);
  if (!(await goneWithin(identity, 5_000))) {
    throw new LocalError(
      `Process ${identity.pid} of an earlier start cannot be ended: end it by hand (kill -9 ${identity.pid}).`,
    );
  }
}

async function goneWithin(identity: ProcessIdentity, limitMs: number): Promise<boolean> {
  const deadline = performance.now() + limitMs;
  while (isAlive(identity)) {
    if (performance.now() > deadline) return false;
    await sleep(25);
  }
  return true;
}

/** The pid alone proves nothing: it may have been given to a stranger since. Start time and program must be the recorded ones. */
function isOurs(record: ChildRecord): boolean {
  return isAlive(record) && (commandLineOf(record.pid)?.includes(basename(record.command)) ?? false);
}

function writeRecord(file: string, spec: ChildSpec, pid: number): void {
  const identity = identityOf(pid);
  // Gone already: nothing to remember.
  if (identity === null) return;
  const { what, command, stopSignal, stopTimeoutMs } = spec;
  const record: ChildRecord = { ...identity, what, command, stopSignal, stopTimeoutMs };
  const unfinished = `${file}.new`;
  writeFileSync(unfinished, JSON.stringify(record), { mode: 0o600 });
  renameSync(unfinished, file);
}

function readRecord(file: string): ChildRecord | null {
  try {
    const value = JSON.parse(readFileSync(file, 'utf8')) as Partial<ChildRecord> | null;
    if (
      typeof value?.pid === 'number' &&
      typeof value.startedAt === 'string' &&
      typeof value.command === 'string' &&
      typeof value.what === 'string'
    ) {
      const { pid, startedAt, command, what, stopSignal = 'SIGTERM', stopTimeoutMs = 5_000 } = value;
      return { pid, startedAt, command, what, stopSignal, stopTimeoutMs };
    }
  } catch {
    // A record that cannot be read names no process.
  }
  return null;
}

function recordFiles(runDir: string): string[] {
  try {
    return readdirSync(runDir)
      .filter((name) => name.endsWith('.json'))
      .map((name) => join(runDir, name));
  } catch {
    return [];
  }
}

function setAsideWhenLarge(logFile: string): void {
  try {
    if (statSync(logFile).size > LOG_LIMIT_BYTES) renameSync(logFile, `${logFile}.1`);
  } catch {
    // No log yet.
  }
}

function signalTo(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch {
    // Ended meanwhile.
  }
}

function killGroup(pid: number): void {
  try {
    if (process.platform === 'win32') process.kill(pid, 'SIGKILL');
    else process.kill(-pid, 'SIGKILL');
  } catch {
    // Ended meanwhile.
  }
}

function lastLinesOf(text: string): string {
  const lines = text.split(/\r?\n/).filter((line) => line.trim() !== '');
  return lines
    .slice(-5)
    .map((line) => (line.length > 300 ? `${line.slice(0, 300)}…` : line))
    .join('\n');
}

function notStarted(what: string, logFile: string, ended: Promise<string>): Child {
  return {
    what,
    pid: -1,
    logFile,
    ended,
    running: () => false,
    output: () => '',
    lastLines: () => '',
    stop: async () => {
      await ended;
    },
  };
}
