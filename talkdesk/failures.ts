import { TalkdeskError, type TalkdeskFailureClass } from './errors.js';
import type { HttpResponse } from './http.js';
import { ownMember, parseJsonObject } from './json.js';

/** Longest wait that is taken from Talkdesk; more is cut to this. */
const MAX_RETRY_AFTER_MS = 15 * 60_000;

/** What a path's statuses mean where it matters: only a 404 on the installation itself says that it is gone. */
export type Resource = 'installation' | 'account' | 'token';

/** OAuth error words that may be shown; whatever else a token endpoint writes is not repeated. */
const OAUTH_CODES: ReadonlySet<unknown> = new Set([
  'access_denied',
  'invalid_client',
  'invalid_grant',
  'invalid_request',
  'invalid_scope',
  'server_error',
  'temporarily_unavailable',
  'unauthorized',
  'unauthorized_client',
  'unsupported_grant_type',
]);

/** Turns an answer outside 2xx into an error with its class (talkdesk-api.md 3.4, 4.6, 6). */
export function failureOf(operation: string, resource: Resource, response: HttpResponse, now: Date): TalkdeskError {
  const { status } = response;
  const code = errorCodeOf(resource, response);
  const failureClass = classOf(status, resource, code);
  return new TalkdeskError(
    { failureClass, operation, status, code, retryAfterMs: retryAfterMsOf(response, now) },
    `Talkdesk answered ${status}${code === null ? '' : ` (${code})`}. ${adviceOf(failureClass, status, resource)}`,
  );
}

/** A 2xx whose body was needed and cannot be read. */
export function malformedBody(operation: string, status: number, what: string): TalkdeskError {
  return new TalkdeskError(
    { failureClass: 'retryable', operation, status },
    `Talkdesk answered ${status}, but ${what}.`,
  );
}

/**
 * How long an answer asks us to wait, in milliseconds: `Retry-After` as seconds or HTTP date, else the body's field named
 * `retry-after` (talkdesk-api.md 6). Between 0 and 15 minutes; null when nothing is said.
 */
export function retryAfterMsOf(response: Pick<HttpResponse, 'headers' | 'body'>, now: Date): number | null {
  const waitMs = waitMsOf(response.headers['retry-after'], now) ?? waitMsOf(retryAfterField(response.body), now);
  return waitMs === null ? null : Math.min(Math.max(waitMs, 0), MAX_RETRY_AFTER_MS);
}

function classOf(status: number, resource: Resource, code: string | null): TalkdeskFailureClass {
  if (status < 400 || status >= 500 || status === 408 || status === 425 || status === 429) return 'retryable';
  if (status === 401) return 'credentials';
  if (resource === 'token' && (code === 'invalid_client' || code === 'invalid_grant')) return 'credentials';
  // Scopes that a client was not given, or a token service that is not there: nothing that waiting mends.
  if (status === 403 || (resource === 'token' && (code === 'invalid_scope' || status === 404))) return 'needs-person';
  if (status === 404) return resource === 'installation' ? 'gone' : 'needs-person';
  return status === 409 ? 'conflict' : 'refused';
}

function adviceOf(failureClass: TalkdeskFailureClass, status: number, resource: Resource): string {
  switch (failureClass) {
    case 'retryable':
      return status >= 300 && status < 400 ? 'Redirects are not followed.' : 'It can be tried again.';
    case 'credentials':
      return 'The credentials of the installation are not accepted.';
    case 'gone':
      return 'Talkdesk does not know the installation.';
    case 'conflict':
      return 'It conflicts with the state that Talkdesk holds.';
    case 'needs-person':
      if (status === 403) {
        return 'Check the scopes and policies of the app, and whether the customer restricts API calls to certain IP addresses.';
      }
      return resource === 'token'
        ? 'Check the scopes of the app and the token URL.'
        : 'Ask Talkdesk about the account.';
    case 'refused':
      return 'Talkdesk does not take the request as it is; the same again will not succeed.';
  }
}

function errorCodeOf(resource: Resource, response: HttpResponse): string | null {
  const body = parseJsonObject(Buffer.from(response.body));
  const code = ownMember(body, resource === 'token' ? 'error' : 'code');
  if (resource === 'token') return OAUTH_CODES.has(code) ? String(code) : null;
  return typeof code === 'string' && /^[0-9A-Za-z_-]{1,32}$/.test(code) ? code : null;
}

function retryAfterField(body: string): unknown {
  const fields = ownMember(parseJsonObject(Buffer.from(body)), 'fields');
  if (!Array.isArray(fields)) return undefined;
  const field = fields.find((item) => String(ownMember(item, 'name')).toLowerCase() === 'retry-after');
  return ownMember(field, 'description') ?? ownMember(field, 'value');
}

function waitMsOf(value: unknown, now: Date): number | null {
  if (typeof value === 'number') return Number.isFinite(value) ? value * 1_000 : null;
  if (typeof value !== 'string') return null;
  const seconds = /^\s*(\d{1,9}(?:\.\d{1,3})?)\s*(?:s|seconds?)?\s*$/i.exec(value)?.[1];
  if (seconds !== undefined) return Math.ceil(Number(seconds) * 1_000);
  // Only the HTTP form: the date parser takes almost anything else for a date too.
  if (!/^[A-Za-z]{3,9},? \d{1,2}[ -][A-Za-z]{3}[ -]\d{2,4} \d{2}:\d{2}:\d{2} GMT$/.test(value.trim())) return null;
  const atMs = Date.parse(value);
  return Number.isNaN(atMs) ? null : atMs - now.getTime();
}
