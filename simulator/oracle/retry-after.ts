/** An answer as far as it can tell a caller to wait. */
interface Refusing {
  readonly status: number;
  readonly headers?: Record<string, string>;
  readonly body?: unknown;
}

/**
 * How long a 429 or 503 tells its caller to stay away: the header in seconds or as a date, or else the body field that Talkdesk's
 * load shedding uses (talkdesk-api.md 6). null when it says nothing that can be read.
 */
export function retryAfterMs({ status, headers = {}, body }: Refusing, now: Date): number | null {
  if (status !== 429 && status !== 503) return null;
  const header = Object.entries(headers).find(([name]) => name.toLowerCase() === 'retry-after')?.[1];
  const text = header ?? fieldOf(body);
  if (text === undefined) return null;
  const seconds = /^\s*\d+(\.\d+)?\s*$/.test(text) ? Number(text) : Number.NaN;
  const waitMs = Number.isNaN(seconds) ? Date.parse(text) - now.getTime() : seconds * 1000;
  return Number.isNaN(waitMs) || waitMs <= 0 ? null : waitMs;
}

/** `fields[]` with the name `retry-after`; under which key its value stands is not documented. */
function fieldOf(body: unknown): string | undefined {
  const fields = typeof body === 'object' && body !== null ? (body as { fields?: unknown }).fields : undefined;
  if (!Array.isArray(fields)) return undefined;
  const field: unknown = fields.find(
    (each) => typeof each === 'object' && each !== null && each.name === 'retry-after',
  );
  if (field === undefined) return undefined;
  const { description, value } = field as { description?: unknown; value?: unknown };
  return /\d+(\.\d+)?/.exec(String(value ?? description ?? ''))?.[0];
}
