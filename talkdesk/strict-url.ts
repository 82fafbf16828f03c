const MAX_URL_LENGTH = 2_048;

/**
 * Scheme, then an authority of host characters only, then printable ASCII. Parsers disagree on user info, backslashes, encoded hosts,
 * blanks and other alphabets; a URL that needs any of them is not one of Talkdesk's.
 */
const PLAIN_URL = /^https?:\/\/[A-Za-z0-9._:[\]-]+(?:[/?][\x21-\x7e]*)?$/;

/** Parses an absolute http or https URL; null when it is not one, or could mean different things to different parsers. */
export function parseStrictUrl(text: string): URL | null {
  if (text.length > MAX_URL_LENGTH || !PLAIN_URL.test(text) || text.includes('\\') || text.includes('#')) return null;
  return URL.canParse(text) ? new URL(text) : null;
}

/** `host:port` of a URL, with the port also when it is the scheme's own. */
export function hostAndPort(url: URL): string {
  return `${url.hostname}:${url.port === '' ? (url.protocol === 'https:' ? '443' : '80') : url.port}`;
}

/** Scheme and host of a URL for a message; the rest of a URL may hold anything. */
export function originOf(text: string): string {
  return parseStrictUrl(text)?.origin ?? 'an address that is not a plain https URL';
}
