import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { EVENT_TYPES, type KnownEventType } from '../../contracts/events.js';
import { workflowIdOf } from '../../contracts/ids.js';
import { wakeSignal } from '../../contracts/messages.js';
import { eventually } from '../support/eventually.js';
import { accountAtRest, awaitOutcomes, decidedProcesses, outcomesOf, tenantAtRest } from '../support/outcomes.js';
import { startTestService, type TestService } from '../support/service.js';
import type { CreatedInstallation } from '../support/simulator.js';
import type { SimulatorControl } from '../support/simulator-control.js';
import { createSurroundings, type Surroundings } from '../support/stack.js';
import { connectTemporal, fromRunner, type TestTemporal } from '../support/temporal.js';
import { brokenForms, type EventBody, lenientForms, ODD_IDS, withIds } from './odd-events.js';

let surroundings: Surroundings;
let service: TestService;
let temporal: TestTemporal;
let control: SimulatorControl;
/** Another customer, whom nothing of this may touch. */
let bystander: CreatedInstallation;

before(async () => {
  temporal = await connectTemporal();
  surroundings = await createSurroundings({ temporalAddress: fromRunner('TEST_TEMPORAL_ADDRESS') });
  control = surroundings.simulator.control;
  await control.switches({ trial_events: 'prepared' });
  service = await startTestService(surroundings);
  bystander = await install('bystander');
});
after(async () => {
  await service?.stop();
  await surroundings?.stop();
  await temporal?.close();
});

async function install(accountName: string): Promise<CreatedInstallation> {
  const created_at = new Date(Math.floor(Date.now() / 1_000) * 1_000 - 60 * 60_000).toISOString();
  const input = { app_id: surroundings.appId, account_name: accountName, users: 2, plan: 'Trial', created_at };
  const installed = await control.createInstallation(input);
  assert.deepEqual(await awaitOutcomes(surroundings, [installed.event_id]), ['approved']);
  return installed;
}

/** An event of this type for an installation, as Talkdesk makes it, undelivered. */
async function bodyOf(type: KnownEventType, installed: CreatedInstallation): Promise<EventBody> {
  const { installation_id: id, event_id: eventId } = installed;
  const held = { deliver: false };
  const make: Record<KnownEventType, () => Promise<{ event_id: string }>> = {
    'app.installed': async () => ({ event_id: eventId }),
    'app.updated': () => control.update(id, { users: 2, ...held }),
    'app.uninstalled': () => control.uninstall(id, { trial_ended: 'none', ...held }),
    'app.trial_started': () => control.startTrial(id, held),
    'app.trial_extended': () => control.extendTrial(id, held),
    'app.trial_ended': () => control.endTrial(id, { reason: 'plan_upgraded', ...held }),
    'app.credentials_rotated': () => control.rotate(id, held),
    'user.logout': () => control.logout(id, held),
  };
  const made = await make[type]();
  const { body_base64 } = await control.signed(made.event_id);
  return JSON.parse(Buffer.from(body_base64, 'base64').toString()) as EventBody;
}

async function send(text: string): Promise<number> {
  const { status } = await control.sendRaw({ app_id: surroundings.appId, text });
  assert.ok(typeof status === 'number' && status < 500, `answered ${status}: ${text.slice(0, 300)}`);
  return status;
}

async function accept(text: string): Promise<void> {
  assert.equal(await send(text), 200, text.slice(0, 300));
}

/** Everything that is stored or was done for the bystander. */
async function bystanderAtRest() {
  const { account_id: accountId, installation_id: id } = bystander;
  const { decisions, state } = await control.installation(id);
  const calls = await surroundings.product.query(
    'SELECT idempotency_key, calls FROM call_ledger WHERE talkdesk_account_id = $1 ORDER BY idempotency_key',
    [accountId],
  );
  const account = await accountAtRest(surroundings, accountId);
  return { state, decisions, calls, account, tenant: await tenantAtRest(surroundings, accountId) };
}

async function quarantined(eventId: string): Promise<boolean> {
  const rows = await surroundings.database.query('SELECT 1 FROM quarantine WHERE event_id = $1', [eventId]);
  return rows.length === 1;
}

/** How an event of each type that can be read may end; the install is there, and was approved before. */
const ENDS: Record<KnownEventType, string[]> = {
  'app.installed': ['approved', 'superseded'],
  'app.updated': ['approved', 'superseded'],
  'app.uninstalled': ['approved', 'credentials-gone'],
  'app.trial_started': ['recorded'],
  'app.trial_extended': ['recorded'],
  'app.trial_ended': ['recorded'],
  'app.credentials_rotated': ['acknowledged', 'superseded'],
  'user.logout': ['recorded'],
};

for (const type of EVENT_TYPES) {
  describe(`${type} in odd forms`, () => {
    it('is taken where only what is optional is odd, and touches nobody else', async () => {
      const subject = await install(`odd-${type.replaceAll(/\W|_/g, '-')}`);
      const untouched = await bystanderAtRest();
      const body = await bodyOf(type, subject);
      const forms = lenientForms(body, bystander.installation_id);
      const ids: string[] = [];
      for (const form of forms) {
        await accept(form.text);
        ids.push(form.eventId);
      }
      const outcomes = await awaitOutcomes(surroundings, ids);
      for (const [index, outcome] of outcomes.entries()) {
        assert.ok(ENDS[type].includes(outcome), `${forms[index]?.what} ended as ${outcome}`);
      }
      const { installations } = await tenantAtRest(surroundings, subject.account_id);
      assert.deepEqual(
        installations.map(({ id, state }) => [id, state]),
        [[subject.installation_id, type === 'app.uninstalled' ? 'ended' : 'active']],
      );
      assert.deepEqual(await bystanderAtRest(), untouched);
    });

    it('is kept in quarantine where what it needs is odd, and begins nothing', async () => {
      const subject = await install(`broken-${type.replaceAll(/\W|_/g, '-')}`);
      const before = await tenantAtRest(surroundings, subject.account_id);
      const body = await bodyOf(type, subject);
      for (const form of brokenForms(body)) {
        await accept(form.text);
        await eventually(`${form.what} is in quarantine`, () => quarantined(form.eventId));
        const { [form.eventId]: outcome } = await outcomesOf(surroundings, [form.eventId]);
        assert.ok(outcome === undefined || outcome === 'quarantined', `${form.what} ended as ${outcome}`);
      }
      assert.deepEqual(await tenantAtRest(surroundings, subject.account_id), before);
      assert.deepEqual(await decidedProcesses(surroundings, subject.installation_id), ['install approve']);
    });

    it('that names the installation of another customer touches neither', async () => {
      const subject = await install(`foreign-${type.replaceAll(/\W|_/g, '-')}`);
      const [own, other] = [await tenantAtRest(surroundings, subject.account_id), await bystanderAtRest()];
      const { text, eventId } = withIds(await bodyOf(type, subject), { installation_id: bystander.installation_id });
      await accept(text);
      // A logout says who has left, and of which installation is of no importance; there is no account of that name to tell it.
      const expected = type === 'user.logout' ? 'recorded' : 'quarantined';
      assert.deepEqual(await awaitOutcomes(surroundings, [eventId]), [expected]);
      assert.deepEqual(await tenantAtRest(surroundings, subject.account_id), own);
      assert.deepEqual(await bystanderAtRest(), other);
    });
  });
}

describe('what is no event', () => {
  it('is quarantined or refused, never a server error', async () => {
    const big = JSON.stringify({ id: 'x'.repeat(2 * 1024 * 1024) });
    assert.equal(await send(big), 413);
    assert.equal(await send(''), 200);
    const texts = ['null', '[]', '"text"', '{}', '{', '['.repeat(50_000), '{"id":"only"}', '\u0000'];
    const dateless = {
      id: 'dateless',
      type: 'app.updated',
      app_id: surroundings.appId,
      created_at: '2026-13-40T99:00:00Z',
    };
    for (const text of [...texts, JSON.stringify(dateless)]) await accept(text);
    const named = ['only', 'dateless'];
    const rows = await surroundings.database.query<{ event_id: string | null }>(
      'SELECT event_id FROM quarantine WHERE event_id IS NULL OR event_id = ANY($1) ORDER BY event_id',
      [named],
    );
    // The empty body, too, and one of the texts has an id.
    const nameless = texts.map(() => null);
    assert.deepEqual(
      rows.map(({ event_id: id }) => id),
      ['dateless', 'only', ...nameless],
    );
  });
});

describe('ids of every kind', () => {
  for (const [number, id] of ODD_IDS.entries()) {
    it(`an installation named ${JSON.stringify(id)} is installed, updated and uninstalled under that very id`, async () => {
      const name = `odd-id-${number}`;
      const input = { app_id: surroundings.appId, account_name: name, installation_id: id, event_id: `${id}#1` };
      const installed = await control.createInstallation(input);
      assert.deepEqual(await awaitOutcomes(surroundings, [installed.event_id]), ['approved']);
      const updated = await control.update(id, { users: 4, event_id: `${id}#2` });
      assert.deepEqual(await awaitOutcomes(surroundings, [updated.event_id]), ['approved']);
      const uninstalled = await control.uninstall(id, { event_id: `${id}#3` });
      assert.deepEqual(await awaitOutcomes(surroundings, [uninstalled.event_id]), ['approved']);
      const decided = ['install approve', 'update approve', 'uninstall approve'];
      assert.deepEqual(await decidedProcesses(surroundings, id), decided);
    });
  }

  it('accounts named __proto__ and constructor are accounts like others', async () => {
    for (const account_id of ['__proto__', 'constructor']) {
      const input = { app_id: surroundings.appId, account_name: `account-${randomUUID().slice(0, 8)}`, account_id };
      const installed = await control.createInstallation(input);
      assert.deepEqual(await awaitOutcomes(surroundings, [installed.event_id]), ['approved']);
      assert.equal((await accountAtRest(surroundings, account_id))?.status, 'active');
    }
  });
});

describe('an event that must wait', () => {
  it('for the install of an installation that nobody knows is taken when that comes', async () => {
    const input = { app_id: surroundings.appId, account_name: 'comes-later', deliver: false };
    const installed = await control.createInstallation(input);
    const updated = await control.sendEvent(installed.installation_id, { type: 'app.updated', deliver: false });
    assert.equal((await control.deliver(updated.event_id)).status, 200);
    const handle = temporal.client.workflow.getHandle(
      workflowIdOf({ appId: surroundings.appId, accountId: installed.account_id }),
    );
    await eventually('its run has begun', async () => (await handle.describe()).status.name === 'RUNNING');
    assert.deepEqual(await outcomesOf(surroundings, [updated.event_id]), { [updated.event_id]: null });
    await control.deliver(installed.event_id);
    const outcomes = await awaitOutcomes(surroundings, [installed.event_id, updated.event_id]);
    assert.deepEqual(outcomes, ['approved', 'approved']);
  });

  it('for a host that the region file does not list is parked, and goes on when it does', async () => {
    const gateway = 'https://api.new-region.example';
    const merge = { _links: { userinfo: { href: `${gateway}/users/me` } } };
    const installed = await control.createInstallation({
      app_id: surroundings.appId,
      account_name: 'new-region',
      merge,
    });
    const parked = async () => {
      const [row] = await surroundings.database.query<{ parked_reason: string | null }>(
        'SELECT parked_reason FROM process WHERE event_id = $1',
        [installed.event_id],
      );
      return row?.parked_reason ?? null;
    };
    const reason = await eventually('it is parked', parked);
    assert.match(reason, /api\.new-region\.example.*region file/);
    assert.equal((await control.installation(installed.installation_id)).token_requests, 0);

    const file = join(surroundings.folder, 'regions.json');
    const regions = JSON.parse(await readFile(file, 'utf8')) as object[];
    await writeFile(file, JSON.stringify([...regions, { name: 'new', gateway, tokenHosts: [] }]));
    await service.stop();
    service = await startTestService(surroundings);
    const tenant = { appId: surroundings.appId, accountId: installed.account_id };
    await temporal.client.workflow.getHandle(workflowIdOf(tenant)).signal(wakeSignal);
    assert.deepEqual(await awaitOutcomes(surroundings, [installed.event_id]), ['approved']);
    assert.equal(await parked(), null);
  });
});
