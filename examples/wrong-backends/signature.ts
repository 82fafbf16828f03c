import { createPublicKey, type KeyObject, verify } from 'node:crypto';
import { objectOf, textOf } from './event.js';

/** What a delivery is, as far as its signature tells; `unknown`: the key could not be asked for, so nothing can be said. */
export type Verdict = 'authentic' | 'forged' | 'unknown';

/** What arrived: the bytes as they came, and the two headers of the signature (talkdesk-api.md 2.1). */
export interface Delivery {
  body: Buffer;
  signature: string | undefined;
  keyId: string | undefined;
  /** `created_at` of the body, not to be believed before the signature holds. */
  createdAt: number | undefined;
}

/** Talkdesk's key of an id: null when no region has it, 'unknown' when one could not be asked. */
export type FindKey = (keyId: string) => Promise<SignatureKey | null | 'unknown'>;

interface SignatureKey {
  readonly candidates: readonly KeyObject[];
  readonly validFrom: number;
  readonly validTo: number;
}

const hourMs = 3_600_000;

/** ECDSA with SHA-512 over the raw bytes, by a key that was valid when the event was made (talkdesk-api.md 2.1, 2.3). */
export async function checkSignature(delivery: Delivery, findKey: FindKey): Promise<Verdict> {
  const { body, keyId, createdAt } = delivery;
  const hex = delivery.signature?.trim().replace(/^[\w-]+=/, '');
  if (!hex || !keyId || !/^([0-9a-f]{2})+$/i.test(hex)) return 'forged';
  const key = await findKey(keyId);
  if (key === 'unknown') return 'unknown';
  if (key === null) return 'forged';
  const signature = Buffer.from(hex, 'hex');
  const holds = key.candidates.some((candidate) =>
    // Which of the two containers it is, is not documented (talkdesk-api.md 2.2).
    (['der', 'ieee-p1363'] as const).some((dsaEncoding) =>
      verify('sha512', body, { key: candidate, dsaEncoding }, signature),
    ),
  );
  if (!holds) return 'forged';
  const timely = createdAt === undefined || (createdAt >= key.validFrom - hourMs && createdAt <= key.validTo + hourMs);
  return timely ? 'authentic' : 'forged';
}

/** Asks the gateways of the configured regions, and no other host (talkdesk-api.md 2.3); a key never changes, so one answer is enough. */
export function createKeyFinder(origins: readonly string[]): FindKey {
  const known = new Map<string, SignatureKey>();

  async function ask(origin: string, keyId: string): Promise<SignatureKey | null | 'unknown'> {
    try {
      const url = `${origin}/events/signature-keys/${encodeURIComponent(keyId)}`;
      const response = await fetch(url, { redirect: 'error', signal: AbortSignal.timeout(1_500) });
      if (response.status === 404) return null;
      return response.ok ? readKey(objectOf(await response.json())) : 'unknown';
    } catch {
      return 'unknown';
    }
  }

  return async (keyId) => {
    const cached = known.get(keyId);
    if (cached !== undefined) return cached;
    const answers = await Promise.all(origins.map((origin) => ask(origin, keyId)));
    const key = answers.find((answer): answer is SignatureKey => answer !== null && answer !== 'unknown');
    if (key === undefined) return answers.includes('unknown') ? 'unknown' : null;
    known.set(keyId, key);
    return key;
  };
}

function readKey(answer: Record<string, unknown>): SignatureKey {
  const text = textOf(answer['public_key']) ?? '';
  return {
    candidates: publicKeys(text),
    validFrom: Date.parse(textOf(answer['created_at']) ?? '') || 0,
    validTo: Date.parse(textOf(answer['expires_at']) ?? '') || Number.POSITIVE_INFINITY,
  };
}

/** SPKI, PEM or a bare point, the containers that talkdesk-api.md 2.2 thinks possible. */
function publicKeys(text: string): KeyObject[] {
  if (text.includes('-----BEGIN')) return [createPublicKey(text)];
  const bytes = Buffer.from(text, 'base64');
  if (bytes[0] === 0x30) return [createPublicKey({ key: bytes, format: 'der', type: 'spki' })];
  if (bytes[0] === 0x04) return keysOfPoint(bytes);
  return [createPublicKey(bytes.toString('utf8'))];
}

/** A point of 65 bytes can be of either 256-bit curve; only one of them accepts it. */
function keysOfPoint(point: Buffer): KeyObject[] {
  const size = (point.length - 1) / 2;
  const curves: Record<number, string[]> = { 32: ['P-256', 'secp256k1'], 48: ['P-384'], 66: ['P-521'] };
  const x = point.subarray(1, 1 + size).toString('base64url');
  const y = point.subarray(1 + size).toString('base64url');
  return (curves[size] ?? []).flatMap((crv) => {
    try {
      return [createPublicKey({ key: { kty: 'EC', crv, x, y }, format: 'jwk' })];
    } catch {
      return [];
    }
  });
}
