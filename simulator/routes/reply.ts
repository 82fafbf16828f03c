/** What a route answers, and for the ledger what was verified or what was wrong. */
export interface Reply {
  status: number;
  headers?: Record<string, string>;
  /** Sent as JSON; a string is sent as it is; left out: an empty body. */
  body?: unknown;
  verdict: string;
}

/** `{"code", "message"}`, the error body of most endpoints (talkdesk-api.md 4.6). */
export function codedError(
  status: number,
  code: string,
  message: string,
  verdict: string,
  fields?: FieldProblem[],
): Reply {
  return { status, body: { code, message, ...(fields === undefined ? {} : { fields }) }, verdict };
}

/** The reply with `fields` in an error that has a code, empty where it names none: the pages have them required (talkdesk-api.md 9.15). */
export function withFields(reply: Reply): Reply {
  const { body } = reply;
  if (typeof body !== 'object' || body === null || !('code' in body) || 'fields' in body) return reply;
  return { ...reply, body: { ...body, fields: [] } };
}

/** One entry of `fields` in a coded error (talkdesk-api.md 4.6). */
export interface FieldProblem {
  name: string;
  description: string;
}

/** `{"error"}`, the 403 and 404 body of state, users and subscription (talkdesk-api.md 4.6). */
export function shortError(status: number, error: string, verdict: string): Reply {
  return { status, body: { error }, verdict };
}

/** A 401 without a body, as state, users and subscription answer it (talkdesk-api.md 4.6). */
export function emptyUnauthorized(verdict: string): Reply {
  return { status: 401, verdict };
}

/** `{"error", "error_description"}`, the error body of the token endpoint (talkdesk-api.md 3.4). */
export function oauthError(status: number, error: string, description: string, verdict = description): Reply {
  return { status, body: { error, error_description: description }, verdict: `refused: ${verdict}` };
}

/** A time as most of the vendor's examples print it: UTC, whole seconds, `Z` (talkdesk-api.md 1.2). */
export function wireTime(at: Date): string {
  return `${at.toISOString().slice(0, 19)}Z`;
}

/** The time without its milliseconds: events print whole seconds, and what counts from one counts from the time as printed. */
export function wholeSeconds(at: Date): Date {
  return new Date(Math.floor(at.getTime() / 1000) * 1000);
}
