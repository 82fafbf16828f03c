import type { ClockReading, Companions } from './clock.js';

/** The companions of a clock, reached over HTTP. */
export interface Followers extends Companions {
  /** Tells the time until each one has taken it once: they may come up later than the clock. */
  start(read: () => ClockReading): void;
  stop(): void;
}

interface Follower {
  url: string;
  lastError: string | null;
  /** It failed in this jump, and is told again at its end only: a jump has many steps, and a failure may take its whole limit. */
  leftBehind: boolean;
}

/** Longest wait for one follower to take one time. */
const limitMs = 10_000;
/** A follower that did not take the time is told again after this. */
const retryMs = 2_000;
/** What somebody else may say about a failure. */
const longestErrorText = 500;
/** Followers get a week in fourteen steps, so that what they repeat by the hour happens as often as in reality, roughly. */
const halfADayMs = 12 * 3_600_000;
const mostSteps = 100;

/**
 * Partners' backends that have this clock's time: each step of a jump is told to all of them by
 * `PUT <url> { "now", "offset_ms", "mode" }` and waited for. An answer may say `{ "next_at": "<ISO>" }`: the jump then stops there,
 * too. During a jump the mode is `frozen`, so that everybody's time is that of the step until the next one.
 */
export function createFollowers(urls: readonly string[]): Followers {
  const followers: Follower[] = urls.map((url) => ({ url, lastError: null, leftBehind: false }));
  let read: (() => ClockReading) | null = null;
  let timer: NodeJS.Timeout | undefined;

  async function tellOne(follower: Follower, reading: ClockReading, inJump: boolean): Promise<Date | null> {
    try {
      const nextAt = await put(follower.url, reading);
      follower.lastError = null;
      return nextAt;
    } catch (error) {
      follower.lastError = reasonOf(error);
      follower.leftBehind = inJump;
      return null;
    }
  }

  async function tell(reading: ClockReading, phase: 'step' | 'end'): Promise<Date | null> {
    clearTimeout(timer);
    const inJump = phase === 'step';
    const told = followers.filter(({ leftBehind }) => !inJump || !leftBehind);
    if (!inJump) for (const follower of followers) follower.leftBehind = false;
    const next = (await Promise.all(told.map((follower) => tellOne(follower, reading, inJump)))).filter(
      (at) => at !== null,
    );
    if (phase === 'end') tellAgainLater();
    return next.sort((a, b) => a.getTime() - b.getTime())[0] ?? null;
  }

  function tellAgainLater(): void {
    if (read === null || followers.every(({ lastError }) => lastError === null)) return;
    timer = setTimeout(() => {
      if (read !== null) void tell(read(), 'end');
    }, retryMs);
    timer.unref();
  }

  return {
    tell,
    longestStepMs: (jumpMs) =>
      followers.length === 0 ? Number.POSITIVE_INFINITY : Math.max(halfADayMs, Math.ceil(jumpMs / mostSteps)),
    views: () => followers.map(({ url, lastError }) => ({ url, last_error: lastError })),
    start(reader) {
      read = reader;
      void tell(reader(), 'end');
    },
    stop() {
      read = null;
      clearTimeout(timer);
    },
  };
}

/** @throws Error with the follower's own sentence where it gave one */
async function put(url: string, { now, offsetMs, mode }: ClockReading): Promise<Date | null> {
  const response = await fetch(url, {
    method: 'PUT',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ now: now.toISOString(), offset_ms: offsetMs, mode }),
    redirect: 'manual',
    signal: AbortSignal.timeout(limitMs),
  });
  const answer = readAnswer(await response.text());
  if (!response.ok) {
    const said = typeof answer['error'] === 'string' ? `: ${answer['error'].slice(0, longestErrorText)}` : '';
    throw new Error(`it answered ${response.status}${said}`);
  }
  const nextAt = new Date(String(answer['next_at']));
  return typeof answer['next_at'] === 'string' && !Number.isNaN(nextAt.getTime()) ? nextAt : null;
}

function readAnswer(text: string): Record<string, unknown> {
  try {
    const answer: unknown = JSON.parse(text);
    return typeof answer === 'object' && answer !== null ? (answer as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}

function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return 'it could not be told';
  if (error.name === 'TimeoutError') return `it did not answer within ${limitMs / 1000} s`;
  const cause = error.cause as NodeJS.ErrnoException | undefined;
  return cause === undefined ? error.message : `it cannot be reached (${cause.code ?? cause.message})`;
}
