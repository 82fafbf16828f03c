import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import { type Browser, chromium } from 'playwright-core';

/** Names under which Debian, Ubuntu, Fedora and Google install the browser. */
const NAMES = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable'];
/** Where macOS and Windows keep it, which is not on PATH. */
const PLACES = [
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
  '/Applications/Chromium.app/Contents/MacOS/Chromium',
  'C:\\Program Files\\Google\\Chrome\\Application\\chrome.exe',
  'C:\\Program Files (x86)\\Google\\Chrome\\Application\\chrome.exe',
];

/**
 * Path of the machine's Chromium or Chrome.
 * @throws Error that says what to install
 */
export function findBrowser(env: NodeJS.ProcessEnv = process.env): string {
  const folders = (env['PATH'] ?? '').split(delimiter).filter((folder) => folder !== '');
  const places = [...NAMES.flatMap((name) => folders.map((folder) => join(folder, name))), ...PLACES];
  const found = places.find(isExecutable);
  if (found === undefined) {
    throw new Error('No browser for this test: install Chromium (apt-get install chromium) or Google Chrome, and run it again.');
  }
  return found;
}

/**
 * Starts the machine's browser without a window. It keeps nothing: its profile is a temporary folder, removed by `close()`.
 * @throws Error that says what to install, when there is no browser
 */
export async function startBrowser(): Promise<Browser> {
  const root = process.getuid?.() === 0;
  return await chromium.launch({
    executablePath: findBrowser(),
    // Chromium refuses to sandbox itself as root. The other flags keep it from asking the internet for what no test needs.
    args: [
      ...(root ? ['--no-sandbox'] : []),
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
    ],
  });
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
