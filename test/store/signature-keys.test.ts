import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { at, openStore, type TestStore } from './fixtures.js';

let t: TestStore;
before(async () => {
  t = await openStore();
});
after(() => t.end());

const key = {
  gateway: 'https://api.talkdeskapp.com',
  keyId: '7c6d',
  publicKey: 'MFkwEwYH',
  createdAt: at('00:00:00.000'),
  expiresAt: at('23:59:59.999'),
};

describe('signature keys', () => {
  it('are found by id, one for each gateway that has it', async () => {
    assert.deepEqual(await t.store.signatureKeys.find('7c6d'), []);
    const european = { ...key, gateway: 'https://api.talkdeskapp.eu', createdAt: null, expiresAt: null };
    await t.store.signatureKeys.save(european);
    await t.store.signatureKeys.save(key);
    await t.store.signatureKeys.save({ ...key, keyId: 'other' });
    assert.deepEqual(await t.store.signatureKeys.find('7c6d'), [key, european]);
  });

  it('are replaced by what the gateway says later', async () => {
    const renewed = { ...key, publicKey: 'MFkwEwYI', expiresAt: null };
    await t.store.signatureKeys.save(renewed);
    await t.store.signatureKeys.save(renewed);
    assert.deepEqual((await t.store.signatureKeys.find('7c6d'))[0], renewed);
  });
});
