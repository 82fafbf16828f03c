import { LRUCache } from 'lru-cache';

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

/** Most buckets that are remembered; what is forgotten begins anew. */
const MAX_BUCKETS = 10_000;

/** A bucket for each name, made when it is first asked for. */
export function createRates(options: Parameters<typeof createTokenBucket>[0]): (name: string) => TokenBucket {
  const buckets = new LRUCache<string, TokenBucket>({ max: MAX_BUCKETS });
  return (name) => {
    const known = buckets.get(name);
    if (known !== undefined) return known;
    const bucket = createTokenBucket(options);
    buckets.set(name, bucket);
    return bucket;
  };
}
