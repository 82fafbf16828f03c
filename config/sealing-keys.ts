import type { SealingKeyConfig } from './config.js';
import { type Problems, readSettingFile } from './problems.js';

const KEY_ID = /^[A-Za-z0-9_-]{1,64}$/;
const KEY_BYTES = 32;
/** Standard or URL-safe base64 of 32 bytes: 43 digits, padding optional. */
const KEY_TEXT = /^[A-Za-z0-9+/_-]{43}=?$/;

/** Reads the key ring from SEALING_KEYS or the file of SEALING_KEYS_FILE (absolute path). Problems name a key by its position. */
export function readSealingKeys(
  source: { text: string | undefined; path: string | undefined },
  problems: Problems,
): SealingKeyConfig[] {
  if (source.text !== undefined && source.path !== undefined) {
    problems.add('SEALING_KEYS', 'set either this or SEALING_KEYS_FILE, not both');
    return [];
  }
  if (source.text !== undefined) return readRing('SEALING_KEYS', source.text, problems);
  if (source.path === undefined) {
    problems.add(
      'SEALING_KEYS',
      'is missing, and so is SEALING_KEYS_FILE; make a key with: ' +
        `node -p "'k1:' + crypto.randomBytes(32).toString('base64')"`,
    );
    return [];
  }
  const text = readSettingFile('SEALING_KEYS_FILE', source.path, problems);
  return text === null ? [] : readRing('SEALING_KEYS_FILE', text, problems);
}

function readRing(variable: string, text: string, problems: Problems): SealingKeyConfig[] {
  const entries = text
    .replace(/^\uFEFF/, '')
    .split(/[,\r\n]/)
    .map((entry) => entry.trim())
    .filter((entry) => entry !== '');
  if (entries.length === 0) problems.add(variable, 'holds no key');
  const keys: SealingKeyConfig[] = [];
  entries.forEach((entry, index) => {
    const place = `key ${index + 1}`;
    const colon = entry.indexOf(':');
    const id = entry.slice(0, Math.max(colon, 0));
    const key = entry.slice(colon + 1);
    if (colon < 0) problems.add(variable, `${place} is not of the form id:base64`);
    else if (!KEY_ID.test(id)) problems.add(variable, `${place}: the id must be 1 to 64 letters, digits, _ or -`);
    else if (!KEY_TEXT.test(key)) problems.add(variable, `${place} is not base64 of exactly ${KEY_BYTES} bytes`);
    else if (keys.some((known) => known.id === id)) problems.add(variable, `${place} has an id that another key has`);
    else keys.push({ id, key: Buffer.from(key, 'base64') });
  });
  return keys;
}
