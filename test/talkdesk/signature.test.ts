import assert from 'node:assert/strict';
import { generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { describe, it } from 'node:test';
import { parsePublicKey, parseSignature, verifySignature } from '../../talkdesk/signature.js';

/** The vector of talkdesk-api.md 2.4, verbatim. */
const VECTOR = {
  body: '{"id":"8b62e0c6001548d7b59f8240d79cb0d7","created_at":"2016-06-14T16:23:07Z","api_version":"1","type":"app.trial_started","app_id":"f918e2623486417791f3b5a18ca746ce","app_version_id":"970d6643b6604a9d8ec77d470a3903cf","data":{"installation_id":"9514148a170c4d4aaa344a540cec08c5","account_id":"052c3763ee0745c68a1f65f25b0bf273","expires_at":"2016-07-14T16:23:07.000+00:00"},"_links":{"root":{"href":"https://api.talkdeskapp.com"}}}',
  publicKey:
    'MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEcQf58m4BtIbLyuz4GqYJWdfAZntS4fN5b2rqluxKNhcLxng1CTaDl/lhlUh1t84sM6XAEvavRYJY0jY1cKit7g==',
  signature:
    '3045022100f59c3002a6d76a2b1b02d322c0e634338fa84b1a5f1a8d4326dc293471d9a8dd022037f9cdb34f920496a2c855bcdba2bd7a4bf961b5c95c491ed3d771f474ce1533',
};

const CURVES = ['P-256', 'P-384', 'P-521', 'secp256k1'] as const;
const BODY = Buffer.from('{"id":"1","text":"Olá, 東京"}');

/** SPKI prefix lengths are not assumed: the point is put together from the JWK form. */
function rawPoint(key: KeyObject, bytes: number): Buffer {
  const { x = '', y = '' } = key.export({ format: 'jwk' });
  const coordinate = (text: string) =>
    Buffer.from(text, 'base64url')
      .toString('hex')
      .padStart(bytes * 2, '0');
  return Buffer.from(`04${coordinate(x)}${coordinate(y)}`, 'hex');
}

const FIELD_BYTES = { 'P-256': 32, 'P-384': 48, 'P-521': 66, secp256k1: 32 };
const POINT_BYTES = { 'P-256': 65, 'P-384': 97, 'P-521': 133, secp256k1: 65 };

describe('the published vector', () => {
  it('is 430 bytes and holds', () => {
    assert.equal(Buffer.byteLength(VECTOR.body), 430);
    assert.equal(verifySignature(Buffer.from(VECTOR.body), VECTOR.signature, VECTOR.publicKey), true);
  });

  it('fails after a change of any byte of the body', () => {
    const body = Buffer.from(VECTOR.body);
    for (let index = 0; index < body.length; index += 1) {
      const changed = Buffer.from(body);
      changed[index] = (changed[index] ?? 0) ^ 1;
      assert.equal(verifySignature(changed, VECTOR.signature, VECTOR.publicKey), false, `byte ${index}`);
    }
  });

  it('fails with a byte more, a byte less, and nothing', () => {
    const body = Buffer.from(VECTOR.body);
    for (const other of [Buffer.concat([body, Buffer.from('\n')]), body.subarray(0, -1), Buffer.alloc(0)]) {
      assert.equal(verifySignature(other, VECTOR.signature, VECTOR.publicKey), false);
    }
  });
});

for (const namedCurve of CURVES) {
  describe(`a key on ${namedCurve}`, () => {
    const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve });
    const der = sign('sha512', BODY, { key: privateKey, dsaEncoding: 'der' });
    const raw = sign('sha512', BODY, { key: privateKey, dsaEncoding: 'ieee-p1363' });
    const spki = publicKey.export({ type: 'spki', format: 'der' });
    const pem = publicKey.export({ type: 'spki', format: 'pem' }).toString();
    const point = rawPoint(publicKey, FIELD_BYTES[namedCurve]);

    it('gives raw signatures and points of the expected lengths', () => {
      assert.equal(raw.length, 2 * FIELD_BYTES[namedCurve]);
      assert.equal(point.length, POINT_BYTES[namedCurve]);
    });

    const containers: Record<string, string> = {
      'SPKI as base64': spki.toString('base64'),
      'SPKI as base64 without padding': spki.toString('base64').replace(/=+$/, ''),
      'SPKI as base64url': spki.toString('base64url'),
      'SPKI as base64 in lines': (spki.toString('base64').match(/.{1,64}/g) ?? []).join('\r\n'),
      PEM: pem,
      'PEM on one line': pem.replaceAll('\n', ''),
      'PEM with written line breaks': pem.replaceAll('\n', '\\n'),
      'PEM as base64': Buffer.from(pem).toString('base64'),
      'raw point as base64': point.toString('base64'),
      'raw point as base64url': point.toString('base64url'),
    };
    for (const [name, text] of Object.entries(containers)) {
      it(`is read from ${name}`, () => {
        assert.equal(verifySignature(BODY, der.toString('hex'), text), true);
        assert.equal(verifySignature(Buffer.from('other'), der.toString('hex'), text), false);
      });
    }

    const texts: Record<string, string> = {
      'DER in lower case': der.toString('hex'),
      'DER in upper case': der.toString('hex').toUpperCase(),
      'DER with blanks around': ` \t${der.toString('hex')} `,
      'DER after sha512=': `sha512=${der.toString('hex')}`,
      'r and s side by side': raw.toString('hex'),
      'r and s in upper case after ecdsa-sha512=': `ecdsa-sha512=${raw.toString('hex').toUpperCase()}`,
    };
    for (const [name, text] of Object.entries(texts)) {
      it(`accepts ${name}`, () => {
        assert.equal(verifySignature(BODY, text, spki.toString('base64')), true);
        assert.equal(verifySignature(Buffer.from('other'), text, spki.toString('base64')), false);
      });
    }

    it('does not take signatures over another digest', () => {
      const other = sign('sha256', BODY, { key: privateKey, dsaEncoding: 'der' });
      assert.equal(verifySignature(BODY, other.toString('hex'), spki.toString('base64')), false);
    });
  });
}

describe('a raw signature that looks like DER', () => {
  it('is verified as what it is', () => {
    const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    // About one in 256 begins with the byte 30.
    for (let attempt = 0; attempt < 20_000; attempt += 1) {
      const raw = sign('sha512', BODY, { key: privateKey, dsaEncoding: 'ieee-p1363' });
      if (raw[0] !== 0x30) continue;
      assert.equal(verifySignature(BODY, raw.toString('hex'), publicKey), true);
      return;
    }
    assert.fail('no such signature was made');
  });
});

describe('keys that are not accepted', () => {
  const rsa = generateKeyPairSync('rsa', { modulusLength: 2_048 }).publicKey;
  const otherCurve = generateKeyPairSync('ec', { namedCurve: 'brainpoolP256r1' }).publicKey;
  const secret = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey;
  const offCurve = Buffer.alloc(65, 7);
  offCurve[0] = 4;
  const keys: Record<string, string> = {
    RSA: rsa.export({ type: 'spki', format: 'der' }).toString('base64'),
    'another curve': otherCurve.export({ type: 'spki', format: 'der' }).toString('base64'),
    'a private key': secret.export({ type: 'pkcs8', format: 'der' }).toString('base64'),
    'a point on no curve': offCurve.toString('base64'),
    'a point of odd length': Buffer.alloc(66, 4).toString('base64'),
    nothing: '',
    'not base64': '*** not a key ***',
    'base64 of noise': Buffer.from('noise').toString('base64'),
    'a PEM without an end': '-----BEGIN PUBLIC KEY-----\nMFkw',
    'a PEM of noise': '-----BEGIN PUBLIC KEY-----\n!!!!\n-----END PUBLIC KEY-----',
    'something enormous': 'A'.repeat(5_000_000),
  };
  for (const [name, text] of Object.entries(keys)) {
    it(name, () => {
      assert.equal(parsePublicKey(text), null);
      assert.equal(verifySignature(Buffer.from(VECTOR.body), VECTOR.signature, text), false);
    });
  }
});

describe('hostile signatures', () => {
  const texts = [
    '',
    '=',
    'sha512=',
    'zz',
    '3',
    '30',
    '3080',
    '3045',
    '3006020100020100',
    '30060201010201',
    `${VECTOR.signature}00`,
    VECTOR.signature.slice(0, -2),
    VECTOR.signature.replace(/^3045/, '3046'),
    `30450221${'ff'.repeat(67)}`,
    '00'.repeat(64),
    'ff'.repeat(64),
    '\0'.repeat(64),
    '{"a":1}',
    `x${VECTOR.signature}`,
    `${VECTOR.signature},${VECTOR.signature}`,
    '=='.repeat(50_000),
    'a'.repeat(2_000_000),
    '__proto__=',
    '💥'.repeat(32),
  ];
  it('never throw and never hold', () => {
    for (const text of texts) {
      assert.equal(verifySignature(Buffer.from(VECTOR.body), text, VECTOR.publicKey), false, text.slice(0, 40));
    }
  });

  it('are told apart by form before any key is needed', () => {
    assert.equal(parseSignature('not hex'), null);
    assert.equal(parseSignature('abc'), null);
    assert.deepEqual(parseSignature(' sha512=00FF '), Buffer.from([0, 255]));
  });
});
