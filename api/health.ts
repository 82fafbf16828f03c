import express, { type Express, type RequestHandler } from 'express';
import helmet from 'helmet';
import type { Logger } from 'pino';
import type { Inbox } from '../store/types.js';
import { CLOCK_PATH } from './clock-route.js';
import { createErrorHandler, messageOf } from './errors.js';
import { withinLimit } from './limit.js';
import type { Metrics } from './metrics.js';

/** A probe's result is used for this long, so that many probes cost the database one write a second. */
const PROBE_CACHE_MS = 1_000;
const PROBE_LIMIT_MS = 3_000;

/** What `/readyz` says. */
interface Readiness {
  ready: boolean;
  words: string;
}

/**
 * Health and metrics, for the ops listener. `/livez`: the process serves requests. `/readyz`: it can commit to the inbox; says in
 * words what is wrong otherwise. Temporal is no part of it: deliveries are accepted without. `/metrics`: Prometheus text. In development
 * `/dev/clock`, too, where the time is told.
 */
export function createHealth(deps: {
  inbox: Pick<Inbox, 'probe'>;
  metrics: Metrics;
  /** True once the process has begun to stop. */
  isStopping: () => boolean;
  /** Development only. */
  clockRoute?: RequestHandler | undefined;
  log: Logger;
}): Express {
  const readiness = createReadiness(deps.inbox);
  const app = express();
  app.set('query parser', false);
  app.use(helmet());
  app.get('/livez', (_req, res) => {
    res.type('text/plain').send('alive\n');
  });
  app.get('/readyz', async (_req, res) => {
    const { ready, words } = deps.isStopping() ? { ready: false, words: 'stopping' } : await readiness();
    res
      .status(ready ? 200 : 503)
      .set('Cache-Control', 'no-store')
      .type('text/plain')
      .send(`${words}\n`);
  });
  app.get('/metrics', async (_req, res) => {
    res.set('Content-Type', deps.metrics.registry.contentType).send(await deps.metrics.registry.metrics());
  });
  if (deps.clockRoute !== undefined) app.put(CLOCK_PATH, express.json({ limit: '4kb' }), deps.clockRoute);
  app.use(createErrorHandler(deps.log));
  return app;
}

/** Probes the inbox, once at a time and not more often than the cache allows. */
function createReadiness(inbox: Pick<Inbox, 'probe'>): () => Promise<Readiness> {
  let latest: { atMs: number; result: Promise<Readiness> } | undefined;

  async function probe(): Promise<Readiness> {
    try {
      await withinLimit('the inbox', PROBE_LIMIT_MS, inbox.probe());
      return { ready: true, words: 'ready' };
    } catch (error) {
      return { ready: false, words: `not ready: the inbox cannot commit (${messageOf(error)})` };
    }
  }

  return async () => {
    const atMs = performance.now();
    if (latest === undefined || atMs - latest.atMs > PROBE_CACHE_MS) latest = { atMs, result: probe() };
    return await latest.result;
  };
}
