import { createPublicKey, type KeyObject, verify } from 'node:crypto';
import { readKeyText } from './key-text.js';

/** Curves that are accepted, as OpenSSL names them, with the size of a coordinate in bytes (talkdesk-api.md 2.2). */
const FIELD_BYTES: ReadonlyMap<string, number> = new Map([
  ['prime256v1', 32],
  ['secp256k1', 32],
  ['secp384r1', 48],
  ['secp521r1', 66],
]);

/** Curves of a raw uncompressed point, by its length. 65 bytes may be either of two: a point satisfies one equation only. */
const POINT_CURVES: ReadonlyMap<number, readonly string[]> = new Map([
  [65, ['P-256', 'secp256k1']],
  [97, ['P-384']],
  [133, ['P-521']],
]);

const DER_SEQUENCE = 0x30;
const UNCOMPRESSED_POINT = 0x04;

/** Longest signature text: twice the DER form of a P-521 signature, and room for a prefix. */
const MAX_SIGNATURE_LENGTH = 400;

/**
 * Checks an ECDSA signature over the SHA-512 digest of the exact body (talkdesk-api.md 2.1, 2.2). Never throws.
 *
 * @param signatureText header text: hex in either case, DER or r and s side by side, blanks around it and a `name=` before it allowed
 * @param publicKey key text as delivered (SPKI as base64 or PEM, or a raw uncompressed point as base64), or a parsed key
 */
export function verifySignature(rawBody: Buffer, signatureText: string, publicKey: string | KeyObject): boolean {
  const signature = parseSignature(signatureText);
  const key = typeof publicKey === 'string' ? parsePublicKey(publicKey) : publicKey;
  const fieldBytes = key === null ? undefined : FIELD_BYTES.get(key.asymmetricKeyDetails?.namedCurve ?? '');
  if (signature === null || key === null || fieldBytes === undefined) return false;
  // r may begin with the very byte that begins DER, so a text of the raw length is tried as both.
  return (
    (signature[0] === DER_SEQUENCE && holds(rawBody, key, 'der', signature)) ||
    (signature.length === 2 * fieldBytes && holds(rawBody, key, 'ieee-p1363', signature))
  );
}

/** The bytes of a signature header, or null when it is not hex of a possible length. Judges the form alone. */
export function parseSignature(text: string): Buffer | null {
  if (text.length > MAX_SIGNATURE_LENGTH) return null;
  const hex = text
    .trim()
    .replace(/^[A-Za-z][A-Za-z0-9_-]*=/, '')
    .trim();
  return /^(?:[0-9a-fA-F]{2})+$/.test(hex) ? Buffer.from(hex, 'hex') : null;
}

/** Parses a public key in any container of talkdesk-api.md 2.2; null when it is none, or not on an accepted curve. Never throws. */
export function parsePublicKey(text: string): KeyObject | null {
  const content = readKeyText(text);
  if (content === null || content.isEncrypted) return null;
  const { bytes } = content;
  const key = bytes[0] === UNCOMPRESSED_POINT ? keyOfPoint(bytes) : keyOfSpki(bytes);
  return FIELD_BYTES.has(key?.asymmetricKeyDetails?.namedCurve ?? '') ? key : null;
}

function keyOfSpki(der: Buffer): KeyObject | null {
  try {
    return createPublicKey({ key: der, format: 'der', type: 'spki' });
  } catch {
    return null;
  }
}

function keyOfPoint(point: Buffer): KeyObject | null {
  const half = (point.length + 1) / 2;
  const x = point.subarray(1, half).toString('base64url');
  const y = point.subarray(half).toString('base64url');
  for (const crv of POINT_CURVES.get(point.length) ?? []) {
    try {
      return createPublicKey({ key: { kty: 'EC', crv, x, y }, format: 'jwk' });
    } catch {
      // Not a point of this curve; the import checks the equation.
    }
  }
  return null;
}

function holds(rawBody: Buffer, key: KeyObject, dsaEncoding: 'der' | 'ieee-p1363', signature: Buffer): boolean {
  try {
    return verify('sha512', rawBody, { key, dsaEncoding }, signature);
  } catch {
    return false;
  }
}
