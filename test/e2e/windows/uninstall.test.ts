import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { eventually } from '../../support/eventually.js';
import { type MovingTime, startMovingTime } from '../../support/moving-time.js';
import { awaitOutcomes, tenantAtRest } from '../../support/outcomes.js';
import type { CreatedInstallation } from '../../support/simulator-types.js';
import {
  DAY_MS,
  HOUR_MS,
  type Ledgers,
  ledgersOf,
  type Mended,
  MINUTE_MS,
  mendedTimes,
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

interface Uninstall {
  installed: CreatedInstallation;
  eventId: string;
}

async function uninstall(installed: CreatedInstallation, createdMs: number): Promise<Uninstall> {
  const input = { created_at: new Date(createdMs).toISOString(), deliver: false };
  return {
    installed,
    eventId: (await moving.surroundings.simulator.control.uninstall(installed.installation_id, input)).event_id,
  };
}

const APPROVED = { outcome: 'approved', talkdesk: 'revoked', decided: ['approve'], product: 'closed' };

describe('an uninstall whose product is down', () => {
  for (const [minutes, order] of [
    [59, 'access-ended, approved'],
    [61, 'approved, access-ended'],
  ] as const) {
    it(`for ${minutes} minutes: ${order}`, async () => {
      const { control } = moving.surroundings.simulator;
      const installed = await ledgers.installed(`product-back-${minutes}`);
      const { eventId } = await uninstall(installed, await ledgers.secondNow());
      await moving.surroundings.product.down();
      await control.deliver(eventId);
      await eventually('its run has taken it', () => ledgers.processOf(eventId));
      const startMs = moving.nowMs();
      await moving.sleepUntil(startMs + minutes * MINUTE_MS);
      const early = await ledgers.processOf(eventId);
      assert.equal(early.outcome, null, 'the outcome is for when both are done');
      if (minutes > 60) {
        const decided = async () => (await control.installation(installed.installation_id)).state === 'revoked';
        await eventually('Talkdesk has its approval after an hour', decided);
      } else assert.equal((await control.installation(installed.installation_id)).state, 'uninstalled');
      await ledgers.mend();
      await ledgers.wakeUp(installed);
      assert.deepEqual(await awaitOutcomes(moving.surroundings, [eventId]), ['approved']);
      await ledgers.assertStanding(installed, APPROVED, { eventId });
      const { decisions } = await control.installation(installed.installation_id);
      const decidedMs = Date.parse(decisions.at(-1)?.at ?? '');
      const [ending] = (await ledgers.productSteps(eventId)).filter(({ step }) => step === 'deprovision');
      assert.ok(ending !== undefined);
      assert.equal(ending.lastMs <= decidedMs, minutes < 60);
      assert.ok(decidedMs - startMs <= HOUR_MS + MINUTE_MS, 'the customer waits an hour at most');
    });
  }
});

/** What keeps the uninstalls of a batch from their end; `reset`: each approval is lost before Talkdesk has it. */
const TROUBLES = ['unreachable', 'approve-lost', 'reset'] as const;
type Trouble = (typeof TROUBLES)[number];

async function stuckBatch(name: string): Promise<{ closeMs: number; uninstalls: Record<Trouble, Uninstall> }> {
  const { control } = moving.surroundings.simulator;
  const installed = await Promise.all(TROUBLES.map((trouble) => ledgers.installed(`${trouble}-${name}`)));
  const createdMs = await ledgers.secondNow();
  const made = await Promise.all(installed.map((one) => uninstall(one, createdMs)));
  const uninstalls = Object.fromEntries(TROUBLES.map((trouble, index) => [trouble, made[index]])) as Record<
    Trouble,
    Uninstall
  >;
  const idOf = (trouble: Trouble) => uninstalls[trouble].installed.installation_id;
  await control.fault({ route: 'state', kind: 'hold', when: 'after', installation_id: idOf('approve-lost') });
  await control.deliver(uninstalls['approve-lost'].eventId);
  await ledgers.untilHeld(uninstalls['approve-lost'].installed);
  await ledgers.cutOff(uninstalls['approve-lost'].installed);
  await ledgers.cutOff(uninstalls.unreachable.installed);
  await control.fault({ route: 'state', kind: 'reset', times: 10_000, installation_id: idOf('reset') });
  for (const trouble of ['unreachable', 'reset'] as const) {
    await control.deliver(uninstalls[trouble].eventId);
    await ledgers.untilAsked(uninstalls[trouble].installed, 'installation', 4);
  }
  return { closeMs: createdMs + WINDOW_MS, uninstalls };
}

const GONE = { ...APPROVED, outcome: 'credentials-gone', decided: [] };
/** An approval was sent and the installation is gone: that is the end that was wanted, although Talkdesk made it itself. */
const MADE_BY_TALKDESK = { ...APPROVED, decided: [] };
const TAKEN = { unreachable: APPROVED, 'approve-lost': APPROVED, reset: APPROVED };
const TOO_LATE = { unreachable: GONE, 'approve-lost': APPROVED, reset: MADE_BY_TALKDESK };

/** Written by hand from docs/lifecycle.md; by what Talkdesk does at the close (talkdesk-api.md 7.2). */
const EXPECTED: Record<'waits' | 'deprovisions', Record<Mended, Record<Trouble, Partial<Standing>>>> = {
  waits: {
    'one minute before the close': TAKEN,
    'at the close': TAKEN,
    'one minute after the close': TAKEN,
    'two days after the close': TAKEN,
  },
  deprovisions: {
    'one minute before the close': TAKEN,
    'at the close': TOO_LATE,
    'one minute after the close': TOO_LATE,
    'two days after the close': TOO_LATE,
  },
};

for (const talkdesk of ['waits', 'deprovisions'] as const) {
  describe(`an uninstall whose Talkdesk ${talkdesk} at the close and is back`, () => {
    for (const [when, offsetMs] of mendedTimes) {
      it(when, async () => {
        await moving.surroundings.simulator.control.switches({ uninstall_timeout: talkdesk });
        const { closeMs, uninstalls } = await stuckBatch(`${talkdesk}-${when}`.replaceAll(' ', '-'));
        await moving.sleepUntil(closeMs + offsetMs);
        if (offsetMs > DAY_MS) await assertDaily(uninstalls.unreachable, closeMs);
        await ledgers.mend();
        for (const { installed } of Object.values(uninstalls)) await ledgers.wakeUp(installed);
        await awaitOutcomes(
          moving.surroundings,
          Object.values(uninstalls).map(({ eventId }) => eventId),
        );
        for (const trouble of TROUBLES) {
          const { installed, eventId } = uninstalls[trouble];
          await ledgers.assertStanding(installed, EXPECTED[talkdesk][when][trouble], { eventId });
          const { credentials } = await tenantAtRest(moving.surroundings, installed.account_id);
          assert.deepEqual(
            credentials.map(({ state, sealed }) => ({ state, sealed })),
            [{ state: 'gone', sealed: false }],
          );
        }
      });
    }
  });
}

/** Once a day after the close. */
async function assertDaily({ installed, eventId }: Uninstall, closeMs: number): Promise<void> {
  assert.equal((await ledgers.processOf(eventId)).outcome, null);
  const { installation_id } = installed;
  const requests = await moving.surroundings.simulator.control.requests({ installation_id, route: 'token' });
  const late = requests.map(({ at }) => Date.parse(at)).filter((atMs) => atMs > closeMs);
  assert.equal(late.length, 2, 'two attempts in two days');
  const betweenMs = (late[1] ?? 0) - (late[0] ?? 0);
  assert.ok(Math.abs(betweenMs - DAY_MS) < MINUTE_MS, `${betweenMs} ms between two attempts`);
}
