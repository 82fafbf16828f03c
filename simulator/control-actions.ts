import type { Request, Router } from 'express';
import type { VirtualClock } from './clock.js';
import { ControlProblem, found, readInput } from './control-problem.js';
import {
  type EventInput,
  logoutSchema,
  otherEventSchema,
  rotateSchema,
  trialEndSchema,
  trialExpirySchema,
  uninstallSchema,
  updateSchema,
} from './control-schemas.js';
import type { Customer } from './customer.js';
import type { Deliverer } from './delivery.js';
import type { EventRecord, Events } from './events.js';
import type { createRotation } from './rotation.js';
import type { Switches } from './switches.js';
import { activeTrial, type Trials } from './trials.js';
import { numberedUser } from './users.js';
import { checkContainer, readEventWish, readSettings } from './wish.js';
import { type Installation, type ResourceState, type Trial, type World, wantedUpdate } from './world.js';

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

/** Routes that let something happen to an installation: each makes its events, answers them in their order and sends them. */
export function addActionRoutes(router: Router, deps: ActionDeps): void {
  const { events, customer, trials, clock, switches } = deps;

  /** A route of an installation that gives the events it made. */
  function action(path: string, act: (installation: Installation, body: unknown) => Acted | Promise<Acted>): void {
    router.post(`/installations/:installation_id/${path}`, async (request: Request, response) => {
      const id = String(request.params['installation_id']);
      const installation = found(deps.world.installations.get(id), 'installation');
      const { made, deliver, more } = await act(installation, request.body);
      if (deliver !== false) deps.deliverer.startInOrder(made.filter((event) => isSent(event, made)));
      response.status(201).json({
        installation_id: installation.id,
        event_id: mainEvent(made)?.id,
        events: made.map(({ id: event_id, type }) => ({ event_id, type })),
        ...more,
      });
    });
  }

  /** A trial event that comes along with another one goes as the switch says, like every one that nobody asked for. */
  function isSent(event: EventRecord, made: EventRecord[]): boolean {
    return event === mainEvent(made) || switches.trial_events === 'sent';
  }

  const wishOf = (input: EventInput) => readEventWish(input, events, clock.now());

  action('update', (installation, body) => {
    const { trial_ended: pairing, ...input } = readInput(updateSchema, body);
    mustBe(installation, ['completed', 'updating'], 'updated');
    const before = wantedUpdate(installation) ?? installation.settings;
    const wanted = readSettings(input, installation.account, before);
    const made = customer.update(installation, wanted, wishOf(input), pairing ?? switches.trial_ended);
    return { made, deliver: input.deliver };
  });
  action('uninstall', (installation, body) => {
    const { trial_ended: pairing, reason, ...input } = readInput(uninstallSchema, body);
    mustBe(installation, ['installing', 'completed', 'updating'], 'uninstalled');
    const said = reason === undefined ? { type: 'other', message: 'No longer needed' } : (reason ?? undefined);
    const made = customer.uninstall(installation, said, wishOf(input), pairing ?? switches.trial_ended);
    return { made, deliver: input.deliver };
  });
  action('rotate', async (installation, body) => {
    const { kind = 'routine', key_algorithm, key_container, ...input } = readInput(rotateSchema, body);
    mustBe(installation, ['installing', 'completed', 'updating', 'uninstalled'], 'given new credentials');
    const newest = installation.clients.at(-1);
    const keyAlgorithm = key_algorithm ?? newest?.algorithm ?? 'ES256';
    const keyContainer = key_container ?? newest?.container ?? 'pkcs8';
    checkContainer(keyAlgorithm, keyContainer);
    const wish = { kind, keyAlgorithm, keyContainer, event: wishOf(input) };
    const { client, event } = await deps.rotate(installation, wish);
    return { made: [event], deliver: input.deliver, more: { client_id: client.id } };
  });
  action('trial/start', (installation, body) => {
    const { expires_at: expiresAt, ...input } = readInput(trialExpirySchema, body);
    const expiry = expiresAt === undefined ? undefined : new Date(expiresAt);
    return { made: [trials.start(installation, wishOf(input), expiry)], deliver: input.deliver };
  });
  action('trial/extend', (installation, body) => {
    const { expires_at: expiresAt, ...input } = readInput(trialExpirySchema, body);
    const trial = mustHaveTrial(installation);
    const expiry = new Date(expiresAt ?? trial.expiresAt.getTime() + extensionMs);
    return { made: [trials.extend(installation, trial, wishOf(input), expiry)], deliver: input.deliver };
  });
  action('trial/end', (installation, body) => {
    const { reason = 'trial_expired', ...input } = readInput(trialEndSchema, body);
    const trial = mustHaveTrial(installation);
    return { made: [trials.end(installation, trial, wishOf(input), reason)], deliver: input.deliver };
  });
  action('logout', (installation, body) => {
    const { user_id: id, user_email: email, ...input } = readInput(logoutSchema, body);
    const { users } = installation.account;
    const user = id === undefined ? numberedUser(installation.account, 1) : users.get(id);
    const named = { id: id ?? user?.id ?? '', email: email ?? user?.email ?? `${id}@elsewhere.example` };
    const wish = wishOf(input);
    const made = [events.make(installation, wish, (bodies) => bodies.loggedOut(installation, named, wish))];
    return { made, deliver: input.deliver };
  });
  action('events', (installation, body) => {
    const { type, data = {}, ...input } = readInput(otherEventSchema, body);
    const wish = wishOf(input);
    const made = [events.make(installation, wish, (bodies) => bodies.other(installation, type, data, wish))];
    return { made, deliver: input.deliver };
  });
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
