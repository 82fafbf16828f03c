import type { KnownEventType, OpenEvent } from '../../../contracts/events.js';
import type { ProcessKind } from '../../../contracts/ids.js';
import type { ProcessRef, Rival, TenantView } from '../../../contracts/messages.js';
import type { RunSituation } from '../../../workflows/state.js';

const T0 = Date.parse('2026-01-05T10:00:00Z');

/** The moment that is so many seconds after the start of a test's story. */
export function at(seconds: number): number {
  return T0 + seconds * 1_000;
}

/** Who, where and when, as every event of a story has it. */
export interface Happening {
  eventId: string;
  installationId: string;
  /** `created_at`, seconds after the start of the story. */
  second: number;
}

/** An event that was received and taken at its own time, unless told otherwise. */
export function openEvent(
  type: KnownEventType,
  { eventId, installationId, second }: Happening,
  { taken = true, receivedAtMs = at(second) }: { taken?: boolean; receivedAtMs?: number } = {},
): OpenEvent {
  return { eventId, type, installationId, createdAtMs: at(second), receivedAtMs, taken };
}

/** The open process of an event, nothing of it begun. */
export function openProcess(kind: ProcessKind, { eventId, installationId, second }: Happening): ProcessRef {
  return {
    processId: `${kind}:${eventId}`,
    kind,
    eventId,
    installationId,
    createdAtMs: at(second),
    needsUndo: false,
  };
}

/** An event that may end a process; its type may be any string. */
export function rival(type: string, { eventId, installationId, second }: Happening, settled = false): Rival {
  return { eventId, type, installationId, createdAtMs: at(second), settled };
}

/** A view of a tenant with this in it and nothing else. */
export function viewOf({
  newestInstall = null,
  rivals = [],
  events = [],
  processes = [],
}: {
  newestInstall?: Happening | null;
  rivals?: Rival[];
  events?: OpenEvent[];
  processes?: ProcessRef[];
}): TenantView {
  const newest = newestInstall && {
    eventId: newestInstall.eventId,
    installationId: newestInstall.installationId,
    createdAtMs: at(newestInstall.second),
  };
  return { record: { newestInstall: newest, rivals }, events, processes };
}

/** A run that has nothing under way, two hours into the story. */
export function idleRun(part: Partial<RunSituation> = {}): RunSituation {
  return { nowMs: at(7_200), underWay: [], lineFree: true, ...part };
}

/** Every order of a list. */
export function orders<T>(items: readonly T[]): T[][] {
  if (items.length < 2) return [[...items]];
  return items.flatMap((item, index) =>
    orders(items.filter((_, other) => other !== index)).map((rest) => [item, ...rest]),
  );
}
