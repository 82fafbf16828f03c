import { createEventBodies, type EventBodies } from './event-bodies.js';
import type { Links } from './links.js';
import type { Beginning } from './windows.js';
import type { Installation } from './world.js';

/** One try to deliver an event. */
export interface Attempt {
  at: Date;
  /** null when there was no answer. */
  status: number | null;
  ms: number;
  error: string | null;
  delivered: boolean;
  /** False for one that the control API asked for: it stands outside the schedule of three. */
  scheduled: boolean;
}

/** An event with its exact bytes, which every attempt repeats (talkdesk-api.md 10.2). */
export interface EventRecord {
  readonly id: string;
  readonly type: string;
  /** null for bytes that the control API was given as they are. */
  readonly installationId: string | null;
  readonly createdAt: Date;
  /** Where it goes: the app, whose callback URL may still change. */
  readonly target: { readonly callbackUrl: string };
  readonly body: Buffer;
  readonly attempts: Attempt[];
  nextAttemptAt: Date | null;
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
  keep(event: Pick<EventRecord, 'id' | 'type' | 'target' | 'body' | 'createdAt'>): EventRecord;
  find(id: string): EventRecord | undefined;
  /** In the order in which they were made. */
  all(filter: { installationId?: string; type?: string }): EventRecord[];
}

/** No events yet. */
export function createEvents(links: Links): Events {
  const events = new Map<string, EventRecord>();
  const bodies = createEventBodies(links);

  function add(event: Omit<EventRecord, 'attempts' | 'nextAttemptAt'>): EventRecord {
    const record = { ...event, attempts: [], nextAttemptAt: null };
    events.set(record.id, record);
    return record;
  }

  return {
    make(installation, wish, body) {
      const made = body(bodies) as { type: string };
      const sent = wish.merge === undefined ? made : mergePatch(made, wish.merge);
      return add({
        id: wish.eventId,
        type: made.type,
        installationId: installation.id,
        createdAt: wish.createdAt,
        target: installation.app,
        body: Buffer.from(JSON.stringify(sent)),
      });
    },
    keep: (event) => add({ ...event, installationId: null }),
    find: (id) => events.get(id),
    all: ({ installationId, type }) =>
      [...events.values()].filter(
        (event) =>
          (installationId === undefined || event.installationId === installationId) &&
          (type === undefined || event.type === type),
      ),
  };
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
