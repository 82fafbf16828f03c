import assert from 'node:assert/strict';
import { after, afterEach, before, describe, it } from 'node:test';
import type { Browser, Page } from 'playwright-core';
import { startBrowser } from '../support/browser.js';
import { eventually } from '../support/eventually.js';
import { type RunningSimulator, startSimulator } from '../support/simulator.js';
import { keepPicture, type OpenPage, openPage } from './open-page.js';

let browser: Browser;
let simulator: RunningSimulator;
let open: OpenPage;
let page: Page;

const result = (id: string) => page.locator(`#${id}`);

describe("the page's faults, scenarios and switches", () => {
  before(async () => {
    browser = await startBrowser();
    simulator = await startSimulator();
    open = await openPage(browser, simulator);
    page = open.page;
  });
  after(async () => {
    await browser?.close();
    await simulator?.stop();
  });
  afterEach(() => assert.deepEqual(open.troubles, []));

  it('sets and removes faults, and refuses what makes no sense', async () => {
    await open.view('Faults');
    await page.getByText('None: everything is answered and delivered as it should be.').waitFor();
    await page.getByLabel('Common ones').selectOption({ label: 'The decision: it takes effect, its answer is lost' });
    await page.getByLabel('Times').fill('3');
    await page.getByRole('button', { name: 'Add fault' }).click();
    await result('fault-result')
      .getByText(/^Set as /)
      .waitFor();
    const set = page.getByRole('listitem').filter({ hasText: 'state: reset' });
    await set.getByText(/3 times left/).waitFor();
    await page.getByRole('link', { name: 'Faults (1 set)' }).waitFor();
    await keepPicture(page, 'page-faults');

    await page.getByLabel('Times').fill('-2');
    await page.getByRole('button', { name: 'Add fault' }).click();
    await result('fault-result').getByText('Not done. times: must be 1 or more.').waitFor();
    const placeholder = () => page.getByLabel('Times').getAttribute('placeholder');
    assert.equal(await placeholder(), '1');
    await page.getByLabel('Common ones').selectOption({ label: 'Everything: an outage of an hour' });
    assert.equal(await placeholder(), 'no limit');

    await page.getByLabel('The fault as data').fill('{"route": "nowhere"');
    await page.getByRole('button', { name: 'Add fault' }).click();
    await result('fault-result')
      .getByText(/^Not done\. The fault must be JSON: /)
      .waitFor();
    await page.getByLabel('The fault as data').fill('{"route":"nowhere","kind":"reset"}');
    await page.getByRole('button', { name: 'Add fault' }).click();
    await result('fault-result')
      .getByText(/^Not done\. route: .*"state"/)
      .waitFor();

    await set.getByRole('button', { name: /^Remove / }).click();
    await page.getByText('None: everything is answered and delivered as it should be.').waitFor();
  });

  it('offers no fault that the simulator would refuse', async () => {
    const select = page.getByLabel('Common ones');
    const options = await select.locator('option').allTextContents();
    assert.ok(options.length > 15);
    for (const label of options) {
      await select.selectOption({ label });
      const [answer] = await Promise.all([
        page.waitForResponse((response) => response.request().method() === 'POST'),
        page.getByRole('button', { name: 'Add fault' }).click(),
      ]);
      assert.equal(answer.status(), 201, `${label}: ${await answer.text()}`);
    }
    await page.getByRole('button', { name: 'Remove all' }).click();
    await page.getByText('None: everything is answered and delivered as it should be.').waitFor();
  });

  it('loads a scenario file, and says where one is wrong', async () => {
    await page.getByLabel('Its text').fill('name: slow\nseed: 7\nfautls: []\n');
    await page.getByRole('button', { name: 'Load scenario' }).click();
    await result('scenario-result')
      .getByText(/^Not done\. .*3:1/)
      .waitFor();
    const scenario = 'name: slow tokens\nseed: 7\nfaults:\n  - { route: token, kind: delay, delay_ms: 10 }\n';
    await page
      .getByLabel('From a file')
      .setInputFiles({ name: 'slow.yaml', mimeType: 'application/yaml', buffer: Buffer.from(scenario) });
    await page.getByRole('button', { name: 'Load scenario' }).click();
    await result('scenario-result')
      .getByText(/^Loaded slow tokens as /)
      .waitFor();
    await page
      .getByRole('listitem')
      .filter({ hasText: 'slow tokens' })
      .getByRole('button', { name: /^Remove / })
      .click();
    await page.getByText('None: everything is answered and delivered as it should be.').waitFor();
  });

  it('changes switches, and keeps what is being edited', async () => {
    await open.view('Switches');
    await page.getByLabel('third_attempt_minutes').selectOption('10');
    await page.getByLabel('sign.curve').selectOption('p384');
    await simulator.control.switches({ created_by: 'string' });
    await eventually(
      'the other change is shown',
      async () => (await page.getByLabel('created_by').inputValue()) === 'string',
    );
    assert.equal(await page.getByLabel('third_attempt_minutes').inputValue(), '10');
    await page.getByRole('button', { name: 'Apply changes' }).click();
    await result('switches-result').getByText('Changed: third_attempt_minutes, sign.curve.').waitFor();
    const switches = await simulator.control.switches();
    assert.deepEqual([switches['third_attempt_minutes'], (switches['sign'] as { curve: string }).curve], [10, 'p384']);
    await page.getByLabel('delivery_timeout_ms').fill('-1');
    await page.getByRole('button', { name: 'Apply changes' }).click();
    await result('switches-result')
      .getByText(/^Not done\. delivery_timeout_ms: /)
      .waitFor();
    await page.getByRole('button', { name: 'Undo changes' }).click();
    assert.equal(await page.getByLabel('delivery_timeout_ms').inputValue(), '10000');
  });
});
