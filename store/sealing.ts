import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import { SealingError } from './errors.js';
import type { Sealer } from './types.js';

const VERSION = 'v1';
const IV_BYTES = 12;
const TAG_BYTES = 16;
const KEY_BYTES = 32;
const KEY_ID = /^[A-Za-z0-9_-]{1,64}$/;
const BASE64URL = /^[A-Za-z0-9_-]*$/;

/** One key of the ring. The id is written into every text sealed with it. */
export interface SealingKey {
  /** 1 to 64 of `A-Z a-z 0-9 _ -`: a dot would end the field. */
  id: string;
  /** 32 bytes. */
  key: Buffer;
}

/**
 * Seals with AES-256-GCM into `v1.<key id>.<iv>.<tag>.<ciphertext>`, the last three in base64url without padding, the place as
 * additional data. The first key seals, every key opens, so a new key is put in front and an old one is kept while texts need it.
 * Throws `SealingError` when the ring is empty, an id is not usable or doubled, or a key is not 32 bytes.
 */
export function createSealer(keys: readonly SealingKey[]): Sealer {
  const ring = new Map<string, Buffer>();
  for (const { id, key } of keys) {
    if (!KEY_ID.test(id)) throw new SealingError('A sealing key id must be 1 to 64 letters, digits, _ or -.');
    if (key.length !== KEY_BYTES) throw new SealingError(`The sealing key ${id} must have ${KEY_BYTES} bytes.`);
    if (ring.has(id)) throw new SealingError(`The sealing key id ${id} occurs twice.`);
    ring.set(id, Buffer.from(key));
  }
  const newest = keys[0];
  if (newest === undefined) throw new SealingError('At least one sealing key is needed.');
  const newestKey = Buffer.from(newest.key);

  return {
    seal(plain, place) {
      const iv = randomBytes(IV_BYTES);
      const cipher = createCipheriv('aes-256-gcm', newestKey, iv, { authTagLength: TAG_BYTES });
      cipher.setAAD(Buffer.from(place, 'utf8'));
      const ciphertext = Buffer.concat([cipher.update(plain), cipher.final()]);
      const parts = [iv, cipher.getAuthTag(), ciphertext].map((part) => part.toString('base64url'));
      return [VERSION, newest.id, ...parts].join('.');
    },

    open(sealed, place) {
      const parts = sealed.split('.');
      const [version, keyId, ivText, tagText, ciphertextText] = parts;
      if (
        parts.length !== 5 ||
        version !== VERSION ||
        keyId === undefined ||
        ivText === undefined ||
        tagText === undefined ||
        ciphertextText === undefined
      ) {
        throw new SealingError('This is not a sealed text of a known version.');
      }
      const key = ring.get(keyId);
      if (key === undefined) {
        const named = KEY_ID.test(keyId) ? `the key ${keyId}` : 'a key';
        throw new SealingError(`The text is sealed with ${named}, which is not in the key ring.`);
      }
      const iv = decode(ivText);
      const tag = decode(tagText);
      const ciphertext = decode(ciphertextText);
      if (iv.length !== IV_BYTES || tag.length !== TAG_BYTES) throw new SealingError('The sealed text is damaged.');
      const decipher = createDecipheriv('aes-256-gcm', key, iv, { authTagLength: TAG_BYTES });
      decipher.setAAD(Buffer.from(place, 'utf8'));
      decipher.setAuthTag(tag);
      try {
        return Buffer.concat([decipher.update(ciphertext), decipher.final()]);
      } catch {
        throw new SealingError('The sealed text was changed, or belongs to another row or column.');
      }
    },
  };
}

/** The place of a sealed column: table, column and row id, authenticated along with the text. */
export function placeOf(table: string, column: string, rowId: string): string {
  return `${table}:${column}:${rowId}`;
}

/** Node's decoder skips what it does not know; here every character counts, and only one spelling is taken. */
function decode(text: string): Buffer {
  const bytes = BASE64URL.test(text) ? Buffer.from(text, 'base64url') : Buffer.alloc(0);
  if (bytes.toString('base64url') !== text) throw new SealingError('The sealed text is damaged.');
  return bytes;
}
