import type { RequestHandler } from 'express';
import type { Logger } from 'pino';
import type { Inbox } from '../store/types.js';
import type { TokenBucket } from '../talkdesk/token-bucket.js';
import { type Answer, BODY_ANSWERS, comeAgain, sendAnswer } from './answer.js';
import { messageOf } from './errors.js';
import { withinLimit } from './limit.js';
import type { Metrics } from './metrics.js';
import { type BodyLimits, BodyRefusedError, createBodyReader } from './read-body.js';
import type { LifecycleStarter } from './temporal.js';

/** Whatever a product sends along is read and dropped: the process id in the path says everything. */
const BODY_LIMITS: BodyLimits = { maxBytes: 1_024, timeoutMs: 5_000, maxHeldBytes: 1_024 };
/** Guard over the store, which answers within 3 s by itself and then says why it could not. */
const STORE_LIMIT_MS = 3_200;
/** Longer than any process id: an event id has at most 128 characters. Control characters are in none. */
const PROCESS_ID = /^\P{Cc}{1,200}$/u;
const UNKNOWN: Answer = { status: 404, text: 'no process waits under this address' };

/** What the callback route works with. */
export interface CallbackDeps {
  inbox: Pick<Inbox, 'tenantOfOpenProcess'>;
  starter: Pick<LifecycleStarter, 'startOrWake'>;
  /** How often it may be called, by all products together. */
  callbackRate: TokenBucket;
  /** The same for one process: each callback is a signal, of which a run takes ten thousand. */
  callbackRateOf(processId: string): TokenBucket;
  metrics: Metrics;
  log: Logger;
}

/**
 * Lets a product that answered `pending` say that it is ready: wakes the run of the process, which then asks it at once. Carries no
 * fact, so it needs no proof of who calls: a process id is not guessable, and wake-ups are bounded, in all and for each process. 202 once the
 * run is told; 404 for a process that is not known or has ended; 429 over a rate; 503 while PostgreSQL or Temporal is away.
 */
export function createProductCallback(deps: CallbackDeps): RequestHandler<{ processId: string }> {
  const reader = createBodyReader(BODY_LIMITS);

  async function answerTo(readBody: () => Promise<Buffer>, processId: string, log: Logger): Promise<Answer> {
    if (!deps.callbackRate.take(1)) {
      return { status: 429, text: 'too many callbacks, come again', headers: { 'Retry-After': '5' } };
    }
    try {
      await readBody();
    } catch (error) {
      if (!(error instanceof BodyRefusedError)) throw error;
      return BODY_ANSWERS[error.problem];
    }
    if (!PROCESS_ID.test(processId)) return UNKNOWN;
    try {
      const found = await withinLimit('the store', STORE_LIMIT_MS, deps.inbox.tenantOfOpenProcess(processId));
      if (found === null) return UNKNOWN;
      if (!deps.callbackRateOf(processId).take(1)) {
        return {
          status: 429,
          text: 'too many callbacks of this process; it is polled',
          headers: { 'Retry-After': '600' },
        };
      }
      const result = await deps.starter.startOrWake({ ...found, type: 'product-callback' }, { durableFirst: false });
      log.info({ processId, installationId: found.installationId, result }, 'product called back');
      return { status: 202 };
    } catch (error) {
      log.warn(
        { processId, reason: messageOf(error) },
        'callback of a product not passed on; it is polled all the same',
      );
      return comeAgain('the callback cannot be passed on now, come again');
    }
  }

  return async (req, res) => {
    const log = deps.log.child({ requestId: res.locals['requestId'] });
    const readBody = () => reader.read(req, res, { keep: false });
    const answer = await answerTo(readBody, req.params.processId, log);
    sendAnswer(req, res, answer);
    deps.metrics.callback(answer.status);
  };
}
