import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';

/** One spelling of one secret. */
interface Pattern {
  secret: string;
  encoding: string;
  bytes: Buffer;
}

/** Shorter secrets would be found by chance. */
const MIN_LENGTH = 12;

/**
 * Every spelling under which a secret might have left its sealed column: raw, hex, URL-encoded, base64 in both alphabets and at each of
 * the three alignments it can have inside a longer text, and the bytes that a base64 secret stands for.
 */
export function patternsOf(secrets: { name: string; value: string }[]): Pattern[] {
  return secrets.flatMap(({ name, value }) => {
    if (value.length < MIN_LENGTH) throw new Error(`${name} is too short to be looked for`);
    const raw = Buffer.from(value);
    const patterns: Pattern[] = [];
    const add = (encoding: string, bytes: Buffer | string) =>
      patterns.push({ secret: name, encoding, bytes: Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes) });
    add('raw', raw);
    add('hex', raw.toString('hex'));
    add('HEX', raw.toString('hex').toUpperCase());
    if (encodeURIComponent(value) !== value) add('url', encodeURIComponent(value));
    for (const alignment of [0, 1, 2]) {
      // Characters that also depend on the neighbours are cut off.
      const text = Buffer.concat([Buffer.alloc(alignment), raw])
        .toString('base64')
        .replace(/=+$/, '');
      const inner = text.slice(alignment === 0 ? 0 : alignment + 1, -1);
      add(`base64+${alignment}`, inner);
      const urlSafe = inner.replaceAll('+', '-').replaceAll('/', '_');
      if (urlSafe !== inner) add(`base64url+${alignment}`, urlSafe);
    }
    if (/^[A-Za-z0-9+/]{40,}={0,2}$/.test(value)) add('decoded', Buffer.from(value, 'base64'));
    return patterns;
  });
}

/** Where a secret was found. */
export interface Leak {
  place: string;
  secret: string;
  encoding: string;
}

/** Looks for the patterns in some bytes. */
export function leaksIn(place: string, bytes: Buffer, patterns: Pattern[]): Leak[] {
  return patterns
    .filter((pattern) => bytes.includes(pattern.bytes))
    .map(({ secret, encoding }) => ({ place, secret, encoding }));
}

/** What a file holds; null for folders, and for what a running server has removed meanwhile. */
function contentOf(path: string): Buffer | null {
  try {
    return statSync(path).isFile() ? readFileSync(path) : null;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
}

/** Looks for the patterns in every file below a folder. Returns the leaks and how much was read, so that nothing read is noticed. */
export function leaksInFolder(folder: string, patterns: Pattern[]): { leaks: Leak[]; files: number; bytes: number } {
  const found = { leaks: [] as Leak[], files: 0, bytes: 0 };
  for (const name of readdirSync(folder, { recursive: true, encoding: 'utf8' })) {
    const content = contentOf(join(folder, name));
    if (content === null) continue;
    found.files += 1;
    found.bytes += content.length;
    found.leaks.push(...leaksIn(name, content, patterns));
  }
  return found;
}
