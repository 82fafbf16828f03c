import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, mkdirSync, openSync, readFileSync, renameSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { endRecorded, killGroup, signalTo, writeRecord } from './child-records.js';
import { messageOf } from './local-error.js';

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
    const { what, command, stopSignal, stopTimeoutMs } = spec;
    writeRecord(recordFile, { pid, what, command, stopSignal, stopTimeoutMs });
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

  return {
    start,
    endOrphans: () => endRecorded(runDir, options.say),
    killAll() {
      for (const child of running) if (child.pid !== undefined) killGroup(child.pid);
    },
  };
}

function setAsideWhenLarge(logFile: string): void {
  try {
    if (statSync(logFile).size > LOG_LIMIT_BYTES) renameSync(logFile, `${logFile}.1`);
  } catch {
    // No log yet.
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
