import { setTimeout as sleep } from 'node:timers/promises';

/** How often a condition is looked at. */
const usualPollMs = 50;

/**
 * Waits until `look` gives something other than undefined.
 * @returns what it gave, or undefined after `limitMs`
 */
export async function until<T>(
  look: () => Promise<T | undefined>,
  limitMs: number,
  pollMs = usualPollMs,
): Promise<T | undefined> {
  const endMs = performance.now() + limitMs;
  for (;;) {
    const seen = await look();
    if (seen !== undefined || performance.now() > endMs) return seen;
    await sleep(pollMs);
  }
}
