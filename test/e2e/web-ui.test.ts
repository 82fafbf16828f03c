import assert from 'node:assert/strict';
import { copyFile, mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, before, describe, it } from 'node:test';
import type { Browser, Page } from 'playwright-core';
import { startBrowser, visibleText } from '../support/browser.js';
import { eventually } from '../support/eventually.js';
import { startTestService, type TestService } from '../support/service.js';
import type { CreatedInstallation } from '../support/simulator.js';
import { createSurroundings, type Surroundings } from '../support/stack.js';
import { connectTemporal, createOwnDevServer, type OwnTemporalServer, type TestTemporal } from '../support/temporal.js';

/** The narrowest screen that an operator is likely to have, tall enough for one picture of a whole page. */
const VIEWPORT = { width: 1280, height: 1400 };
const WINDOW_MS = 7 * 24 * 60 * 60 * 1_000;

/** Tabs of a run's page. */
type Tab = 'Timeline' | 'Event History' | 'Pending Activities' | 'User Metadata';

let folder: string;
let browser: Browser;
let page: Page;
let server: OwnTemporalServer;
let temporal: TestTemporal;
let surroundings: Surroundings;
let service: TestService;

async function install(account_name: string, users: number): Promise<CreatedInstallation> {
  return await surroundings.simulator.control.createInstallation({ app_id: surroundings.appId, account_name, users });
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
      8_000,
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

/** Seven days after the event, as an operator reads it: `2026-03-29 01:30 UTC`. */
function closeOf(createdAt: Date): string {
  const [date, time] = new Date(createdAt.getTime() + WINDOW_MS).toISOString().split('T');
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
    service = await startTestService(surroundings);
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
    const closes = closeOf(await eventCreatedAt(installed));
    const lastCall = `Last call, shortly before Talkdesk's window closes at ${closes}`;

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
    await read('Timeline', 'down-timeline', [/provisionAccount • Provision in product/, lastCall]);

    await surroundings.product.up();
    await eventually('the run has ended', async () => (await runOf(installed).describe()).status.name === 'COMPLETED');
    await openRun(installed);
    await read('Event History', 'completed-event-history', [
      headline('completed', installed),
      '"outcome": "approved"',
      'takeEvents Summary Take new events',
      'syncFromTalkdesk Summary Read from Talkdesk',
      'Activity Task Scheduled Activity Type provisionAccount Summary Provision in product',
      'postDecision Summary Approve at Talkdesk',
      /Timer Canceled .*Timer Started /,
      lastCall,
    ]);
    await read('User Metadata', 'completed-user-metadata', [
      `Install of installation ${installed.installation_id}: approved.`,
    ]);
  });

  it('shows a healthy install as its four steps', async () => {
    const installed = await install('healthy', 3);
    await eventually('the run has ended', async () => {
      return (await runOf(installed).describe()).status.name === 'COMPLETED';
    });
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
});
