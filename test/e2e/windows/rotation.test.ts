import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { type MovingTime, startMovingTime } from '../../support/moving-time.js';
import { awaitOutcomes, tenantAtRest } from '../../support/outcomes.js';
import type { CreatedInstallation } from '../../support/simulator-types.js';
import { DAY_MS, type Ledgers, ledgersOf, type Mended, MINUTE_MS, mendedTimes, WINDOW_MS } from './ledgers.js';

let moving: MovingTime;
let ledgers: Ledgers;

before(async () => {
  moving = await startMovingTime();
  ledgers = ledgersOf(moving);
});
after(async () => {
  await moving?.stop();
});

const TROUBLES = ['never-accepted', 'not-acknowledged'] as const;
interface Rotation {
  installed: CreatedInstallation;
  eventId: string;
  /** The client that it delivers. */
  clientId: string;
}

async function stuckBatch(name: string): Promise<{ createdMs: number; rotations: Rotation[] }> {
  const { control } = moving.surroundings.simulator;
  const installed = await Promise.all(TROUBLES.map((trouble) => ledgers.installed(`${trouble}-${name}`)));
  const createdMs = await ledgers.secondNow();
  const input = { created_at: new Date(createdMs).toISOString(), deliver: false };
  const rotations = await Promise.all(
    installed.map(async (one) => {
      const { event_id: eventId, client_id: clientId } = await control.rotate(one.installation_id, input);
      return { installed: one, eventId, clientId };
    }),
  );
  const [neverAccepted, notAcknowledged] = rotations.map((rotation) => rotation.installed.installation_id);
  assert.ok(neverAccepted !== undefined && notAcknowledged !== undefined);
  const always = { kind: 'status', times: 10_000 } as const;
  const body = { error: 'invalid_client' };
  await control.fault({ ...always, route: 'token', status: 401, body, installation_id: neverAccepted });
  await control.fault({ ...always, route: 'credentials-state', status: 503, installation_id: notAcknowledged });
  for (const { eventId } of rotations) await control.deliver(eventId);
  await ledgers.untilAsked({ installation_id: neverAccepted }, 'token', 2);
  await ledgers.untilAsked({ installation_id: notAcknowledged }, 'credentials-state');
  return { createdMs, rotations };
}

/** Written by hand from docs/lifecycle.md: how it ends with us, and at Talkdesk. */
const IN_TIME = { ours: 'acknowledged', talkdesk: 'acknowledged', old: 'gone' };
const TOO_LATE = { ours: 'expired', talkdesk: 'timeout', old: 'previous' };
const EXPECTED: Record<Mended, typeof IN_TIME> = {
  'one minute before the close': IN_TIME,
  'at the close': TOO_LATE,
  'one minute after the close': TOO_LATE,
  'two days after the close': TOO_LATE,
};

describe('the window of a rotation whose trouble is mended', () => {
  for (const [when, offsetMs] of mendedTimes) {
    it(when, async () => {
      const { createdMs, rotations } = await stuckBatch(when.replaceAll(' ', '-'));
      const closeMs = createdMs + WINDOW_MS;
      if (offsetMs === 0) {
        moving.at(closeMs, ledgers.mend);
        await ledgers.untilQuiet(...rotations.map(({ installed }) => installed));
      } else {
        await moving.sleepUntil(closeMs + offsetMs);
        await ledgers.mend();
        for (const { installed } of rotations) await ledgers.wakeUp(installed);
      }
      const eventIds = rotations.map(({ eventId }) => eventId);
      const { ours, talkdesk, old } = EXPECTED[when];
      assert.deepEqual(await awaitOutcomes(moving.surroundings, eventIds), [ours, ours]);
      for (const rotation of rotations) {
        await assertEnd(rotation, { talkdesk, old });
        await assertAlarm(rotation, createdMs);
        const { outcome_at } = await ledgers.processOf(rotation.eventId);
        const afterCloseMs = (outcome_at?.getTime() ?? 0) - closeMs;
        if (ours === 'expired')
          assert.ok(afterCloseMs >= 0 && afterCloseMs < MINUTE_MS, `ended ${afterCloseMs} ms late`);
        await assertInUse(rotation);
      }
    });
  }
});

/** The delivered set is the current one, and is kept. */
async function assertEnd(
  { installed, eventId, clientId }: Rotation,
  expected: { talkdesk: string; old: string },
): Promise<void> {
  const { account_name: what, account_id, installation_id, event_id } = installed;
  const view = await moving.surroundings.simulator.control.installation(installation_id);
  assert.equal(view.processes.find((process) => process.event_id === eventId)?.ended, expected.talkdesk, what);
  assert.deepEqual(
    view.clients.map(({ client_id, state }) => ({ client_id, state })),
    [
      { client_id: installed.client_id, state: 'revoked' },
      { client_id: clientId, state: 'current' },
    ],
    what,
  );
  const { credentials } = await tenantAtRest(moving.surroundings, account_id);
  const kept = Object.fromEntries(credentials.map(({ id, state, sealed }) => [id, { state, sealed }]));
  assert.deepEqual(
    kept,
    {
      [event_id]: { state: expected.old, sealed: expected.old !== 'gone' },
      [eventId]: { state: 'current', sealed: true },
    },
    what,
  );
  const events = (await ledgers.historyOf(installed)).length;
  assert.ok(events <= 80, `${what}: ${events} events`);
}

/** Once, on day five, and seen by whoever watches. */
async function assertAlarm({ eventId }: Rotation, createdMs: number): Promise<void> {
  const { warnings } = await ledgers.processOf(eventId);
  assert.equal(warnings.length, 1);
  assert.match(warnings[0] ?? '', /^five days have passed/);
  const told = moving.service.facts.filter((fact) => fact.name === 'warned' && fact.eventId === eventId);
  assert.equal(told.length, 1);
  const lateMs = (told[0]?.atMs ?? 0) - createdMs - 5 * DAY_MS;
  assert.ok(lateMs >= 0 && lateMs < MINUTE_MS, `warned ${lateMs} ms after day five`);
}

/** An update is answered with the new set. */
async function assertInUse({ installed, clientId }: Rotation): Promise<void> {
  const { control } = moving.surroundings.simulator;
  await ledgers.secondNow();
  const { event_id } = await control.update(installed.installation_id, { users: 4 });
  assert.deepEqual(await awaitOutcomes(moving.surroundings, [event_id]), ['approved']);
  const sent = await control.requests({ installation_id: installed.installation_id, route: 'state' });
  assert.equal(sent.at(-1)?.client_id, clientId);
}
