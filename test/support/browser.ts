import { type Browser, chromium, type Page } from 'playwright-core';

/**
 * Starts the run's browser without a window. Its profile is a temporary folder that goes with `close()`.
 * @throws Error when the run has no browser; why is told where the run was prepared
 */
export async function startBrowser(): Promise<Browser> {
  const executablePath = process.env['TEST_BROWSER'];
  if (executablePath === undefined) throw new Error('This run of the tests has no browser: see NOT PREPARED above.');
  const isRoot = process.getuid?.() === 0;
  return await chromium.launch({
    executablePath,
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
