import { readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { LocalError } from './local-error.js';
import { commandLineOf, identityOf, isAlive, type ProcessIdentity } from './process-identity.js';

/** What a later start has to know to end a child that outlived its parent. */
export interface ChildRecord extends ProcessIdentity {
  what: string;
  command: string;
  stopSignal: NodeJS.Signals;
  stopTimeoutMs: number;
}

/** Ends the recorded processes that are still there and are ours, and removes all records. Returns how many it ended. */
export async function endRecorded(runDir: string, say: (line: string) => void): Promise<number> {
  let count = 0;
  for (const file of recordFiles(runDir)) {
    const record = readRecord(file);
    if (record !== null && isOurs(record)) {
      say(`Found ${record.what} (process ${record.pid}) left behind by an earlier start that was killed: ending it.`);
      await endProcess(record, record.stopSignal, record.stopTimeoutMs);
      count += 1;
    }
    rmSync(file, { force: true });
  }
  return count;
}

/** The pid alone proves nothing: it may have been given to a stranger since. Start time and program must be the recorded ones. */
function isOurs(record: ChildRecord): boolean {
  return isAlive(record) && (commandLineOf(record.pid)?.includes(basename(record.command)) ?? false);
}

/** Puts a child that has just been started on record. */
export function writeRecord(file: string, child: Omit<ChildRecord, 'startedAt'>): void {
  const identity = identityOf(child.pid);
  // Gone already: nothing to remember.
  if (identity === null) return;
  const record: ChildRecord = { ...child, ...identity };
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

/** Sends a signal to a process; nothing happens when it has ended. */
export function signalTo(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch {
    // Ended meanwhile.
  }
}

/** Kills a process and the group that it leads. */
export function killGroup(pid: number): void {
  try {
    if (process.platform === 'win32') process.kill(pid, 'SIGKILL');
    else process.kill(-pid, 'SIGKILL');
  } catch {
    // Ended meanwhile.
  }
}
