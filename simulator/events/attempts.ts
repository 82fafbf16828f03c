import { describeDeliveryFault } from '../faults/describe.js';
import { forgeLinks } from '../faults/links.js';
import type { DeliveryFault } from '../faults/schema.js';
import { parseJson } from '../routes/parse-json.js';
import type { VirtualClock } from '../world/clock.js';
import type { SignRequest, Switches } from '../world/switches.js';
import type { Attempt, EventRecord } from './events.js';
import { send, sendAndCrash } from './send.js';
import type { Signer } from './signing.js';

/** The faults of a single attempt. */
export type AttemptFault = Extract<DeliveryFault, { kind: 'signature' | 'crash' | 'timeout' | 'forged-links' }>;

/** How one attempt differs from an ordinary one. */
export interface AttemptOptions {
  readonly scheduled: boolean;
  readonly copy?: boolean;
  readonly sign?: SignRequest;
  readonly callbackUrl?: string;
  readonly fault?: AttemptFault | undefined;
}

/** Makes one attempt and keeps it with its event. */
export type MakeAttempt = (event: EventRecord, options: AttemptOptions) => Promise<Attempt>;

/**
 * Attempts that are signed with the key of their moment.
 * @param deps.nextNumber the next number of the log
 */
export function createAttempts(deps: {
  clock: VirtualClock;
  signer: Signer;
  switches: Switches;
  nextNumber: () => number;
}): MakeAttempt {
  const { clock, signer, switches, nextNumber } = deps;
  return async (event, { scheduled, copy = false, sign: asked, callbackUrl, fault }) => {
    const sign = fault?.kind === 'signature' ? fault.sign : asked;
    const body = fault?.kind === 'forged-links' ? forged(event.body, fault) : event.body;
    const signed = signer.sign({ body, region: event.region }, sign);
    const made: Attempt = {
      n: nextNumber(),
      at: clock.now(),
      status: null,
      ms: 0,
      error: null,
      delivered: false,
      scheduled,
      copy,
      tamper: sign?.tamper ?? switches.sign.tamper,
      fault: fault === undefined ? null : describeDeliveryFault(fault),
    };
    event.attempts.push(made);
    const startedMs = performance.now();
    const url = callbackUrl ?? event.target.callbackUrl;
    const timeoutMs = fault?.kind === 'timeout' ? fault.timeout_ms : switches.delivery_timeout_ms;
    const sent = await (fault?.kind === 'crash' ? sendAndCrash : send)(url, signed, timeoutMs);
    made.status = sent.status;
    made.error = sent.error;
    if (sent.status !== null) {
      made.delivered =
        switches.delivered_by === 'only-200' ? sent.status === 200 : sent.status >= 200 && sent.status < 300;
      if (!made.delivered) made.error = `the callback URL answered ${sent.status}`;
    }
    made.ms = Math.round((performance.now() - startedMs) * 100) / 100;
    return made;
  };
}

/** Bytes that are no JSON have no links. */
function forged(body: Buffer, fault: Extract<AttemptFault, { kind: 'forged-links' }>): Buffer {
  const parsed = parseJson(body);
  return parsed === undefined ? body : Buffer.from(JSON.stringify(forgeLinks(parsed, fault)));
}
