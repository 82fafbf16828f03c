/** Longest text that is taken for a key: RSA keys of 8,192 bits fit. */
const MAX_KEY_TEXT_LENGTH = 16_384;

const PEM_BLOCK = /-----BEGIN ([A-Z0-9 ]{0,40})-----([^-]*)-----END \1-----/g;

/** What is inside a key text. */
export interface KeyBytes {
  bytes: Buffer;
  isEncrypted: boolean;
}

/**
 * Unwraps a key text: PEM with or without its line breaks, base64 or base64url with or without padding, or base64 of PEM
 * (talkdesk-api.md 2.2, 3.2). The label of a PEM block is not believed: senders wrap one container in another's label.
 *
 * @returns the bytes inside, or null when the text is none of these
 */
export function readKeyText(text: string): KeyBytes | null {
  if (text.length > MAX_KEY_TEXT_LENGTH) return null;
  if (text.includes('-----BEGIN')) return readPem(text);
  const bytes = decodeBase64(text);
  if (bytes === null) return null;
  const inner = bytes.toString('latin1');
  return inner.trimStart().startsWith('-----BEGIN') ? readPem(inner) : { bytes, isEncrypted: false };
}

function readPem(text: string): KeyBytes | null {
  // Line breaks may arrive as the two characters that stand for one in JSON and in environment files.
  for (const [, label = '', content = ''] of text.replace(/\\r|\\n/g, '\n').matchAll(PEM_BLOCK)) {
    // Curve parameters come in a block of their own before the key.
    if (!label.endsWith('KEY')) continue;
    if (label.startsWith('ENCRYPTED') || content.includes('Proc-Type'))
      return { bytes: Buffer.alloc(0), isEncrypted: true };
    const bytes = decodeBase64(content);
    return bytes === null ? null : { bytes, isEncrypted: false };
  }
  return null;
}

/** Decodes base64 in either alphabet, blanks and padding optional; null when the text is not base64. */
function decodeBase64(text: string): Buffer | null {
  const compact = text.replace(/\s+/g, '');
  const unpadded = compact.replace(/={1,2}$/, '');
  if (!/^[A-Za-z0-9+/_-]+$/.test(unpadded) || unpadded.length % 4 === 1) return null;
  return Buffer.from(unpadded, 'base64');
}
