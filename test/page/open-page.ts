import { copyFile, mkdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import type { RunningSimulator } from '../support/simulator.js';

/** The simulator's page in a browser, with everything that a person would not see. */
export interface OpenPage {
  page: Page;
  /** Errors of scripts, refusals of the content security policy, dialogs; a page at peace has none. */
  troubles: string[];
  /** Goes to a view by its link. */
  view(name: 'Installations' | 'Faults' | 'Verdicts' | 'Apps' | 'Switches'): Promise<void>;
}

/** Opens it as a person does who types the simulator's address. */
export async function openPage(
  browser: Browser,
  simulator: Pick<RunningSimulator, 'url'>,
  options: { width?: number; height?: number; colorScheme?: 'light' | 'dark' } = {},
): Promise<OpenPage> {
  const { width = 1280, height = 900, ...others } = options;
  const page = await browser.newPage({ viewport: { width, height }, timezoneId: 'UTC', locale: 'en-US', ...others });
  page.setDefaultTimeout(10_000);
  const troubles: string[] = [];
  page.on('pageerror', (error) => troubles.push(`script: ${error.message}`));
  page.on('dialog', (dialog) => {
    troubles.push(`dialog: ${dialog.message()}`);
    void dialog.dismiss();
  });
  page.on('console', (message) => {
    // What the control API refuses is said beside the form; that the browser notes it is no trouble.
    const isRefusal = /the server responded with a status of 4\d\d/.test(message.text());
    if (message.type() === 'error' && !isRefusal) troubles.push(`console: ${message.text()}`);
  });
  page.on('request', (request) => {
    if (new URL(request.url()).origin !== simulator.url) troubles.push(`asked elsewhere: ${request.url()}`);
  });
  await page.goto(`${simulator.url}/`);
  await page.getByText('Live', { exact: true }).waitFor();
  return {
    page,
    troubles,
    async view(name) {
      await page
        .getByRole('navigation')
        .getByRole('link', { name: new RegExp(`^${name}`) })
        .click();
    },
  };
}

/** Keeps a picture of the whole page where the developer wants to look at it. */
export async function keepPicture(page: Page, name: string): Promise<void> {
  const path = join(tmpdir(), `${name}.png`);
  await page.screenshot({ path, fullPage: true });
  const wanted = process.env['SCREENSHOT_DIR'];
  if (!wanted) return;
  await mkdir(wanted, { recursive: true });
  await copyFile(path, join(wanted, `${name}.png`));
}

/** How far the content is wider than the window; more than 0 is a bar to scroll sideways. */
export function overflowOf(page: Page): Promise<number> {
  return page.locator('html').evaluate(({ scrollWidth, clientWidth }) => scrollWidth - clientWidth);
}

/** In how many lines the text of each element stands. */
export function linesOf(page: Page, selector: string): Promise<number[]> {
  return page.locator(selector).evaluateAll((elements) =>
    elements.map((element) => {
      const range = element.ownerDocument.createRange();
      range.selectNodeContents(element);
      return range.getClientRects().length;
    }),
  );
}
