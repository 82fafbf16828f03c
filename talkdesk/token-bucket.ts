/** Bounds how often something is done: bursts up to `capacity`, `perSecond` in the long run. */
export interface TokenBucket {
  /** Takes `count` at once, or nothing. */
  take(count: number): boolean;
}

/** Makes a full bucket. A clock that moves back refills nothing. */
export function createTokenBucket(options: { capacity: number; perSecond: number; now: () => Date }): TokenBucket {
  const { capacity, perSecond, now } = options;
  let available = capacity;
  let filledAtMs = now().getTime();
  return {
    take(count) {
      const nowMs = now().getTime();
      available = Math.min(capacity, available + (Math.max(0, nowMs - filledAtMs) / 1_000) * perSecond);
      filledAtMs = nowMs;
      if (available < count) return false;
      available -= count;
      return true;
    },
  };
}
