import type { VirtualClock } from './clock.js';
import type { TrialEndings } from './due.js';
import type { Deliverer } from '../events/delivery.js';
import type { EventRecord, Events, EventWish } from '../events/events.js';
import { randomId } from './ids.js';
import { wholeSeconds } from '../routes/reply.js';
import type { Switches } from './switches.js';
import type { Installation, Process, Trial, TrialEnd } from './world.js';

/** A trial lasts thirty days from the approval (talkdesk-api.md 7.4). */
const trialMs = 30 * 86_400_000;

/** The trials of installations, and their events (talkdesk-api.md 7.4). */
export interface Trials {
  /** Starts a trial, whatever there was before; it ends by itself at its expiry. */
  start(installation: Installation, wish: EventWish, expiresAt?: Date): EventRecord;
  /** Moves the expiry of the trial under way. */
  extend(installation: Installation, trial: Trial, wish: EventWish, expiresAt: Date): EventRecord;
  /** Ends the trial under way, at the time of the event. */
  end(installation: Installation, trial: Trial, wish: EventWish, reason: TrialEnd): EventRecord;
  /** Lets the trial end when the process of this event is approved, and not when it is rejected or lapses. */
  endWhenApproved(eventId: string, reason: TrialEnd): void;
  /** By event: why the trial is to end once its process is approved. */
  readonly endings: TrialEndings;
  /** Waits again for the end of the trial under way. */
  resume(installation: Installation): void;
  /** What a process that ended does to the trial: a first approval starts one. Resolves when its event was sent once. */
  settled(installation: Installation, process: Process): Promise<void> | undefined;
}

/** The trial under way, undefined when there is none. */
export function activeTrial({ trial }: Installation): Trial | undefined {
  return trial?.ended === null ? trial : undefined;
}

/** Trials on this clock; what they do by themselves is sent, or only prepared, as the switch `trial_events` says. */
export function createTrials(deps: {
  clock: VirtualClock;
  events: Events;
  deliverer: Deliverer;
  switches: Switches;
}): Trials {
  const { clock, events, deliverer, switches } = deps;
  const endings: TrialEndings = new Map();

  function expireAt(installation: Installation, trial: Trial): void {
    const { expiresAt } = trial;
    clock.schedule(expiresAt, { what: 'trial-end', installationId: installation.id }, () => {
      // Extended, ended or replaced in the meantime: another expiry counts, or none.
      if (activeTrial(installation) !== trial || trial.expiresAt !== expiresAt) return;
      return byItself((wish) => end(installation, trial, wish, 'trial_expired'), expiresAt);
    });
  }

  function start(installation: Installation, wish: EventWish, expiresAt?: Date): EventRecord {
    const startedAt = wish.createdAt;
    const trial: Trial = { startedAt, expiresAt: expiresAt ?? new Date(startedAt.getTime() + trialMs), ended: null };
    installation.trial = trial;
    expireAt(installation, trial);
    return events.make(installation, wish, (bodies) => bodies.trialStarted(installation, trial, wish));
  }

  function end(installation: Installation, trial: Trial, wish: EventWish, reason: TrialEnd): EventRecord {
    trial.ended = { at: wish.createdAt, reason };
    if (reason === 'trial_expired' && switches.trial_over_state === 'suspended' && installation.state === 'completed') {
      installation.state = 'suspended';
      installation.stateReason = null;
      installation.stateUpdatedAt = wish.createdAt;
    }
    return events.make(installation, wish, (bodies) => bodies.trialEnded(installation, trial, wish));
  }

  function byItself(make: (wish: EventWish) => EventRecord, at = clock.now()): Promise<void> | undefined {
    const event = make({ eventId: randomId(), createdAt: wholeSeconds(at), merge: undefined });
    return switches.trial_events === 'sent' ? deliverer.start(event) : undefined;
  }

  return {
    start,
    extend(installation, trial, wish, expiresAt) {
      trial.expiresAt = expiresAt;
      expireAt(installation, trial);
      return events.make(installation, wish, (bodies) => bodies.trialExtended(installation, trial, wish));
    },
    end,
    endWhenApproved(eventId, reason) {
      endings.set(eventId, reason);
    },
    endings,
    resume(installation) {
      const trial = activeTrial(installation);
      if (trial !== undefined) expireAt(installation, trial);
    },
    settled(installation, process) {
      const reason = endings.get(process.eventId);
      endings.delete(process.eventId);
      if (process.ended?.how !== 'approved' && process.ended?.how !== 'deprovisioned') return;
      if (process.kind === 'install' && installation.settings.plan.type === 'trial') {
        return byItself((wish) => start(installation, wish));
      }
      const trial = activeTrial(installation);
      if (reason === undefined || trial === undefined) return;
      return byItself((wish) => end(installation, trial, wish, reason));
    },
  };
}
