import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { type MovingTime, startMovingTime } from '../../support/moving-time.js';
import type { CreatedInstallation } from '../../support/simulator-types.js';
import {
  DAY_MS,
  type Ledgers,
  ledgersOf,
  type Mended,
  mendedTimes,
  MINUTE_MS,
  type Standing,
  WINDOW_MS,
} from './ledgers.js';

let moving: MovingTime;
let ledgers: Ledgers;

before(async () => {
  moving = await startMovingTime();
  ledgers = ledgersOf(moving);
});
after(async () => {
  await moving?.stop();
});

/** What keeps the four installs of a batch from their answer. */
const TROUBLES = ['product-down', 'unreachable', 'approve-lost', 'reject-lost'] as const;
type Trouble = (typeof TROUBLES)[number];

interface Batch {
  closeMs: number;
  installs: Record<Trouble, CreatedInstallation>;
}

/** Four installs of one second, each stuck in its own way. */
async function stuckBatch(name: string): Promise<Batch> {
  const { control } = moving.surroundings.simulator;
  const createdMs = await ledgers.secondNow();
  const create = (trouble: Trouble) =>
    control.createInstallation({
      app_id: moving.surroundings.appId,
      account_name: `${trouble}-${name}`,
      created_at: new Date(createdMs).toISOString(),
      deliver: false,
    });
  const installs = Object.fromEntries(
    await Promise.all(TROUBLES.map(async (trouble) => [trouble, await create(trouble)])),
  ) as Batch['installs'];
  await moving.surroundings.product.query('INSERT INTO blocked_account (account_name, reason) VALUES ($1, $2)', [
    `reject-lost-${name}`,
    'unpaid invoices',
  ]);

  for (const trouble of ['approve-lost', 'reject-lost'] as const) {
    const { installation_id, event_id } = installs[trouble];
    await control.fault({ route: 'state', kind: 'hold', when: 'after', installation_id });
    await control.deliver(event_id);
    await ledgers.untilHeld(installs[trouble]);
    await ledgers.cutOff(installs[trouble]);
  }
  const { unreachable } = installs;
  await control.fault({ route: 'state', kind: 'reset', installation_id: unreachable.installation_id, times: 100 });
  await control.deliver(unreachable.event_id);
  await ledgers.untilAsked(unreachable, 'state');
  await ledgers.cutOff(unreachable);
  await moving.surroundings.product.down();
  await control.deliver(installs['product-down'].event_id);
  await ledgers.untilAsked(installs['product-down'], 'subscription');
  return { closeMs: createdMs + WINDOW_MS, installs };
}

const APPROVED = { outcome: 'approved', talkdesk: 'completed', decided: ['approve'], product: 'active' };
const REJECTED = { outcome: 'rejected', undo: 'done', talkdesk: 'rejected', decided: ['reject'], product: null };
/** Nothing was provisioned, or it is closed again. */
const EXPIRED = { outcome: 'expired', undo: 'done', talkdesk: 'timeout', decided: [], product: null };
const CLOSED = { ...EXPIRED, product: 'closed' };

const TOO_LATE = { 'product-down': EXPIRED, unreachable: CLOSED, 'approve-lost': APPROVED, 'reject-lost': REJECTED };
/** Written by hand from docs/lifecycle.md. */
const EXPECTED: Record<Mended, Record<Trouble, Partial<Standing>>> = {
  'one minute before the close': { ...TOO_LATE, 'product-down': APPROVED, unreachable: APPROVED },
  'at the close': TOO_LATE,
  'one minute after the close': TOO_LATE,
  'two days after the close': TOO_LATE,
};

describe('the window of an install whose trouble is mended', () => {
  for (const [when, offsetMs] of mendedTimes) {
    it(when, async () => {
      const { closeMs, installs } = await stuckBatch(when.replaceAll(' ', '-'));
      const unreachable = TROUBLES.filter((trouble) => trouble !== 'product-down');
      if (offsetMs > DAY_MS)
        moving.at(closeMs + DAY_MS, () => assertParked(unreachable.map((trouble) => installs[trouble])));
      moving.at(closeMs + offsetMs, ledgers.mend);
      await ledgers.untilQuiet(...Object.values(installs));
      for (const trouble of TROUBLES) await assertEnd(installs[trouble], closeMs, EXPECTED[when][trouble]);
    });
  }
});

/** Nothing is undone while Talkdesk cannot be asked, and a person is told. */
async function assertParked(installs: CreatedInstallation[]): Promise<void> {
  for (const installed of installs) {
    const what = installed.account_name;
    const { outcome, undo, parked_reason } = await ledgers.processOf(installed.event_id);
    assert.deepEqual({ outcome, undo }, { outcome: null, undo: 'registered' }, what);
    assert.match(parked_reason ?? '', /cannot be asked how it ended/, what);
    const steps = await ledgers.productSteps(installed.event_id);
    assert.ok(
      steps.every(({ step }) => step !== 'deprovision'),
      what,
    );
  }
}

async function assertEnd(installed: CreatedInstallation, closeMs: number, expected: Partial<Standing>): Promise<void> {
  const what = installed.account_name;
  await ledgers.assertStanding(installed, expected);
  const steps = await ledgers.productSteps(installed.event_id);
  const undoing = steps.filter(({ step }) => step === 'deprovision');
  assert.equal(undoing.length, expected.outcome === 'approved' ? 0 : 1, what);
  const late = steps.filter(({ step, lastMs }) => step !== 'deprovision' && lastMs >= closeMs);
  assert.deepEqual(late, [], `${what}: after the close nothing but undoing`);
}

describe('an install that Talkdesk ends at the close', () => {
  /** Provisioned, and kept from its approval until Talkdesk has ended it. */
  async function unanswered(name: string): Promise<{ installed: CreatedInstallation; closeMs: number }> {
    const { control } = moving.surroundings.simulator;
    const createdMs = await ledgers.secondNow();
    const installed = await control.createInstallation({
      app_id: moving.surroundings.appId,
      account_name: name,
      created_at: new Date(createdMs).toISOString(),
      deliver: false,
    });
    const { installation_id, event_id } = installed;
    await control.fault({ route: 'state', kind: 'reset', times: 10_000, installation_id });
    await control.deliver(event_id);
    await ledgers.untilAsked(installed, 'state');
    return { installed, closeMs: createdMs + WINDOW_MS };
  }

  async function readsAround({ installation_id }: CreatedInstallation, closeMs: number) {
    const reads = await moving.surroundings.simulator.control.requests({ installation_id, route: 'installation' });
    const near = reads.filter(({ at }) => Math.abs(Date.parse(at) - closeMs) < MINUTE_MS);
    const statuses = (wanted: (atMs: number) => boolean) => [
      ...new Set(near.filter(({ at }) => wanted(Date.parse(at))).map(({ status }) => status)),
    ];
    return { before: statuses((atMs) => atMs < closeMs), after: statuses((atMs) => atMs >= closeMs) };
  }

  it('together with its credentials and their tokens (401): expired, undone', async () => {
    const { control } = moving.surroundings.simulator;
    const { installed, closeMs } = await unanswered('tokens-die');
    await control.switches({ revocation_kills_tokens: true });
    await ledgers.untilQuiet(installed);
    await control.switches({ revocation_kills_tokens: false });
    await control.clearFaults();
    await assertEnd(installed, closeMs, CLOSED);
    assert.deepEqual(await readsAround(installed, closeMs), { before: [200], after: [401] });
  });

  it('so that it is not known any more (404): expired, undone', async () => {
    const { control } = moving.surroundings.simulator;
    const { installed, closeMs } = await unanswered('not-known');
    const { installation_id } = installed;
    moving.at(closeMs, () =>
      control.fault({ route: 'installation', kind: 'status', status: 404, times: 10_000, installation_id }),
    );
    await ledgers.untilQuiet(installed);
    await control.clearFaults();
    await assertEnd(installed, closeMs, CLOSED);
    assert.deepEqual(await readsAround(installed, closeMs), { before: [200], after: [404] });
  });

  it('a minute before ours, by its own clock: expired, undone, whatever became of the last call', async () => {
    const { installed, closeMs } = await unanswered('talkdesk-ahead');
    moving.setTalkdeskAhead(MINUTE_MS);
    moving.at(closeMs - MINUTE_MS, ledgers.mend);
    await ledgers.untilQuiet(installed);
    moving.setTalkdeskAhead(0);
    await assertEnd(installed, closeMs, CLOSED);
  });

  it('a minute after ours, by its own clock: expired, undone, and not approved in that minute', async () => {
    const { installed, closeMs } = await unanswered('talkdesk-behind');
    moving.setTalkdeskAhead(-MINUTE_MS);
    moving.at(closeMs, ledgers.mend);
    await ledgers.untilQuiet(installed);
    moving.setTalkdeskAhead(0);
    await assertEnd(installed, closeMs, { ...CLOSED, talkdesk: 'installing' });
    await moving.surroundings.simulator.control.setClock(new Date(closeMs + 2 * MINUTE_MS));
    await ledgers.assertStanding(installed, CLOSED);
  });
});
