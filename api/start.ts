import type { ConnectionLike } from '@temporalio/client';
import type { Logger } from 'pino';
import { collectDefaultMetrics } from 'prom-client';
import type { Config } from '../config/index.js';
import { createLogger } from '../config/logger.js';
import { type Clock, systemClock } from '../contracts/clock.js';
import type { Observer } from '../contracts/facts.js';
import { type AroundPort, bare } from '../contracts/ports.js';
import { createStore } from '../store/index.js';
import { assertMigrated } from '../store/migrations.js';
import { createSealer } from '../store/sealing.js';
import { readEnvelope } from '../talkdesk/envelope.js';
import { createHttpClient } from '../talkdesk/http.js';
import { createRegions, SHIPPED_REGIONS } from '../talkdesk/regions.js';
import { createDeliveryVerifier } from '../talkdesk/signature-keys.js';
import { createRates, createTokenBucket } from '../talkdesk/token-bucket.js';
import { createApp } from './app.js';
import { createClockRoute } from './clock-route.js';
import type { DevelopmentClock } from './development-clock.js';
import { createDispatcher } from './dispatcher.js';
import { createHealth } from './health.js';
import { type Listener, listen } from './listen.js';
import { createMetrics } from './metrics.js';
import type { BodyLimits } from './read-body.js';
import { createSweeper } from './sweeper.js';
import { createLifecycleStarter, createTemporalClient } from './temporal.js';
import { createRunTime } from './temporal-time.js';

/** Real deliveries are about 2 KB. */
const BODY_LIMITS: BodyLimits = { maxBytes: 2 * 1024 * 1024, timeoutMs: 5_000, maxHeldBytes: 64 * 1024 * 1024 };
/** Callbacks of products: each costs one look at the store and one signal. */
const CALLBACK_RATE = { capacity: 100, perSecond: 20 };
/** For one process: about a thousand in its seven days. */
const PROCESS_CALLBACK_RATE = { capacity: 20, perSecond: 1 / 600 };
/** Hand-overs right after the acknowledgement; what comes on top waits for the sweeper. */
const MAX_DISPATCHES_IN_FLIGHT = 64;
/** A start normally takes milliseconds; when it does not, the sweeper is the better place to wait. */
const TEMPORAL_DEADLINE_MS = 1_500;
/** Time for running requests at a stop: longer than a request may take, shorter than the 30 s platforms usually give. */
const REQUEST_GRACE_MS = 15_000;
const DRAIN_MS = 3_000;

/** A running ingress. */
export interface RunningApi {
  /** Base URL of the ingress listener. */
  ingressUrl: string;
  /** Base URL of the ops listener. */
  opsUrl: string;
  /** Starts runs eagerly from now on, over the connection of a worker in this process. Not closed by `stop`. */
  shareConnection(connection: ConnectionLike): void;
  /** Finishes what is under way, then closes everything that `startApi` opened. */
  stop(): Promise<void>;
}

/** What the process around the ingress may replace. */
export interface ApiOptions {
  observe?: Observer;
  now?: Clock;
  log?: Logger;
  /** Around every port; by default nothing. */
  around?: AroundPort;
  /** A clock that can be told the time, for development: it is then the service's, whatever `now` says. */
  developmentClock?: DevelopmentClock | undefined;
}

/**
 * Starts the ingress: both listeners, dispatcher and sweeper. Temporal may be down. Throws, with one sentence and everything
 * closed again, when the database lacks a migration or does not answer, or an address cannot be listened on.
 */
export async function startApi(config: Config, options: ApiOptions = {}): Promise<RunningApi> {
  const log = options.log ?? createLogger({ level: config.logLevel });
  const { developmentClock, around = bare } = options;
  const now = developmentClock?.now ?? options.now ?? systemClock;
  /** What to close, last opened first. */
  const closing: (() => Promise<void>)[] = [];
  const stopAll = async (): Promise<void> => {
    for (const close of closing.splice(0).reverse()) await close();
  };
  let stopping = false;

  try {
    await assertMigrated(config.databaseUrl);
    const sealer = createSealer([...config.sealingKeys]);
    const store = createStore({ databaseUrl: config.databaseUrl, sealer, poolMax: config.databasePoolMax, log });
    closing.push(() => store.close());
    // The client's first statement takes as long as fifty later ones: not while a customer waits. Whether it works is not judged here.
    await store.inbox.probe().catch(() => undefined);

    const regions = createRegions([...SHIPPED_REGIONS, ...config.regions], config.insecureHosts);
    const http = createHttpClient({ insecureHosts: config.insecureHosts });
    const signatureKeys = around('signatureKeys', store.signatureKeys);
    const verifier = createDeliveryVerifier({ regions, http, store: signatureKeys, now, log });
    verifier.start();
    closing.push(async () => verifier.stop());

    const { namespace, taskQueue, connectionOptions } = config.temporal;
    const temporal = createTemporalClient({ connectionOptions, namespace });
    closing.push(() => temporal.close());
    const { client } = temporal;
    const runTime =
      developmentClock === undefined
        ? undefined
        : createRunTime({ client, namespace, taskQueue, now, aheadMs: developmentClock.aheadMs });
    const deadlineMs = TEMPORAL_DEADLINE_MS;
    const inTime = runTime?.startingInTime;
    const starter = around('temporal', createLifecycleStarter({ client, taskQueue, namespace, deadlineMs, inTime }));

    const metrics = createMetrics();
    collectDefaultMetrics({ register: metrics.registry });
    const inbox = around('inbox', store.inbox);
    const dispatcher = createDispatcher({ starter, inbox, metrics, log, maxInFlight: MAX_DISPATCHES_IN_FLIGHT });
    const sweeper = createSweeper({ inbox, dispatcher, starter, metrics, log, intervalMs: config.sweepIntervalMs });
    closing.push(() => sweeper.stop());
    closing.push(() => dispatcher.drain(DRAIN_MS));

    const clockRoute =
      developmentClock &&
      runTime &&
      createClockRoute({ clock: developmentClock, runTime, dispatcher, host: config.ops.host });
    const health = createHealth({ inbox, metrics, isStopping: () => stopping, clockRoute, log });
    const ops = await listen(health, { ...config.ops, settings: 'OPS_HOST and OPS_PORT' });
    closing.push(() => ops.stop(0));
    const app = createApp({
      inbox,
      verifier,
      readEnvelope,
      dispatcher,
      isKnownApp: (appId) => Object.hasOwn(config.apps, appId),
      bodyLimits: BODY_LIMITS,
      starter,
      callbackRate: createTokenBucket({ ...CALLBACK_RATE, now: systemClock }),
      callbackRateOf: createRates({ ...PROCESS_CALLBACK_RATE, now: systemClock }),
      metrics,
      now,
      observe: options.observe ?? (() => undefined),
      log,
    });
    const ingress: Listener = await listen(app, { ...config.ingress, settings: 'HOST and PORT' });
    closing.push(() => ingress.stop(REQUEST_GRACE_MS));
    sweeper.start();
    log.info({ ingressUrl: ingress.url, opsUrl: ops.url }, 'ingress is up');
    return {
      ingressUrl: ingress.url,
      opsUrl: ops.url,
      shareConnection: (connection) => starter.shareConnection(connection),
      async stop() {
        stopping = true;
        await stopAll();
      },
    };
  } catch (error) {
    await stopAll();
    throw error;
  }
}
