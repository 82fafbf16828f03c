import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, afterEach, before, describe, it } from 'node:test';
import type { Browser, Page } from 'playwright-core';
import { startBrowser } from '../support/browser.js';
import { eventually } from '../support/eventually.js';
import { type RunningSimulator, startSimulator } from '../support/simulator.js';
import { keepPicture, linesOf, type OpenPage, openPage, overflowOf } from './open-page.js';

let browser: Browser;
let partner: Server;
let callbackUrl: string;
let simulator: RunningSimulator;
let open: OpenPage;
let page: Page;

const row = (account: string) =>
  page.getByRole('row').filter({ has: page.getByRole('button', { name: account, exact: true }) });
const result = (id: string) => page.locator(`#${id}`);

/** Fills in the form and installs; the new installation is then the chosen one. */
async function install(account: string, fields: Record<string, string> = {}): Promise<void> {
  await page.getByText('Account, plan type, licenses, key').click();
  await page.getByLabel('Account name').fill(account);
  for (const [label, value] of Object.entries(fields))
    await page.getByLabel(label, { exact: true }).first().fill(value);
  await page.getByRole('button', { name: 'Install', exact: true }).click();
  await page.getByRole('heading', { name: account, exact: true }).waitFor();
  await page.getByText('Account, plan type, licenses, key').click();
}

describe("the simulator's page", () => {
  before(async () => {
    browser = await startBrowser();
    // A partner that acknowledges everything and never decides.
    partner = createServer((request, response) => {
      request.resume();
      response.writeHead(204).end();
    }).listen(0, '127.0.0.1');
    await once(partner, 'listening');
    callbackUrl = `http://127.0.0.1:${(partner.address() as AddressInfo).port}/webhooks`;
    simulator = await startSimulator();
    open = await openPage(browser, simulator);
    page = open.page;
  });
  after(async () => {
    await browser?.close();
    await simulator?.stop();
    partner?.close();
    partner?.closeAllConnections();
  });
  afterEach(() => assert.deepEqual(open.troubles, []));

  it('leads a newcomer from an empty world to an app, and says what is wrong beside the form', async () => {
    await page.getByText('Nothing is installed yet.').waitFor();
    await page.getByRole('button', { name: 'Install', exact: true }).click();
    await page.getByText('Not done. Register an app first: its id and the URL of your webhook.').waitFor();
    await page.getByRole('link', { name: 'Register one' }).click();

    await page.getByLabel('App id').fill('an app');
    await page.getByLabel('Callback URL').fill(callbackUrl);
    await page.getByRole('button', { name: 'Register' }).click();
    await result('app-result').getByText('Not done. app_id: must be 1 to 64 letters, digits, "-" or "_".').waitFor();
    await page.getByLabel('App id').fill('my-app');
    await page.getByRole('button', { name: 'Register' }).click();
    await result('app-result').getByText(`Events of my-app go to ${callbackUrl}.`).waitFor();
    await page.getByText('my-app, version 1.0.0').waitFor();
    await open.view('Installations');
  });

  it('installs, shows what waits and for how long, and every delivery', async () => {
    await install('acme', { Users: '25' });
    await result('install-result').getByText('app.installed is on its way for acme.').waitFor();
    await row('acme').getByText('◔ installing').waitFor();
    await row('acme')
      .getByText(/^6 d 23 h left$/)
      .waitFor();
    await row('acme').getByText('25 users').waitFor();
    const line = page.getByRole('row').filter({ hasText: 'app.installed · acme' });
    await line.getByText('✓ attempt 1 of 3: delivered').waitFor();
    await line.getByText('204').waitFor();
    assert.deepEqual(await linesOf(page, '.log th'), [1, 1, 1, 1]);
    await keepPicture(page, 'page-installed');
  });

  it('takes no slip of a number for the id of a user', async () => {
    const users = page.getByLabel('Users', { exact: true }).first();
    for (const slip of ['-3', 'many', '1e9', '2.5', '3, 4', ',']) {
      await users.fill(slip);
      await page.getByRole('button', { name: 'Install', exact: true }).click();
      await result('install-result').getByText('Not done. users: must be a whole number from 0 to 100000').waitFor();
      await users.fill('3');
    }
    assert.equal((await simulator.control.installations()).length, 1);
  });

  it('says the refusal of an action beside the buttons that caused it', async () => {
    await page.getByLabel('Users', { exact: true }).nth(1).fill('30');
    await page.getByRole('button', { name: 'Update users' }).click();
    await result('chosen-result')
      .getByText(
        'Not done. The installation is installing; it can be updated when it is completed, suspended, updating.',
      )
      .waitFor();
    await page.getByRole('button', { name: 'Extend by 14 days' }).click();
    await result('chosen-result')
      .getByText('Not done. The installation has no trial under way; start one first.')
      .waitFor();
  });

  it('acts as the customer: rotates, logs out, runs a trial, uninstalls, installs again', async () => {
    const steps: [string, string][] = [
      ['Rotate routinely', 'New credentials. Sent: app.credentials_rotated.'],
      ['Rotate, compromised', 'New credentials, the old ones are dead. Sent: app.credentials_rotated.'],
      ['Log out', 'Logged out. Sent: user.logout.'],
      ['Start', 'Trial started. Sent: app.trial_started.'],
      ['Extend by 14 days', 'Trial extended. Sent: app.trial_extended.'],
      ['End', 'Trial ended. Sent: app.trial_ended.'],
      ['Uninstall', 'Uninstalled. Sent: app.uninstalled.'],
    ];
    for (const [button, says] of steps) {
      await page.getByRole('button', { name: button, exact: true }).click();
      await result('chosen-result').getByText(says).waitFor();
    }
    await page.getByText('install: superseded').waitFor();
    await row('acme').getByRole('listitem').filter({ hasText: 'uninstall' }).getByText('6 d 23 h left').waitFor();
    await page.getByRole('button', { name: 'Reinstall' }).click();
    await result('chosen-result')
      .getByText(/^Installed again as [0-9a-f]{32}\. Sent: app\.installed\.$/)
      .waitFor();
    await page.getByText('2 in 1 accounts, 2 waiting for your backend').waitFor();
  });

  it('moves the clock: a window runs out in order, and what is due next is known', async () => {
    await page.getByRole('button', { name: 'Freeze' }).click();
    await page.getByText('The clock stands still until it is moved.').waitFor();
    await page.locator('#clock-mode').getByText('frozen').waitFor();
    await page.getByLabel('Jump by or to').fill('2h30m');
    await page.getByRole('button', { name: 'Jump', exact: true }).click();
    await page.getByText('2 h 30 min ahead of this machine').waitFor();
    await row('acme').first().getByText('6 d 21 h left').first().waitFor();
    await page.getByLabel('Jump by or to').fill('tomorrow');
    await page.getByRole('button', { name: 'Jump', exact: true }).click();
    await result('clock-result')
      .getByText(/^Not done\. Jump: say how far, such as 7d or 2h30m, or until when/)
      .waitFor();

    await page.getByRole('button', { name: 'To the next thing due' }).click();
    await row('acme')
      .first()
      .getByText(/^0 s left|over since|6 d 2|^install/)
      .first()
      .waitFor();
    await page.getByRole('button', { name: '+7 days' }).click();
    await row('acme').first().getByText('✕ timeout').waitFor();
    await page.getByRole('button', { name: 'Let it run' }).click();
    await page.locator('#clock-mode').getByText('running').waitFor();
    await keepPicture(page, 'page-timeout');
  });

  it("shows the oracle's verdicts", async () => {
    await open.view('Verdicts');
    await page.getByText(/^\d+ broken, \d+ kept, \d+ not seen$/).waitFor();
    await page.getByText('decided-inside-window').waitFor();
    await keepPicture(page, 'page-verdicts');
  });

  it('finds one among a thousand, page by page, and stays quick', async () => {
    for (let n = 0; n < 1_000; n += 1) {
      await simulator.control.createInstallation({ app_id: 'my-app', account_name: `customer-${n}`, deliver: false });
    }
    await open.view('Installations');
    await page.getByText('1 to 50 of 1002').waitFor();
    await page.getByRole('button', { name: 'Older' }).click();
    await page.getByText('51 to 100 of 1002').waitFor();
    await page.getByRole('button', { name: 'Newer' }).click();
    await page.getByText('1 to 50 of 1002').waitFor();
    await page.getByLabel('Search').fill('CUSTOMER-77');
    await eventually('eleven are left', async () => (await page.locator('#list-rows tr').count()) === 11);
    await page.getByLabel('Show').selectOption('timeout');
    await page.getByText('None like this.').waitFor();
    await page.getByLabel('Search').fill('');
    await page.getByLabel('Show').selectOption('all');
    await keepPicture(page, 'page-thousand');
    const url = `${simulator.url}/_control/overview?log=100`;
    const first = await fetch(url);
    const tag = first.headers.get('etag') ?? '';
    const again = await fetch(url, { headers: { 'if-none-match': tag } });
    assert.deepEqual([again.status, await again.text()], [304, '']);
  });

  it('can be read at 800 pixels without scrolling sideways', async () => {
    await page.setViewportSize({ width: 800, height: 900 });
    for (const view of ['Installations', 'Faults', 'Verdicts', 'Apps', 'Switches'] as const) {
      await open.view(view);
      assert.ok((await overflowOf(page)) <= 0, view);
      assert.ok(
        (await linesOf(page, '.log th')).every((lines) => lines <= 1),
        view,
      );
      await keepPicture(page, `page-800-${view.toLowerCase()}`);
    }
  });
});
