import { setMaxListeners } from 'node:events';
import { peekRoot, readEnvelope } from './envelope.js';
import type { HttpClient } from './http.js';
import { createKeyEndpoint, isKeyId } from './key-endpoint.js';
import { createKeyLookup, DEFAULT_LOOKUP_LIMITS, type LookupLimits } from './key-lookup.js';
import { createKnownKeys, isInForce, type KnownKey, wasInForceAt } from './known-keys.js';
import { silentLog, type TalkdeskLog } from './log.js';
import type { Regions } from './regions.js';
import { parseSignature, verifySignature } from './signature.js';
import type { DeliveryVerifier, SignatureKeyStore, VerifyResult } from './types.js';

/** A key lives for days (talkdesk-api.md 2.1); a new one is learnt well before most deliveries that need it. */
const PREFETCH_INTERVAL_MS = 5 * 60_000;

export interface DeliveryVerifierOptions {
  regions: Regions;
  /** For this verifier alone; `stop` closes it. */
  http: HttpClient;
  /** Where keys are kept between restarts. */
  store: SignatureKeyStore;
  /** Business time. */
  now: () => Date;
  log?: TalkdeskLog;
  /** Changes single limits of the lookup. */
  limits?: Partial<LookupLimits>;
}

export interface PrefetchingVerifier extends DeliveryVerifier {
  /** Reads the newest key of every gateway. Never throws. */
  prefetchLatest(): Promise<void>;
  /** Reads the newest keys now and from time to time. */
  start(): void;
  /** Ends that, and all connections. */
  stop(): void;
}

type Delivery = Parameters<DeliveryVerifier['verify']>[0];

/** What the keys in memory say of a delivery. */
type Judgement = 'valid' | 'expired' | 'mismatch' | 'no-key';

/**
 * Makes the check of deliveries (talkdesk-api.md 2): keys from memory, else from the store, else from the gateway that the body names,
 * if the region table has it, else from every gateway of the table. A delivery whose key is in memory causes no I/O at all.
 */
export function createDeliveryVerifier(options: DeliveryVerifierOptions): PrefetchingVerifier {
  const { regions, now } = options;
  const stopping = new AbortController();
  // Every gateway that is being asked listens to it, and there may be more of them than the ten that Node takes for a leak.
  setMaxListeners(0, stopping.signal);
  const known = createKnownKeys(now);
  const lookup = createKeyLookup({
    known,
    endpoint: createKeyEndpoint(options.http),
    store: options.store,
    gateways: regions.gateways(),
    limits: { ...DEFAULT_LOOKUP_LIMITS, ...options.limits },
    now,
    log: options.log ?? silentLog,
    signal: stopping.signal,
  });
  let timer: NodeJS.Timeout | null = null;

  /** The gateway that the unverified body names, without a trailing slash; null when the region table does not have it. */
  function namedGateway(rawBody: Buffer): string | null {
    const root = peekRoot(rawBody);
    return root !== null && regions.allowsGateway(root) ? new URL(root).href.replace(/\/+$/, '') : null;
  }

  async function verifyAfterLookup(delivery: Delivery, keys: readonly KnownKey[]): Promise<VerifyResult> {
    const named = namedGateway(delivery.rawBody);
    // A known id needs another look only if the named gateway may have another key under it.
    const isFresh = (gateway: string) =>
      keys.some(({ key, staleAtMs }) => key.gateway === gateway && !isStale(staleAtMs));
    const candidates = named === null ? regions.gateways() : [named];
    const gateways = candidates.filter((gateway) => !isFresh(gateway));
    if (gateways.length === 0 || (named === null && gateways.length < candidates.length)) return mismatch();
    const isComplete = await lookup.find(delivery.keyId, gateways);
    switch (judge(delivery, known.get(delivery.keyId))) {
      case 'valid':
        return { result: 'valid' };
      case 'expired':
        return expired();
      case 'mismatch':
        return mismatch();
      case 'no-key':
        return isComplete
          ? { result: 'invalid', reason: 'No gateway knows the signature key.' }
          : {
              result: 'unavailable',
              reason: 'The signature key is new here, and no key endpoint could say what it is.',
            };
    }
  }

  function isStale(staleAtMs: number): boolean {
    return now().getTime() >= staleAtMs;
  }

  return {
    async verify(delivery) {
      if (!isKeyId(delivery.keyId)) return { result: 'invalid', reason: 'The signature key id is malformed.' };
      if (parseSignature(delivery.signature) === null)
        return { result: 'invalid', reason: 'The signature is not hexadecimal.' };
      const keys = known.get(delivery.keyId);
      const judgement = judge(
        delivery,
        keys.filter(({ staleAtMs }) => !isStale(staleAtMs)),
      );
      if (judgement === 'valid') return { result: 'valid' };
      if (judgement === 'expired') return expired();
      return await verifyAfterLookup(delivery, keys);
    },
    prefetchLatest: lookup.readLatest,
    start() {
      if (timer !== null) return;
      timer = setInterval(() => void lookup.readLatest(), PREFETCH_INTERVAL_MS);
      timer.unref();
      void lookup.readLatest();
    },
    stop() {
      if (timer !== null) clearInterval(timer);
      timer = null;
      stopping.abort();
      options.http.close();
    },
  };
}

function judge(delivery: Delivery, keys: readonly KnownKey[]): Judgement {
  const signer = keys.find(({ publicKey }) => verifySignature(delivery.rawBody, delivery.signature, publicKey));
  if (signer === undefined) return keys.length === 0 ? 'no-key' : 'mismatch';
  if (isInForce(signer.key, delivery.receivedAt)) return 'valid';
  const event = readEnvelope(delivery.rawBody);
  return event.ok && wasInForceAt(signer.key, event.envelope.createdAt) ? 'valid' : 'expired';
}

function mismatch(): VerifyResult {
  return { result: 'invalid', reason: 'The signature does not fit the body.' };
}

function expired(): VerifyResult {
  return { result: 'invalid', reason: 'The signature key ended before the event was made.' };
}
