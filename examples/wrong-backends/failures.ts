import { objectOf } from './event.js';

/** Try again: the network, 408, 425, 429 or 5xx, or an answer that cannot be read (talkdesk-api.md 6). */
export class TryLater extends Error {
  /** @param afterMs how long Talkdesk asked to be left alone, null when it did not say */
  constructor(
    message: string,
    readonly afterMs: number | null = null,
  ) {
    super(message);
  }
}

/** An answer that another attempt would not change, but for other credentials after a 401. */
export class Refused extends Error {
  constructor(
    message: string,
    readonly status: number,
  ) {
    super(message);
  }
}

const retryable = [408, 425, 429];

/** The failure that an answer without success is. */
export async function failureOf(what: string, response: Response, nowMs: number): Promise<TryLater | Refused> {
  const { status } = response;
  const message = `${what} was answered ${status}`;
  if (!retryable.includes(status) && status < 500) return new Refused(message, status);
  return new TryLater(message, await askedWaitMs(response, nowMs));
}

/** `Retry-After` in seconds or as a date, or the field of that name in the body (talkdesk-api.md 6). */
async function askedWaitMs(response: Response, nowMs: number): Promise<number | null> {
  const header = response.headers.get('retry-after')?.trim();
  const { fields } = objectOf(await response.json().catch(() => null));
  const field = Array.isArray(fields) ? fields.map(objectOf).find(({ name }) => name === 'retry-after') : undefined;
  const text = header ?? String(field?.['description'] ?? field?.['value'] ?? '');
  const seconds = /^\d+(\.\d+)?/.exec(text)?.[0];
  if (seconds !== undefined) return Number(seconds) * 1000;
  const date = Date.parse(text);
  return Number.isNaN(date) ? null : Math.max(0, date - nowMs);
}
