import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { withoutStall } from '../../support/histories.js';
import { type MovingTime, startMovingTime } from '../../support/moving-time.js';
import { awaitOutcomes, tenantAtRest } from '../../support/outcomes.js';
import type { CreatedInstallation } from '../../support/simulator-types.js';
import { DAY_MS, type Ledgers, ledgersOf, type Standing } from './ledgers.js';

let moving: MovingTime;
let ledgers: Ledgers;

before(async () => {
  moving = await startMovingTime();
  ledgers = ledgersOf(moving);
});
after(async () => {
  await moving?.stop();
});

/** Most events in the history of a process that goes as it should; of three events that each may wake the run for a task of its own. */
const HAPPY_HISTORY = 14;
const HAPPY_TRIAL_HISTORY = 24;

const KINDS = ['install', 'update', 'uninstall', 'rotation', 'trial', 'logout'] as const;
type Kind = (typeof KINDS)[number];
interface Made {
  installed: CreatedInstallation;
  /** In the order in which they happened. */
  eventIds: string[];
}

/** One account of each kind, with events of now that nobody has delivered yet. */
async function prepared(name: string): Promise<Record<Kind, Made>> {
  const { control } = moving.surroundings.simulator;
  const later = { deliver: false };
  const { appId } = moving.surroundings;
  const fresh = await control.createInstallation({ app_id: appId, account_name: `install-${name}`, ...later });
  const made = { install: { installed: fresh, eventIds: [fresh.event_id] } } as Record<Kind, Made>;
  const acts: Record<Exclude<Kind, 'install' | 'trial'>, (id: string) => Promise<{ event_id: string }>> = {
    update: (id) => control.update(id, { users: 5, licenses: 5, ...later }),
    uninstall: (id) => control.uninstall(id, later),
    rotation: (id) => control.rotate(id, later),
    logout: (id) => control.logout(id, later),
  };
  for (const kind of ['update', 'uninstall', 'rotation', 'logout'] as const) {
    const installed = await ledgers.installed(`${kind}-${name}`);
    made[kind] = { installed, eventIds: [(await acts[kind](installed.installation_id)).event_id] };
  }
  const installed = await ledgers.installed(`trial-${name}`, { plan: 'Trial' });
  const id = installed.installation_id;
  const second = (number: number) => ({ created_at: new Date(startMs + number * 1_000).toISOString(), ...later });
  const startMs = await ledgers.secondNow();
  const trial = [
    await control.startTrial(id, second(1)),
    await control.extendTrial(id, second(2)),
    await control.endTrial(id, second(3)),
  ];
  made.trial = { installed, eventIds: trial.map(({ event_id }) => event_id) };
  return made;
}

/** Delivers everything, what happened last first. */
async function deliver(made: Record<Kind, Made>): Promise<void> {
  const { control } = moving.surroundings.simulator;
  for (const { eventIds } of Object.values(made)) {
    for (const eventId of [...eventIds].reverse()) {
      assert.equal((await control.deliver(eventId)).status, 200, 'acknowledged, however late');
    }
  }
}

async function assertRecorded({ trial, logout }: Record<Kind, Made>): Promise<void> {
  const recorded = ['recorded', 'recorded', 'recorded', 'recorded'];
  assert.deepEqual(await awaitOutcomes(moving.surroundings, [...trial.eventIds, ...logout.eventIds]), recorded);
  assert.equal((await ledgers.accountOf(trial.installed))?.status, 'suspended', 'the newest trial event says it ended');
  const loggedOut = await moving.surroundings.product.query(
    `SELECT 1 FROM account_user u JOIN account a USING (account_id)
      WHERE a.talkdesk_account_id = $1 AND u.logged_out_at IS NOT NULL`,
    [logout.installed.account_id],
  );
  assert.equal(loggedOut.length, 1);
}

const IN_USE = { talkdesk: 'completed', product: 'active' };

/** Asserts how everything ends, and gives the runs of the tenants. */
async function lateBySixDays(nth: number) {
  const made = await prepared(`six-${nth}`);
  await moving.sleepUntil(moving.nowMs() + 6 * DAY_MS);
  await deliver(made);
  await assertRecorded(made);
  const expected: Record<'install' | 'update' | 'uninstall' | 'rotation', Partial<Standing>> = {
    install: { ...IN_USE, outcome: 'approved', decided: ['approve'] },
    update: { ...IN_USE, outcome: 'approved', decided: ['approve'] },
    uninstall: { outcome: 'approved', decided: ['approve'], talkdesk: 'revoked', product: 'closed' },
    rotation: { ...IN_USE, outcome: 'acknowledged' },
  };
  const runs = [];
  for (const kind of ['install', 'update', 'uninstall', 'rotation'] as const) {
    const { installed, eventIds } = made[kind];
    const [eventId] = eventIds as [string];
    await awaitOutcomes(moving.surroundings, [eventId]);
    await ledgers.untilQuiet(installed);
    await ledgers.assertStanding(installed, expected[kind], { eventId });
    runs.push({ kind, events: await ledgers.historyOf(installed), tasks: 1, mostEvents: HAPPY_HISTORY });
  }
  assert.equal((await ledgers.accountOf(made.update.installed))?.users, 5);
  await assertRotated(made.rotation, 'gone');
  const { installed } = made.trial;
  await ledgers.untilQuiet(installed);
  runs.push({ kind: 'trial', events: await ledgers.historyOf(installed), tasks: 5, mostEvents: HAPPY_TRIAL_HISTORY });
  return runs;
}

describe('events that arrive late', () => {
  it('by six days, inside their windows, are answered as if they had come at once', async () => {
    const runs = await withoutStall(lateBySixDays, (played) => played);
    for (const { kind, events, mostEvents } of runs) {
      assert.ok(events.length <= mostEvents, `${kind}: ${events.length} events`);
    }
  });

  it('by eight days, after their windows, end as Talkdesk has ended them', async () => {
    const { control } = moving.surroundings.simulator;
    const made = await prepared('eight');
    await moving.sleepUntil(moving.nowMs() + 8 * DAY_MS);
    await deliver(made);
    await assertRecorded(made);
    const expected: Record<'install' | 'update' | 'uninstall', Partial<Standing>> = {
      install: { outcome: 'expired', decided: [], talkdesk: 'timeout', product: null },
      update: { ...IN_USE, outcome: 'expired', decided: [] },
      uninstall: { outcome: 'credentials-gone', decided: [], talkdesk: 'revoked', product: 'closed' },
    };
    for (const kind of ['install', 'update', 'uninstall'] as const) {
      const [eventId] = made[kind].eventIds as [string];
      await ledgers.untilQuiet(made[kind].installed);
      await ledgers.assertStanding(made[kind].installed, expected[kind], { eventId });
    }
    assert.equal((await ledgers.accountOf(made.update.installed))?.users, 3);
    const { in_force } = await control.settings(made.update.installed.installation_id);
    assert.equal(in_force.users.length, 3);
    for (const { installed } of [made.install, made.uninstall]) {
      const { credentials } = await tenantAtRest(moving.surroundings, installed.account_id);
      assert.deepEqual(
        credentials.map(({ sealed }) => sealed),
        [false],
        `${installed.account_name}: wiped`,
      );
    }
    const { installed, eventIds } = made.rotation;
    await ledgers.untilQuiet(installed);
    await assertRotated(made.rotation, undefined);
    const view = await control.installation(installed.installation_id);
    assert.equal(view.processes.find((process) => process.event_id === eventIds[0])?.ended, 'timeout');
  });

  it('by eight days, and that Talkdesk still waits for, are answered', async () => {
    const { control } = moving.surroundings.simulator;
    const nowMs = await ledgers.secondNow();
    const merge = { created_at: new Date(nowMs - 8 * DAY_MS).toISOString().replace('.000', '') };
    const input = { app_id: moving.surroundings.appId, account_name: 'still-waits', merge };
    const installed = await control.createInstallation(input);
    assert.deepEqual(await awaitOutcomes(moving.surroundings, [installed.event_id]), ['approved']);
    const approved = { ...IN_USE, outcome: 'approved', decided: ['approve'] };
    await ledgers.assertStanding(installed, approved);
    const { event_id: eventId } = await control.update(installed.installation_id, {
      users: 5,
      licenses: 5,
      merge: { created_at: new Date(nowMs - 7.5 * DAY_MS).toISOString().replace('.000', '') },
    });
    assert.deepEqual(await awaitOutcomes(moving.surroundings, [eventId]), ['approved']);
    await ledgers.assertStanding(installed, approved, { eventId });
    assert.equal((await ledgers.accountOf(installed))?.users, 5);
  });
});

/** The delivered set is the current one; the old one is as said, where something is said. */
async function assertRotated({ installed, eventIds }: Made, old: string | undefined): Promise<void> {
  const { credentials } = await tenantAtRest(moving.surroundings, installed.account_id);
  const delivered = credentials.find(({ id }) => id === eventIds[0]);
  assert.deepEqual(
    { state: delivered?.state, sealed: delivered?.sealed },
    { state: 'current', sealed: true },
    'the delivered set is kept',
  );
  if (old !== undefined) assert.equal(credentials.find(({ id }) => id === installed.event_id)?.state, old);
}
