import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { Client } from 'pg';
import type { Browser, Page } from 'playwright-core';
import { readLocalSettings } from '../../local/settings.js';
import { createLocal, type Local, type RunningLocal } from '../../local/start.js';
import { scratchDir } from '../local/scratch.js';
import { startBrowser, visibleText } from '../support/browser.js';
import { eventually } from '../support/eventually.js';
import { fromRunner } from '../support/temporal.js';
import { keepPicture, type OpenPage, openPage } from './open-page.js';

/** Everything is real, and the machine may be busy with other tests. */
const LIMIT_MS = 30_000;

let browser: Browser;
let local: Local;
let running: RunningLocal;
let open: OpenPage;
let page: Page;
const cleanups: (() => void)[] = [];

const row = (account: string) =>
  page.getByRole('row').filter({ has: page.getByRole('button', { name: account, exact: true }) });

/** Installs for an account of this name, as a person does on the page. */
async function install(account: string): Promise<void> {
  await page.getByLabel('Account name').fill(account);
  await page.getByRole('button', { name: 'Install', exact: true }).click();
  await page.getByRole('heading', { name: account, exact: true }).waitFor();
}

/** Waits until the list says this of an account. */
async function becomes(account: string, state: string): Promise<void> {
  await row(account).getByText(state).waitFor({ timeout: LIMIT_MS });
}

/** Runs SQL in the sample product, as its operator. */
async function inProduct(sql: string, values: unknown[] = []): Promise<void> {
  const client = new Client({ connectionString: running.productDatabaseUrl });
  await client.connect();
  try {
    await client.query(sql, values);
  } finally {
    await client.end();
  }
}

/** Opens the run of the chosen installation by the page's link, and reads in the Web UI until all of this is there. */
async function readRun(picture: string, expected: RegExp[]): Promise<void> {
  const [ui] = await Promise.all([
    page.context().waitForEvent('page'),
    page.getByRole('link', { name: 'Open its run' }).click(),
  ]);
  ui.setDefaultTimeout(LIMIT_MS);
  // The newest run of the account is the first of the list.
  await ui
    .locator('table a[href*="/history"], table a[href*="/timeline"], table a[href*="/workflows/"]')
    .first()
    .click();
  let text = '';
  try {
    await eventually('the Web UI shows the run', async () => {
      text = await visibleText(ui);
      return expected.every((part) => part.test(text));
    });
  } catch {
    assert.fail(`The Web UI at ${ui.url()} says: ${text}`);
  } finally {
    await keepPicture(ui, picture);
    await ui.close();
  }
}

describe('a new user of the local mode', () => {
  before(async () => {
    browser = await startBrowser();
    const dataDir = scratchDir({ after: (cleanup) => void cleanups.push(cleanup as () => void) });
    const env = { ...process.env, DATA_DIR: dataDir, TEMPORAL_CLI_PATH: fromRunner('TEST_TEMPORAL_CLI') };
    local = createLocal({
      env,
      settings: readLocalSettings(env, true),
      say: () => undefined,
      observe: () => undefined,
    });
    running = await local.start();
    open = await openPage(browser, running.simulator);
    page = open.page;
  });
  after(async () => {
    await browser?.close();
    await local?.stop();
    for (const cleanup of cleanups) cleanup();
  });

  it('registers the app, clicks install and sees it completed', async () => {
    await open.view('Apps');
    await page.getByLabel('App id').fill(running.appIds[0] as string);
    await page.getByLabel('Callback URL').fill(`${running.service.ingressUrl}/webhooks/talkdesk`);
    await page.getByRole('button', { name: 'Register' }).click();
    await page.getByText(/^Events of .* go to /).waitFor();
    await open.view('Installations');
    await page.getByText('Account, plan type, licenses, key').click();
    await install('first-customer');
    await becomes('first-customer', '✓ completed');
    await page.getByText('✓ approve took effect').waitFor();
    await keepPicture(page, 'user-completed');
  });

  it("opens its run in Temporal's Web UI by the link", async () => {
    await readRun('user-run', [/Completed/i, /first-customer|syncFromTalkdesk/, /provisionAccount/]);
  });

  it('sees another rejected because the product refuses it', async () => {
    await inProduct('INSERT INTO blocked_account (account_name, reason) VALUES ($1, $2)', [
      'blocked-customer',
      'it owes us money',
    ]);
    await install('blocked-customer');
    await becomes('blocked-customer', '✕ rejected');
    await row('blocked-customer').getByText('the account blocked-customer is blocked: it owes us money').waitFor();
    await keepPicture(page, 'user-rejected');
  });

  it('jumps seven days: what the product never answered runs out, in the page and in the Web UI', async () => {
    // A product whose tables are gone fails at every attempt.
    await inProduct('ALTER TABLE account RENAME TO account_elsewhere');
    await install('patient-customer');
    await becomes('patient-customer', '◔ installing');
    await row('patient-customer').getByText('6 d 23 h left').waitFor();
    await page.getByRole('button', { name: '+7 days' }).click();
    await page.getByText(/^The clock says /).waitFor({ timeout: 60_000 });
    assert.doesNotMatch((await page.locator('#clock-result').textContent()) ?? '', /did not follow/);
    await becomes('patient-customer', '✕ timeout');
    await page.getByText('install: timeout at').waitFor();
    await page.getByText('7 d ahead of this machine').waitFor();
    await keepPicture(page, 'user-jumped');
    // Once the product is well again, what it may have begun is undone, and the run ends.
    await inProduct('ALTER TABLE account_elsewhere RENAME TO account');
    await page.getByRole('button', { name: '+1 h' }).click();
    await readRun('user-run-jumped', [
      /Completed/i,
      /"outcome": "expired"/,
      /Talkdesk's window closes at/,
      /undoProvisioning/,
    ]);
  });

  it('uninstalls, and the account is gone after the approval', async () => {
    await page.getByRole('button', { name: 'first-customer', exact: true }).click();
    await page.getByRole('heading', { name: 'first-customer', exact: true }).waitFor();
    await page.getByRole('button', { name: 'Uninstall', exact: true }).click();
    await page.getByText('Uninstalled. Sent: app.uninstalled.').waitFor();
    await becomes('first-customer', '– revoked');
    await page.getByText('uninstall: approved at').waitFor();
    await keepPicture(page, 'user-uninstalled');
    assert.deepEqual(open.troubles, []);
  });
});
