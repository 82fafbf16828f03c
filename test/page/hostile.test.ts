import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { Browser } from 'playwright-core';
import { appId, decide, get, prepare, token } from '../simulator/wire.js';
import { startBrowser } from '../support/browser.js';
import { eventually } from '../support/eventually.js';
import { type RunningSimulator, startSimulator } from '../support/simulator.js';
import { type OpenPage, openPage } from './open-page.js';

/** Markup that would run a script if it were ever taken for markup; the script asks another origin, and opens a dialog. */
const MARKUP = [
  '<img src=x onerror="alert(1)">',
  '<script>alert(1)</script>',
  '<svg onload="alert(1)">',
  `"'><iframe src="javascript:alert(1)"></iframe>`,
];
const ALL = MARKUP.join('');

let browser: Browser;
let simulator: RunningSimulator;
let open: OpenPage;

describe('data of strangers on the page', () => {
  before(async () => {
    browser = await startBrowser();
    const runLink = 'http://127.0.0.1:9/runs/{app_id}/{account_id}?of={installation_id}&event={event_id}';
    simulator = await startSimulator({ env: { SIMULATOR_RUN_LINK: runLink } });
    open = await openPage(browser, simulator);
  });
  after(async () => {
    await browser?.close();
    await simulator?.stop();
  });

  it('is text wherever it stands, and nothing of it runs', async () => {
    const { control } = simulator;
    const prepared = await prepare(simulator, {
      account_name: 'hostile',
      installation_id: `installation ${ALL}`,
      event_id: `event ${ALL}`,
      users: [{ id: `user ${ALL}`, name: ALL, email: ALL }],
      plan: MARKUP[0] as string,
    });
    const rejected = await prepare(simulator, { account_name: 'rejected' });
    const accessToken = await token(rejected);
    const decision = await decide(simulator, rejected, accessToken, { state: 'reject', reason: `reason ${ALL}` });
    assert.equal(decision.status, 200);
    await get(
      `${simulator.url}/apps/${encodeURIComponent(`app ${ALL}`)}/installations/x?q=${encodeURIComponent(ALL)}`,
      accessToken,
    );
    await control.registerApp(appId, {
      callback_url: 'http://127.0.0.1:9/?<img/src/onerror=alert(1)>',
      version_name: ALL.slice(0, 100),
    });
    await control.sendEvent(prepared.installation_id, { type: `type ${ALL}`, data: { [ALL]: ALL } });
    await control.logout(prepared.installation_id, { user_email: ALL });
    await control.fault({ route: 'users', kind: 'status', status: 500, body: ALL, headers: { [`x-${'a'}`]: ALL } });

    const { page } = open;
    await page.getByRole('button', { name: 'hostile', exact: true }).click();
    await page.getByRole('heading', { name: 'hostile', exact: true }).waitFor();
    await page.getByText(`said: reason ${ALL}`, { exact: true }).waitFor();
    await page.getByText(`installation ${ALL}`, { exact: true }).waitFor();
    await page.getByText(`type ${ALL}`, { exact: true }).first().waitFor();
    for (const content of await page.getByText('Content', { exact: true }).filter({ visible: true }).all())
      await content.click();
    const run = page.getByRole('link', { name: 'Open its run' });
    const address = new URL((await run.getAttribute('href')) ?? '');
    assert.equal(address.searchParams.get('of'), `installation ${ALL}`);
    assert.equal(address.searchParams.get('event'), `event ${ALL}`);
    assert.equal(address.origin, 'http://127.0.0.1:9');

    for (const view of ['Faults', 'Verdicts', 'Apps', 'Switches', 'Installations'] as const) {
      await open.view(view);
      await eventually(
        `the view ${view} has been filled`,
        async () => (await page.locator('[aria-busy]').count()) === 0,
      );
      assert.equal(await page.locator('img, iframe, main svg, body script, [onerror], [onload]').count(), 0, view);
    }
    await page.reload();
    await page.getByRole('heading', { name: 'hostile', exact: true }).waitFor();
    assert.deepEqual(open.troubles, []);
  });

  it('is refused by the browser itself should the page ever take it for markup', async () => {
    const { page } = open;
    const wasSet = await page.locator('main').evaluate((main, markup) => {
      try {
        main.innerHTML = markup;
        return true;
      } catch {
        return false;
      }
    }, ALL);
    assert.equal(wasSet, false);
    assert.equal(await page.locator('main img').count(), 0);
  });
});
