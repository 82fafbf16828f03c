import { chmodSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { missing } from './binary-checks.js';
import { explainFileError, LocalError, messageOf } from './local-error.js';
import { waitForLock } from './lock.js';

/** A program that is fetched when the machine has none. */
export interface Program<Name extends string> {
  name: Name;
  /** How much is fetched, for the line that announces it. */
  megabytes: number;
  /** Why what was fetched does not work here, in a phrase; null when it works. */
  fetchedProblem(path: string): Promise<string | null>;
  /** The same for what was found in the cache. */
  cachedProblem(path: string): Promise<string | null>;
  /** The error when every way failed: what the person can do, and what was tried. */
  noWayLeft(cacheDir: string, failures: string[]): string;
}

/** One way to fetch a program. */
export interface ProgramSource<Name extends string> {
  /** As it is named to the person at the terminal. */
  what: string;
  /** Part of the name in the cache: which version comes out of this source. */
  versionOf(name: Name): string;
  /** For a program that needs the files beside it: its file name. The whole folder that it is fetched into is then kept. */
  entry?: string;
  /**
   * Fetches into `dir`, an empty folder of the caller's.
   * @returns the path of the program inside `dir`
   * @throws Error with the reason in a phrase
   */
  fetch(name: Name, dir: string, onProgress: (remark: string) => void): Promise<string>;
}

/** Another process may be fetching the same program over a slow line. */
const LOCK_LIMIT_MS = 20 * 60_000;

/** `$XDG_CACHE_HOME` or the system's usual place, and our folder in it. */
export function defaultCacheDir(env: NodeJS.ProcessEnv): string {
  return join(cacheHome(env), 'appconnect-lifecycle');
}

/**
 * The program's path in the cache folder, after fetching it from the first source that works when it is not there yet. Processes
 * that want the same program wait for one another.
 * @param sources ways to fetch, in order
 * @param say one line for the person at the terminal
 * @throws LocalError that names every way when none works, or says what is wrong with the cache folder
 */
export async function cachedProgram<Name extends string>(
  program: Program<Name>,
  cacheDir: string,
  sources: ProgramSource<Name>[],
  say: (line: string) => void,
): Promise<string> {
  const cached = await fromCache(program, cacheDir, sources);
  return cached ?? (await fetchInto(program, cacheDir, sources, say));
}

async function fromCache<Name extends string>(
  program: Program<Name>,
  cacheDir: string,
  sources: ProgramSource<Name>[],
): Promise<string | null> {
  for (const source of sources) {
    const path = programIn(placeOf(program.name, cacheDir, source), source);
    if (missing(path) === null && (await program.cachedProblem(path)) === null) return path;
  }
  return null;
}

async function fetchInto<Name extends string>(
  program: Program<Name>,
  cacheDir: string,
  sources: ProgramSource<Name>[],
  say: (line: string) => void,
): Promise<string> {
  const { name } = program;
  try {
    mkdirSync(cacheDir, { recursive: true });
  } catch (error) {
    throw explainFileError(error, `make the cache folder ${cacheDir}`, 'XDG_CACHE_HOME');
  }
  const lock = await waitForLock(join(cacheDir, `${name}.lock`), LOCK_LIMIT_MS, (byPid) =>
    say(`Waiting for process ${byPid ?? 'unknown'}, which is fetching ${name}.`),
  );
  const failures: string[] = [];
  try {
    removeUnfinished(cacheDir, name);
    const meanwhile = await fromCache(program, cacheDir, sources);
    if (meanwhile !== null) return meanwhile;
    for (const source of sources) {
      // In the cache folder itself, so that the last step is a rename on one disk: the cache never shows half a program.
      const dir = mkdtempSync(join(cacheDir, unfinishedPrefix(name)));
      const startedAt = performance.now();
      try {
        say(`Fetching ${name} (once, about ${program.megabytes} MB) from ${source.what}.`);
        const fetched = await source.fetch(name, dir, (remark) => say(`  still fetching ${name}: ${remark}`));
        chmodSync(fetched, 0o755);
        const problem = await program.fetchedProblem(fetched);
        if (problem !== null) throw new Error(`what was fetched does not work here: ${problem}`);
        const place = placeOf(name, cacheDir, source);
        // What stands there was found not to work.
        rmSync(place, { recursive: true, force: true });
        renameSync(source.entry === undefined ? fetched : dirname(fetched), place);
        const path = programIn(place, source);
        say(`Fetched ${name} in ${((performance.now() - startedAt) / 1000).toFixed(1)} s: ${path}`);
        return path;
      } catch (error) {
        const failure = `${source.what}: ${messageOf(explainFileError(error, `write to ${cacheDir}`, 'XDG_CACHE_HOME'))}`;
        failures.push(failure);
        say(`  no luck with ${failure}`);
      } finally {
        rmSync(dir, { recursive: true, force: true });
      }
    }
  } finally {
    lock.release();
  }
  throw new LocalError(program.noWayLeft(cacheDir, failures));
}

const unfinishedPrefix = (name: string) => `.fetching-${name}-`;

/** What a fetch that was killed has left. Only the holder of the lock fetches, so nobody is using it. */
function removeUnfinished(cacheDir: string, name: string): void {
  for (const entry of readdirSync(cacheDir)) {
    // Six random characters follow; the name of the test server begins like the CLI's.
    if (entry.startsWith(unfinishedPrefix(name)) && entry.length === unfinishedPrefix(name).length + 6) {
      rmSync(join(cacheDir, entry), { recursive: true, force: true });
    }
  }
}

function placeOf<Name extends string>(name: Name, cacheDir: string, source: ProgramSource<Name>): string {
  const suffix = process.platform === 'win32' && source.entry === undefined ? '.exe' : '';
  return join(cacheDir, `${name}-${source.versionOf(name)}-${process.platform}-${process.arch}${suffix}`);
}

function programIn<Name extends string>(place: string, { entry }: ProgramSource<Name>): string {
  return entry === undefined ? place : join(place, entry);
}

function cacheHome(env: NodeJS.ProcessEnv): string {
  const xdg = env['XDG_CACHE_HOME'];
  if (xdg !== undefined && xdg !== '') return xdg;
  if (process.platform === 'darwin') return join(homedir(), 'Library', 'Caches');
  const localAppData = env['LOCALAPPDATA'];
  if (process.platform === 'win32' && localAppData !== undefined) return localAppData;
  return join(homedir(), '.cache');
}
