import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, it } from 'node:test';
import type { MappedUser, Snapshot, UserRow } from '../../store/index.js';
import { at, install, openStore, snapshot, type TestStore, whileUncommitted } from './fixtures.js';

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
const row = (user: Snapshot['users'][number], more: Partial<UserRow> = {}): UserRow => ({
  ...user,
  admin: user.talkdeskUserId === 'user-1',
  productUserId: null,
  seat: null,
  assignedAt: at('10:00:03.000'),
  ...more,
});
const history = () =>
  t.database.query(
    `SELECT talkdesk_user_id AS id, email, product_user_id AS product, started_at, ended_at FROM user_mapping ORDER BY started_at, talkdesk_user_id`,
  );

describe('the snapshot', () => {
  it('is stored on the installation and in the step results', async () => {
    await sync([ann, bob]);
    const record = await t.store.processes.read(processId);
    assert.deepEqual(record.stepResults, { sync: { users: 2 } });
    assert.equal(record.installation.companyName, 'Acme Inc.');
    assert.equal(record.installation.planName, 'Paid Plus');
    assert.equal(record.installation.planType, 'paid');
    assert.equal(record.installation.licenses, 10);
    assert.equal(record.installation.adminUserId, 'user-1');
    const [row] = await t.database.query(
      'SELECT remote_state, remote_state_word, remote_updated_at, remote_read_at, scopes FROM installation',
    );
    assert.deepEqual(row, {
      remote_state: 'waiting',
      remote_state_word: 'installing',
      remote_updated_at: at('10:00:00.125'),
      remote_read_at: at('10:00:03.000'),
      scopes: ['account:read', 'apps:write'],
    });
  });

  it('is taken with texts and numbers the database cannot hold', async () => {
    const odd = { ...ann, name: 'A\0n\ud800n', email: `"'\\{},NULL` };
    await sync([odd], {
      companyName: 'Ac\0me',
      planName: null,
      licenses: 1e12,
      adminUserId: null,
      remoteUpdatedAt: null,
      scopes: [],
    });
    await t.store.processes.recordSync({ processId, snapshot: snapshot([odd]), stepResult: { note: 'x\0y\ud800' } });
    assert.deepEqual(
      await listed(),
      [row({ ...odd, name: 'An\ufffdn' })].map((user) => ({ ...user, admin: true })),
    );
    assert.deepEqual((await t.store.processes.read(processId)).stepResults, { sync: { note: 'xy\ufffd' } });
  });
});

describe('licensed users', () => {
  it('are listed with the installing admin marked', async () => {
    await sync([bob, ann, bob]);
    assert.deepEqual(await listed(), [row(ann), row(bob)]);
    assert.deepEqual(await t.store.processes.users('nowhere'), []);
  });

  it('keep their rows when nothing changed', async () => {
    await sync([ann, bob]);
    const before = await history();
    await sync([bob, ann], { readAt: at('11:00:00.000') });
    assert.deepEqual(await history(), before);
  });

  it('keep their row when what Talkdesk says of them changes', async () => {
    await sync([ann]);
    await provision([{ talkdeskUserId: 'user-1', productUserId: 'p-1', seat: 'suspended' }]);
    const changed = { ...ann, email: 'ann@new.test', name: 'Ann B.', active: false };
    await sync([changed], { readAt: at('11:00:00.000') });
    assert.deepEqual(await listed(), [row(changed, { productUserId: 'p-1', seat: 'suspended' })]);
    assert.equal((await history()).length, 1);
  });

  it('leave history behind, and come back with the id the product knows them by', async () => {
    await sync([ann, bob]);
    await provision([{ talkdeskUserId: 'user-2', productUserId: 'p-2', seat: 'active' }]);
    await sync([ann], { readAt: at('11:00:00.000') });
    assert.deepEqual(await listed(), [row(ann)]);
    await sync([ann, bob], { readAt: at('12:00:00.000') });
    await sync([ann], { readAt: at('13:00:00.000') });
    await sync([ann, bob], { readAt: at('14:00:00.000') });
    assert.deepEqual(await listed(), [row(ann), row(bob, { productUserId: 'p-2', assignedAt: at('14:00:00.000') })]);
    const bobs = (await history()).filter((entry) => entry['id'] === 'user-2');
    assert.deepEqual(
      bobs.map(({ product, started_at, ended_at }) => [product, started_at, ended_at]),
      [
        ['p-2', at('10:00:03.000'), at('11:00:00.000')],
        ['p-2', at('12:00:00.000'), at('13:00:00.000')],
        ['p-2', at('14:00:00.000'), null],
      ],
    );
  });

  it('are the tenant’s: a reinstallation finds them', async () => {
    await sync([ann, bob]);
    await provision([{ talkdeskUserId: 'user-2', productUserId: 'p-2', seat: 'active' }]);
    const next = await install(t.store, {
      eventId: 'e2',
      installationId: 'installation-2',
      createdAt: at('11:00:00.000'),
    });
    await sync([bob], { readAt: at('11:00:01.000') }, next);
    assert.deepEqual(await t.store.processes.users('installation-2'), [
      row(bob, { productUserId: 'p-2', seat: 'active' }),
    ]);
  });

  it('survive several readings at the same time', async () => {
    const many = Array.from({ length: 300 }, (_, n) => ({ ...bob, talkdeskUserId: `user-${n}` }));
    await Promise.all(Array.from({ length: 3 }, (_, n) => sync(many.slice(n * 10))));
    await sync(many);
    assert.equal((await t.store.processes.users('installation-1')).length, 300);
  });

  it('survive a user that another reading adds at the same moment', async () => {
    const insert = `INSERT INTO user_mapping (app_id, account_id, talkdesk_user_id, started_at)
      VALUES ('app-1', 'account-1', 'user-1', '2026-01-05T10:00:02Z')`;
    await whileUncommitted(t.database, insert, () => sync([ann]));
    assert.deepEqual(await listed(), [row(ann, { assignedAt: at('10:00:02.000') })]);
  });

  it('are written by the ten thousand', async () => {
    const many = Array.from({ length: 10_000 }, (_, n) => ({ ...ann, talkdeskUserId: `user-${n}` }));
    await sync(many);
    await provision(
      many.map(({ talkdeskUserId: id }) => ({ talkdeskUserId: id, productUserId: `p-${id}`, seat: 'active' })),
    );
    await sync(many.slice(1_000), { readAt: at('11:00:00.000') });
    assert.equal((await listed()).length, 9_000);
    await sync(
      many.map((user) => ({ ...user, name: 'Anna' })),
      { readAt: at('12:00:00.000') },
    );
    const all = await listed();
    assert.equal(all.length, 10_000);
    assert.ok(all.every((user) => user.name === 'Anna' && user.productUserId === `p-${user.talkdeskUserId}`));
  });
});
