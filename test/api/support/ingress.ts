import { randomBytes } from 'node:crypto';
import { createApp, WEBHOOK_PATH } from '../../../api/app.js';
import { listen } from '../../../api/listen.js';
import { createMetrics, type Metrics } from '../../../api/metrics.js';
import type { BodyLimits } from '../../../api/read-body.js';
import type { RunReason } from '../../../api/runs.js';
import type { LifecycleFact } from '../../../contracts/facts.js';
import { createStore } from '../../../store/index.js';
import { createSealer } from '../../../store/sealing.js';
import type { DispatchItem, Store } from '../../../store/types.js';
import { readEnvelope } from '../../../talkdesk/envelope.js';
import { createHttpClient } from '../../../talkdesk/http.js';
import { createRegions } from '../../../talkdesk/regions.js';
import { createDeliveryVerifier } from '../../../talkdesk/signature-keys.js';
import type { TokenBucket } from '../../../talkdesk/token-bucket.js';
import { APP_ID, type KeyEndpoint } from './deliveries.js';
import { captureLog } from './log.js';

/** The ingress over a real store and a real verifier; only what talks to Temporal is a recorder. */
export interface TestIngress {
  url: string;
  baseUrl: string;
  store: Store;
  metrics: Metrics;
  dispatched: DispatchItem[];
  /** What the callbacks of products woke. */
  wakes: RunReason[];
  facts: LifecycleFact[];
  lines: string[];
  stop(): Promise<void>;
}

export async function startIngress(options: {
  databaseUrl: string;
  keys: Pick<KeyEndpoint, 'url' | 'hostPort'>;
  bodyLimits?: Partial<BodyLimits>;
  now?: () => Date;
  callbackRate?: TokenBucket;
}): Promise<TestIngress> {
  const { log, lines } = captureLog();
  const now = options.now ?? (() => new Date());
  const sealer = createSealer([{ id: 'k1', key: randomBytes(32) }]);
  const store = createStore({ databaseUrl: options.databaseUrl, sealer, poolMax: 10, log });
  const insecureHosts = [options.keys.hostPort];
  const regions = createRegions([{ name: 'test', gateway: options.keys.url, tokenHosts: [] }], insecureHosts);
  const verifier = createDeliveryVerifier({
    regions,
    http: createHttpClient({ insecureHosts }),
    store: store.signatureKeys,
    now,
    log,
  });
  const metrics = createMetrics();
  const dispatched: DispatchItem[] = [];
  const wakes: RunReason[] = [];
  const facts: LifecycleFact[] = [];
  const app = createApp({
    inbox: store.inbox,
    verifier,
    readEnvelope,
    dispatcher: { dispatch: (item) => void dispatched.push(item) },
    starter: {
      startOrWake: async (reason) => {
        wakes.push(reason);
        return 'woken';
      },
    },
    callbackRate: options.callbackRate ?? { take: () => true },
    callbackRateOf: () => ({ take: () => true }),
    isKnownApp: (appId) => appId === APP_ID,
    bodyLimits: { maxBytes: 2 * 1024 * 1024, timeoutMs: 5_000, maxHeldBytes: 64 * 1024 * 1024, ...options.bodyLimits },
    metrics,
    now,
    observe: (fact) => void facts.push(fact),
    log,
  });
  const listener = await listen(app, { host: '127.0.0.1', port: 0, settings: 'HOST and PORT' });
  return {
    url: `${listener.url}${WEBHOOK_PATH}`,
    baseUrl: listener.url,
    store,
    metrics,
    dispatched,
    wakes,
    facts,
    lines,
    async stop() {
      await listener.stop(1_000);
      verifier.stop();
      await store.close();
    },
  };
}

/** Counts of `appconnect_deliveries_total` by answer. */
export async function deliveriesByAnswer(metrics: Metrics): Promise<Record<string, number>> {
  const metric = await metrics.registry.getSingleMetric('appconnect_deliveries_total')?.get();
  return Object.fromEntries((metric?.values ?? []).map(({ labels, value }) => [String(labels['answer']), value]));
}
