/**
 * What a failed call to Talkdesk leads to:
 * - `retryable`: network, 3xx, 408, 425, 429, 5xx, a 2xx whose needed body cannot be read, or the caller cut it off
 *   (talkdesk-api.md 6).
 * - `credentials`: the installation's credentials are not accepted or cannot be used: 401 after one fresh token, `invalid_client`,
 *   a private key that does not load.
 * - `gone`: 404 on the installation with a valid token (talkdesk-api.md 10, assumption 14).
 * - `conflict`: 409, the state must be read again before anything else.
 * - `needs-person`: 403, or a host that is not in the region table.
 * - `refused`: any other 4xx. Talkdesk does not take this request as we make it, and the same again cannot succeed. It says nothing
 *   about the installation, so it is no reason to reject one.
 */
export type TalkdeskFailureClass = 'retryable' | 'credentials' | 'refused' | 'gone' | 'needs-person' | 'conflict';

/** Code of a token that was refused while Talkdesk's clock and ours are apart: it says nothing about the credentials. */
export const CLOCKS_APART = 'clocks-apart';

/** The facts of a failed call, beside its message. */
export interface TalkdeskFailure {
  failureClass: TalkdeskFailureClass;
  /** What was tried, as a verb phrase such as `read the account`. */
  operation: string;
  /** HTTP status, or null when there was no answer. */
  status?: number | null;
  /** How long Talkdesk asks us to wait, or null. */
  retryAfterMs?: number | null;
  /** Talkdesk's error code (talkdesk-api.md 4.6), an OAuth error code, or a network error code. */
  code?: string | null;
}

/**
 * A call to Talkdesk failed. The message is written for the person who must act and holds no secret and no text from an answer. It has
 * no `cause`: errors of the HTTP library carry the request, and with it the token.
 */
export class TalkdeskError extends Error {
  override readonly name = 'TalkdeskError';
  readonly failureClass: TalkdeskFailureClass;
  readonly operation: string;
  readonly status: number | null;
  readonly retryAfterMs: number | null;
  readonly code: string | null;

  constructor(failure: TalkdeskFailure, what: string) {
    super(`Could not ${failure.operation}: ${what}`);
    this.failureClass = failure.failureClass;
    this.operation = failure.operation;
    this.status = failure.status ?? null;
    this.retryAfterMs = failure.retryAfterMs ?? null;
    this.code = failure.code ?? null;
  }
}

/** Data from Talkdesk cannot be used. Names the fields, never their values. */
export class TalkdeskDataError extends Error {
  override readonly name = 'TalkdeskDataError';

  constructor(
    what: string,
    readonly fields: readonly string[] = [],
  ) {
    super(fields.length === 0 ? what : `${what}: ${fields.join(', ')}`);
  }
}
