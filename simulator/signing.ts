import { generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { randomId } from './ids.js';
import { wireTime } from './reply.js';
import type { SignRequest, SignSwitches, Switches } from './switches.js';

/** A published key as the key endpoint answers it (talkdesk-api.md 2.1). */
export interface SignatureKey {
  readonly id: string;
  readonly publicKeyText: string;
  readonly createdAt: Date;
  readonly expiresAt: Date;
}

interface SigningKey extends SignatureKey {
  readonly privateKey: KeyObject;
  readonly combination: string;
}

/** The bytes and headers of one signed delivery. */
export interface SignedDelivery {
  headers: Record<string, string>;
  body: Buffer;
}

/** Keeps the keys that events are signed with, and signs. */
export interface Signer {
  sign(body: Buffer, switches?: SignRequest): SignedDelivery;
  /** The key of this id, or the newest for `latest`; undefined when there is none. */
  key(id: string): SignatureKey | undefined;
  /** Makes a new key of the combination the general switches name; gives its id. */
  rotate(): string;
}

/** The example lifetime of a signature key, four days (talkdesk-api.md 2.1). */
const keyLifetimeMs = 4 * 86_400_000;

const curveNames = { p256: 'prime256v1', p384: 'secp384r1', p521: 'secp521r1', secp256k1: 'secp256k1' } as const;

/** A signer that follows the general switches where a delivery says nothing, with one key made ahead. */
export function createSigner(switches: Switches, now: () => Date): Signer {
  const published = new Map<string, SignatureKey>();
  const current = new Map<string, SigningKey>();
  let latest: SigningKey | undefined;

  function make(chosen: SignSwitches, createdAt = now()): SigningKey {
    const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: curveNames[chosen.curve] });
    return {
      id: randomId(),
      combination: `${chosen.curve}/${chosen.key_container}`,
      publicKeyText: publicKeyText(publicKey, chosen.key_container),
      privateKey,
      createdAt,
      expiresAt: new Date(createdAt.getTime() + keyLifetimeMs),
    };
  }

  function publish(key: SigningKey): SigningKey {
    published.set(key.id, key);
    current.set(key.combination, key);
    latest = key;
    return key;
  }

  // The clock can be moved either way, so a key can also be too young.
  const isGood = (key: SignatureKey) => key.createdAt <= now() && key.expiresAt > now();

  function currentKey(chosen: SignSwitches): SigningKey {
    const key = current.get(`${chosen.curve}/${chosen.key_container}`);
    return key !== undefined && isGood(key) ? key : publish(make(chosen));
  }

  function keyFor(chosen: SignSwitches): { signWith: SigningKey; namedId: string } {
    const key = currentKey(chosen);
    if (chosen.tamper === 'other-key') return { signWith: make(chosen), namedId: key.id };
    if (chosen.tamper === 'unknown-key-id') return { signWith: key, namedId: randomId() };
    if (chosen.tamper === 'expired-key') {
      const expired = make(chosen, new Date(now().getTime() - 2 * keyLifetimeMs));
      published.set(expired.id, expired);
      return { signWith: expired, namedId: expired.id };
    }
    return { signWith: key, namedId: key.id };
  }

  publish(make(switches.sign));

  return {
    sign(body, asked = {}) {
      const chosen: SignSwitches = Object.assign({ ...switches.sign }, asked);
      if (chosen.tamper === 'unsigned') return { headers: {}, body };
      const { signWith, namedId } = keyFor(chosen);
      const dsaEncoding = chosen.signature_container === 'der' ? 'der' : 'ieee-p1363';
      const hex = sign('sha512', body, { key: signWith.privateKey, dsaEncoding }).toString('hex');
      const text = chosen.tamper === 'bad-hex' ? `zz${hex.slice(2)}` : hex;
      return {
        headers: {
          'X-Hub-Ecdsa-Signature': chosen.hex_case === 'upper' ? text.toUpperCase() : text,
          'X-Hub-Ecdsa-Signature-Id': namedId,
        },
        body: chosen.tamper === 'changed-body' ? Buffer.concat([body, Buffer.from(' ')]) : body,
      };
    },
    key(id) {
      // `latest` must name a key that is still good, also after the clock was moved past the last one's end.
      if (id === 'latest') return latest !== undefined && isGood(latest) ? latest : currentKey(switches.sign);
      return published.get(id);
    },
    rotate: () => publish(make(switches.sign)).id,
  };
}

/** The 200 body of the key endpoint; the id's field name follows the switch (talkdesk-api.md 2.1). */
export function signatureKeyBody(key: SignatureKey, idField: Switches['signature_key_id_field']): object {
  return {
    [idField]: key.id,
    public_key: key.publicKeyText,
    created_at: wireTime(key.createdAt),
    expires_at: wireTime(key.expiresAt),
  };
}

function publicKeyText(key: KeyObject, container: SignSwitches['key_container']): string {
  if (container === 'spki') return key.export({ type: 'spki', format: 'der' }).toString('base64');
  if (container === 'raw') return rawPoint(key).toString('base64');
  const pem = key.export({ type: 'spki', format: 'pem' }).toString();
  return container === 'pem' ? Buffer.from(pem).toString('base64') : pem;
}

/** The uncompressed point: 0x04, x, y (talkdesk-api.md 2.2). */
function rawPoint(key: KeyObject): Buffer {
  const { x, y } = key.export({ format: 'jwk' });
  return Buffer.concat([Buffer.from([4]), Buffer.from(x ?? '', 'base64url'), Buffer.from(y ?? '', 'base64url')]);
}
