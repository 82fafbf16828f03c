import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import { type Browser, chromium, type Page } from 'playwright-core';

/** Names under which Debian, Ubuntu, Fedora and Google install the browser. */
const NAMES = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable'];
/** Where macOS and Windows keep it, which is not on PATH. */
const PLACES = [
  '/Applications/Chromium.app/Contents/MacOS/Chromium',
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
  'C:\\Program Files\\Google\\Chrome\\Application\\chrome.exe',
  'C:\\Program Files (x86)\\Google\\Chrome\\Application\\chrome.exe',
];

/**
 * Path of the machine's Chromium or Chrome.
 * @param places where it may be, the best first
 * @throws Error that says what to install
 */
export function findBrowser(places: readonly string[] = usualPlaces()): string {
  const found = places.find(isExecutable);
  if (found === undefined) {
    throw new Error('This test needs a browser: install Chromium (apt-get install chromium) or Google Chrome.');
  }
  return found;
}

/**
 * Starts the machine's browser without a window. Its profile is a temporary folder that goes with `close()`.
 * @throws Error that says what to install, when there is no browser
 */
export async function startBrowser(): Promise<Browser> {
  const isRoot = process.getuid?.() === 0;
  return await chromium.launch({
    executablePath: findBrowser(),
    args: [
      // Chromium refuses to run in its sandbox as root.
      ...(isRoot ? ['--no-sandbox'] : []),
      '--disable-gpu',
      // A test talks to this machine only: neither the page nor the browser itself may ask the internet for something.
      '--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
    ],
  });
}

/** What a person can read on the page and in the frames it shows, with every run of white space as one blank. */
export async function visibleText(page: Page): Promise<string> {
  // biome-ignore lint/performance/useDomNodeTextContent: textContent would also give what is hidden.
  const texts = await Promise.all(page.frames().map((frame) => frame.locator('body').innerText({ timeout: 2_000 })));
  return texts.join(' ').replace(/\s+/g, ' ');
}

function usualPlaces(): string[] {
  const folders = (process.env['PATH'] ?? '').split(delimiter).filter((folder) => folder !== '');
  return [...NAMES.flatMap((name) => folders.map((folder) => join(folder, name))), ...PLACES];
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
