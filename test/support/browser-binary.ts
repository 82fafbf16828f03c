import { execFile } from 'node:child_process';
import { delimiter, join } from 'node:path';
import { missing } from '../../local/binary-checks.js';
import { cachedProgram, defaultCacheDir, type Program, type ProgramSource } from '../../local/program-cache.js';
import { npmDownload, playwrightDownload } from './browser-sources.js';

/** Names under which Debian, Ubuntu, Fedora and Google install the browser. */
const NAMES = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable'];
/** Where macOS and Windows keep it, which is not on PATH. */
const PLACES = [
  '/Applications/Chromium.app/Contents/MacOS/Chromium',
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
  'C:\\Program Files\\Google\\Chrome\\Application\\chrome.exe',
  'C:\\Program Files (x86)\\Google\\Chrome\\Application\\chrome.exe',
];

/** Where to look, and whom to tell. */
interface BrowserOptions {
  env: NodeJS.ProcessEnv;
  /** One line for the person at the terminal. */
  say: (line: string) => void;
  /** Folder of fetched programs; the user's cache folder unless given. */
  cacheDir?: string;
  /** Where the machine may have one, the best first; the usual places unless given. */
  places?: string[];
  /** Ways to fetch, in order; Playwright's download and the npm package unless given. */
  sources?: ProgramSource<'chromium'>[];
}

const CHROMIUM: Program<'chromium'> = {
  name: 'chromium',
  megabytes: 110,
  fetchedProblem: browserProblem,
  cachedProblem: browserProblem,
  noWayLeft: (cacheDir, failures) =>
    [
      'No Chromium was found and none could be fetched; the test of the Web UI needs one. Do one of these:',
      '  1. install Chromium (apt-get install chromium) or Google Chrome',
      `  2. copy the cache folder ${cacheDir} from a machine that has it`,
      "  3. let this machine reach cdn.playwright.dev, Playwright's download",
      '  4. on Linux x64, let npm reach its registry (package @sparticuz/chromium)',
      ...failures.map((failure) => `  tried ${failure}`),
    ].join('\n'),
};

/**
 * Finds or fetches a browser. Order: the machine's Chromium or Chrome; our cache; the sources.
 * @returns its absolute path
 * @throws LocalError that says what to install when no way works
 */
export async function ensureBrowser(options: BrowserOptions): Promise<string> {
  const { env, say } = options;
  for (const path of options.places ?? usualPlaces(env)) {
    if (missing(path) !== null) continue;
    const problem = await browserProblem(path);
    if (problem === null) return path;
    say(`${path} is passed over: ${problem}.`);
  }
  const sources = options.sources ?? [playwrightDownload(env), npmDownload(env)];
  return await cachedProgram(CHROMIUM, options.cacheDir ?? defaultCacheDir(env), sources, say);
}

/** Asking for the version proves that the browser and its libraries can be loaded here. */
function browserProblem(path: string): Promise<string | null> {
  // There the browser opens a window instead of answering.
  if (process.platform === 'win32') return Promise.resolve(missing(path));
  return new Promise((resolve) => {
    execFile(path, ['--version'], { timeout: 20_000 }, (error, stdout) => {
      if (/chrom.*\d+\.\d+/i.test(stdout)) resolve(null);
      else resolve(error === null ? 'it does not name its version' : `it does not run (${lastLine(error.message)})`);
    });
  });
}

function lastLine(text: string): string {
  return text.trim().split('\n').at(-1) ?? text;
}

function usualPlaces(env: NodeJS.ProcessEnv): string[] {
  const folders = (env['PATH'] ?? '').split(delimiter).filter((folder) => folder !== '');
  return [...NAMES.flatMap((name) => folders.map((folder) => join(folder, name))), ...PLACES];
}
