import { createHash, createPrivateKey, type KeyObject } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import { TalkdeskDataError } from './errors.js';
import { readKeyText } from './key-text.js';
import { type CredentialSet, KEY_ALGORITHMS, type KeyAlgorithm } from './types.js';

const CONTAINERS = ['pkcs8', 'sec1', 'pkcs1'] as const;

const CURVES: Partial<Record<KeyAlgorithm, { name: string; label: string }>> = {
  ES256: { name: 'prime256v1', label: 'P-256' },
  ES384: { name: 'secp384r1', label: 'P-384' },
  ES512: { name: 'secp521r1', label: 'P-521' },
};

/** RFC 7518 section 3.5. */
const MIN_RSA_BITS = 2_048;

/**
 * Loads an installation's private key (talkdesk-api.md 3.2): PKCS#8, SEC1 or PKCS#1, as base64 or PEM; the algorithm says which type
 * of key it must be.
 *
 * @throws TalkdeskDataError that says what is wrong with the key, without any of it
 */
export function loadPrivateKey(text: string, algorithm: KeyAlgorithm): KeyObject {
  const content = readKeyText(text);
  if (content === null) throw new TalkdeskDataError('The private key is neither base64 nor PEM.');
  if (content.isEncrypted) throw new TalkdeskDataError('The private key is protected by a password.');
  const key = parseKey(content.bytes);
  if (key === null) throw new TalkdeskDataError('The private key is not in a PKCS#8, SEC1 or PKCS#1 container.');
  const curve = CURVES[algorithm];
  if (curve === undefined) checkRsa(key, algorithm);
  else if (key.asymmetricKeyType !== 'ec' || key.asymmetricKeyDetails?.namedCurve !== curve.name) {
    throw new TalkdeskDataError(
      `The private key does not fit ${algorithm}, which needs a key on curve ${curve.label}.`,
    );
  }
  return key;
}

/**
 * For a key whose event does not name its algorithm (talkdesk-api.md 1.4).
 *
 * @throws TalkdeskDataError when the key cannot be loaded as one of this algorithm
 */
export function assertKeyFits(privateKey: string, keyAlgorithm: string): void {
  const algorithm = KEY_ALGORITHMS.find((known) => known === keyAlgorithm);
  if (algorithm === undefined)
    throw new TalkdeskDataError(`The key algorithm ${keyAlgorithm} is not one of Talkdesk's.`);
  loadPrivateKey(privateKey, algorithm);
}

/** Private keys ready for use; loading one takes far longer than using it. */
export interface PrivateKeys {
  /** @throws TalkdeskDataError as `loadPrivateKey` does */
  of(credentials: CredentialSet): KeyObject;
}

/** Keeps up to `maxKeys` loaded keys in memory, the least recently used one leaving first. */
export function createPrivateKeys({ maxKeys }: { maxKeys: number }): PrivateKeys {
  const loaded = new LRUCache<string, KeyObject>({ max: maxKeys });
  return {
    of({ privateKey, keyAlgorithm }) {
      const id = createHash('sha256').update(keyAlgorithm).update('\0').update(privateKey).digest('base64');
      const known = loaded.get(id);
      if (known !== undefined) return known;
      const key = loadPrivateKey(privateKey, keyAlgorithm);
      loaded.set(id, key);
      return key;
    },
  };
}

function parseKey(der: Buffer): KeyObject | null {
  for (const type of CONTAINERS) {
    try {
      return createPrivateKey({ key: der, format: 'der', type });
    } catch {
      // The container is found by trying: OpenSSL's own message would only say that this one does not fit.
    }
  }
  return null;
}

function checkRsa(key: KeyObject, algorithm: KeyAlgorithm): void {
  if (key.asymmetricKeyType !== 'rsa')
    throw new TalkdeskDataError(`The private key does not fit ${algorithm}, which needs an RSA key.`);
  if ((key.asymmetricKeyDetails?.modulusLength ?? 0) < MIN_RSA_BITS) {
    throw new TalkdeskDataError(`The private RSA key is shorter than ${MIN_RSA_BITS} bits.`);
  }
}
