import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, it } from 'node:test';
import { createSealer, createStore, NotFoundError, SealingError } from '../../store/index.js';
import { actionsOf, at, change, credentialOf, end, install, openStore, sets, type TestStore } from './fixtures.js';

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

describe('a rotated set', () => {
  const rotate = (eventId: string, time: string) => change(t.store, 'rotation', { eventId, createdAt: at(time) });
  const promote = (id: string) =>
    t.store.processes.promoteCredential({ processId: id, stepResult: { current: true }, at: at('11:30:00.000') });

  it('is pending until it is promoted; then the one before is previous', async () => {
    const rotation = await rotate('r1', '11:00:00.000');
    assert.deepEqual(await sets(t.database), { e1: 'current', r1: 'pending' });
    assert.equal((await t.store.processes.read(rotation)).ownCredential?.state, 'pending');
    assert.equal((await t.store.processes.read(processId)).ownCredential, null);

    assert.equal(await promote(rotation), true);
    assert.equal(await promote(rotation), true);
    assert.deepEqual(await sets(t.database), { e1: 'previous', r1: 'current' });
    const record = await t.store.processes.read(rotation);
    assert.deepEqual([record.ownCredential?.state, record.stepResults], ['current', { prove: { current: true } }]);
    assert.equal((await credentialOf(t.store, processId))?.clientId, 'client-r1');
    assert.deepEqual(await actionsOf(t.database), ['taken', 'taken', 'promoted']);
  });

  it('gives way to a newer one that is current already', async () => {
    const [second, first] = [await rotate('r2', '12:00:00.000'), await rotate('r1', '11:00:00.000')];
    assert.deepEqual(await sets(t.database), { e1: 'current', r1: 'pending', r2: 'pending' });
    assert.equal(await promote(second), true);
    assert.equal(await promote(first), false);
    assert.equal(await promote(first), false);
    assert.deepEqual(await sets(t.database), { e1: 'previous', r1: 'previous', r2: 'current' });
    await rotate('r0', '11:30:00.000');
    assert.equal((await sets(t.database))['r0'], 'previous');
  });

  it('is newer than the install of its second, and of two rotations the one with the greater id', async () => {
    // `a` is smaller than `e1`.
    const rotation = await rotate('a', '10:00:00.000');
    assert.equal(await promote(rotation), true);
    await install(t.store, { eventId: 'z', createdAt: at('10:00:00.000') });
    assert.deepEqual(await sets(t.database), { a: 'current', e1: 'previous', z: 'previous' });
    await rotate('0', '10:00:00.000');
    const greater = await rotate('b', '10:00:00.000');
    assert.deepEqual(await sets(t.database), {
      '0': 'previous',
      a: 'current',
      b: 'pending',
      e1: 'previous',
      z: 'previous',
    });
    assert.equal(await promote(greater), true);
  });

  it('can be used after everything before it was wiped', async () => {
    await end(t.store, processId, 'expired');
    assert.deepEqual(await sets(t.database), { e1: 'gone' });
    const rotation = await rotate('r1', '11:00:00.000');
    assert.deepEqual(await sets(t.database), { e1: 'gone', r1: 'pending' });
    assert.equal(await promote(rotation), true);
    assert.equal((await credentialOf(t.store, rotation))?.privateKey, 'SECRET-r1');
    await end(t.store, rotation, 'acknowledged');
    assert.deepEqual(await sets(t.database), { e1: 'gone', r1: 'gone' });
    assert.equal((await t.store.processes.read(rotation)).ownCredential, null);
    assert.equal(await promote(rotation), false);
  });

  it('is refused for a process that is not there', async () => {
    await assert.rejects(promote('rotation:nowhere'), NotFoundError);
  });
});
