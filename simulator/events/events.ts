import { createEventBodies, type EventBodies } from './event-bodies.js';
import type { LinksOf } from './links.js';
import type { SignSwitches } from '../world/switches.js';
import type { RegionName } from '../world/regions.js';
import type { Switches } from '../world/switches.js';
import type { Beginning } from '../world/windows.js';
import type { Installation } from '../world/world.js';

/** One try to deliver an event. */
export interface Attempt {
  /** Its place in the log, among the requests. */
  n: number;
  at: Date;
  /** null when there was no answer. */
  status: number | null;
  ms: number;
  error: string | null;
  delivered: boolean;
  /** False for one that stands outside the schedule of three: a copy, or one that the control API asked for. */
  scheduled: boolean;
  /** The fault `duplicate` made it. */
  copy: boolean;
  /** What is wrong with its signature, which the backend must refuse. */
  tamper: SignSwitches['tamper'];
  /** The delivery fault that was applied, in words: the oracle blames no backend for what follows from it. */
  fault: string | null;
}

/** An event with its exact bytes, which every attempt repeats (talkdesk-api.md 10.2). */
export interface EventRecord {
  readonly id: string;
  readonly type: string;
  /** null for bytes that the control API was given as they are. */
  readonly installationId: string | null;
  /** Whose key it is signed with. */
  readonly region: RegionName;
  readonly createdAt: Date;
  /** Where it goes: the app, whose callback URL may still change. */
  readonly target: { readonly callbackUrl: string };
  readonly body: Buffer;
  readonly attempts: Attempt[];
  nextAttemptAt: Date | null;
  /** What a delivery fault did to the event as a whole, in words: it was dropped, delayed or held. */
  fault: string | null;
  /** When it did, and its place in the log. */
  faultHit: { n: number; at: Date } | null;
}

/** When an event is made, under which id, and what is different about its body. */
export interface EventWish extends Beginning {
  /** A JSON merge patch (RFC 7396) of the body: adds unknown fields, replaces known ones; null leaves a field out. */
  readonly merge: object | undefined;
}

/** Makes events and keeps them; nothing is sent. */
export interface Events {
  /** Makes the event that `body` gives for an installation. */
  make(installation: Installation, wish: EventWish, body: (bodies: EventBodies) => object): EventRecord;
  /** Keeps bytes as they are, under a name of their own. */
  keep(event: Pick<EventRecord, 'id' | 'type' | 'region' | 'target' | 'body' | 'createdAt'>): EventRecord;
  find(id: string): EventRecord | undefined;
  /** There are these events and no others. */
  replace(records: readonly EventRecord[]): void;
  /** In the order in which they were made. */
  all(filter: { installationId?: string; type?: string }): EventRecord[];
}

/** No events yet. */
export function createEvents(linksOf: LinksOf, switches: Switches): Events {
  const events = new Map<string, EventRecord>();
  const bodies = createEventBodies(linksOf, switches);

  function add(event: Omit<EventRecord, 'attempts' | 'nextAttemptAt' | 'fault' | 'faultHit'>): EventRecord {
    const record = { ...event, attempts: [], nextAttemptAt: null, fault: null, faultHit: null };
    events.set(record.id, record);
    return record;
  }

  return {
    make(installation, wish, body) {
      const made = body(bodies) as { type: string };
      const named = withNames(made, switches.event_names);
      const sent = wish.merge === undefined ? named : mergePatch(named, wish.merge);
      return add({
        id: wish.eventId,
        type: made.type,
        installationId: installation.id,
        region: installation.account.region,
        createdAt: wish.createdAt,
        target: installation.app,
        body: Buffer.from(JSON.stringify(sent)),
      });
    },
    keep: (event) => add({ ...event, installationId: null }),
    find: (id) => events.get(id),
    replace(records) {
      events.clear();
      for (const record of records) events.set(record.id, record);
    },
    all: ({ installationId, type }) =>
      [...events.values()].filter(
        (event) =>
          (installationId === undefined || event.installationId === installationId) &&
          (type === undefined || event.type === type),
      ),
  };
}

/** The event with its id and type under the names of the examples, of the tables, or of both (talkdesk-api.md 9.6). */
function withNames(made: { type: string; id?: unknown }, names: Switches['event_names']): object {
  if (names === 'id-type') return made;
  const { id, type, ...rest } = made;
  const tables = { event_id: id, event_type: type };
  return names === 'both' ? { ...made, ...tables } : { ...tables, ...rest };
}

/** RFC 7396. Fields are defined, not assigned, so that `__proto__` is a field like any other. */
function mergePatch(target: unknown, patch: unknown): unknown {
  if (!isObject(patch)) return patch;
  const merged = new Map(Object.entries(isObject(target) ? target : {}));
  for (const [name, value] of Object.entries(patch)) {
    if (value === null) merged.delete(name);
    else merged.set(name, mergePatch(merged.get(name), value));
  }
  return Object.fromEntries(merged);
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
