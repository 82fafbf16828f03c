import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { Browser, Page } from 'playwright-core';
import { startBrowser } from '../support/browser.js';
import { eventually } from '../support/eventually.js';
import { type RunningSimulator, startSimulator } from '../support/simulator.js';
import { type OpenPage, openPage } from './open-page.js';

const VIEWS = ['Installations', 'Faults', 'Verdicts', 'Apps', 'Switches'] as const;
/** What a person operates. */
const CONTROLS = 'a[href], button, input, select, textarea, summary, [tabindex="0"]';
/** Roles in the browser's accessibility tree that need a name to be of use. */
const NAMED_ROLES = ['button', 'link', 'textbox', 'searchbox', 'combobox', 'checkbox', 'table', 'region'];

let browser: Browser;
let simulator: RunningSimulator;
let open: OpenPage;
let page: Page;

interface AxNode {
  nodeId: string;
  ignored: boolean;
  role?: { value: string };
  name?: { value: string };
  parentId?: string;
}

/** The accessibility tree as the browser gives it to a screen reader. */
async function accessibilityTree(): Promise<AxNode[]> {
  const session = await page.context().newCDPSession(page);
  const { nodes } = (await session.send('Accessibility.getFullAXTree')) as { nodes: AxNode[] };
  await session.detach();
  return nodes.filter(({ ignored }) => !ignored);
}

/** The element with the focus: which of the visible controls it is, and whether one can see that it has it. */
async function focused(): Promise<{ place: number; isMarked: boolean }> {
  return await page.locator('html').evaluate((html, selector) => {
    const visible = [...html.querySelectorAll(selector)].filter((one) => one.checkVisibility());
    const active = html.ownerDocument.activeElement;
    const style = html.ownerDocument.defaultView?.getComputedStyle(active ?? html);
    return {
      place: visible.indexOf(active as never),
      isMarked: style?.outlineStyle === 'solid' && Number.parseFloat(style.outlineWidth) >= 2,
    };
  }, CONTROLS);
}

const visibleControls = () =>
  page.locator('html').evaluate((html, selector) => {
    return [...html.querySelectorAll(selector)]
      .filter((one) => one.checkVisibility())
      .map((one) => one.outerHTML.slice(0, 120));
  }, CONTROLS);

/** Visible texts with less than the contrast of 4.5 to 1 that WCAG 2.2 asks for (1.4.3). */
async function weakTexts(): Promise<string[]> {
  const texts = await page.locator('body').evaluate((body) => {
    const view = body.ownerDocument.defaultView;
    const found: { html: string; text: string; back: string }[] = [];
    for (const one of body.querySelectorAll('*')) {
      const saysSomething = [...one.childNodes].some(
        ({ nodeType, textContent }) => nodeType === 3 && textContent?.trim(),
      );
      if (!saysSomething || !one.checkVisibility() || one.closest('[aria-disabled]')) continue;
      let behind = one;
      while (behind.parentElement && view.getComputedStyle(behind).backgroundColor === 'rgba(0, 0, 0, 0)')
        behind = behind.parentElement;
      const back = view.getComputedStyle(behind).backgroundColor;
      found.push({ html: one.outerHTML.slice(0, 80), text: view.getComputedStyle(one).color, back });
    }
    return found;
  });
  assert.ok(texts.length > 20);
  return texts.flatMap(({ html, text, back }) => {
    const [one, other] = [luminance(text), luminance(back)];
    const contrast = (Math.max(one, other) + 0.05) / (Math.min(one, other) + 0.05);
    return contrast >= 4.5 ? [] : [`${html} has ${contrast.toFixed(1)}`];
  });
}

/** Of a colour such as `rgb(1, 2, 3)`. */
function luminance(color: string): number {
  const [red = 0, green = 0, blue = 0] = (color.match(/[\d.]+/g) ?? []).map((text) => {
    const share = Number(text) / 255;
    return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}

describe('the page without a mouse and without eyes', () => {
  before(async () => {
    browser = await startBrowser();
    simulator = await startSimulator();
    await simulator.control.registerApp('my-app', { callback_url: 'http://127.0.0.1:9/never-called' });
    await simulator.control.createInstallation({ app_id: 'my-app', account_name: 'acme', users: 2 });
    open = await openPage(browser, simulator);
    page = open.page;
  });
  after(async () => {
    await browser?.close();
    await simulator?.stop();
  });

  it('has a link past the head, which comes first', async () => {
    await page.keyboard.press('Tab');
    const skip = page.getByRole('link', { name: 'Skip to the content' });
    assert.equal(await skip.evaluate((link) => link === link.ownerDocument.activeElement), true);
    await eventually('the link has moved into sight', async () => ((await skip.boundingBox())?.y ?? -1) >= 0);
    await page.keyboard.press('Enter');
    assert.equal(await page.locator('main').evaluate((main) => main === main.ownerDocument.activeElement), true);
  });

  for (const view of VIEWS) {
    it(`reaches every control of ${view} by Tab, each with a mark that can be seen`, async () => {
      await open.view(view);
      await page
        .getByRole('navigation')
        .getByRole('link', { name: new RegExp(`^${view}`) })
        .waitFor();
      if (view === 'Installations') await page.getByRole('button', { name: 'acme', exact: true }).click();
      // Tab then starts at the top of the document.
      await page.reload();
      await page.getByText('Live', { exact: true }).waitFor();
      const controls = await visibleControls();
      assert.ok(controls.length > 10);
      const reached = new Set<number>();
      const unmarked = new Set<string>();
      for (let step = 0; step < 2 * controls.length; step += 1) {
        const { place, isMarked } = await focused();
        if (place >= 0) reached.add(place);
        if (place >= 0 && !isMarked) unmarked.add(controls[place] ?? '');
        await page.keyboard.press('Tab');
      }
      assert.deepEqual(
        controls.filter((_control, place) => !reached.has(place)),
        [],
      );
      assert.deepEqual([...unmarked], []);
    });

    it(`gives everything on ${view} a name, one heading for the page, and results that are read out`, async () => {
      await open.view(view);
      const nodes = await accessibilityTree();
      const nameless = nodes.filter(
        ({ role, name }) => NAMED_ROLES.includes(role?.value ?? '') && !name?.value?.trim(),
      );
      assert.deepEqual(
        nameless.map(({ role, nodeId }) => `${role?.value} ${nodeId}`),
        [],
      );
      const landmarks = nodes
        .map(({ role }) => role?.value)
        .filter((role) => role === 'main' || role === 'navigation' || role === 'banner');
      assert.deepEqual(landmarks.sort(), ['banner', 'main', 'navigation']);
      assert.equal(await page.getByRole('heading', { level: 1 }).count(), 1);
      assert.ok(nodes.some(({ role }) => role?.value === 'status'));
    });
  }

  it('is worked by keyboard alone, and the focus stays where it was', async () => {
    await open.view('Installations');
    await page.getByRole('button', { name: 'Install', exact: true }).focus();
    await page.keyboard.press('Enter');
    await page.getByText(/^app\.installed is on its way for /).waitFor();
    await page.getByText('2 in 2 accounts, 2 waiting for your backend').waitFor();
    assert.equal(
      await page
        .getByRole('button', { name: 'Install', exact: true })
        .evaluate((one) => one === one.ownerDocument.activeElement),
      true,
    );
    // New lines come in above the row with the focus.
    const row = page.getByRole('button', { name: 'acme', exact: true });
    await row.focus();
    await simulator.control.createInstallation({ app_id: 'my-app', account_name: 'globex' });
    await page.getByRole('button', { name: 'globex', exact: true }).waitFor();
    assert.equal(await row.evaluate((one) => one === one.ownerDocument.activeElement), true);
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { name: 'acme', exact: true }).waitFor();
  });

  it('has enough contrast in the light and in the dark, and moves nothing for those who ask for that', async () => {
    for (const colorScheme of ['light', 'dark'] as const) {
      await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
      const weak = await weakTexts();
      assert.deepEqual(weak, [], colorScheme);
      assert.equal(
        await page
          .locator('.skip')
          .evaluate((one) => one.ownerDocument.defaultView?.getComputedStyle(one).transitionDuration),
        '0s',
      );
    }
  });
});
