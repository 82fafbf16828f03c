import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, it } from 'node:test';
import { ACME, at, change, delivery, end, install, openStore, type TestStore, taking } from './fixtures.js';

let t: TestStore;
before(async () => {
  t = await openStore();
});
beforeEach(async () => {
  await t.clear();
});
after(() => t.end());

const processes = async () => {
  const rows = await t.database.query<{ id: string; generation: number }>(
    'SELECT id, generation FROM process ORDER BY id',
  );
  return Object.fromEntries(rows.map((row) => [row.id, row.generation]));
};
const installations = async () => {
  const rows = await t.database.query<{ id: string; generation: number }>(
    'SELECT id, generation FROM installation ORDER BY id',
  );
  return Object.fromEntries(rows.map((row) => [row.id, row.generation]));
};

describe('generations', () => {
  it('count the install events of a tenant, the same installation id included', async () => {
    await install(t.store, { eventId: 'e1', installationId: 'a', createdAt: at('10:00:00.000') });
    await install(t.store, { eventId: 'e2', installationId: 'b', createdAt: at('11:00:00.000') });
    await install(t.store, { eventId: 'e3', installationId: 'a', createdAt: at('12:00:00.000') });
    await install(t.store, { eventId: 'x', installationId: 'c', accountId: 'account-2' });
    assert.deepEqual(await processes(), { 'install:e1': 1, 'install:e2': 2, 'install:e3': 3, 'install:x': 1 });
    assert.deepEqual(await installations(), { a: 3, b: 2, c: 1 });
  });

  it('give what happens to an installation that of its newest install not after it, else a place before its oldest', async () => {
    await install(t.store, { eventId: 'e1', installationId: 'a', createdAt: at('10:00:00.000') });
    await install(t.store, { eventId: 'e2', installationId: 'b', createdAt: at('11:00:00.000') });
    await install(t.store, { eventId: 'e3', installationId: 'a', createdAt: at('12:00:00.000') });
    const of = (eventId: string, time: string, installationId = 'a') =>
      change(t.store, 'update', { eventId, installationId, createdAt: at(time) });
    await of('before', '09:00:00.000');
    // The same second as the install, with a smaller id: an install comes first in its second.
    await of('d', '10:00:00.000');
    await of('between', '11:59:59.000');
    await of('after', '13:00:00.000');
    await of('other', '13:00:00.000', 'b');
    const { 'install:e1': _1, 'install:e2': _2, 'install:e3': _3, ...updates } = await processes();
    assert.deepEqual(updates, {
      'update:after': 3,
      'update:before': 0,
      'update:between': 1,
      'update:d': 1,
      'update:other': 2,
    });
  });

  it('move up, processes included, when an older install arrives late', async () => {
    await install(t.store, { eventId: 'e2', installationId: 'a', createdAt: at('11:00:00.000') });
    await install(t.store, { eventId: 'e3', installationId: 'b', createdAt: at('12:00:00.000') });
    await change(t.store, 'uninstall', { eventId: 'u', installationId: 'a', createdAt: at('11:30:00.000') });
    await change(t.store, 'rotation', { eventId: 'r', installationId: 'a', createdAt: at('10:30:00.000') });
    assert.deepEqual(await processes(), { 'install:e2': 1, 'install:e3': 2, 'rotation:r': 0, 'uninstall:u': 1 });

    await install(t.store, { eventId: 'e0', installationId: 'z', createdAt: at('09:00:00.000') });
    const moved = { 'install:e0': 1, 'install:e2': 2, 'install:e3': 3, 'rotation:r': 1, 'uninstall:u': 2 };
    assert.deepEqual(await processes(), moved);
    assert.deepEqual(await installations(), { a: 2, b: 3, z: 1 });

    // An older install of the installation itself: what happened before the newer one belongs to it.
    await install(t.store, { eventId: 'e1', installationId: 'a', createdAt: at('10:00:00.000') });
    assert.deepEqual(await processes(), {
      'install:e0': 1,
      'install:e1': 2,
      'install:e2': 3,
      'install:e3': 4,
      'rotation:r': 2,
      'uninstall:u': 3,
    });
    assert.deepEqual(await installations(), { a: 3, b: 4, z: 1 });
  });

  it('say whether the product account was opened for a later one', async () => {
    const first = await install(t.store, { eventId: 'e1', createdAt: at('10:00:00.000') });
    const uninstall = await change(t.store, 'uninstall', { eventId: 'u', createdAt: at('11:00:00.000') });
    const newer = async () =>
      await Promise.all([first, uninstall].map(async (id) => (await t.store.processes.read(id)).accountIsNewer));
    await provision(first);
    assert.deepEqual(await newer(), [false, false]);
    const again = await install(t.store, { eventId: 'e2', createdAt: at('12:00:00.000') });
    assert.deepEqual(await newer(), [false, false], 'it is installed again, but the account is the old one yet');
    await provision(again);
    assert.deepEqual(await newer(), [true, true]);
    assert.equal((await t.store.processes.read(again)).accountIsNewer, false);
  });
});

async function provision(processId: string): Promise<void> {
  const common = { processId, attemptToken: 'one', at: at('12:30:00.000') };
  await t.store.processes.recordProvisioned({
    ...common,
    productAccountId: 'product-1',
    users: [],
    stepResult: { productAccountId: 'product-1', users: 0 },
  });
}

describe('an installation that is installed again', () => {
  const trial = {
    state: 'ended',
    expiresAt: null,
    endedReason: 'trial_expired',
    eventCreatedAt: at('10:30:00.000'),
  } as const;
  const lock = async (eventId: string, createdAt: Date) => {
    await t.store.inbox.accept(delivery({ eventId, type: 'app.trial_ended', createdAt }));
    await t.store.processes.recordTrial({
      eventId,
      trial: { ...trial, eventCreatedAt: createdAt },
      suspended: true,
      at: at('10:31:00.000'),
    });
  };
  const state = async (processId: string) => {
    const { installation } = await t.store.processes.read(processId);
    return [installation.state, installation.trial?.state ?? null, installation.suspended];
  };

  it('is pending again, and its trial is a new one', async () => {
    const first = await install(t.store, { eventId: 'e1' });
    await end(t.store, first, 'approved');
    await lock('t1', at('10:30:00.000'));
    assert.deepEqual(await state(first), ['active', 'ended', true]);
    await end(t.store, await change(t.store, 'uninstall', { eventId: 'u', createdAt: at('11:00:00.000') }), 'approved');
    assert.deepEqual(await state(first), ['ended', 'ended', true]);

    const again = await install(t.store, { eventId: 'e2', createdAt: at('12:00:00.000') });
    assert.deepEqual(await state(again), ['pending', null, false]);
  });

  it('keeps the trial that began after it, and one that had not ended', async () => {
    const first = await install(t.store, { eventId: 'e1' });
    await end(t.store, first, 'expired');
    await lock('t1', at('12:30:00.000'));
    const again = await install(t.store, { eventId: 'e2', createdAt: at('12:00:00.000') });
    assert.deepEqual(await state(again), ['pending', 'ended', true]);
    await install(t.store, { eventId: 'e3', createdAt: at('13:00:00.000') });
    assert.deepEqual(await state(again), ['pending', 'ended', true]);
  });

  it('has usable credentials after all of it was wiped', async () => {
    await end(t.store, await install(t.store, { eventId: 'e1' }), 'expired');
    assert.equal((await t.store.processes.readInstallation('installation-1')).credential, null);
    const again = await install(t.store, { eventId: 'e2', createdAt: at('12:00:00.000') });
    const { credential } = await t.store.processes.read(again);
    assert.ok(credential !== null);
    assert.equal(t.store.processes.open(credential).privateKey, 'SECRET-PRIVATE-KEY');
  });

  it('leaves to a newer event what that said', async () => {
    await install(t.store, { eventId: 'e1' });
    await change(t.store, 'uninstall', { eventId: 'u', createdAt: at('13:00:00.000') }, { accountName: 'renamed' });
    const late = delivery({ eventId: 'e2', createdAt: at('12:00:00.000') });
    await t.store.inbox.accept(late);
    await t.store.processes.takeInstall(taking(late, { accountName: 'late', apiRoot: 'https://late.test' }));
    const { installation } = await t.store.processes.read('install:e2');
    assert.deepEqual([installation.accountName, installation.apiRoot], ['renamed', 'https://late.test']);
    assert.equal((await t.store.processes.tenantState(ACME)).newestInstall?.eventId, 'e2');
  });
});
