import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { eventually } from '../../support/eventually.js';
import { type MovingTime, startMovingTime } from '../../support/moving-time.js';
import { awaitOutcomes } from '../../support/outcomes.js';
import type { CreatedInstallation } from '../../support/simulator-types.js';
import { DAY_MS, type Ledgers, ledgersOf, MINUTE_MS } from './ledgers.js';

const TRIAL_MS = 30 * DAY_MS;

let moving: MovingTime;
let ledgers: Ledgers;

before(async () => {
  moving = await startMovingTime();
  ledgers = ledgersOf(moving);
});
after(async () => {
  await moving?.stop();
});

/** Installed on a trial plan, whose trial Talkdesk has started by itself at the approval. */
async function onTrial(name: string): Promise<{ installed: CreatedInstallation; expiryMs: number }> {
  const { control } = moving.surroundings.simulator;
  const installed = await ledgers.installed(name, { plan: 'Trial' });
  await awaitOutcomes(moving.surroundings, [await eventOf(installed, 'app.trial_started')]);
  const { trial } = await control.installation(installed.installation_id);
  assert.ok(trial !== null);
  return { installed, expiryMs: Date.parse(trial.expires_at) };
}

async function eventOf({ installation_id }: CreatedInstallation, type: string): Promise<string> {
  const { control } = moving.surroundings.simulator;
  return await eventually(`${type} of ${installation_id}`, async () => {
    return (await control.events({ installation_id, type }))[0]?.event_id;
  });
}

async function endings({ installation_id }: CreatedInstallation): Promise<number> {
  return (await moving.surroundings.simulator.control.events({ installation_id, type: 'app.trial_ended' })).length;
}

const statusOf = async (installed: CreatedInstallation) => (await ledgers.accountOf(installed))?.status;

async function assertSuspended(installed: CreatedInstallation): Promise<void> {
  assert.deepEqual(await awaitOutcomes(moving.surroundings, [await eventOf(installed, 'app.trial_ended')]), [
    'recorded',
  ]);
  assert.equal(await statusOf(installed), 'suspended');
}

describe('a trial of thirty days', () => {
  it('ends access when it has passed, not before; later where it was extended; and not at all where the customer pays', async () => {
    const { control } = moving.surroundings.simulator;
    const startMs = await ledgers.secondNow();
    const { installed: expiring, expiryMs } = await onTrial('expiring');
    const { installed: extended } = await onTrial('extended');
    const { installed: paying } = await onTrial('paying');
    assert.ok(Math.abs(expiryMs - startMs - TRIAL_MS) < MINUTE_MS);
    const moreMs = 14 * DAY_MS;
    const extension = await control.extendTrial(extended.installation_id, {
      expires_at: new Date(expiryMs + moreMs).toISOString(),
    });
    // Its end is an event of its own, which nothing has delivered when the trial's time is over.
    const upgrade = await control.update(paying.installation_id, { plan: 'Business', trial_ended: 'none' });
    assert.deepEqual(await awaitOutcomes(moving.surroundings, [extension.event_id, upgrade.event_id]), [
      'recorded',
      'approved',
    ]);

    await moving.sleepUntil(expiryMs - MINUTE_MS);
    for (const installed of [expiring, extended, paying]) {
      assert.equal(await endings(installed), 0, installed.account_name);
      assert.equal(await statusOf(installed), 'active', installed.account_name);
    }
    await moving.sleepUntil(expiryMs + MINUTE_MS);
    await assertSuspended(expiring);
    await awaitOutcomes(moving.surroundings, [await eventOf(paying, 'app.trial_ended')]);
    assert.equal(await statusOf(paying), 'active', 'paid, although the trial is said to have expired');
    assert.equal(await statusOf(extended), 'active');
    assert.equal(await endings(extended), 0);

    await moving.sleepUntil(expiryMs + moreMs - MINUTE_MS);
    assert.equal(await statusOf(extended), 'active');
    await moving.sleepUntil(expiryMs + moreMs + MINUTE_MS);
    await assertSuspended(extended);

    const bought = await control.update(expiring.installation_id, { plan: 'Business' });
    assert.deepEqual(await awaitOutcomes(moving.surroundings, [bought.event_id]), ['approved']);
    assert.equal(await statusOf(expiring), 'active', 'whoever buys after the trial gets access again');
    const provisions = await moving.surroundings.product.query(
      `SELECT 1 FROM call_ledger WHERE talkdesk_account_id = $1 AND operation = 'provision'`,
      [expiring.account_id],
    );
    assert.equal(provisions.length, 1, 'without being provisioned again');
  });
});
