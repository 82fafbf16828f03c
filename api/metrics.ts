import { Counter, Histogram, Registry } from 'prom-client';
import type { StartResult } from './temporal.js';

/** How a delivery was answered. */
export type DeliveryAnswer =
  | 'accepted'
  | 'duplicate'
  | 'conflict'
  | 'quarantined'
  | 'too-large'
  | 'too-slow'
  | 'busy'
  | 'aborted'
  | 'no-signature'
  | 'bad-signature'
  | 'keys-unavailable'
  | 'store-unavailable';

/** The ingress' counters, in a registry of their own. */
export interface Metrics {
  registry: Registry;
  /** One delivery was answered. */
  delivery(answer: DeliveryAnswer): void;
  /** A delivery was acknowledged after this many seconds. */
  acknowledged(seconds: number): void;
  /** One hand-over to Temporal ended so; `left` means it was left to the sweeper. */
  dispatch(result: StartResult | 'failed' | 'left'): void;
  /** A product's callback was answered with this status. */
  callback(status: number): void;
  /** The sweeper claimed this many events. */
  claimed(reason: 'undispatched' | 'audit', count: number): void;
}

/** Creates the counters. Nothing is shared between two calls. */
export function createMetrics(): Metrics {
  const registry = new Registry();
  const registers = [registry];
  const deliveries = new Counter({
    name: 'appconnect_deliveries_total',
    help: 'Webhook deliveries by answer',
    labelNames: ['answer'],
    registers,
  });
  const ackSeconds = new Histogram({
    name: 'appconnect_ack_duration_seconds',
    help: 'Time from the headers of a delivery to its acknowledgement',
    buckets: [0.001, 0.002, 0.004, 0.008, 0.016, 0.032, 0.064, 0.128, 0.25, 0.5, 1, 2, 5],
    registers,
  });
  const dispatches = new Counter({
    name: 'appconnect_dispatches_total',
    help: 'Hand-overs of events to Temporal by result',
    labelNames: ['result'],
    registers,
  });
  const callbacks = new Counter({
    name: 'appconnect_product_callbacks_total',
    help: 'Callbacks of products by status code of the answer',
    labelNames: ['status'],
    registers,
  });
  const claims = new Counter({
    name: 'appconnect_sweeper_claims_total',
    help: 'Events claimed by the sweeper by reason',
    labelNames: ['reason'],
    registers,
  });
  return {
    registry,
    delivery: (answer) => deliveries.inc({ answer }),
    acknowledged: (seconds) => ackSeconds.observe(seconds),
    dispatch: (result) => dispatches.inc({ result }),
    callback: (status) => callbacks.inc({ status }),
    claimed: (reason, count) => claims.inc({ reason }, count),
  };
}
