import type { Request, Router } from 'express';
import type { VirtualClock } from '../world/clock.js';
import { ControlProblem, found, readInput } from './problem.js';
import {
  type EventInput,
  logoutSchema,
  otherEventSchema,
  rotateSchema,
  trialEndSchema,
  trialExpirySchema,
  uninstallSchema,
  updateSchema,
} from './schemas.js';
import type { Customer } from '../world/customer.js';
import type { Deliverer } from '../events/delivery.js';
import type { EventRecord, Events } from '../events/events.js';
import type { createRotation } from '../world/rotation.js';
import type { Switches } from '../world/switches.js';
import { activeTrial, type Trials } from '../world/trials.js';
import { numberedUser } from '../world/users.js';
import { checkContainer, containerFor, readEventWish, readSettings } from './wish.js';
import { type Installation, type ResourceState, type Trial, type World, wantedUpdate } from '../world/world.js';

/** What the routes of an installation's life need. */
export interface ActionDeps {
  world: World;
  events: Events;
  customer: Customer;
  rotate: ReturnType<typeof createRotation>;
  trials: Trials;
  deliverer: Deliverer;
  clock: VirtualClock;
  switches: Switches;
}

/** An extension that names no end lasts as long as this; how long Talkdesk's are is not documented. */
const extensionMs = 14 * 86_400_000;

/** Lets one thing happen to an installation, with the body that its route takes; gives the route's answer. */
export type Perform = (installationId: string, body: unknown) => Promise<object>;
type ActionPath =
  | 'update'
  | 'uninstall'
  | 'rotate'
  | 'trial/start'
  | 'trial/extend'
  | 'trial/end'
  | 'logout'
  | 'events';
/** What can be let happen to an installation, by the end of its route's path. */
export type Actions = Record<ActionPath, Perform>;

/** Routes that let something happen to an installation: each makes its events, answers them in their order and sends them. */
export function addActionRoutes(router: Router, deps: ActionDeps): Actions {
  const { events, customer, trials, clock, switches } = deps;

  /** A route of an installation that gives the events it made. */
  function action(
    path: ActionPath,
    act: (installation: Installation, body: unknown) => Acted | Promise<Acted>,
  ): Perform {
    const perform: Perform = async (id, body) => {
      const installation = found(deps.world.installations.get(id), 'installation');
      const { made, deliver, more } = await act(installation, body);
      if (deliver !== false) deps.deliverer.startInOrder(made.filter((event) => isSent(event, made)));
      return {
        installation_id: installation.id,
        event_id: mainEvent(made)?.id,
        events: made.map(({ id: event_id, type }) => ({ event_id, type })),
        ...more,
      };
    };
    router.post(`/installations/:installation_id/${path}`, async (request: Request, response) => {
      response.status(201).json(await perform(String(request.params['installation_id']), request.body));
    });
    return perform;
  }

  /** A trial event that comes along with another one goes as the switch says, like every one that nobody asked for. */
  function isSent(event: EventRecord, made: EventRecord[]): boolean {
    return event === mainEvent(made) || switches.trial_events === 'sent';
  }

  /** @throws ControlProblem 400 for a time that is over: a trial ends by itself when its time comes */
  function readExpiry(text: string): Date {
    const now = clock.now();
    const expiry = new Date(text);
    if (expiry > now) return expiry;
    throw new ControlProblem(400, `expires_at: must be after ${now.toISOString()}, where the clock is.`);
  }

  const wishOf = (input: EventInput) => readEventWish(input, events, clock.now());

  const update = action('update', (installation, body) => {
    const { trial_ended: pairing, ...input } = readInput(updateSchema, body);
    mustBe(installation, ['completed', 'suspended', 'updating'], 'updated');
    const before = wantedUpdate(installation) ?? installation.settings;
    const wanted = readSettings(input, installation.account, before);
    const made = customer.update(installation, wanted, wishOf(input), pairing ?? switches.trial_ended);
    return { made, deliver: input.deliver };
  });
  const uninstall = action('uninstall', (installation, body) => {
    const { trial_ended: pairing, reason, ...input } = readInput(uninstallSchema, body);
    mustBe(installation, ['installing', 'completed', 'suspended', 'updating'], 'uninstalled');
    const said = reason === undefined ? { type: 'other', message: 'No longer needed' } : (reason ?? undefined);
    const made = customer.uninstall(installation, said, wishOf(input), pairing ?? switches.trial_ended);
    return { made, deliver: input.deliver };
  });
  const rotate = action('rotate', async (installation, body) => {
    const { kind = 'routine', key_algorithm, key_container, ...input } = readInput(rotateSchema, body);
    mustBe(installation, ['installing', 'completed', 'suspended', 'updating', 'uninstalled'], 'given new credentials');
    const newest = installation.clients.at(-1);
    const keyAlgorithm = key_algorithm ?? newest?.algorithm ?? 'ES256';
    const keyContainer = key_container ?? newest?.container ?? containerFor(keyAlgorithm, switches);
    checkContainer(keyAlgorithm, keyContainer);
    const wish = { kind, keyAlgorithm, keyContainer, event: wishOf(input) };
    const { client, event } = await deps.rotate(installation, wish);
    return { made: [event], deliver: input.deliver, more: { client_id: client.id } };
  });
  const startTrial = action('trial/start', (installation, body) => {
    const { expires_at: expiresAt, ...input } = readInput(trialExpirySchema, body);
    const expiry = expiresAt === undefined ? undefined : readExpiry(expiresAt);
    return { made: [trials.start(installation, wishOf(input), expiry)], deliver: input.deliver };
  });
  const extendTrial = action('trial/extend', (installation, body) => {
    const { expires_at: expiresAt, ...input } = readInput(trialExpirySchema, body);
    const trial = mustHaveTrial(installation);
    const expiry = expiresAt === undefined ? new Date(trial.expiresAt.getTime() + extensionMs) : readExpiry(expiresAt);
    return { made: [trials.extend(installation, trial, wishOf(input), expiry)], deliver: input.deliver };
  });
  const endTrial = action('trial/end', (installation, body) => {
    const { reason = 'trial_expired', ...input } = readInput(trialEndSchema, body);
    const trial = mustHaveTrial(installation);
    return { made: [trials.end(installation, trial, wishOf(input), reason)], deliver: input.deliver };
  });
  const logout = action('logout', (installation, body) => {
    const { user_id: id, user_email: email, ...input } = readInput(logoutSchema, body);
    const { users } = installation.account;
    const user = id === undefined ? numberedUser(installation.account, 1) : users.get(id);
    const named = { id: id ?? user?.id ?? '', email: email ?? user?.email ?? `${id}@elsewhere.example` };
    const wish = wishOf(input);
    const made = [events.make(installation, wish, (bodies) => bodies.loggedOut(installation, named, wish))];
    return { made, deliver: input.deliver };
  });
  const sendEvent = action('events', (installation, body) => {
    const { type, data = {}, ...input } = readInput(otherEventSchema, body);
    const wish = wishOf(input);
    const made = [events.make(installation, wish, (bodies) => bodies.other(installation, type, data, wish))];
    return { made, deliver: input.deliver };
  });
  return {
    update,
    uninstall,
    rotate,
    'trial/start': startTrial,
    'trial/extend': extendTrial,
    'trial/end': endTrial,
    logout,
    events: sendEvent,
  };
}

/** What an action made, whether to send it, and what else its answer says. */
interface Acted {
  made: EventRecord[];
  deliver: boolean | undefined;
  more?: object;
}

/** The event that was asked for: of a pair, the one that is not the trial's. */
function mainEvent(made: EventRecord[]): EventRecord | undefined {
  return made.find(({ type }) => type !== 'app.trial_ended') ?? made[0];
}

function mustBe({ state }: Installation, allowed: ResourceState[], what: string): void {
  if (allowed.includes(state)) return;
  throw new ControlProblem(409, `The installation is ${state}; it can be ${what} when it is ${allowed.join(', ')}.`);
}

function mustHaveTrial(installation: Installation): Trial {
  const trial = activeTrial(installation);
  if (trial === undefined) throw new ControlProblem(409, 'The installation has no trial under way; start one first.');
  return trial;
}
