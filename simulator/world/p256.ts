import { createECDH, createPublicKey, type KeyObject } from 'node:crypto';

/** SubjectPublicKeyInfo of a P-256 key up to its uncompressed point (RFC 5480). */
const spkiHead = Buffer.from('3059301306072a8648ce3d020106082a8648ce3d030107034200', 'hex');
/** PrivateKeyInfo of a P-256 key up to its secret number, and from there to its uncompressed point (RFC 5208, RFC 5915). */
const pkcs8Head = Buffer.from('308187020100301306072a8648ce3d020106082a8648ce3d030107046d306b0201010420', 'hex');
const pkcs8Middle = Buffer.from('a144034200', 'hex');
const numberBytes = 32;

/**
 * Makes a P-256 pair: the public key to verify with, and both in DER, of fixed form and length. OpenSSL's own encoders take several
 * times as long as making the pair, and a load run makes one for each installation.
 *
 * Not by `generateKeyPairSync`: on Node 20 its process may wait for a lock for ever when such a key is exported as JWK, once in some
 * hundred thousand times.
 */
export function createP256Pair(): { publicKey: KeyObject; spki: Buffer; pkcs8: Buffer } {
  const pair = createECDH('prime256v1');
  const point = pair.generateKeys();
  const secret = pair.getPrivateKey();
  const number = Buffer.concat([Buffer.alloc(numberBytes - secret.length), secret]);
  const [x = '', y = ''] = [point.subarray(1, 1 + numberBytes), point.subarray(1 + numberBytes)].map((half) =>
    half.toString('base64url'),
  );
  return {
    publicKey: createPublicKey({ key: { kty: 'EC', crv: 'P-256', x, y }, format: 'jwk' }),
    spki: Buffer.concat([spkiHead, point]),
    pkcs8: Buffer.concat([pkcs8Head, number, pkcs8Middle, point]),
  };
}
