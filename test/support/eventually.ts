import { setTimeout as sleep } from 'node:timers/promises';

/**
 * Waits until `look` gives something other than null, undefined or false, and returns it. Fails with `what` after `limitMs`, and with
 * the last error of `look` if it threw.
 */
export async function eventually<T>(
  what: string,
  look: () => Promise<T | null | undefined | false>,
  limitMs = 30_000,
): Promise<T> {
  const endMs = performance.now() + limitMs;
  let lastError: unknown = null;
  for (;;) {
    try {
      const seen = await look();
      lastError = null;
      if (seen !== null && seen !== undefined && seen !== false) return seen;
    } catch (error) {
      lastError = error;
    }
    if (performance.now() > endMs) {
      throw new Error(`Not within ${limitMs} ms: ${what}`, lastError === null ? {} : { cause: lastError });
    }
    await sleep(25);
  }
}
