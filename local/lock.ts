import { mkdirSync, readFileSync, rmdirSync, statSync, unlinkSync, writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { codeOf } from './local-error.js';
import { identityOf, isAlive, type ProcessIdentity } from './process-identity.js';

/** A lock that is held until released; it also ends with the process that holds it. */
export interface Lock {
  release(): void;
}

/** Either the lock, or the pid of the process that has it (null while the holder is still writing its name). */
export type LockResult = { kind: 'taken'; lock: Lock } | { kind: 'held'; byPid: number | null };

/** A lock file without a readable holder is given this long to be filled in by its maker. */
const FILL_IN_MS = 2_000;
/** Taking a dead holder's lock over takes milliseconds; whoever began it this long ago was killed meanwhile. */
const TAKEOVER_MS = 10_000;

/**
 * Tries to take the lock file at `path`, taking over the lock of a process that has died.
 * @throws what the file system throws when the file cannot be written
 */
export async function tryLock(path: string): Promise<LockResult> {
  const self = identityOf(process.pid);
  if (self === null) throw new Error('This process cannot see itself in the list of processes.');
  for (;;) {
    try {
      writeFileSync(path, JSON.stringify(self), { flag: 'wx', mode: 0o600 });
      return { kind: 'taken', lock: { release: () => releaseIfOurs(path, self) } };
    } catch (error) {
      if (codeOf(error) !== 'EEXIST') throw error;
    }
    const holder = readHolder(path);
    if (holder === 'gone') continue;
    if (holder === 'unreadable') {
      if (ageMs(path) < FILL_IN_MS) return { kind: 'held', byPid: null };
    } else if (isAlive(holder)) {
      return { kind: 'held', byPid: holder.pid };
    }
    if (!(await removeDeadLock(path))) await sleep(50);
  }
}

/**
 * Waits for the lock.
 * @param onWait called once when another process has it
 * @throws Error after `timeoutMs`
 */
export async function waitForLock(
  path: string,
  timeoutMs: number,
  onWait: (byPid: number | null) => void,
): Promise<Lock> {
  const deadline = performance.now() + timeoutMs;
  let told = false;
  for (;;) {
    const result = await tryLock(path);
    if (result.kind === 'taken') return result.lock;
    if (performance.now() > deadline) {
      throw new Error(
        `process ${result.byPid ?? 'unknown'} has kept ${path} for more than ${Math.round(timeoutMs / 1000)} s`,
      );
    }
    if (!told) onWait(result.byPid);
    told = true;
    await sleep(200);
  }
}

/**
 * Removes a dead holder's file. Two processes may find it dead at the same time: without the second, short lock the slower one
 * would remove the file that the faster one has just made.
 */
async function removeDeadLock(path: string): Promise<boolean> {
  const takeover = `${path}.takeover`;
  try {
    mkdirSync(takeover);
  } catch (error) {
    if (codeOf(error) !== 'EEXIST') throw error;
    if (ageMs(takeover) > TAKEOVER_MS) ignoreMissing(() => rmdirSync(takeover));
    return false;
  }
  try {
    const holder = readHolder(path);
    const dead = holder === 'unreadable' ? ageMs(path) >= FILL_IN_MS : holder !== 'gone' && !isAlive(holder);
    if (dead) ignoreMissing(() => unlinkSync(path));
    return true;
  } finally {
    ignoreMissing(() => rmdirSync(takeover));
  }
}

function releaseIfOurs(path: string, self: ProcessIdentity): void {
  const holder = readHolder(path);
  if (typeof holder === 'object' && holder.pid === self.pid && holder.startedAt === self.startedAt) {
    ignoreMissing(() => unlinkSync(path));
  }
}

function readHolder(path: string): ProcessIdentity | 'gone' | 'unreadable' {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return 'gone';
    throw error;
  }
  try {
    const value = JSON.parse(text) as Partial<ProcessIdentity> | null;
    if (typeof value?.pid === 'number' && typeof value.startedAt === 'string') {
      return { pid: value.pid, startedAt: value.startedAt };
    }
  } catch {
    // Half-written or damaged: handled like any other text that names no process.
  }
  return 'unreadable';
}

function ageMs(path: string): number {
  try {
    return Date.now() - statSync(path).mtimeMs;
  } catch {
    return 0;
  }
}

function ignoreMissing(action: () => void): void {
  try {
    action();
  } catch (error) {
    if (codeOf(error) !== 'ENOENT') throw error;
  }
}
