import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, it } from 'node:test';
import { type MappedUser, NotFoundError, type Snapshot } from '../../store/index.js';
import { at, change, install, openStore, snapshot, type TestStore } from './fixtures.js';

let t: TestStore;
let processId: string;
before(async () => {
  t = await openStore();
});
beforeEach(async () => {
  await t.clear();
  processId = await install(t.store, { eventId: 'e1' });
});
after(() => t.end());

const ann = { talkdeskUserId: 'user-1', email: 'ann@acme.test', name: 'Ann', active: true };
const bob = { talkdeskUserId: 'user-2', email: null, name: null, active: null };
const sync = (users: Snapshot['users'], more: Partial<Snapshot> = {}, id = processId) =>
  t.store.processes.recordSync({ processId: id, snapshot: snapshot(users, more), stepResult: { users: users.length } });
const provision = (users: MappedUser[], id = processId) =>
  t.store.processes.recordProvisioned({
    processId: id,
    attemptToken: 'one',
    productAccountId: 'product-1',
    users,
    stepResult: {},
    at: at('10:00:04.000'),
  });
const listed = () => t.store.processes.users('installation-1');
describe('settings before an update', () => {
  const before = { companyName: 'Acme Inc.', planName: 'Paid Plus', planType: 'paid', licenses: 10 };
  const after = { companyName: 'Acme Ltd.', planName: 'Basic', planType: 'trial', licenses: 1, adminUserId: 'user-2' };
  const cleo = { ...bob, talkdeskUserId: 'user-3' };
  const carol = { ...ann, talkdeskUserId: 'user-4' };

  const restore = (id: string) => t.store.processes.restoreSettings(id, at('12:30:00.000'));
  const shown = async () => {
    const { installation } = await t.store.processes.read(processId);
    const { accountName, appVersionId, appVersionName, companyName, planName, planType, licenses, adminUserId } =
      installation;
    return { accountName, appVersionId, appVersionName, companyName, planName, planType, licenses, adminUserId };
  };
  const update = () =>
    change(
      t.store,
      'update',
      { eventId: 'u1', createdAt: at('11:00:00.000') },
      { accountName: 'acme-two', appVersionId: 'version-2', appVersionName: '2.0.0' },
    );
  const installed = async () => {
    await sync([ann, bob, carol], before);
    await provision([
      { talkdeskUserId: 'user-1', productUserId: 'p-1', seat: 'active' },
      { talkdeskUserId: 'user-2', productUserId: 'p-2', seat: 'suspended' },
    ]);
  };

  it('are changed to another version of the app where the event names one', async () => {
    await installed();
    const { announced } = await t.store.processes.read(await update());
    assert.deepEqual(announced, { appVersionId: 'version-2', appVersionName: '2.0.0' });
  });

  it('are put back, once, and told each time', async () => {
    await installed();
    const [users, settings] = [await listed(), await shown()];
    assert.deepEqual([settings.accountName, settings.appVersionId], ['acme', 'version-1']);
    const id = await update();
    await sync([{ ...ann, email: 'new@acme.test' }, bob, cleo], { ...after, readAt: at('11:00:01.000') }, id);
    await sync([{ ...ann, email: 'new@acme.test' }, bob, cleo], { ...after, readAt: at('11:00:02.000') }, id);
    await provision([{ talkdeskUserId: 'user-2', productUserId: 'p-2', seat: 'active' }], id);
    assert.deepEqual(await shown(), {
      accountName: 'acme-two',
      appVersionId: 'version-2',
      appVersionName: '2.0.0',
      ...after,
    });

    const told = { accountName: 'acme', planName: 'Paid Plus', licenses: 10, users };
    assert.deepEqual(await restore(id), told);
    assert.deepEqual(await shown(), settings);
    assert.deepEqual(await listed(), users);
    await t.database.query(`UPDATE installation SET plan_name = 'changed since'`);
    assert.deepEqual(await restore(id), told);
    assert.equal((await shown()).planName, 'changed since');
    const [audited] = await t.database.query(`SELECT count(*)::int AS n FROM audit_entry WHERE action = 'restored'`);
    assert.equal(audited?.['n'], 1);
    await t.store.processes.recordUndone({ processId: id, attemptToken: 'one', at: at('12:31:00.000') });
    assert.equal((await t.store.processes.read(id)).productAccountId, 'product-1');
  });

  it('are those in force while the update has read none', async () => {
    await installed();
    const users = await listed();
    assert.deepEqual(await restore(await update()), {
      accountName: 'acme',
      planName: 'Paid Plus',
      licenses: 10,
      users,
    });
    await assert.rejects(restore('update:nowhere'), NotFoundError);
  });

  it('are left alone once the update has its outcome', async () => {
    await installed();
    const id = await update();
    await sync([bob], { ...after, readAt: at('11:00:01.000') }, id);
    await t.store.processes.recordOutcome({ processId: id, outcome: 'approved', reason: 'r', at: at('12:00:00.000') });
    assert.equal((await restore(id)).planName, 'Paid Plus');
    assert.equal((await shown()).planName, 'Basic');
    assert.deepEqual(
      (await listed()).map((user) => user.talkdeskUserId),
      ['user-2'],
    );
  });

  it('are restored by the ten thousand', async () => {
    const many = Array.from({ length: 10_000 }, (_, n) => ({ ...ann, talkdeskUserId: `user-${n}` }));
    await sync(many.slice(0, 7_000));
    const users = await listed();
    const id = await update();
    await sync(
      many.slice(3_000).map((user) => ({ ...user, name: 'Anna' })),
      { readAt: at('11:00:01.000') },
      id,
    );
    assert.equal((await restore(id)).users.length, 7_000);
    assert.deepEqual(await listed(), users);
  });
});
