import { describeDeliveryFault } from '../faults/describe.js';
import { durationMs } from '../faults/duration.js';
import type { Faults } from '../faults/faults.js';
import type { DeliveryFault } from '../faults/schema.js';
import type { VirtualClock } from '../world/clock.js';
import type { Due } from '../world/due.js';
import type { SignRequest, Switches } from '../world/switches.js';
import { createAttempts } from './attempts.js';
import type { Attempt, EventRecord } from './events.js';
import type { Signer } from './signing.js';

/** What of an event can wait for its time. */
export type DeliveryDue = Extract<Due, { what: 'delivery' | 'put-off-delivery' | 'attempt' | 'copy' }>;

/** Sends events to the partner's callback URL. */
export interface Deliverer {
  /**
   * Starts the schedule: now, 5 minutes later, 10 minutes after that; ends with the first success (talkdesk-api.md 1.5).
   * Resolves after the first attempt, or at once where a fault puts it off. Delivery faults hit what is delivered so, and only that.
   */
  start(event: EventRecord): Promise<void>;
  /** Starts one schedule after the other, each when the first attempt of the one before has ended. */
  startInOrder(events: readonly EventRecord[]): void;
  /** Starts the schedule at a time of the clock. */
  startAt(at: Date, event: EventRecord): void;
  /** Waits again for something of an event that was due. */
  resume(event: EventRecord, at: Date, due: DeliveryDue): void;
  /** Nothing waits any more until another event was delivered. */
  forgetHeld(): void;
  /** One attempt at once, outside the schedule, which goes on as it was: so an event can be delivered twice. */
  once(event: EventRecord, options: { sign?: SignRequest; callbackUrl?: string }): Promise<Attempt>;
}

const minuteMs = 60_000;
/** After the third attempt the event is given up (talkdesk-api.md 1.5). */
const attemptsMax = 3;
/** How long a reordered event waits for the next one, unless said. */
const heldAtMost = '1h';

/** A deliverer that signs each attempt with the key of that moment and follows no redirect. */
export function createDeliverer(deps: {
  clock: VirtualClock;
  signer: Signer;
  switches: Switches;
  faults: Faults;
  nextNumber: () => number;
}): Deliverer {
  const { clock, switches, faults, nextNumber } = deps;
  const attempt = createAttempts(deps);
  /** By installation: what waits until another event of it was delivered. */
  const held = new Map<string | null, Array<{ event: EventRecord; release: () => Promise<void> }>>();

  async function attemptScheduled(event: EventRecord, number: number, scheduleStart?: Date): Promise<void> {
    event.nextAttemptAt = null;
    const kinds = ['signature', 'duplicate', 'crash', 'timeout', 'forged-links'] as const;
    const fault = faults.drawDelivery(event, kinds);
    const isDuplicated = fault?.kind === 'duplicate';
    const first = attempt(event, { scheduled: true, fault: isDuplicated ? undefined : fault });
    const copies = isDuplicated ? sendCopies(event, fault) : [];
    const made = await first;
    await Promise.all(copies);
    const firstAt = scheduleStart ?? made.at;
    if (made.delivered) await releaseHeld(event);
    if (made.delivered || number >= attemptsMax) return;
    const afterMinutes = number === 1 ? 5 : switches.third_attempt_minutes;
    // Counted from the planned times, so that a slow attempt does not shift the next one.
    const at = new Date(firstAt.getTime() + afterMinutes * minuteMs);
    retryAt(at, event, number + 1, firstAt);
  }

  function retryAt(at: Date, event: EventRecord, number: number, firstAt: Date): void {
    const due = { what: 'attempt', eventId: event.id, number, firstAt: firstAt.toISOString() } as const;
    event.nextAttemptAt = at;
    clock.schedule(at, due, () => attemptScheduled(event, number, firstAt));
  }

  function startAt(at: Date, event: EventRecord): void {
    event.nextAttemptAt = at;
    clock.schedule(at, { what: 'delivery', eventId: event.id }, () => start(event));
  }

  function copyAt(at: Date, event: EventRecord): void {
    clock.schedule(at, { what: 'copy', eventId: event.id }, () => attempt(event, { scheduled: false, copy: true }));
  }

  /** A copy is an ordinary delivery, to be judged as one; it stands outside the schedule. */
  function sendCopies(event: EventRecord, fault: Extract<DeliveryFault, { kind: 'duplicate' }>): Promise<unknown>[] {
    const { copies = 1, delay } = fault;
    const numbers = Array.from({ length: copies }, (_, index) => index + 1);
    if (delay === undefined) return numbers.map(() => attempt(event, { scheduled: false, copy: true }));
    for (const number of numbers) {
      copyAt(new Date(clock.now().getTime() + number * durationMs(delay)), event);
    }
    return [];
  }

  /** Begins the schedule at a later time; a held event begins it with the next one of its installation, if that is earlier. */
  function putOff(event: EventRecord, at: Date, isHeld: boolean): void {
    event.nextAttemptAt = at;
    const begin = () => {
      forget(event);
      return attemptScheduled(event, 1);
    };
    const due = { what: 'put-off-delivery', eventId: event.id, held: isHeld } as const;
    const cancel = clock.schedule(at, due, begin);
    if (!isHeld) return;
    const release = () => {
      cancel();
      return begin();
    };
    held.set(event.installationId, [...(held.get(event.installationId) ?? []), { event, release }]);
  }

  function forget(event: EventRecord): void {
    const others = (held.get(event.installationId) ?? []).filter((waiting) => waiting.event !== event);
    if (others.length === 0) held.delete(event.installationId);
    else held.set(event.installationId, others);
  }

  async function releaseHeld(delivered: EventRecord): Promise<void> {
    for (const { event, release } of held.get(delivered.installationId) ?? []) {
      if (event !== delivered) await release();
    }
  }

  async function begin(event: EventRecord): Promise<void> {
    const fault = faults.drawDelivery(event, ['drop', 'delay', 'reorder']);
    if (fault === undefined) return attemptScheduled(event, 1);
    event.fault = describeDeliveryFault(fault);
    event.faultHit = { n: nextNumber(), at: clock.now() };
    const isHeld = fault.kind === 'reorder';
    const by = isHeld ? (fault.at_most ?? heldAtMost) : fault.kind === 'delay' ? fault.delay : undefined;
    if (by !== undefined) putOff(event, new Date(clock.now().getTime() + durationMs(by)), isHeld);
  }

  function start(event: EventRecord): Promise<void> {
    const first = begin(event);
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
    startAt,
    forgetHeld: () => held.clear(),
    resume(event, at, due) {
      if (due.what === 'attempt') retryAt(at, event, due.number, new Date(due.firstAt));
      else if (due.what === 'copy') copyAt(at, event);
      else if (due.what === 'put-off-delivery') putOff(event, at, due.held);
      else startAt(at, event);
    },
    async once(event, options) {
      const made = await attempt(event, { ...options, scheduled: false });
      if (made.delivered) await releaseHeld(event);
      return made;
    },
  };
}
