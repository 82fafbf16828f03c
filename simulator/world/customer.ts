import type { EventRecord, Events, EventWish } from '../events/events.js';
import { randomId } from './ids.js';
import type { Lifecycle } from './lifecycle.js';
import type { Pairing } from './switches.js';
import { activeTrial, type Trials } from './trials.js';
import { type CustomerSettings, type Installation, type TrialEnd, wantedUpdate } from './world.js';

/** What a customer's admin does to an installation that exists; each gives the events it causes, in their order, not yet sent. */
export interface Customer {
  /** Chooses other settings: an upgrade from a trial to a paid plan ends the trial. */
  update(installation: Installation, wanted: CustomerSettings, wish: EventWish, pairing: Pairing): EventRecord[];
  /** Uninstalls, which ends a trial, too. A reason that is undefined is left out. */
  uninstall(installation: Installation, reason: unknown, wish: EventWish, pairing: Pairing): EventRecord[];
}

/** A customer of this Talkdesk. */
export function createCustomer(deps: { events: Events; lifecycle: Lifecycle; trials: Trials }): Customer {
  const { events, lifecycle, trials } = deps;

  /** Either order of the two events is possible (talkdesk-api.md 7.4). */
  function withTrialEnd(
    installation: Installation,
    event: EventRecord,
    reason: TrialEnd,
    wish: EventWish,
    pairing: Pairing,
  ): EventRecord[] {
    const trial = activeTrial(installation);
    if (trial === undefined || pairing === 'none') return [event];
    if (pairing === 'on-approval') {
      trials.endWhenApproved(wish.eventId, reason);
      return [event];
    }
    const ending = { eventId: randomId(), createdAt: wish.createdAt, merge: undefined };
    const ended = trials.end(installation, trial, ending, reason);
    return pairing === 'before' ? [ended, event] : [event, ended];
  }

  return {
    update(installation, wanted, wish, pairing) {
      const from = wantedUpdate(installation) ?? installation.settings;
      lifecycle.update(installation, wish, wanted);
      const change = { from, to: wanted };
      const event = events.make(installation, wish, (bodies) => bodies.updated(installation, change, wish));
      if (from.plan.type !== 'trial' || wanted.plan.type !== 'paid') return [event];
      return withTrialEnd(installation, event, 'plan_upgraded', wish, pairing);
    },
    uninstall(installation, reason, wish, pairing) {
      lifecycle.uninstall(installation, wish);
      const event = events.make(installation, wish, (bodies) => bodies.uninstalled(installation, reason, wish));
      return withTrialEnd(installation, event, 'app_uninstalled', wish, pairing);
    },
  };
}
