import type { Problems } from './problems.js';

/** What is wrong with the base URL of something that is called, or given to others, in words; null: nothing. Quotes no part but the host. */
export function baseUrlProblem(text: string, insecureHosts: readonly string[]): string | null {
  if (!URL.canParse(text)) return 'is not a URL';
  const url = new URL(text);
  if (url.username !== '' || url.password !== '') return 'must not hold a user name or password';
  if (/[?#]/.test(text)) return 'must not hold a query or fragment';
  if (url.protocol === 'https:') return null;
  if (url.protocol !== 'http:') return 'must begin with https://';
  const host = `${url.hostname}:${url.port === '' ? '80' : url.port}`;
  return insecureHosts.includes(host) ? null : `is plain http; add ${host} to ALLOW_INSECURE_HTTP (development only)`;
}

/** The URL without the slashes at its end, so that a path can be put behind it. */
export function withoutTrailingSlash(url: string): string {
  return url.replace(/\/+$/, '');
}

/** A base URL that a variable gives, without a trailing slash; undefined when it is not set, or cannot be used and a problem was added. */
export function readBaseUrl(
  variable: string,
  text: string | undefined,
  insecureHosts: readonly string[],
  problems: Problems,
): string | undefined {
  if (text === undefined) return undefined;
  const problem = baseUrlProblem(text, insecureHosts);
  if (problem === null) return withoutTrailingSlash(text);
  problems.add(variable, problem);
  return undefined;
}
