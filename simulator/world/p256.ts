import type { KeyObject } from 'node:crypto';

/** SubjectPublicKeyInfo of a P-256 key up to its uncompressed point (RFC 5480). */
const spkiHead = Buffer.from('3059301306072a8648ce3d020106082a8648ce3d030107034200', 'hex');
/** PrivateKeyInfo of a P-256 key up to its secret number, and from there to its uncompressed point (RFC 5208, RFC 5915). */
const pkcs8Head = Buffer.from('308187020100301306072a8648ce3d020106082a8648ce3d030107046d306b0201010420', 'hex');
const pkcs8Middle = Buffer.from('a144034200', 'hex');
const uncompressed = Buffer.from([4]);

/**
 * Both keys of a P-256 pair in DER, of fixed form and length. OpenSSL's own encoders take several times as long as making the pair,
 * and a load run makes one for each installation.
 */
export function p256Der(privateKey: KeyObject): { spki: Buffer; pkcs8: Buffer } {
  const { d = '', x = '', y = '' } = privateKey.export({ format: 'jwk' });
  const number = (text: string) => Buffer.from(text, 'base64url');
  const point = Buffer.concat([uncompressed, number(x), number(y)]);
  return {
    spki: Buffer.concat([spkiHead, point]),
    pkcs8: Buffer.concat([pkcs8Head, number(d), pkcs8Middle, point]),
  };
}
