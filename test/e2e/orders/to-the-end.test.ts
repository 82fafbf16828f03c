import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { accountAtRest, assertAuditChain, decidedProcesses, tenantAtRest } from '../../support/outcomes.js';
import { startTestService, type TestService } from '../../support/service.js';
import { createSurroundings, type Surroundings } from '../../support/stack.js';
import { fromRunner } from '../../support/temporal.js';
import { inParallel, type Plan, plans } from './plan.js';
import { allBeforehand, type Happened, inUseBefore, play } from './scripts.js';

/** ORDERS_SEED chooses other orders, ORDERS_COUNT more of the 720. */
const seed = Number(process.env['ORDERS_SEED'] ?? 4);
const count = Number(process.env['ORDERS_COUNT'] ?? 50);
/** Of an installation that was in use before; fewer, because each is installed first. */
const countInUse = Math.ceil(count / 4);
const WIDTH = 6;

let surroundings: Surroundings;
let service: TestService;

before(async () => {
  surroundings = await createSurroundings({ temporalAddress: fromRunner('TEST_TEMPORAL_ADDRESS') });
  await surroundings.simulator.control.switches({ trial_events: 'prepared' });
  service = await startTestService(surroundings);
});
after(async () => {
  await service?.stop();
  await surroundings?.stop();
});

/** What holds at the end of every order: nothing is left but the record. */
async function assertEnded({ accountId, installationId }: Happened, plan: Plan): Promise<void> {
  const { installations, credentials } = await tenantAtRest(surroundings, accountId);
  assert.deepEqual(installations, [{ id: installationId, generation: 1, state: 'ended' }], plan.name);
  assert.deepEqual(
    credentials.map(({ state, sealed }) => `${state} ${sealed}`),
    ['gone false', 'gone false'],
    plan.name,
  );
  await assertAuditChain(surroundings, accountId);
  const open = await surroundings.database.query(
    `SELECT id FROM inbox_event WHERE account_id = $1 AND (status <> 'settled' OR outcome IS NULL)`,
    [accountId],
  );
  assert.deepEqual(open, [], plan.name);
}

/** A rotation is acknowledged, unless the uninstall had ended before. */
function assertRotation(outcome: string | undefined, plan: Plan): void {
  assert.ok(outcome === 'acknowledged' || outcome === 'superseded', `${plan.name}: the rotation ended as ${outcome}`);
}

describe('installed, updated, rotated, trial started, plan upgraded, uninstalled, over every real part', () => {
  it(`ends the same in ${count} orders of arrival, when all of it happened before any of it came`, async (t) => {
    t.diagnostic(`ORDERS_SEED=${seed} ORDERS_COUNT=${count}`);
    await inParallel(plans(seed, count, 6), WIDTH, async (plan) => {
      const happened = await allBeforehand(surroundings, plan.name, 'uninstalled');
      const [installed, updated, rotated, ...others] = await play(surroundings, happened, plan);
      // Whenever the install comes, Talkdesk reports `uninstalled`, which to an install and an update is gone: superseded, and nothing
      // is provisioned. Its credentials are kept for the uninstall, which they approve.
      assert.deepEqual([installed, updated, ...others], [...SUPERSEDED, 'recorded', 'recorded', 'approved'], plan.name);
      assertRotation(rotated, plan);
      await assertEnded(happened, plan);
      assert.equal(await accountAtRest(surroundings, happened.accountId), null, plan.name);
      assert.deepEqual(await decidedProcesses(surroundings, happened.installationId), ['uninstall approve'], plan.name);
    });
  });

  it(`ends the same in ${countInUse} orders of arrival, when it was in use before`, async (t) => {
    t.diagnostic(`ORDERS_SEED=${seed} ORDERS_COUNT=${count}`);
    // Seven events: the upgrade is an update with a trial's end.
    await inParallel(plans(seed + 1, countInUse, 7), WIDTH, async (order) => {
      const plan = { ...order, name: `in-use-${order.name}` };
      const happened = await inUseBefore(surroundings, plan.name, 'uninstalled');
      const [installed, updated, rotated, ...others] = await play(surroundings, happened, plan);
      const expected = ['approved', 'superseded', 'recorded', 'superseded', 'recorded', 'approved'];
      assert.deepEqual([installed, updated, ...others], expected, plan.name);
      assertRotation(rotated, plan);
      await assertEnded(happened, plan);
      await assertClosedLast(happened, plan);
      const decided = await decidedProcesses(surroundings, happened.installationId);
      assert.deepEqual(decided, ['install approve', 'uninstall approve'], plan.name);
    });
  });
});

const SUPERSEDED = ['superseded', 'superseded'];

/** The account is closed, its users have ended, and the product was asked for nothing after that. */
async function assertClosedLast({ accountId, events }: Happened, plan: Plan): Promise<void> {
  const account = await accountAtRest(surroundings, accountId);
  assert.deepEqual({ status: account?.status, users: account?.users }, { status: 'closed', users: {} }, plan.name);
  const calls = await surroundings.product.query<{ idempotency_key: string }>(
    'SELECT idempotency_key FROM call_ledger WHERE talkdesk_account_id = $1 ORDER BY first_at',
    [accountId],
  );
  assert.equal(calls.at(-1)?.idempotency_key, `uninstall:${events.at(-1)}:deprovision`, plan.name);
  const keys = calls.filter(({ idempotency_key: key }) => key.endsWith(':deprovision'));
  assert.equal(keys.length, 1, plan.name);
}
