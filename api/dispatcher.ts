import { BrokenCircuitError, circuitBreaker, ConsecutiveBreaker, handleWhen } from 'cockatiel';
import type { Logger } from 'pino';
import type { DispatchItem, Inbox } from '../store/types.js';
import { messageOf } from './errors.js';
import type { Metrics } from './metrics.js';
import type { HandOverOptions, LifecycleStarter, StartResult } from './temporal.js';
import { TemporalError } from './temporal-errors.js';

/** Hand-overs in a row that Temporal did not answer, after which events are left to the sweeper at once. */
const AWAY_AFTER_FAILURES = 5;
/** Then one event is tried so often, to notice that Temporal is back. */
const RETRY_MS = 1_000;

/** Hands events to Temporal right after their acknowledgement. */
export interface Dispatcher {
  /**
   * Hands over in the background. Never throws; what fails, or comes while `maxInFlight` are on their way or while Temporal is known
   * to be away, is left to the sweeper. An event already on its way is not sent twice.
   */
  dispatch(item: DispatchItem): void;
  /** Hands over and marks it done. Throws `TemporalError` or the store's error; harmless to repeat. */
  handOver(item: DispatchItem, options: HandOverOptions): Promise<StartResult>;
  /** Waits until nothing is on its way, for `timeoutMs` at most. */
  drain(timeoutMs: number): Promise<void>;
}

/** Creates the dispatcher. */
export function createDispatcher(deps: {
  starter: LifecycleStarter;
  inbox: Pick<Inbox, 'markDispatched'>;
  metrics: Metrics;
  log: Logger;
  maxInFlight: number;
}): Dispatcher {
  const { starter, inbox, metrics, log } = deps;
  const inFlight = new Map<string, Promise<void>>();
  // A hand-over that fails costs as much as the acknowledgement before it: not for every event of an outage.
  const breaker = circuitBreaker(
    handleWhen((error) => error instanceof TemporalError && error.kind === 'unavailable'),
    { halfOpenAfter: RETRY_MS, breaker: new ConsecutiveBreaker(AWAY_AFTER_FAILURES) },
  );
  let away = false;
  breaker.onBreak(() => {
    if (!away) log.warn('Temporal does not answer: events are left to the sweeper until it does');
    away = true;
  });
  breaker.onReset(() => {
    away = false;
    log.info('Temporal answers again: events are handed over at once');
  });

  async function handOver(item: DispatchItem, options: HandOverOptions): Promise<StartResult> {
    try {
      // Asked before the start: should the server be emptied in between, the row carries the old id and is handed over again.
      const namespaceId = await starter.namespaceId();
      const result = await starter.startOrWake(item, options);
      await inbox.markDispatched(item.eventId, namespaceId);
      metrics.dispatch(result);
      return result;
    } catch (error) {
      metrics.dispatch('failed');
      throw error;
    }
  }

  async function dispatchOne(item: DispatchItem): Promise<void> {
    const names = { eventId: item.eventId, type: item.type, installationId: item.installationId };
    try {
      const result = await breaker.execute(() => handOver(item, { durableFirst: false }));
      log.debug({ ...names, result }, 'event handed over');
    } catch (error) {
      if (error instanceof BrokenCircuitError) {
        metrics.dispatch('left');
        return;
      }
      log.warn({ ...names, reason: messageOf(error) }, 'event not handed over; the sweeper will try again');
    }
  }

  return {
    handOver,
    dispatch(item) {
      if (inFlight.has(item.eventId)) return;
      if (inFlight.size >= deps.maxInFlight) {
        metrics.dispatch('left');
        return;
      }
      const work = dispatchOne(item).finally(() => inFlight.delete(item.eventId));
      inFlight.set(item.eventId, work);
    },
    async drain(timeoutMs) {
      let timer: NodeJS.Timeout | undefined;
      const limit = new Promise<void>((resolve) => {
        timer = setTimeout(resolve, timeoutMs);
      });
      await Promise.race([Promise.all(inFlight.values()), limit]);
      clearTimeout(timer);
    },
  };
}
