import { createDevelopmentClock } from '../api/development-clock.js';
import { startApi } from '../api/start.js';
import type { Config } from '../config/index.js';
import { createLogger } from '../config/logger.js';
import { type RunningWorker, startWorker, type WorkerOptions } from '../worker/start.js';
import { retriesByStep } from './retries-by-step.js';

/** Ingress and worker, running in this process. */
export interface RunningService {
  ingressUrl: string;
  opsUrl: string;
  /** Settles with the worker: rejects when it fails, so that the process can end and be restarted. */
  done: Promise<void>;
  /** Resolves once the worker polls; rejects when it cannot be created. */
  working: Promise<void>;
  /** Stops the ingress first, then the worker. */
  stop(): Promise<void>;
}

/** What may be replaced by the process around the service; the ingress takes the same, but for what only a worker has. */
export type ServiceOptions = Omit<WorkerOptions, 'signal'>;

/**
 * Starts ingress and worker in one process over one connection, so that runs start eagerly. The ingress accepts at once; the worker
 * follows when Temporal answers.
 *
 * @throws when the ingress cannot be started
 */
export async function startService(config: Config, options: ServiceOptions = {}): Promise<RunningService> {
  const log = options.log ?? createLogger({ level: config.logLevel });
  const developmentClock = config.developmentClock ? createDevelopmentClock() : undefined;
  if (developmentClock !== undefined)
    log.warn('DEVELOPMENT_CLOCK: whoever reaches the ops listener can move the clock');
  const given = { ...options, ...(developmentClock && { now: developmentClock.now }), log };
  const api = await startApi(config, { ...given, developmentClock });
  const stopping = new AbortController();
  const activityInterceptors = [
    ...(options.activityInterceptors ?? []),
    ...(developmentClock === undefined ? [] : [retriesByStep(() => developmentClock.headingForMs)]),
  ];
  const starting = startWorker(config, { ...given, activityInterceptors, signal: stopping.signal }).then((worker) => {
    api.shareConnection(worker.connection);
    return worker;
  });
  const done = starting
    .then((worker) => worker.done)
    .catch((error: unknown) => {
      if (!stopping.signal.aborted) throw error;
    });
  // A failure is the caller's to see through `done` or `working`; nobody has to look at both.
  done.catch(() => undefined);
  const working = starting.then(() => undefined);
  working.catch(() => undefined);
  return {
    ingressUrl: api.ingressUrl,
    opsUrl: api.opsUrl,
    done,
    working,
    async stop() {
      stopping.abort();
      const worker: RunningWorker | null = await starting.catch(() => null);
      await api.stop();
      await worker?.stop();
    },
  };
}
