import type { VirtualClock } from './clock.js';
import type { Attempt, EventRecord } from './events.js';
import type { Signer } from './signing.js';
import type { SignRequest, Switches } from './switches.js';

/** Sends events to the partner's callback URL. */
export interface Deliverer {
  /**
   * Starts the schedule: now, 5 minutes later, 10 minutes after that; ends with the first success (talkdesk-api.md 1.5).
   * Resolves after the first attempt.
   */
  start(event: EventRecord): Promise<void>;
  /** Starts one schedule after the other, each when the first attempt of the one before has ended. */
  startInOrder(events: readonly EventRecord[]): void;
  /** One attempt at once, outside the schedule, which goes on as it was: so an event can be delivered twice. */
  once(event: EventRecord, options: { sign?: SignRequest; callbackUrl?: string }): Promise<Attempt>;
}

const minuteMs = 60_000;
/** After the third attempt the event is given up (talkdesk-api.md 1.5). */
const attemptsMax = 3;

/** A deliverer that signs each attempt with the key of that moment and follows no redirect. */
export function createDeliverer(deps: { clock: VirtualClock; signer: Signer; switches: Switches }): Deliverer {
  const { clock, signer, switches } = deps;

  async function attempt(
    event: EventRecord,
    options: { scheduled: boolean; sign?: SignRequest; callbackUrl?: string },
  ): Promise<Attempt> {
    const signed = signer.sign(event.body, options.sign);
    const made: Attempt = {
      at: clock.now(),
      status: null,
      ms: 0,
      error: null,
      delivered: false,
      scheduled: options.scheduled,
    };
    event.attempts.push(made);
    const startedMs = performance.now();
    try {
      const response = await fetch(options.callbackUrl ?? event.target.callbackUrl, {
        method: 'POST',
        headers: { 'content-type': 'application/json', 'user-agent': 'talkdesk-simulator', ...signed.headers },
        body: signed.body,
        redirect: 'manual',
        signal: AbortSignal.timeout(switches.delivery_timeout_ms),
      });
      await response.arrayBuffer();
      made.status = response.status;
      made.delivered = switches.delivered_by === 'only-200' ? response.status === 200 : response.ok;
      if (!made.delivered) made.error = `the callback URL answered ${response.status}`;
    } catch (error) {
      made.status = null;
      made.error = describe(error, switches.delivery_timeout_ms);
    }
    made.ms = Math.round((performance.now() - startedMs) * 100) / 100;
    return made;
  }

  async function attemptScheduled(event: EventRecord, number: number, scheduleStart?: Date): Promise<void> {
    event.nextAttemptAt = null;
    const made = await attempt(event, { scheduled: true });
    const firstAt = scheduleStart ?? made.at;
    if (made.delivered || number >= attemptsMax) return;
    const afterMinutes = number === 1 ? 5 : switches.third_attempt_minutes;
    // Counted from the planned times, so that a slow attempt does not shift the next one.
    const at = new Date(firstAt.getTime() + afterMinutes * minuteMs);
    event.nextAttemptAt = at;
    clock.schedule(at, () => attemptScheduled(event, number + 1, firstAt));
  }

  function start(event: EventRecord): Promise<void> {
    const first = attemptScheduled(event, 1);
    clock.track(first);
    return first;
  }

  return {
    start,
    startInOrder(events) {
      const all = async () => {
        for (const event of events) await start(event);
      };
      clock.track(all());
    },
    once: (event, options) => attempt(event, { ...options, scheduled: false }),
  };
}

function describe(error: unknown, timeoutMs: number): string {
  if (!(error instanceof Error)) return 'the request failed';
  if (error.name === 'TimeoutError') return `no answer within ${timeoutMs} ms`;
  const cause = error.cause as { code?: string; message?: string } | undefined;
  return `no connection or no whole answer: ${cause?.code ?? cause?.message ?? error.message}`;
}
