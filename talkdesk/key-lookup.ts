import { LRUCache } from 'lru-cache';
import { waitWithin } from './abandon.js';
import { type KeyAnswer, type KeyEndpoint, LATEST } from './key-endpoint.js';
import type { KnownKeys } from './known-keys.js';
import type { TalkdeskLog } from './log.js';
import { createTokenBucket } from './token-bucket.js';
import type { SignatureKey, SignatureKeyStore } from './types.js';

/** How often keys that are not in memory may be looked for. Key ids come from anybody, so this bounds what forged ones can cause. */
export interface LookupLimits {
  /** Requests to key endpoints at once, and in the long run. */
  requestBurst: number;
  requestsPerSecond: number;
  /** Readings of the key store at once, and in the long run. */
  storeBurst: number;
  storeReadsPerSecond: number;
  /** Once requests are used up: how often `latest` is still read, so that a real new key is learnt all the same. */
  reserveIntervalMs: number;
  /** How long a 404 is believed (talkdesk-api.md 2.3: seconds). */
  unknownForMs: number;
}

export const DEFAULT_LOOKUP_LIMITS: LookupLimits = {
  requestBurst: 30,
  requestsPerSecond: 3,
  storeBurst: 200,
  storeReadsPerSecond: 100,
  reserveIntervalMs: 5_000,
  unknownForMs: 10_000,
};

const STORE_TIMEOUT_MS = 1_000;
const MAX_UNKNOWN = 10_000;
/** How long a key is used on when it is time to ask for it again but nobody answers. */
const ASK_AGAIN_AFTER_MS = 60_000;

export interface KeyLookupOptions {
  known: KnownKeys;
  endpoint: KeyEndpoint;
  store: SignatureKeyStore;
  /** All gateways of the region table. */
  gateways: readonly string[];
  limits: LookupLimits;
  now: () => Date;
  log: TalkdeskLog;
  /** Ends whatever is under way. */
  signal: AbortSignal;
}

/** Finds keys that are not in memory and puts them there. */
export interface KeyLookup {
  /**
   * Looks for a key at the store and the given gateways. True when the answer is complete: the key is in memory now, or none of them
   * has it. Simultaneous calls for the same key share one search. Never throws.
   */
  find(keyId: string, gateways: readonly string[]): Promise<boolean>;
  /** Reads the newest key of every gateway. Simultaneous calls share one reading. Never throws. */
  readLatest(): Promise<void>;
}

/** Makes a lookup whose limits hold for all its callers together. */
export function createKeyLookup(options: KeyLookupOptions): KeyLookup {
  const { known, endpoint, store, limits, now, log, signal } = options;
  const requests = createTokenBucket({ capacity: limits.requestBurst, perSecond: limits.requestsPerSecond, now });
  const storeReads = createTokenBucket({ capacity: limits.storeBurst, perSecond: limits.storeReadsPerSecond, now });
  const reserve = createTokenBucket({ capacity: 1, perSecond: 1_000 / limits.reserveIntervalMs, now });
  const unknownUntilMs = new LRUCache<string, number>({ max: MAX_UNKNOWN });
  const searches = new Map<string, Promise<boolean>>();
  const silentGateways = new Set<string>();
  let readingLatest: Promise<void> | null = null;

  function learn(key: SignatureKey): void {
    if (!known.add(key)) return;
    // The delivery at hand does not wait for this: its key is in memory.
    store
      .save(key)
      .catch(() => log.warn({ keyId: key.keyId }, 'A signature key could not be stored; it is in memory only'));
  }

  async function findInStore(keyId: string): Promise<boolean> {
    if (!storeReads.take(1)) return false;
    try {
      const keys = await waitWithin(store.find(keyId), 'read the stored signature keys', {
        signal,
        timeoutMs: STORE_TIMEOUT_MS,
      });
      // A gateway may have left the region table since its keys were stored.
      for (const key of keys) if (options.gateways.includes(key.gateway)) known.add(key);
      return known.get(keyId).length > 0;
    } catch {
      log.warn({ keyId }, 'The stored signature keys cannot be read; asking Talkdesk');
      return false;
    }
  }

  /** Asks the gateways at the same time; the first that has the key ends the search. */
  async function ask(keyId: string, gateways: readonly string[]): Promise<boolean> {
    const found = new AbortController();
    const answers = gateways.map(async (gateway): Promise<KeyAnswer> => {
      const answer = await endpoint.read(gateway, keyId, AbortSignal.any([signal, found.signal]));
      if (answer.kind === 'found') learn(answer.key);
      if (answer.kind === 'unknown') {
        unknownUntilMs.set(`${gateway} ${keyId}`, now().getTime() + limits.unknownForMs);
        endKey(gateway, keyId);
      }
      if (answer.kind === 'unreachable' && !found.signal.aborted)
        log.warn({ gateway, why: answer.why }, 'A signature key endpoint gave no answer');
      return answer;
    });
    if (await isAnyFound(answers)) {
      found.abort();
      return true;
    }
    const all = await Promise.all(answers);
    if (all.every(({ kind }) => kind === 'unknown')) return true;
    known.postpone(keyId, ASK_AGAIN_AFTER_MS);
    return false;
  }

  /** A key without an end that its gateway no longer has: it ended, at the latest now. */
  function endKey(gateway: string, keyId: string): void {
    const entry = known.get(keyId).find(({ key }) => key.gateway === gateway);
    if (entry?.key.expiresAt === null) learn({ ...entry.key, expiresAt: now() });
  }

  async function search(keyId: string, gateways: readonly string[]): Promise<boolean> {
    const isNew = known.get(keyId).length === 0;
    if (isNew && (await findInStore(keyId))) return true;
    const open = gateways.filter((gateway) => now().getTime() >= (unknownUntilMs.get(`${gateway} ${keyId}`) ?? 0));
    if (open.length === 0) return true;
    if (requests.take(Math.min(open.length, limits.requestBurst))) return await ask(keyId, open);
    if (readingLatest !== null) await readingLatest;
    else if (reserve.take(1)) {
      log.warn({ keyId }, 'Too many unknown signature key ids; only the newest keys are read now');
      await readLatest();
    }
    return known.get(keyId).length > 0;
  }

  function readLatest(): Promise<void> {
    readingLatest ??= Promise.all(options.gateways.map(readLatestOf)).then(() => {
      readingLatest = null;
    });
    return readingLatest;
  }

  async function readLatestOf(gateway: string): Promise<void> {
    const answer = await endpoint.read(gateway, LATEST, signal);
    if (answer.kind === 'found') learn(answer.key);
    const wasSilent = silentGateways.has(gateway);
    if (answer.kind === 'unreachable') silentGateways.add(gateway);
    else silentGateways.delete(gateway);
    // One line per change: some gateways of the table may never be reachable from here.
    if (answer.kind === 'unreachable' && !wasSilent && !signal.aborted) {
      log.warn({ gateway, why: answer.why }, 'The newest signature key cannot be read from a gateway');
    }
  }

  return {
    find(keyId, gateways) {
      const searchKey = `${keyId} ${gateways.join(' ')}`;
      const underWay = searches.get(searchKey);
      if (underWay !== undefined) return underWay;
      const started = search(keyId, gateways).finally(() => searches.delete(searchKey));
      searches.set(searchKey, started);
      return started;
    },
    readLatest,
  };
}

async function isAnyFound(answers: readonly Promise<KeyAnswer>[]): Promise<boolean> {
  const outcomes = answers.map(async (answer) => {
    const { kind } = await answer;
    if (kind !== 'found') throw new Error(kind);
    return true;
  });
  return await Promise.any(outcomes).catch(() => false);
}
