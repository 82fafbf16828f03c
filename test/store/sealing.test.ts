import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createSealer, SealingError } from '../../store/index.js';

const NEW_KEY = {
  id: '2026-01',
  key: Buffer.from('000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f', 'hex'),
};
const OLD_KEY = { id: 'old', key: Buffer.alloc(32, 0xff) };
const PLACE = 'credential:private_key:event-1';
/** Made with pyca/cryptography's AESGCM from NEW_KEY, PLACE and the initialisation vector 100, 101 ... 111. */
const SEALED = 'v1.2026-01.ZGVmZ2hpamtsbW5v.d0m_8-rWzzOpudL7_W5ojA.KTuuFBCfN-pbQjSNo19KPscBgskd';
/** Likewise from OLD_KEY, an empty text and a vector of zeros. */
const SEALED_EMPTY = 'v1.old.AAAAAAAAAAAAAAAA.5Ib0oSn5Szw6kp4sRxNo6A.';

const sealer = createSealer([NEW_KEY, OLD_KEY]);

function refusedWith(sealed: string, place: string, message: RegExp): void {
  assert.throws(
    () => sealer.open(sealed, place),
    (error) => error instanceof SealingError && message.test(error.message),
    sealed,
  );
}

describe('sealing', () => {
  it('opens what another implementation sealed, with any key of the ring', () => {
    assert.equal(sealer.open(SEALED, PLACE).toString('utf8'), 'a private key: ÅÄÖ');
    assert.equal(sealer.open(SEALED_EMPTY, 'inbox_event:body:x').length, 0);
  });

  it('seals with the first key and never twice alike', () => {
    const first = sealer.seal(Buffer.from('text'), PLACE);
    const second = sealer.seal(Buffer.from('text'), PLACE);
    assert.match(first, /^v1\.2026-01\.[\w-]{16}\.[\w-]{22}\.[\w-]{6}$/);
    assert.notEqual(first.split('.')[2], second.split('.')[2]);
    assert.equal(sealer.open(first, PLACE).toString(), 'text');
  });

  it('keeps any bytes', () => {
    const bytes = Buffer.from([0, 255, 10, 13, 0x80, 0xc3, 0x28]);
    assert.deepEqual(sealer.open(sealer.seal(bytes, PLACE), PLACE), bytes);
  });

  it('refuses another place', () => {
    for (const place of [
      'credential:private_key:event-2',
      'credential:client_secret:event-1',
      'inbox_event:body:event-1',
      '',
    ]) {
      refusedWith(SEALED, place, /another row or column/);
    }
  });

  it('refuses a change in every part', () => {
    const parts = SEALED.split('.');
    for (const index of [2, 3, 4]) {
      const changed = [...parts];
      changed[index] = (parts[index] ?? '').replace(/^./, (first) => (first === 'A' ? 'B' : 'A'));
      refusedWith(changed.join('.'), PLACE, /was changed/);
      changed[index] = (parts[index] ?? '').slice(0, -2);
      refusedWith(changed.join('.'), PLACE, /damaged|was changed/);
      changed[index] = `${parts[index]}=`;
      refusedWith(changed.join('.'), PLACE, /damaged/);
    }
    refusedWith(SEALED.replace('2026-01', 'old'), PLACE, /was changed/);
    refusedWith(SEALED.replace('v1', 'v2'), PLACE, /known version/);
    refusedWith(`${SEALED}.x`, PLACE, /known version/);
    refusedWith('', PLACE, /known version/);
    // The same bytes in another spelling: the last character's spare bits.
    refusedWith(SEALED.replace(/ojA\./, 'ojB.'), PLACE, /damaged/);
  });

  it('names an unknown key and tells nothing else', () => {
    refusedWith(SEALED.replace('2026-01', '2027-01'), PLACE, /the key 2027-01, which is not in the key ring/);
    refusedWith(SEALED.replace('2026-01', 'a b'), PLACE, /sealed with a key, which/);
  });

  it('refuses a ring that cannot work', () => {
    const key = Buffer.alloc(32);
    for (const ring of [
      [],
      [{ id: 'a.b', key }],
      [{ id: '', key }],
      [{ id: 'x'.repeat(65), key }],
      [{ id: 'short', key: Buffer.alloc(31) }],
      [
        { id: 'twice', key },
        { id: 'twice', key },
      ],
    ]) {
      assert.throws(() => createSealer(ring), SealingError);
    }
  });
});
