import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { accountAtRest, assertAuditChain, decidedProcesses, tenantAtRest } from '../../support/outcomes.js';
import { startTestService, type TestService } from '../../support/service.js';
import { createSurroundings, type Surroundings } from '../../support/stack.js';
import { fromRunner } from '../../support/temporal.js';
import { inParallel, type Plan, plans } from './plan.js';
import { allBeforehand, type Happened, inUseBefore, play } from './scripts.js';

/** ORDERS_SEED chooses other orders, ORDERS_COUNT more of them. */
const seed = Number(process.env['ORDERS_SEED'] ?? 4);
const count = Math.ceil(Number(process.env['ORDERS_COUNT'] ?? 50) / 3);
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

/** The settings that Talkdesk has in force are those of mapping, product and tables; the newest credentials are the only ones. */
async function assertInUse({ accountId, installationId, clientId }: Happened, plan: Plan): Promise<void> {
  const { control } = surroundings.simulator;
  const { in_force: inForce, wanted } = await control.settings(installationId);
  const { state } = await control.installation(installationId);
  assert.deepEqual({ state, wanted, plan: inForce.plan.name }, { state: 'completed', wanted: null, plan: 'Paid Plus' });
  const users = [...inForce.users].sort();
  const account = await accountAtRest(surroundings, accountId);
  assert.deepEqual(
    { ...account, id: null, users: Object.keys(account?.users ?? {}).sort() },
    { id: null, status: 'active', generation: 1, plan: 'Paid Plus', licenses: inForce.plan.licenses, users },
    plan.name,
  );
  const { installations, credentials, mapped } = await tenantAtRest(surroundings, accountId);
  assert.deepEqual(installations, [{ id: installationId, generation: 1, state: 'active' }], plan.name);
  assert.deepEqual([...mapped].sort(), users, plan.name);
  const [settings] = await surroundings.database.query<{ plan: string; licenses: number; suspended: boolean }>(
    'SELECT plan_name AS plan, licenses, suspended FROM installation WHERE id = $1',
    [installationId],
  );
  assert.deepEqual(settings, { plan: 'Paid Plus', licenses: inForce.plan.licenses, suspended: false }, plan.name);
  const kept = await surroundings.database.query<{ client_id: string; state: string }>(
    'SELECT client_id, state FROM credential WHERE installation_id = $1 AND private_key IS NOT NULL',
    [installationId],
  );
  assert.deepEqual(kept, [{ client_id: clientId, state: 'current' }], plan.name);
  assert.equal(credentials.length, 2, plan.name);
  await assertAuditChain(surroundings, accountId);
}

/** An update is approved, unless a newer one had come before it was answered. */
function assertOlderUpdate(outcome: string | undefined, plan: Plan): void {
  assert.ok(outcome === 'approved' || outcome === 'superseded', `${plan.name}: the older update ended as ${outcome}`);
}

describe('installed, updated, rotated, trial started, plan upgraded, updated again, over every real part', () => {
  it(`is in use after ${count} orders of arrival, when all of it happened before any of it came`, async (t) => {
    t.diagnostic(`ORDERS_SEED=${seed} ORDERS_COUNT=${count * 3}`);
    await inParallel(plans(seed + 2, count, 6), WIDTH, async (plan) => {
      const happened = await allBeforehand(surroundings, plan.name, 'updated');
      const [installed, older, ...others] = await play(surroundings, happened, plan);
      const expected = ['approved', 'acknowledged', 'recorded', 'recorded', 'approved'];
      assert.deepEqual([installed, ...others], expected, plan.name);
      assertOlderUpdate(older, plan);
      await assertInUse(happened, plan);
      assert.deepEqual(await decidedProcesses(surroundings, happened.installationId), ['install approve'], plan.name);
    });
  });

  it(`has the last settings after ${count} orders of arrival, when it was in use before`, async (t) => {
    t.diagnostic(`ORDERS_SEED=${seed} ORDERS_COUNT=${count * 3}`);
    await inParallel(plans(seed + 3, count, 6), WIDTH, async (order) => {
      const plan = { ...order, name: `in-use-${order.name}` };
      const happened = await inUseBefore(surroundings, plan.name, 'updated');
      const [installed, older, ...others] = await play(surroundings, happened, plan);
      const expected = ['approved', 'acknowledged', 'recorded', 'approved', 'recorded'];
      assert.deepEqual([installed, ...others], expected, plan.name);
      assertOlderUpdate(older, plan);
      await assertInUse(happened, plan);
      // Talkdesk waited for an answer to the newest update only; one decision answers whatever waits.
      const decided = await decidedProcesses(surroundings, happened.installationId);
      assert.deepEqual(decided, ['install approve', 'update approve'], plan.name);
    });
  });
});
