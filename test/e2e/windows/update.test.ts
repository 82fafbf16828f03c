import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { type MovingTime, startMovingTime } from '../../support/moving-time.js';
import { tenantAtRest } from '../../support/outcomes.js';
import type { CreatedInstallation } from '../../support/simulator-types.js';
import { DAY_MS, type Ledgers, ledgersOf, type Mended, mendedTimes, type Standing, WINDOW_MS } from './ledgers.js';

let moving: MovingTime;
let ledgers: Ledgers;

before(async () => {
  moving = await startMovingTime();
  ledgers = ledgersOf(moving);
});
after(async () => {
  await moving?.stop();
});

const OLD = { plan: 'Starter', licenses: 10, users: 3 };
const NEW = { plan: 'Business', licenses: 20, users: 5 };

/** What keeps the updates of a batch from their answer. */
const TROUBLES = ['product-down', 'unreachable', 'approve-lost', 'not-known', 'refused'] as const;
type Trouble = (typeof TROUBLES)[number];
interface Update {
  installed: CreatedInstallation;
  eventId: string;
}

/** Updates of one second, each of another account and stuck in its own way. */
async function stuckBatch(name: string): Promise<{ closeMs: number; updates: Record<Trouble, Update> }> {
  const { control } = moving.surroundings.simulator;
  const installed = await Promise.all(TROUBLES.map((trouble) => ledgers.installed(`${trouble}-${name}`, OLD)));
  const createdMs = (await ledgers.secondNow()) + 1_000;
  const made = await Promise.all(
    installed.map(async (one) => {
      const input = { ...NEW, created_at: new Date(createdMs).toISOString(), deliver: false };
      return { installed: one, eventId: (await control.update(one.installation_id, input)).event_id };
    }),
  );
  const updates = Object.fromEntries(TROUBLES.map((trouble, index) => [trouble, made[index]])) as Record<
    Trouble,
    Update
  >;
  const idOf = (trouble: Trouble) => updates[trouble].installed.installation_id;
  const always = { kind: 'status', times: 10_000 } as const;

  await control.fault({ route: 'state', kind: 'hold', when: 'after', installation_id: idOf('approve-lost') });
  await control.deliver(updates['approve-lost'].eventId);
  await ledgers.untilHeld(updates['approve-lost'].installed);
  await ledgers.cutOff(updates['approve-lost'].installed);

  await control.fault({ route: 'state', kind: 'reset', times: 10_000, installation_id: idOf('unreachable') });
  await control.deliver(updates.unreachable.eventId);
  await ledgers.untilAsked(updates.unreachable.installed, 'state', 2);
  await ledgers.cutOff(updates.unreachable.installed);

  await control.fault({ ...always, route: 'installation', status: 404, installation_id: idOf('not-known') });
  for (const route of ['installation', 'token'] as const) {
    const body = { error: 'invalid_client' };
    await control.fault({ ...always, route, status: 401, body, installation_id: idOf('refused') });
  }
  await moving.surroundings.product.down();
  for (const trouble of ['not-known', 'refused', 'product-down'] as const) {
    await control.deliver(updates[trouble].eventId);
    await ledgers.untilAsked(updates[trouble].installed, 'installation', 4);
  }
  return { closeMs: createdMs + WINDOW_MS, updates };
}

/** In use all the while, whatever becomes of the update. */
const IN_USE = { talkdesk: 'completed', product: 'active' };
const APPROVED = { ...IN_USE, outcome: 'approved', decided: ['approve'] };
const EXPIRED = { ...IN_USE, outcome: 'expired', decided: [] };
const TOO_LATE = {
  'product-down': EXPIRED,
  unreachable: EXPIRED,
  'approve-lost': APPROVED,
  'not-known': EXPIRED,
  refused: EXPIRED,
};
/** Written by hand from docs/lifecycle.md. */
const EXPECTED: Record<Mended, Record<Trouble, Partial<Standing>>> = {
  'one minute before the close': {
    'product-down': APPROVED,
    unreachable: APPROVED,
    'approve-lost': APPROVED,
    'not-known': APPROVED,
    refused: APPROVED,
  },
  'at the close': TOO_LATE,
  'one minute after the close': TOO_LATE,
  'two days after the close': TOO_LATE,
};

describe('the window of an update whose trouble is mended', () => {
  for (const [when, offsetMs] of mendedTimes) {
    it(when, async () => {
      const { closeMs, updates } = await stuckBatch(when.replaceAll(' ', '-'));
      if (offsetMs > DAY_MS) moving.at(closeMs + DAY_MS, () => assertDayAfter(updates));
      moving.at(closeMs + offsetMs, ledgers.mend);
      await ledgers.untilQuiet(...Object.values(updates).map(({ installed }) => installed));
      for (const trouble of TROUBLES) {
        const { installed, eventId } = updates[trouble];
        await ledgers.assertStanding(installed, EXPECTED[when][trouble], { eventId });
        const settings = EXPECTED[when][trouble].outcome === 'approved' ? NEW : OLD;
        const sides = { product: settings, talkdesk: settings, ours: settings, mapped: settings.users };
        assert.deepEqual(await settingsOf(installed), sides, installed.account_name);
        await assertNeverCutOff(installed);
      }
    });
  }
});

/** What cannot be asked, or is not known, waits for a person with the settings it has; what is known to have ended has ended. */
async function assertDayAfter(updates: Record<Trouble, Update>): Promise<void> {
  for (const trouble of ['unreachable', 'approve-lost', 'not-known'] as const) {
    const { installed, eventId } = updates[trouble];
    const { outcome, parked_reason } = await ledgers.processOf(eventId);
    assert.equal(outcome, null, trouble);
    assert.match(
      parked_reason ?? '',
      trouble === 'not-known' ? /ask Talkdesk what became/ : /cannot be asked/,
      trouble,
    );
    const { product } = await settingsOf(installed);
    assert.deepEqual(product, trouble === 'not-known' ? OLD : NEW, `${trouble}: nothing is undone on a guess`);
  }
}

/** No way from an update leads to the end of access. */
async function assertNeverCutOff({ account_id, account_name }: CreatedInstallation): Promise<void> {
  const rows = await moving.surroundings.product.query(
    `SELECT 1 FROM call_ledger WHERE talkdesk_account_id = $1 AND operation IN ('deprovision', 'suspend')`,
    [account_id],
  );
  assert.deepEqual(rows, [], account_name);
}

/** The settings in force as each side has them. */
async function settingsOf(installed: CreatedInstallation) {
  const account = await ledgers.accountOf(installed);
  assert.ok(account !== null);
  const { in_force } = await moving.surroundings.simulator.control.settings(installed.installation_id);
  const [ours] = await moving.surroundings.database.query<{ plan: string; licenses: number; users: number }>(
    `SELECT plan_name AS plan, licenses,
            (SELECT count(*)::int FROM user_mapping m
              WHERE m.account_id = i.account_id AND m.ended_at IS NULL AND m.seat = 'active') AS users
       FROM installation i WHERE id = $1`,
    [installed.installation_id],
  );
  const { plan, licenses, users } = account;
  const { mapped } = await tenantAtRest(moving.surroundings, installed.account_id);
  return {
    product: { plan, licenses, users },
    talkdesk: { plan: in_force.plan.name, licenses: in_force.plan.licenses, users: in_force.users.length },
    ours,
    mapped: mapped.length,
  };
}
