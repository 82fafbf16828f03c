import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { eventually } from '../../support/eventually.js';
import {
  type AccountAtRest,
  accountAtRest,
  assertAuditChain,
  awaitOutcomes,
  decidedProcesses,
  tenantAtRest,
} from '../../support/outcomes.js';
import { startTestService, type TestService } from '../../support/service.js';
import type { CreatedInstallation } from '../../support/simulator.js';
import { createSurroundings, type Surroundings } from '../../support/stack.js';
import { fromRunner } from '../../support/temporal.js';

const CYCLES = 10;

let surroundings: Surroundings;
let service: TestService;

before(async () => {
  surroundings = await createSurroundings({ temporalAddress: fromRunner('TEST_TEMPORAL_ADDRESS') });
  service = await startTestService(surroundings);
});
after(async () => {
  await service?.stop();
  await surroundings?.stop();
});

/** One account that installs and uninstalls, each event a second after the one before; nothing is delivered by itself. */
function customer(accountName: string) {
  const { control } = surroundings.simulator;
  let atMs = Math.floor(Date.now() / 1_000) * 1_000 - 60 * 60_000;
  const next = () => {
    atMs += 1_000;
    return { created_at: new Date(atMs).toISOString(), deliver: false };
  };
  return {
    async install(installationId?: string): Promise<CreatedInstallation> {
      const again = installationId === undefined ? {} : { installation_id: installationId };
      const settings = { app_id: surroundings.appId, account_name: accountName, users: 3 };
      return await control.createInstallation({ ...settings, ...again, ...next() });
    },
    async uninstall(installationId: string): Promise<string> {
      return (await control.uninstall(installationId, next())).event_id;
    },
    /** Delivers one after the other, each settled before the next, and gives the outcomes. */
    async deliver(...eventIds: string[]): Promise<string[]> {
      const outcomes: string[] = [];
      for (const id of eventIds) {
        assert.equal((await control.deliver(id)).status, 200);
        outcomes.push(...(await awaitOutcomes(surroundings, [id])));
      }
      return outcomes;
    },
    async deliverAtOnce(...eventIds: string[]): Promise<string[]> {
      await Promise.all(eventIds.map((id) => control.deliver(id)));
      return await awaitOutcomes(surroundings, eventIds);
    },
  };
}

/** The account is the tenant's first one, with the users of that time, in use by this generation. */
async function assertKept(first: AccountAtRest, accountId: string, generation: number): Promise<void> {
  assert.deepEqual(await accountAtRest(surroundings, accountId), { ...first, generation });
}

async function firstInstall(name: string) {
  const acme = customer(name);
  const installed = await acme.install();
  assert.deepEqual(await acme.deliver(installed.event_id), ['approved']);
  const account = await accountAtRest(surroundings, installed.account_id);
  assert.ok(account);
  assert.equal(Object.keys(account.users).length, 3);
  return { acme, installed, account, accountId: installed.account_id };
}

/** States of the sets of credentials by installation; every set that is gone has no secret left, every other one has. */
async function setsOf(accountId: string): Promise<Record<string, string[]>> {
  const { credentials } = await tenantAtRest(surroundings, accountId);
  const states: Record<string, string[]> = {};
  for (const { installation_id: id, state, sealed } of credentials) {
    assert.equal(sealed, state !== 'gone');
    states[id] = [...(states[id] ?? []), state];
  }
  return states;
}

describe('an account that installs again', () => {
  it(`${CYCLES} times under new ids keeps account and users; each installation has its generation and ends without credentials`, async () => {
    const { acme, installed, account, accountId } = await firstInstall('cycles-new-id');
    const ids = [installed.installation_id];
    for (let cycle = 1; cycle <= CYCLES; cycle += 1) {
      assert.deepEqual(await acme.deliver(await acme.uninstall(ids.at(-1) ?? '')), ['approved']);
      const closed = await accountAtRest(surroundings, accountId);
      assert.deepEqual([closed?.status, closed?.users], ['closed', {}]);
      const again = await acme.install();
      assert.deepEqual(await acme.deliver(again.event_id), ['approved']);
      ids.push(again.installation_id);
      await assertKept(account, accountId, cycle + 1);
    }
    const { installations, mapped } = await tenantAtRest(surroundings, accountId);
    const states = ids.map((id, index) => ({ id, generation: index + 1, state: index < CYCLES ? 'ended' : 'active' }));
    assert.deepEqual(installations, states);
    const expected = ids.map((id, index) => [id, [index < CYCLES ? 'gone' : 'current']]);
    assert.deepEqual(await setsOf(accountId), Object.fromEntries(expected));
    assert.deepEqual(mapped, Object.keys(account.users));
    await assertAuditChain(surroundings, accountId);
  });

  it(`${CYCLES} times under the same id has the same, with one installation that counts its generations`, async () => {
    const { acme, installed, account, accountId } = await firstInstall('cycles-same-id');
    const id = installed.installation_id;
    for (let cycle = 1; cycle <= CYCLES; cycle += 1) {
      assert.deepEqual(await acme.deliver(await acme.uninstall(id)), ['approved']);
      assert.deepEqual(await acme.deliver((await acme.install(id)).event_id), ['approved']);
      await assertKept(account, accountId, cycle + 1);
    }
    const { installations, mapped } = await tenantAtRest(surroundings, accountId);
    assert.deepEqual(installations, [{ id, generation: CYCLES + 1, state: 'active' }]);
    assert.deepEqual(await setsOf(accountId), { [id]: [...Array(CYCLES).fill('gone'), 'current'] });
    assert.deepEqual(mapped, Object.keys(account.users));
    await assertAuditChain(surroundings, accountId);
  });
});

describe('an account that uninstalls and installs again before we know of either', () => {
  for (const arrival of ['in order', 'in reverse', 'at once'] as const) {
    it(`under a new id, arriving ${arrival}: both are approved`, async () => {
      const { acme, installed, account, accountId } = await firstInstall(`quick-new-${arrival.replaceAll(' ', '-')}`);
      const old = installed.installation_id;
      const uninstall = await acme.uninstall(old);
      const again = await acme.install();
      const ids = [uninstall, again.event_id];
      // The old installation's credentials are kept for its uninstall, although a newer installation is in use by then.
      if (arrival === 'at once') assert.deepEqual(await acme.deliverAtOnce(...ids), ['approved', 'approved']);
      else
        assert.deepEqual(
          await acme.deliver(...(arrival === 'in order' ? ids : ids.reverse())),
          Array(2).fill('approved'),
        );
      await assertKept(account, accountId, 2);
      const { installations } = await tenantAtRest(surroundings, accountId);
      assert.deepEqual(installations, [
        { id: old, generation: 1, state: 'ended' },
        { id: again.installation_id, generation: 2, state: 'active' },
      ]);
      assert.deepEqual(await setsOf(accountId), { [old]: ['gone'], [again.installation_id]: ['current'] });
      assert.deepEqual(await decidedProcesses(surroundings, old), ['install approve', 'uninstall approve']);
      assert.deepEqual(await decidedProcesses(surroundings, again.installation_id), ['install approve']);
      await assertAuditChain(surroundings, accountId);
    });

    it(`under the same id, arriving ${arrival}: the uninstall is superseded, the new installation approved`, async () => {
      const { acme, installed, account, accountId } = await firstInstall(`quick-same-${arrival.replaceAll(' ', '-')}`);
      const id = installed.installation_id;
      const uninstall = await acme.uninstall(id);
      const again = await acme.install(id);
      const { control } = surroundings.simulator;
      const order = arrival === 'in order' ? [uninstall, again.event_id] : [again.event_id, uninstall];
      // The uninstall alone has nothing to answer with: the new install revoked the old credentials. It waits for a rotation and ends
      // with the install, which is why its outcome is not waited for in between.
      if (arrival === 'at once') await Promise.all(order.map((eventId) => control.deliver(eventId)));
      else for (const eventId of order) assert.equal((await control.deliver(eventId)).status, 200);
      assert.deepEqual(await awaitOutcomes(surroundings, [uninstall, again.event_id]), ['superseded', 'approved']);
      await assertKept(account, accountId, 2);
      const { installations } = await tenantAtRest(surroundings, accountId);
      assert.deepEqual(installations, [{ id, generation: 2, state: 'active' }]);
      const [newest] = (await setsOf(accountId))[id]?.slice(-1) ?? [];
      assert.equal(newest, 'current');
      const decided = await decidedProcesses(surroundings, id);
      assert.deepEqual(decided, ['install approve', 'install approve']);
      await assertAuditChain(surroundings, accountId);
    });
  }

  it('under the same id, the uninstall handled before the install is known: the new installation is not approved by it', async () => {
    const { acme, installed, account, accountId } = await firstInstall('quick-same-alone');
    const { control } = surroundings.simulator;
    const id = installed.installation_id;
    const uninstall = await acme.uninstall(id);
    const again = await acme.install(id);
    assert.equal((await control.deliver(uninstall)).status, 200);
    await eventually('access has ended, and the approval was tried', async () => {
      const requests = await control.requests({ installation_id: id, route: 'installation' });
      const closed = (await accountAtRest(surroundings, accountId))?.status === 'closed';
      return closed && requests.length > 3;
    });
    assert.equal((await control.installation(id)).state, 'installing');
    assert.deepEqual(await acme.deliver(again.event_id), ['approved']);
    assert.deepEqual(await awaitOutcomes(surroundings, [uninstall]), ['superseded']);
    await assertKept(account, accountId, 2);
  });
});
