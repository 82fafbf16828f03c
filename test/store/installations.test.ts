import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, it } from 'node:test';
import { createSealer, createStore, SealingError } from '../../store/index.js';
import { at, credentialOf, install, openStore, snapshot, type TestStore, whileUncommitted } from './fixtures.js';

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
const sync = (users: Parameters<typeof snapshot>[0], more: Parameters<typeof snapshot>[1] = {}) =>
  t.store.processes.recordSync({ processId, snapshot: snapshot(users, more), stepResult: { users: users.length } });

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
    assert.deepEqual(await t.store.processes.users('installation-1'), [
      { talkdeskUserId: 'user-1', email: `"'\\{},NULL`, name: 'An\ufffdn', admin: true },
    ]);
    assert.deepEqual((await t.store.processes.read(processId)).stepResults, { sync: { note: 'xy\ufffd' } });
  });
});

describe('licensed users', () => {
  it('are listed with the installing admin marked', async () => {
    await sync([bob, ann, bob]);
    assert.deepEqual(await t.store.processes.users('installation-1'), [
      { talkdeskUserId: 'user-1', email: 'ann@acme.test', name: 'Ann', admin: true },
      { talkdeskUserId: 'user-2', email: null, name: null, admin: false },
    ]);
    assert.deepEqual(await t.store.processes.users('nowhere'), []);
  });

  it('keep their rows when nothing changed', async () => {
    await sync([ann, bob]);
    const before = await history();
    await sync([bob, ann], { readAt: at('11:00:00.000') });
    assert.deepEqual(await history(), before);
  });

  it('leave history behind: a change, a departure and a return', async () => {
    await sync([ann, bob]);
    await t.store.processes.recordProvisioned({
      processId,
      attemptToken: 'one',
      productAccountId: 'product-1',
      users: [{ talkdeskUserId: 'user-1', productUserId: 'p-1' }],
      stepResult: {},
      at: at('10:00:04.000'),
    });
    await sync([{ ...ann, email: 'ann@new.test' }], { readAt: at('11:00:00.000') });
    await sync([{ ...ann, email: 'ann@new.test' }, bob], { readAt: at('12:00:00.000') });
    const row = (id: string, email: string | null, product: string | null, started: string, ended: string | null) => ({
      id,
      email,
      product,
      started_at: at(started),
      ended_at: ended === null ? null : at(ended),
    });
    assert.deepEqual(await history(), [
      row('user-1', 'ann@acme.test', 'p-1', '10:00:03.000', '11:00:00.000'),
      row('user-2', null, null, '10:00:03.000', '11:00:00.000'),
      row('user-1', 'ann@new.test', 'p-1', '11:00:00.000', null),
      row('user-2', null, null, '12:00:00.000', null),
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
    assert.deepEqual(await t.store.processes.users('installation-1'), [
      { talkdeskUserId: 'user-1', email: 'ann@acme.test', name: 'Ann', admin: true },
    ]);
  });

  it('are written by the ten thousand', async () => {
    const many = Array.from({ length: 10_000 }, (_, n) => ({ ...ann, talkdeskUserId: `user-${n}` }));
    await sync(many);
    await sync(many.slice(1_000), { readAt: at('11:00:00.000') });
    assert.equal((await t.store.processes.users('installation-1')).length, 9_000);
  });
});

describe('credentials', () => {
  it('are null for an installation that has none', async () => {
    await t.database.query(`UPDATE credential SET state = 'gone', client_secret = NULL, private_key = NULL`);
    assert.equal(await credentialOf(t.store, processId), null);
  });

  it('can be read with an older key of the ring, and not without it', async () => {
    const oldKey = { id: 'k1', key: Buffer.alloc(32, 7) };
    const newKey = { id: 'k2', key: Buffer.alloc(32, 8) };
    const openWith = (keys: { id: string; key: Buffer }[]) =>
      createStore({
        databaseUrl: t.database.url,
        sealer: createSealer(keys),
        poolMax: 1,
        log: { warn: () => undefined },
      });
    const rotated = openWith([newKey, oldKey]);
    assert.equal((await credentialOf(rotated, processId))?.privateKey, 'SECRET-PRIVATE-KEY');
    await rotated.close();
    const without = openWith([newKey]);
    await assert.rejects(credentialOf(without, processId), SealingError);
    await without.close();
  });

  it('come with a process and with a claim of it, sealed', async () => {
    const claim = await t.store.processes.claim({
      processId,
      attemptToken: 'one',
      leaseMs: 60_000,
      at: at('10:05:00.000'),
    });
    const read = await t.store.processes.read(processId);
    assert.doesNotMatch(JSON.stringify([claim, read]), /SECRET/);
    assert.ok(claim.kind === 'claimed' && claim.process.credential !== null);
    assert.deepEqual(claim.process.credential, read.credential);
    assert.deepEqual(t.store.processes.open(claim.process.credential), {
      clientId: 'client-1',
      clientSecret: 'SECRET-CLIENT',
      privateKey: 'SECRET-PRIVATE-KEY',
      publicKey: 'public-key-1',
      keyId: 'key-1',
      keyAlgorithm: 'ES256',
    });
  });

  it('do not open in another row', async () => {
    await install(t.store, { eventId: 'e2', installationId: 'installation-2', createdAt: at('11:00:00.000') });
    await t.database.query(
      `UPDATE credential SET private_key = (SELECT private_key FROM credential WHERE id = 'e1') WHERE id = 'e2'`,
    );
    await assert.rejects(credentialOf(t.store, 'install:e2'), SealingError);
  });
});
