import { access } from 'node:fs/promises';
import type { ActivityInterceptorsFactory, NativeConnection, WorkflowBundleOption } from '@temporalio/worker';
import type { Logger } from 'pino';
import { createActivities } from '../activities/index.js';
import type { AppRules } from '../activities/policy.js';
import type { Config } from '../config/index.js';
import { createLogger } from '../config/logger.js';
import { productCallbackUrl } from '../contracts/callbacks.js';
import { type Clock, systemClock } from '../contracts/clock.js';
import type { FactName, LifecycleFact, Observer } from '../contracts/facts.js';
import { type AroundPort, bare } from '../contracts/ports.js';
import { createProducts } from '../product/load.js';
import { createStore } from '../store/index.js';
import { assertMigrated } from '../store/migrations.js';
import { createSealer } from '../store/sealing.js';
import { createTalkdeskClient } from '../talkdesk/client.js';
import {
  assertKnownHosts,
  parseChange,
  parseInstalled,
  parseLogout,
  parseRotated,
  parseTrial,
  withoutSecrets,
} from '../talkdesk/events.js';
import { assertKeyFits } from '../talkdesk/private-key.js';
import { createRegions, SHIPPED_REGIONS } from '../talkdesk/regions.js';
import { buildWorkflowBundle } from './build-bundle.js';
import { untilTemporalTakesIt } from './connect.js';
import { createWorker } from './create-worker.js';
import { keptWorkflowBundle } from './kept-bundle.js';
import { installRuntimeLogger } from './runtime-logger.js';

/** For what was accepted for an app that is no longer in APPS_FILE: it goes on as it would have without rules. */
const NO_RULES: AppRules = { policy: [], seats: 'assignment-order' };

/** Facts that a person must know of: something waits for them, or a customer did not get what was asked for. */
const NEEDS_PERSON: ReadonlySet<FactName> = new Set(['parked', 'warned', 'contradicted', 'expired']);

/** A running worker. */
export interface RunningWorker {
  /** Shared with an ingress in the same process, runs are started eagerly over it. */
  connection: NativeConnection;
  /** Settles when the worker has ended: rejects when it failed. */
  done: Promise<void>;
  /** Lets running activities end, then closes everything that `startWorker` opened. */
  stop(): Promise<void>;
}

export interface WorkerOptions {
  observe?: Observer;
  now?: Clock;
  log?: Logger;
  /** The bundled workflows; by default the prebuilt bundle of the configuration, or one built now from the source. */
  workflowBundle?: WorkflowBundleOption;
  /** File that keeps a bundle built from the source for the next start; without it, one is built at each start. */
  keepBundleIn?: string;
  /** Hears that the bundle is there: building one takes seconds, on a busy machine half a minute. */
  onBundled?: () => void;
  /** Ends the waiting for a Temporal server that is away. */
  signal?: AbortSignal;
  /** Around every attempt of an activity; tests move the clock here. */
  activityInterceptors?: ActivityInterceptorsFactory[];
  /** Around every port; by default nothing. */
  around?: AroundPort;
  /** Runs kept in memory between their tasks; few in tests only. */
  maxCachedWorkflows?: number;
}

/**
 * Starts a worker with everything its activities need. Waits while Temporal is away.
 *
 * @throws when the database lacks a migration, a product adapter cannot be loaded, or the workflow bundle is missing
 */
export async function startWorker(config: Config, options: WorkerOptions = {}): Promise<RunningWorker> {
  const log = options.log ?? createLogger({ level: config.logLevel });
  const now = options.now ?? systemClock;
  const around = options.around ?? bare;
  const closing: (() => Promise<void>)[] = [];
  const closeAll = async (): Promise<void> => {
    for (const close of closing.splice(0).reverse()) await close();
  };
  installRuntimeLogger(log);
  try {
    await assertMigrated(config.databaseUrl);
    const workflowBundle = options.workflowBundle ?? (await bundleOf(config, options.keepBundleIn));
    options.onBundled?.();
    const products = await createProducts(config.apps, { now, insecureHosts: config.insecureHosts });
    closing.push(() => products.close());
    const sealer = createSealer([...config.sealingKeys]);
    const store = createStore({ databaseUrl: config.databaseUrl, sealer, poolMax: config.databasePoolMax, log });
    closing.push(() => store.close());
    // The client's first statement takes as long as fifty later ones: not while a customer waits. Whether it works is not judged here.
    await store.inbox.probe().catch(() => undefined);
    const regions = createRegions([...SHIPPED_REGIONS, ...config.regions], config.insecureHosts);
    const talkdesk = createTalkdeskClient({
      regions,
      insecureHosts: config.insecureHosts,
      now,
      scopes: (appId) => [...(config.apps[appId]?.scopes ?? [])],
      tokenAuth: config.tokenAuth,
      log,
    });
    closing.push(async () => talkdesk.close());

    const activities = createActivities({
      processes: around('processes', store.processes),
      talkdesk: around('talkdesk', talkdesk),
      events: {
        parseInstalled: (rawBody) => parseInstalled(rawBody, regions),
        parseChange,
        parseRotated,
        parseTrial,
        parseLogout,
        assertKeyFits,
        withoutSecrets,
        assertKnownHosts: (event) => assertKnownHosts(event, regions),
      },
      productFor: (appId) => around('product', products.productFor(appId)),
      rulesFor: (appId) => config.apps[appId] ?? NO_RULES,
      regionOf: (apiRoot) => regions.regionOf(apiRoot),
      callbackUrlFor: (processId) =>
        config.publicUrl === null ? undefined : productCallbackUrl(config.publicUrl, processId),
      now,
      observe: loggedFacts(log, options.observe),
      random: Math.random,
    });
    const { namespace, taskQueue } = config.temporal;
    const { connection, worker } = await untilTemporalTakesIt(
      config.temporal,
      log,
      options.signal ?? new AbortController().signal,
      (connected) =>
        createWorker({
          connection: connected,
          namespace,
          taskQueue,
          workflowBundle,
          activities,
          warn: (warning) => log.warn(warning, 'a step keeps failing; its last failure is in the Web UI'),
          activityInterceptors: options.activityInterceptors ?? [],
          ...(options.maxCachedWorkflows === undefined ? {} : { maxCachedWorkflows: options.maxCachedWorkflows }),
        }),
    );
    closing.push(() => connection.close());
    const done = worker.run();
    log.info({ taskQueue, namespace }, 'worker is up');
    return {
      connection,
      done,
      async stop() {
        if (worker.getState() === 'RUNNING') worker.shutdown();
        await done.catch(() => undefined);
        await closeAll();
      },
    };
  } catch (error) {
    await closeAll();
    throw error;
  }
}

async function bundleOf(config: Config, keepIn: string | undefined): Promise<WorkflowBundleOption> {
  if (config.workflowBundle === null) {
    return keepIn === undefined ? await buildWorkflowBundle() : await keptWorkflowBundle(keepIn);
  }
  await access(config.workflowBundle).catch(() => {
    throw new Error(`WORKFLOW_BUNDLE: ${config.workflowBundle} cannot be read. Build it with: npm run build`);
  });
  return { codePath: config.workflowBundle };
}

/** Facts are worth a log line each; a person watching may want them, too. */
function loggedFacts(log: Logger, observe: Observer = () => undefined): Observer {
  return (fact: LifecycleFact) => {
    const { name, installationId, eventId, note } = fact;
    log[NEEDS_PERSON.has(name) ? 'warn' : 'info']({ installationId, eventId, note }, name);
    observe(fact);
  };
}
