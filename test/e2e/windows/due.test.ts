import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { decideUpdate } from '../../../contracts/messages.js';
import { type MovingTime, startMovingTime } from '../../support/moving-time.js';
import { awaitOutcomes } from '../../support/outcomes.js';
import type { CreatedInstallation } from '../../support/simulator-types.js';
import { DAY_MS, type Ledgers, ledgersOf, MINUTE_MS, WINDOW_MS } from './ledgers.js';

/** From the event to the time at which our answer should be out (docs/lifecycle.md). */
const DUE_MS = 6.5 * DAY_MS;
const POLICY = ['approve', 'reject', 'lapse'].map((atDue) => ({ match: { plans: [atDue] }, mode: 'manual', atDue }));

let moving: MovingTime;
let ledgers: Ledgers;

before(async () => {
  moving = await startMovingTime({ app: { policy: POLICY } });
  ledgers = ledgersOf(moving);
});
after(async () => {
  await moving?.stop();
});

/** Installs of one second that wait for a person; the plan says what happens when nobody comes. */
async function waitingInstalls<N extends string>(
  plans: Record<N, 'approve' | 'reject' | 'lapse'>,
): Promise<{ createdMs: number; installs: Record<N, CreatedInstallation> }> {
  const { control } = moving.surroundings.simulator;
  const createdMs = await ledgers.secondNow();
  const installs = {} as Record<N, CreatedInstallation>;
  for (const [name, plan] of Object.entries(plans) as [N, string][]) {
    installs[name] = await control.createInstallation({
      app_id: moving.surroundings.appId,
      account_name: name,
      plan,
      created_at: new Date(createdMs).toISOString(),
    });
    await ledgers.untilFact(installs[name].event_id, 'decision-awaited');
  }
  return { createdMs, installs };
}

const decide = (installed: CreatedInstallation, decision: 'approve' | 'reject') =>
  ledgers.runOf(installed).executeUpdate(decideUpdate, {
    args: [{ decision, reason: 'looked at it', by: 'operator' }],
  });

describe('installs that wait for a person', () => {
  it('take a decision until it is due, then their default action, and none later', async () => {
    const { control } = moving.surroundings.simulator;
    const { createdMs, installs } = await waitingInstalls({
      approved: 'approve',
      rejected: 'reject',
      lapsed: 'lapse',
      'just-in-time': 'reject',
    });
    const all = Object.values(installs);
    const dueMs = createdMs + DUE_MS;

    await moving.sleepUntil(dueMs - MINUTE_MS);
    for (const installed of all) {
      assert.equal((await ledgers.processOf(installed.event_id)).outcome, null);
      assert.equal((await control.installation(installed.installation_id)).state, 'installing');
      assert.equal(await ledgers.accountOf(installed), null, 'nothing is provisioned before the decision');
    }
    await decide(installs['just-in-time'], 'approve');
    await awaitOutcomes(moving.surroundings, [installs['just-in-time'].event_id]);

    await moving.sleepUntil(dueMs + MINUTE_MS);
    await awaitOutcomes(moving.surroundings, [installs.approved.event_id, installs.rejected.event_id]);
    const accepted = { outcome: 'approved', talkdesk: 'completed', decided: ['approve'], product: 'active' };
    await ledgers.assertStanding(installs.approved, accepted);
    await ledgers.assertStanding(installs['just-in-time'], accepted);
    await ledgers.assertStanding(installs.rejected, {
      outcome: 'rejected',
      talkdesk: 'rejected',
      decided: ['reject'],
      product: null,
    });
    for (const [installed, earliestMs] of [
      [installs.approved, dueMs],
      [installs.rejected, dueMs],
      [installs['just-in-time'], dueMs - MINUTE_MS],
    ] as const) {
      const { decisions } = await control.installation(installed.installation_id);
      const lateMs = Date.parse(decisions[0]?.at ?? '') - earliestMs;
      assert.ok(lateMs >= 0 && lateMs < MINUTE_MS, `${installed.account_name}: ${lateMs} ms`);
    }
    assert.match((await control.installation(installs.rejected.installation_id)).decisions[0]?.reason ?? '', /in time/);

    await assert.rejects(decide(installs.lapsed, 'approve'), (error: Error) => {
      assert.match(String(error.cause ?? error), /Nothing of this account waits for a decision/);
      return true;
    });
    await moving.sleepUntil(createdMs + WINDOW_MS - MINUTE_MS);
    const open = { outcome: null, talkdesk: 'installing', decided: [], product: null };
    await ledgers.assertStanding(installs.lapsed, open);
    await ledgers.untilQuiet(installs.lapsed);
    await ledgers.assertStanding(installs.lapsed, { ...open, outcome: 'expired', talkdesk: 'timeout' });
    await assertWarned(installs.lapsed, createdMs);
  });
});

/** At 50, 80 and 95 % of the time to due, each once, for whoever watches and in the row. */
async function assertWarned({ event_id }: CreatedInstallation, createdMs: number): Promise<void> {
  const { warnings } = await ledgers.processOf(event_id);
  assert.deepEqual(
    warnings.map((text) => text.slice(0, 4)),
    ['50 %', '80 %', '95 %'],
  );
  const told = moving.service.facts.filter((fact) => fact.name === 'warned' && fact.eventId === event_id);
  const hours = told.map(({ atMs }) => (atMs - createdMs) / (60 * MINUTE_MS));
  assert.deepEqual(
    hours.map((hour) => Math.floor(hour * 10) / 10),
    [78, 124.8, 148.2],
    '50, 80 and 95 % of 156 hours',
  );
}
