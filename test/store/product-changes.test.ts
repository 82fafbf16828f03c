import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, it } from 'node:test';
import { NotFoundError } from '../../store/index.js';
import { actionsOf, at, change, install, openStore, snapshot, type TestStore } from './fixtures.js';

let t: TestStore;
let processId: string;
before(async () => {
  t = await openStore({ poolMax: 12 });
});
beforeEach(async () => {
  await t.clear();
  processId = await install(t.store, { eventId: 'e1' });
});
after(() => t.end());

const one = async (sql: string) => (await t.database.query(sql))[0] ?? {};
const actions = () => actionsOf(t.database);
const users = (...ids: string[]) =>
  ids.map((id) => ({ talkdeskUserId: id, email: `${id}@acme.test`, name: id, active: true }));

const provisioned = (more = {}) =>
  t.store.processes.recordProvisioned({
    processId,
    attemptToken: 'one',
    productAccountId: 'product-1',
    users: [{ talkdeskUserId: 'user-1', productUserId: 'p-1', seat: 'active' }],
    stepResult: { productAccountId: 'product-1', users: 1 },
    at: at('10:00:04.000'),
    ...more,
  });

const claimAs = (attemptToken: string, more = {}) =>
  t.store.processes.claim({ processId, attemptToken, leaseMs: 60_000, at: at('10:00:03.500'), ...more });

describe('recording that the product has the account', () => {
  it('stores account, user ids and the step, ends the claim, and is not repeated', async () => {
    await t.store.processes.recordSync({ processId, snapshot: snapshot(users('user-1', 'user-2')), stepResult: {} });
    await claimAs('one', { registerUndo: true });
    await provisioned();
    await provisioned({ at: at('11:00:00.000') });

    const record = await t.store.processes.read(processId);
    assert.equal(record.productAccountId, 'product-1');
    assert.deepEqual(record.stepResults, { sync: {}, provision: { productAccountId: 'product-1', users: 1 } });
    assert.deepEqual(
      (await t.store.processes.users('installation-1')).map((user) => [
        user.talkdeskUserId,
        user.productUserId,
        user.seat,
      ]),
      [
        ['user-1', 'p-1', 'active'],
        ['user-2', null, null],
      ],
    );
    assert.deepEqual((await one('SELECT provisioned_at FROM product_account'))['provisioned_at'], at('10:00:04.000'));
    assert.deepEqual(await actions(), ['taken', 'provisioned']);
    assert.equal((await claimAs('two')).kind, 'claimed');
  });

  it('leaves the claim of another attempt alone', async () => {
    await claimAs('two');
    await provisioned();
    assert.equal((await claimAs('one')).kind, 'held');
    assert.equal((await t.store.processes.read(processId)).productAccountId, 'product-1');
  });

  it('does not bring back what was undone', async () => {
    await claimAs('one', { registerUndo: true });
    await t.store.processes.recordUndone({ processId, attemptToken: 'one', at: at('10:00:05.000') });
    await provisioned();
    const record = await t.store.processes.read(processId);
    assert.equal(record.productAccountId, null);
    assert.deepEqual(record.stepResults, {});
    assert.deepEqual(await actions(), ['taken', 'undone']);
  });

  it('writes ten thousand users in one go', async () => {
    const ids = Array.from({ length: 10_000 }, (_, n) => `user-${n}`);
    await t.store.processes.recordSync({ processId, snapshot: snapshot(users(...ids)), stepResult: { users: 10_000 } });
    await provisioned({ users: ids.map((id) => ({ talkdeskUserId: id, productUserId: `p-${id}`, seat: 'active' })) });
    const counted = await one(
      'SELECT count(*)::int AS n FROM user_mapping WHERE product_user_id = $$p-$$ || talkdesk_user_id',
    );
    assert.equal(counted['n'], 10_000);
    assert.equal((await t.store.processes.users('installation-1')).length, 10_000);
  });
});

describe('recording an undo', () => {
  it('marks process and account, once', async () => {
    await claimAs('one', { registerUndo: true });
    await provisioned();
    await claimAs('one');
    for (const time of ['10:00:06.000', '11:00:00.000']) {
      await t.store.processes.recordUndone({ processId, attemptToken: 'one', at: at(time) });
    }
    const record = await t.store.processes.read(processId);
    assert.equal(record.undo, 'done');
    assert.equal(record.productAccountId, null);
    assert.deepEqual(await one('SELECT status, undone_at FROM product_account'), {
      status: 'undone',
      undone_at: at('10:00:06.000'),
    });
    assert.deepEqual(await actions(), ['taken', 'provisioned', 'undone']);
    assert.equal((await claimAs('two')).kind, 'claimed');
  });

  it('leaves the account alone that a later installation provisioned', async () => {
    await claimAs('one', { registerUndo: true });
    await provisioned();
    const next = await install(t.store, {
      eventId: 'e2',
      installationId: 'installation-2',
      createdAt: at('11:00:00.000'),
    });
    await provisioned({ processId: next, productAccountId: 'product-1' });
    await t.store.processes.recordUndone({ processId, attemptToken: 'one', at: at('11:00:06.000') });
    assert.equal((await t.store.processes.read(next)).productAccountId, 'product-1');
  });

  it('does nothing where nothing was registered', async () => {
    await t.store.processes.recordUndone({ processId, attemptToken: 'one', at: at('10:00:06.000') });
    assert.equal((await t.store.processes.read(processId)).undo, 'none');
    assert.deepEqual(await actions(), ['taken']);
  });
});

describe('a suspension', () => {
  it('is noted with the account, or left as it was', async () => {
    const suspended = async () => (await t.store.processes.read(processId)).installation.suspended;
    await provisioned({ suspended: true });
    assert.equal(await suspended(), true);
    const first = await change(t.store, 'update', { eventId: 'u1', createdAt: at('11:00:00.000') });
    await provisioned({ processId: first });
    assert.equal(await suspended(), true);
    const second = await change(t.store, 'update', { eventId: 'u2', createdAt: at('12:00:00.000') });
    await provisioned({ processId: second, suspended: false });
    assert.equal(await suspended(), false);
  });
});

describe('work under way in the product', () => {
  it('is kept by its step until it is forgotten', async () => {
    const { processes } = t.store;
    const results = async () => (await processes.read(processId)).stepResults;
    await processes.recordPending({ processId, step: 'provision', operation: 'https://product.test/jobs/1' });
    await processes.recordPending({ processId, step: 'users', operation: 'job-2' });
    await processes.recordPending({ processId, step: 'provision', operation: 'job-3' });
    assert.deepEqual(await results(), { 'pending:provision': 'job-3', 'pending:users': 'job-2' });
    for (let times = 0; times < 2; times += 1) {
      await processes.recordPending({ processId, step: 'provision', operation: null });
    }
    assert.deepEqual(await results(), { 'pending:users': 'job-2' });
  });
});

describe('the end of access', () => {
  const ended = (id: string, time = '12:00:00.000') =>
    t.store.processes.recordAccessEnded({
      processId: id,
      attemptToken: 'one',
      stepResult: { access: 'ended' },
      at: at(time),
    });
  const account = () => one('SELECT status, undone_at FROM product_account');

  it('is recorded once; the account counts as undone and is kept for a reinstallation', async () => {
    await provisioned();
    const uninstall = await change(t.store, 'uninstall', { eventId: 'u', createdAt: at('11:00:00.000') });
    await claimAs('one', { processId: uninstall });
    await ended(uninstall);
    await ended(uninstall, '13:00:00.000');
    const record = await t.store.processes.read(uninstall);
    assert.deepEqual(record.stepResults, { endAccess: { access: 'ended' } });
    assert.deepEqual([record.productAccountId, record.keptAccountId], [null, 'product-1']);
    assert.deepEqual(await account(), { status: 'undone', undone_at: at('12:00:00.000') });
    assert.deepEqual(await actions(), ['taken', 'provisioned', 'taken', 'access-ended']);
    assert.equal((await claimAs('two', { processId: uninstall })).kind, 'claimed');
  });

  it('leaves the account alone that another installation or a later generation uses', async () => {
    await provisioned();
    const uninstall = await change(t.store, 'uninstall', { eventId: 'u', createdAt: at('11:00:00.000') });
    const again = await install(t.store, { eventId: 'e2', createdAt: at('12:00:00.000') });
    await provisioned({ processId: again });
    await ended(uninstall);
    assert.equal((await account())['status'], 'active');
    await claimAs('one', { registerUndo: true, ignorePreemption: true });
    await t.store.processes.recordUndone({ processId, attemptToken: 'one', at: at('12:00:00.000') });
    assert.equal((await account())['status'], 'active');

    const other = { installationId: 'installation-2' };
    const second = await install(t.store, { eventId: 'e3', createdAt: at('13:00:00.000'), ...other });
    await provisioned({ processId: second });
    await ended(await change(t.store, 'uninstall', { eventId: 'u2', createdAt: at('14:00:00.000') }));
    assert.equal((await account())['status'], 'active');
    await ended(await change(t.store, 'uninstall', { eventId: 'u3', createdAt: at('14:00:00.000'), ...other }));
    assert.equal((await account())['status'], 'undone');
  });

  it('is refused for a process that is not there, as is work under way', async () => {
    await assert.rejects(ended('uninstall:nowhere'), NotFoundError);
    const pending = { processId: 'install:nowhere', step: 'provision', operation: null };
    await assert.rejects(t.store.processes.recordPending(pending), NotFoundError);
  });
});
