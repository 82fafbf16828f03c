import assert from 'node:assert/strict';
import { generateKeyPairSync, type KeyObject, sign, verify } from 'node:crypto';
import { describe, it } from 'node:test';
import { TalkdeskDataError } from '../../talkdesk/errors.js';
import { assertKeyFits, createPrivateKeys, loadPrivateKey } from '../../talkdesk/private-key.js';
import type { KeyAlgorithm } from '../../talkdesk/types.js';

const CURVES = { ES256: 'P-256', ES384: 'P-384', ES512: 'P-521' } as const;

/** Every way in which talkdesk-api.md 3.2 lets a key be written. */
function writings(der: Buffer, pem: string): Record<string, string> {
  const base64 = der.toString('base64');
  return {
    base64,
    'base64 in lines': (base64.match(/.{1,64}/g) ?? []).join('\n'),
    'base64 without padding': base64.replace(/=+$/, ''),
    base64url: der.toString('base64url'),
    PEM: pem,
    'PEM on one line': pem.replaceAll('\n', ''),
    'PEM with CRLF': pem.replaceAll('\n', '\r\n'),
    'PEM with written line breaks': pem.replaceAll('\n', '\\n'),
    'PEM as base64': Buffer.from(pem).toString('base64'),
    'PEM under another label': pem.replaceAll(/(BEGIN|END) [A-Z ]*KEY/g, '$1 EC PRIVATE KEY'),
  };
}

function assertSameKey(loaded: KeyObject, publicKey: KeyObject): void {
  const data = Buffer.from('data');
  assert.equal(verify('sha256', data, publicKey, sign('sha256', data, loaded)), true);
}

function messageOf(load: () => unknown): string {
  try {
    load();
  } catch (error) {
    assert.ok(error instanceof TalkdeskDataError);
    return error.message;
  }
  assert.fail('the key was accepted');
}

for (const [algorithm, namedCurve] of Object.entries(CURVES) as [KeyAlgorithm, string][]) {
  describe(`a key for ${algorithm}`, () => {
    const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve });
    for (const type of ['pkcs8', 'sec1'] as const) {
      const der = privateKey.export({ type, format: 'der' });
      const pem = privateKey.export({ type, format: 'pem' }).toString();
      for (const [name, text] of Object.entries(writings(der, pem))) {
        it(`loads from ${type} as ${name}`, () => assertSameKey(loadPrivateKey(text, algorithm), publicKey));
      }
    }
  });
}

describe('a key for PS256, PS384 and PS512', () => {
  const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2_048 });
  for (const type of ['pkcs8', 'pkcs1'] as const) {
    const der = privateKey.export({ type, format: 'der' });
    const pem = privateKey.export({ type, format: 'pem' }).toString();
    for (const [name, text] of Object.entries(writings(der, pem))) {
      it(`loads from ${type} as ${name}`, () => {
        for (const algorithm of ['PS256', 'PS384', 'PS512'] as const) {
          assertSameKey(loadPrivateKey(text, algorithm), publicKey);
        }
      });
    }
  }
});

describe('a PEM with curve parameters before the key', () => {
  it('loads', () => {
    const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const parameters = '-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n';
    const pem = parameters + privateKey.export({ type: 'sec1', format: 'pem' });
    assertSameKey(loadPrivateKey(pem, 'ES256'), publicKey);
  });
});

describe('keys that do not fit', () => {
  const ec = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const ecText = ec.privateKey.export({ type: 'pkcs8', format: 'der' }).toString('base64');
  const rsaText = generateKeyPairSync('rsa', { modulusLength: 2_048 })
    .privateKey.export({ type: 'pkcs8', format: 'der' })
    .toString('base64');
  const shortText = generateKeyPairSync('rsa', { modulusLength: 1_024 })
    .privateKey.export({ type: 'pkcs8', format: 'der' })
    .toString('base64');
  const encrypted = ec.privateKey
    .export({ type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase: 'x' })
    .toString();
  const publicText = ec.publicKey.export({ type: 'spki', format: 'der' }).toString('base64');
  const cases: [string, string, KeyAlgorithm, RegExp][] = [
    ['another curve', ecText, 'ES384', /does not fit ES384.*P-384/],
    ['EC for PS256', ecText, 'PS256', /does not fit PS256.*RSA/],
    ['RSA for ES256', rsaText, 'ES256', /does not fit ES256.*P-256/],
    ['a short RSA key', shortText, 'PS256', /shorter than 2048 bits/],
    ['a key behind a password', encrypted, 'ES256', /password/],
    ['a public key', publicText, 'ES256', /container/],
    ['noise', Buffer.from('some noise').toString('base64'), 'ES256', /container/],
    ['no base64', '<opaque>', 'ES256', /neither base64 nor PEM/],
    ['nothing', '', 'ES256', /neither base64 nor PEM/],
  ];
  for (const [name, text, algorithm, expected] of cases) {
    it(`${name}: says so, without the key`, () => {
      const message = messageOf(() => loadPrivateKey(text, algorithm));
      assert.match(message, expected);
      if (text.length > 8) assert.ok(!message.includes(text.slice(4, 12)));
    });
  }
});

describe('loaded keys', () => {
  it('are kept per key and algorithm, and leave when there are too many', () => {
    const keys = createPrivateKeys({ maxKeys: 1 });
    const credentials = {
      clientId: 'c',
      clientSecret: null,
      publicKey: null,
      keyId: 'k',
      keyAlgorithm: 'ES256' as const,
    };
    const text = () =>
      generateKeyPairSync('ec', { namedCurve: 'P-256' })
        .privateKey.export({ type: 'pkcs8', format: 'der' })
        .toString('base64');
    const first = { ...credentials, privateKey: text() };
    const second = { ...credentials, privateKey: text() };
    const loaded = keys.of(first);
    assert.equal(keys.of(first), loaded);
    assert.notEqual(keys.of(second), loaded);
    assert.notEqual(keys.of(first), loaded);
    assert.throws(() => keys.of({ ...first, keyAlgorithm: 'PS256' }), TalkdeskDataError);
  });
});

describe('a key whose event names no algorithm', () => {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const text = privateKey.export({ type: 'pkcs8', format: 'der' }).toString('base64');

  it('fits the algorithm of its kind only', () => {
    assertKeyFits(text, 'ES256');
    assert.match(
      messageOf(() => assertKeyFits(text, 'ES384')),
      /does not fit ES384/,
    );
    assert.match(
      messageOf(() => assertKeyFits(text, 'PS256')),
      /PS256/,
    );
    assert.match(
      messageOf(() => assertKeyFits(text, 'HS256')),
      /HS256/,
    );
  });
});
