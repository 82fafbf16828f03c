import assert from 'node:assert/strict';
import { copyFile, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { after, afterEach, before, describe, it } from 'node:test';
import type { Browser, Page } from 'playwright-core';
import { startBrowser, visibleText } from '../support/browser.js';
import { eventually } from '../support/eventually.js';
import { closedRun, withoutStall } from '../support/histories.js';
import { startTestService, type TestService } from '../support/service.js';
import type { CreatedInstallation, InstallationInput } from '../support/simulator.js';
import { createSurroundings, type Surroundings } from '../support/stack.js';
import { connectTemporal, createOwnDevServer, type OwnTemporalServer, type TestTemporal } from '../support/temporal.js';

/** The narrowest screen that an operator is likely to have, tall enough for one picture of a whole page. */
const VIEWPORT = { width: 1280, height: 1400 };
const DAY_MS = 24 * 60 * 60 * 1_000;
const WINDOW_MS = 7 * DAY_MS;
const DUE_MS = 6.5 * DAY_MS;

/** Tabs of a run's page. */
type Tab = 'Timeline' | 'Event History' | 'Pending Activities' | 'User Metadata';

let folder: string;
let browser: Browser;
let page: Page;
let server: OwnTemporalServer;
let temporal: TestTemporal;
let surroundings: Surroundings;
let service: TestService;

/** An app whose product needs ten minutes for everything, and one whose installs a person decides. */
const SLOW_APP = 'app-with-a-slow-product';
const MANUAL_APP = 'app-that-is-decided-by-hand';

async function install(
  account_name: string,
  users: number,
  more: Partial<InstallationInput> = {},
): Promise<CreatedInstallation> {
  const { control } = surroundings.simulator;
  return await control.createInstallation({ app_id: surroundings.appId, account_name, users, ...more });
}

function runOf(installed: CreatedInstallation) {
  return temporal.client.workflow.getHandle(`${installed.app_id}/${installed.account_id}`);
}

/** Opens the page of the tenant's newest run. */
async function openRun(installed: CreatedInstallation): Promise<void> {
  const { workflowId, runId } = await runOf(installed).describe();
  const path = `/namespaces/default/workflows/${encodeURIComponent(workflowId)}/${runId}/history`;
  await page.goto(new URL(path, server.uiUrl as string).href);
}

/** Goes to a tab, waits until everything expected can be read there, and keeps a picture of it. */
async function read(tab: Tab, pictureName: string, expected: readonly (string | RegExp)[]): Promise<string> {
  await page.getByRole('tab', { name: new RegExp(`^${tab}`) }).click();
  let text = '';
  const missing = () =>
    expected.filter((part) => (typeof part === 'string' ? !text.includes(part) : !part.test(text))).map(String);
  try {
    await eventually(
      'everything expected is on the page',
      async () => {
        text = await visibleText(page);
        return missing().length === 0;
      },
      30_000,
    );
  } catch {
    assert.fail(`Not on the tab ${tab}: ${missing().join(' | ')}\nThe page says: ${text}`);
  } finally {
    await keepPicture(pictureName);
  }
  return text;
}

async function keepPicture(name: string): Promise<void> {
  const path = join(folder, `${name}.png`);
  await page.screenshot({ path });
  const wanted = process.env['SCREENSHOT_DIR'];
  if (!wanted) return;
  await mkdir(wanted, { recursive: true });
  await copyFile(path, join(wanted, `${name}.png`));
}

/** The run's status before its id, however the page writes it. */
function headline(status: string, { app_id, account_id }: CreatedInstallation): RegExp {
  return new RegExp(`\\b${status} ${app_id}/${account_id}\\b`, 'i');
}

/** So long after the event, as an operator reads it: `2026-03-29 01:30 UTC`. */
function timeAfter(createdAt: Date, ms: number): string {
  const [date, time] = new Date(createdAt.getTime() + ms).toISOString().split('T');
  return `${date} ${time?.slice(0, 5)} UTC`;
}

async function eventCreatedAt(installed: CreatedInstallation): Promise<Date> {
  const rows = await surroundings.database.query<{ created_at: Date }>(
    'SELECT created_at FROM inbox_event WHERE id = $1',
    [installed.event_id],
  );
  return rows[0]?.created_at as Date;
}

describe("Temporal's Web UI", () => {
  before(async () => {
    // First, so that a machine without a browser says so at once.
    browser = await startBrowser();
    page = await browser.newPage({ viewport: VIEWPORT, timezoneId: 'UTC', locale: 'en-US' });
    folder = await mkdtemp(join(tmpdir(), 'web-ui-'));
    server = await createOwnDevServer({ dir: folder, ui: true });
    temporal = await connectTemporal(server.address);
    surroundings = await createSurroundings({ temporalAddress: server.address });
    const apps = {
      [surroundings.appId]: {},
      [SLOW_APP]: {
        product: { adapter: resolve('examples/typescript-product/product.ts'), settings: { pendingMs: '600000' } },
      },
      [MANUAL_APP]: { policy: { mode: 'manual', atDue: 'approve' } },
    };
    await writeFile(join(surroundings.folder, 'apps.json'), JSON.stringify(apps));
    service = await startTestService(surroundings);
    for (const app of [SLOW_APP, MANUAL_APP]) {
      const callback_url = `${service.ingressUrl}/webhooks/talkdesk`;
      await surroundings.simulator.control.registerApp(app, { callback_url });
    }
  });
  after(async () => {
    await browser?.close();
    await service?.stop();
    await surroundings?.stop();
    await temporal?.close();
    await server?.stop();
    if (folder !== undefined) await rm(folder, { recursive: true, force: true });
  });

  afterEach(() => surroundings?.product.up());

  it('says in words what an install waits for while the product is down, and how it went on', async () => {
    await surroundings.product.down();
    const installed = await install('patient', 25);
    await eventually('a regular attempt has failed and the next one is due', async () => {
      const activity = (await runOf(installed).describe()).raw.pendingActivities?.[0];
      return (activity?.attempt ?? 0) > 1 && activity?.lastFailure;
    });
    const createdAt = await eventCreatedAt(installed);
    const closes = timeAfter(createdAt, WINDOW_MS);
    const warning = `Warn: 50 % of the time to the due answer (${timeAfter(createdAt, DUE_MS)}) has passed`;

    await openRun(installed);
    await read('User Metadata', 'down-user-metadata', [
      headline('running', installed),
      `app.installed of installation ${installed.installation_id} for account ${installed.account_id}`,
      `Install of installation ${installed.installation_id}: provisioning the product account and 25 users.`,
      `Talkdesk’s window closes at ${closes}.`,
    ]);
    await read('Pending Activities', 'down-pending-activities', [
      'provisionAccount',
      /Attempt ([2-9]|\d\d) \/ unlimited/i,
      /"message": "The product failed: [^"]*/,
    ]);
    await read('Timeline', 'down-timeline', [/provisionAccount • Provision in product/, warning]);

    await surroundings.product.up();
    await eventually(
      'the run has ended',
      async () => (await runOf(installed).describe()).status.name === 'COMPLETED',
      120_000,
    );
    await openRun(installed);
    await read('Event History', 'completed-event-history', [
      headline('completed', installed),
      '"outcome": "approved"',
      'takeEvents Summary Take new events',
      'syncFromTalkdesk Summary Read from Talkdesk',
      'Activity Task Scheduled Activity Type provisionAccount Summary Provision in product',
      'postDecision Summary Approve at Talkdesk',
      /Timer Canceled .*Timer Started /,
      warning,
    ]);
    await read('User Metadata', 'completed-user-metadata', [
      `Install of installation ${installed.installation_id}: approved.`,
    ]);
  });

  it('shows a healthy install as its four steps', async () => {
    const { installed } = await withoutStall(
      async (nth) => {
        const made = await install(`healthy-${nth}`, 3);
        const { workflowId } = await eventually('the run has begun', () => runOf(made).describe());
        return { installed: made, run: await closedRun(temporal.client, workflowId) };
      },
      ({ run }) => [run],
    );
    await openRun(installed);
    const text = await read('Event History', 'healthy-event-history', [
      headline('completed', installed),
      'Local Activity Activity Type takeEvents Summary Take new events',
      'Local Activity Activity Type syncFromTalkdesk Summary Read from Talkdesk',
      'Local Activity Activity Type provisionAccount Summary Provision in product',
      'Local Activity Activity Type postDecision Summary Approve at Talkdesk',
    ]);
    assert.equal(text.split('Local Activity').length - 1, 4);
    assert.doesNotMatch(text, /Activity Task Scheduled|Timer Started/);
    await read('Timeline', 'healthy-timeline', ['takeEvents', 'syncFromTalkdesk', 'provisionAccount', 'postDecision']);
  });

  it('says what a person must do for a parked run', async () => {
    const elsewhere = 'https://acme.talkdesk-elsewhere.example/oauth/token';
    const installed = await install('parked', 3, { merge: { _links: { token: { href: elsewhere } } } });
    await eventually('the install is parked', async () => {
      const rows = await surroundings.database.query<{ parked_reason: string | null }>(
        'SELECT parked_reason FROM process WHERE event_id = $1',
        [installed.event_id],
      );
      return rows[0]?.parked_reason;
    });
    await openRun(installed);
    await read('User Metadata', 'parked-user-metadata', [
      headline('running', installed),
      /Parked: .*acme\.talkdesk-elsewhere\.example/,
      /It is tried again hourly, and at the signal .wake.\./,
    ]);
    await read('Pending Activities', 'parked-pending-activities', [
      'syncFromTalkdesk',
      /"message": "[^"]*acme\.talkdesk-elsewhere\.example/,
    ]);
  });

  it('says that a product has begun and needs time', async () => {
    const installed = await install('slow', 3, { app_id: SLOW_APP });
    await eventually('the product was asked', async () => {
      return ((await runOf(installed).describe()).raw.pendingActivities?.[0]?.attempt ?? 0) > 1;
    });
    await openRun(installed);
    await read('User Metadata', 'pending-user-metadata', [
      'provisioning the product account and 3 users',
      'Waiting for the product: The product has begun and needs more time. It is asked again until it is done.',
    ]);
    await read('Pending Activities', 'pending-pending-activities', [
      'provisionAccount',
      '"message": "The product has begun and needs more time. It is asked again until it is done."',
    ]);
  });

  it('says that a person is to decide, and what happens otherwise', async () => {
    const installed = await install('by-hand', 3, { app_id: MANUAL_APP });
    const due = timeAfter(
      await eventually('the event is stored', async () => (await eventCreatedAt(installed)) ?? null),
      DUE_MS,
    );
    await eventually('the run waits', async () =>
      service.facts.some(({ name, eventId }) => name === 'decision-awaited' && eventId === installed.event_id),
    );
    await openRun(installed);
    await read('User Metadata', 'decision-user-metadata', [
      `waiting for a person to approve or reject; at ${due} it is approved`,
    ]);
    await read('Timeline', 'decision-timeline', [`A decision is due at ${due}; then it is approved`]);
  });
});
