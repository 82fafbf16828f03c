import type { Deliverer, DeliveryDue } from '../events/delivery.js';
import type { EventRecord, Events } from '../events/events.js';
import type { Signer } from '../events/signing.js';
import type { Faults, SetFault } from '../faults/faults.js';
import { createRandom } from '../faults/random.js';
import type { Ledger, RequestEntry } from '../oracle/ledger.js';
import type { AccessToken, Tokens } from '../routes/tokens.js';
import type { SavedScenarios, Scenarios } from '../scenarios/scenarios.js';
import type { Clients } from '../world/clients.js';
import type { ClockReading, VirtualClock } from '../world/clock.js';
import type { Due, TrialEndings } from '../world/due.js';
import type { Lifecycle } from '../world/lifecycle.js';
import type { RegionName, Regions } from '../world/regions.js';
import type { Switches } from '../world/switches.js';
import type { Trials } from '../world/trials.js';
import type { World } from '../world/world.js';

/** Everything that has a state of its own. */
export interface StateDeps {
  world: World;
  clock: VirtualClock;
  switches: Switches;
  regions: Regions;
  events: Events;
  deliverer: Deliverer;
  signer: Signer;
  tokens: Tokens;
  ledger: Ledger;
  faults: Faults;
  scenarios: Scenarios;
  clients: Clients;
  lifecycle: Lifecycle;
  trials: Trials;
}

/** The whole state as plain objects that know each other; requests that are held are connections, and not in it. */
export interface State {
  world: World;
  switches: Switches;
  clock: ClockReading;
  due: { at: Date; due: Due }[];
  events: EventRecord[];
  keys: ReturnType<Signer['keys']>;
  tokens: { byText: ReadonlyMap<string, AccessToken>; issued: number };
  requests: RequestEntry[];
  requestsDropped: number;
  /** A fault's draws go on from a number. */
  faults: (Omit<SetFault, 'random'> & { random: number })[];
  faultsEver: number;
  scenarios: SavedScenarios;
  trialEndings: TrialEndings;
  /** Base URL by region: links in events lead there. */
  baseUrls: Map<RegionName, string>;
}

/** What is, now. Attempts that are under way are not in it; those of a schedule are due again instead. */
export function readState(deps: StateDeps): State {
  const { world, clock, switches, regions, events, signer, tokens, ledger, faults, scenarios, trials } = deps;
  const all = events.all({});
  return {
    world,
    switches,
    clock: clock.reading(),
    due: [...all.flatMap(cutOff), ...clock.due()],
    events: all.map((event) => ({ ...event, attempts: event.attempts.filter((attempt) => !isOpen(attempt)) })),
    keys: signer.keys(),
    tokens: tokens.all(),
    requests: ledger.entries({}),
    requestsDropped: ledger.dropped(),
    faults: faults.all().map(({ random, ...set }) => ({ ...set, random: random.state() })),
    faultsEver: faults.count(),
    scenarios: scenarios.save(),
    trialEndings: trials.endings,
    baseUrls: new Map(regions.all.map(({ name, baseUrl }) => [name, baseUrl])),
  };
}

type Attempt = EventRecord['attempts'][number];

const isOpen = ({ status, error }: Attempt) => status === null && error === null;

/** The attempt of an event's schedule that is under way, as something that is due. */
function cutOff({ id: eventId, attempts }: EventRecord): State['due'] {
  const scheduled = attempts.filter((attempt) => attempt.scheduled);
  const last = scheduled.at(-1);
  if (last === undefined || !isOpen(last)) return [];
  const firstAt = (scheduled[0] ?? last).at.toISOString();
  return [{ at: last.at, due: { what: 'attempt', eventId, number: scheduled.length, firstAt } }];
}

/** Puts a state in the place of what is; what was due is due again, in its order. Nothing may be under way. */
export function replaceState(deps: StateDeps, state: State): void {
  const { world, clock, switches, events, deliverer, signer, tokens, ledger, faults, scenarios, trials } = deps;
  clock.reset(state.clock);
  refill(world, state.world);
  Object.assign(switches, state.switches);
  deliverer.forgetHeld();
  events.replace(state.events);
  signer.replace(state.keys);
  tokens.replace(state.tokens.byText, state.tokens.issued);
  ledger.replace(state.requests, state.requestsDropped, lastNumber(state));
  const sets = state.faults.map(({ random, ...set }) => ({ ...set, random: createRandom(random) }));
  faults.replace(sets, state.faultsEver);
  scenarios.restore(state.scenarios);
  refillMap(trials.endings, state.trialEndings);
  for (const { at, due } of state.due) resume(deps, at, due);
}

/** The highest number in the log: of requests, attempts, and faults that hit an event. */
function lastNumber({ requests, events }: State): number {
  let last = requests.at(-1)?.n ?? 0;
  for (const { attempts, faultHit } of events) last = Math.max(last, attempts.at(-1)?.n ?? 0, faultHit?.n ?? 0);
  return last;
}

/** Others hold the world and its collections, so their contents change and not they. */
function refill(world: World, from: World): void {
  for (const [name, collection] of Object.entries(world)) {
    const saved: unknown = from[name as keyof World];
    if (collection instanceof Map) refillMap(collection, saved as Map<unknown, unknown>);
    else if (collection instanceof Set) {
      collection.clear();
      for (const item of saved as Set<unknown>) collection.add(item);
    } else if (Array.isArray(collection)) collection.splice(0, collection.length, ...(saved as unknown[]));
    else throw new Error(`The world's ${name} is no collection.`);
  }
}

function refillMap<K, V>(map: Map<K, V>, from: ReadonlyMap<K, V>): void {
  map.clear();
  for (const [key, value] of from) map.set(key, value);
}

function resume(deps: StateDeps, at: Date, due: Due): void {
  const { world, events, deliverer, clients, lifecycle, trials, scenarios } = deps;
  switch (due.what) {
    case 'window': {
      const installation = world.installations.get(due.installationId);
      const process = installation?.processes.find(({ eventId }) => eventId === due.eventId);
      if (installation === undefined || process === undefined) return;
      if (process.client === null) lifecycle.resume(installation, process);
      else clients.resume(process, process.client);
      return;
    }
    case 'trial-end': {
      const installation = world.installations.get(due.installationId);
      if (installation?.trial?.expiresAt.getTime() === at.getTime()) trials.resume(installation);
      return;
    }
    case 'revocation': {
      const client = world.clients.get(due.clientId);
      if (client !== undefined) clients.resumeRevocation(client, at);
      return;
    }
    case 'step':
      scenarios.resume(at, due);
      return;
    default:
      resumeDelivery(deliverer, events.find(due.eventId), at, due);
  }
}

function resumeDelivery(deliverer: Deliverer, event: EventRecord | undefined, at: Date, due: DeliveryDue): void {
  if (event !== undefined) deliverer.resume(event, at, due);
}
