import { generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { randomId } from '../world/ids.js';
import { wireTime } from '../routes/reply.js';
import type { RegionName } from '../world/regions.js';
import type { SignRequest, SignSwitches, Switches } from '../world/switches.js';

/** A published key as the key endpoint answers it (talkdesk-api.md 2.1). */
export interface SignatureKey {
  readonly id: string;
  readonly region: RegionName;
  readonly publicKeyText: string;
  readonly createdAt: Date;
  readonly expiresAt: Date;
}

/** A key to sign with. */
export interface SigningKey extends SignatureKey {
  readonly privateKey: KeyObject;
  readonly combination: string;
}

/** The bytes and headers of one signed delivery. */
export interface SignedDelivery {
  headers: Record<string, string>;
  body: Buffer;
}

/** Keeps the keys that events are signed with, each region its own, and signs. */
export interface Signer {
  /** Signs these bytes with the newest key of the region. */
  sign(event: { readonly body: Buffer; readonly region: RegionName }, switches?: SignRequest): SignedDelivery;
  /** The key of this id, or the newest for `latest`, as this region's gateway serves it; undefined when it has none. */
  key(id: string, gateway: RegionName): SignatureKey | undefined;
  /** Every key that was published, and those that sign now. */
  keys(): { published: SignatureKey[]; current: SigningKey[]; latest: string[] };
  /** Has these keys and no others; `latest` are the ids of those that `latest` names. */
  replace(keys: { published: SignatureKey[]; current: SigningKey[]; latest: string[] }): void;
  /** Makes a new key of the combination the general switches name; gives its id. */
  rotate(region: RegionName): string;
}

/** The example lifetime of a signature key, four days (talkdesk-api.md 2.1). */
const keyLifetimeMs = 4 * 86_400_000;

/** Bytes of an uncompressed point: 0x04 and two numbers. */
const pointBytes = { p256: 65, p384: 97, p521: 133, secp256k1: 65 } as const;
const curveNames = { p256: 'prime256v1', p384: 'secp384r1', p521: 'secp521r1', secp256k1: 'secp256k1' } as const;

/**
 * A signer that follows the general switches where a delivery says nothing. A key is made when it is first asked for.
 * @param firstRegion the one whose gateway serves all keys where the switch says so
 */
export function createSigner(switches: Switches, now: () => Date, firstRegion: RegionName): Signer {
  const published = new Map<string, SignatureKey>();
  const current = new Map<string, SigningKey>();
  const latest = new Map<RegionName, SigningKey>();

  function make(region: RegionName, chosen: SignSwitches, createdAt = now()): SigningKey {
    const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: curveNames[chosen.curve] });
    return {
      id: randomId(),
      region,
      combination: combinationOf(region, chosen),
      publicKeyText: publicKeyText(publicKey, chosen),
      privateKey,
      createdAt,
      expiresAt: new Date(createdAt.getTime() + keyLifetimeMs),
    };
  }

  function publish(key: SigningKey): SigningKey {
    published.set(key.id, key);
    current.set(key.combination, key);
    latest.set(key.region, key);
    return key;
  }

  // The clock can be moved either way, so a key can also be too young.
  const isGood = (key: SignatureKey) => key.createdAt <= now() && key.expiresAt > now();

  function currentKey(region: RegionName, chosen: SignSwitches): SigningKey {
    const key = current.get(combinationOf(region, chosen));
    return key !== undefined && isGood(key) ? key : publish(make(region, chosen));
  }

  /** `latest` must name a key that is still good, also after the clock was moved past the last one's end. */
  function latestKey(region: RegionName): SigningKey {
    const key = latest.get(region);
    return key !== undefined && isGood(key) ? key : currentKey(region, switches.sign);
  }

  /** Whether a region's gateway serves the keys of another: which one does is not documented (talkdesk-api.md 2.3, 10.5). */
  function serves(gateway: RegionName, region: RegionName): boolean {
    const by = switches.signature_keys_served_by;
    return by === 'every-region' || gateway === (by === 'first-region' ? firstRegion : region);
  }

  function keyFor(region: RegionName, chosen: SignSwitches): { signWith: SigningKey; namedId: string } {
    const key = currentKey(region, chosen);
    if (chosen.tamper === 'other-key') return { signWith: make(region, chosen), namedId: key.id };
    if (chosen.tamper === 'unknown-key-id') return { signWith: key, namedId: randomId() };
    if (chosen.tamper === 'expired-key') {
      const expired = make(region, chosen, new Date(now().getTime() - 2 * keyLifetimeMs));
      published.set(expired.id, expired);
      return { signWith: expired, namedId: expired.id };
    }
    return { signWith: key, namedId: key.id };
  }

  return {
    sign({ body, region }, asked = {}) {
      const chosen: SignSwitches = Object.assign({ ...switches.sign }, asked);
      if (chosen.tamper === 'unsigned') return { headers: {}, body };
      const { signWith, namedId } = keyFor(region, chosen);
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
    key(id, gateway) {
      const key = id === 'latest' ? latestKey(gateway) : published.get(id);
      return key !== undefined && serves(gateway, key.region) ? key : undefined;
    },
    rotate: (region) => publish(make(region, switches.sign)).id,
    keys: () => ({
      published: [...published.values()],
      current: [...new Set([...current.values(), ...latest.values()])],
      latest: [...latest.values()].map(({ id }) => id),
    }),
    replace(keys) {
      for (const map of [published, current, latest]) map.clear();
      for (const key of keys.published) published.set(key.id, key);
      for (const key of keys.current) {
        published.set(key.id, key);
        current.set(key.combination, key);
        if (keys.latest.includes(key.id)) latest.set(key.region, key);
      }
    },
  };
}

function combinationOf(region: RegionName, { curve, key_container }: SignSwitches): string {
  return `${region}/${curve}/${key_container}`;
}

/** The 200 body of the key endpoint; the id's field name and whether it has an end follow the switches (talkdesk-api.md 2.1). */
export function signatureKeyBody(key: SignatureKey, switches: Switches): object {
  return {
    [switches.signature_key_id_field]: key.id,
    public_key: key.publicKeyText,
    created_at: wireTime(key.createdAt),
    ...(switches.signature_key_expires_at === 'stated' ? { expires_at: wireTime(key.expiresAt) } : {}),
  };
}

function publicKeyText(key: KeyObject, { key_container: container, curve }: SignSwitches): string {
  if (container === 'spki' || container === 'raw') {
    const spki = key.export({ type: 'spki', format: 'der' });
    // It ends with the uncompressed point, which is all that the raw form has (talkdesk-api.md 2.2).
    return (container === 'spki' ? spki : spki.subarray(-pointBytes[curve])).toString('base64');
  }
  const pem = key.export({ type: 'spki', format: 'pem' }).toString();
  return container === 'pem' ? Buffer.from(pem).toString('base64') : pem;
}
