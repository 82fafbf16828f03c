import { compareEvents, type EventRef, type KnownEventType, type OpenEvent } from '../contracts/events.js';
import type { ProcessKind } from '../contracts/ids.js';
import type { ProcessRef, TenantView } from '../contracts/messages.js';
import type { BareOutcome } from '../contracts/outcomes.js';

/**
 * What an event does to its tenant's run. `next`: it has its turn in the line. `pre-empts`: it ends what is open for its installation.
 * `interleaves`: it is carried out beside the line. `apart`: it has a run of its own.
 */
export type EventClass = 'next' | 'pre-empts' | 'interleaves' | 'apart';

/** Class of every documented event type (talkdesk-api.md 1.3). */
export const EVENT_CLASSES: Readonly<Record<KnownEventType, EventClass>> = {
  'app.installed': 'next',
  'app.updated': 'next',
  'app.uninstalled': 'pre-empts',
  'app.trial_started': 'interleaves',
  'app.trial_extended': 'interleaves',
  'app.trial_ended': 'interleaves',
  'app.credentials_rotated': 'interleaves',
  'user.logout': 'apart',
};

/** Which events of a type end an open process. "Later" is by (`created_at`, `id`), a second is compared by `created_at` alone. */
type Reach =
  | 'none'
  | 'tenant, later'
  | 'tenant, later second'
  | 'installation, later'
  | 'installation, later second'
  | 'installation, same second or later'
  | 'installation, same second or later, settled';

/** What ends an open process early: by kind of process and type of event (docs/lifecycle.md). */
const ENDED_BY: Readonly<Record<ProcessKind, Readonly<Record<KnownEventType, Reach>>>> = {
  install: {
    'app.installed': 'tenant, later',
    'app.updated': 'none',
    'app.uninstalled': 'installation, same second or later',
    'app.trial_started': 'none',
    'app.trial_extended': 'none',
    'app.trial_ended': 'none',
    'app.credentials_rotated': 'none',
    'user.logout': 'none',
  },
  update: {
    'app.installed': 'tenant, later second',
    'app.updated': 'installation, later second',
    'app.uninstalled': 'installation, same second or later',
    'app.trial_started': 'none',
    'app.trial_extended': 'none',
    'app.trial_ended': 'none',
    'app.credentials_rotated': 'none',
    'user.logout': 'none',
  },
  uninstall: {
    'app.installed': 'installation, later second',
    'app.updated': 'none',
    'app.uninstalled': 'none',
    'app.trial_started': 'none',
    'app.trial_extended': 'none',
    'app.trial_ended': 'none',
    'app.credentials_rotated': 'none',
    'user.logout': 'none',
  },
  rotation: {
    'app.installed': 'installation, later second',
    'app.updated': 'none',
    'app.uninstalled': 'installation, same second or later, settled',
    'app.trial_started': 'none',
    'app.trial_extended': 'none',
    'app.trial_ended': 'none',
    'app.credentials_rotated': 'installation, later',
    'user.logout': 'none',
  },
};

/** How long an event waits for the `app.installed` that it overtook: a little longer than Talkdesk retries (talkdesk-api.md 1.5). */
const OVERTAKEN_WAIT_MS = 20 * 60_000;

/** How an event ends whose `app.installed` never came. */
const NEVER_INSTALLED: Readonly<Record<KnownEventType, BareOutcome>> = {
  'app.installed': 'quarantined',
  'app.updated': 'quarantined',
  'app.uninstalled': 'credentials-gone',
  'app.trial_started': 'recorded',
  'app.trial_extended': 'recorded',
  'app.trial_ended': 'recorded',
  'app.credentials_rotated': 'quarantined',
  'user.logout': 'recorded',
};

/** Where a run is: its time, and what it is doing. */
export interface RunSituation {
  nowMs: number;
  /** Ids of events whose process, or trial, is under way. */
  underWay: readonly string[];
  /** Nothing holds the line. */
  lineFree: boolean;
}

/** What a run does next. */
export type NextStep =
  | { do: 'rest' }
  | { do: 'wait'; untilMs: number }
  | { do: 'supersede'; process: ProcessRef; byEventId: string }
  /** Install, update and uninstall: in the line; rotation: beside it. */
  | { do: 'run'; process: ProcessRef }
  | { do: 'apply-trial'; event: OpenEvent }
  | { do: 'settle'; event: OpenEvent; outcome: BareOutcome };

/**
 * The pure table: from what the tenant has to the next step. Same answer for the same facts, whatever order they arrived in. Asked again
 * after each step that it named, with that step under way, until it says rest or wait.
 */
export function decideNext(view: TenantView, run: RunSituation): NextStep {
  const isIdle = (item: { eventId: string }) => !run.underWay.includes(item.eventId);
  const open = [...view.processes].sort(compareProcesses).filter(isIdle);
  const overtaken = new Map(open.map((process) => [process, preEmptedBy(process, view)]));

  if (run.lineFree) {
    for (const [process, byEventId] of overtaken) {
      if (byEventId !== null) return { do: 'supersede', process, byEventId };
    }
  }
  const standing = open.filter((process) => overtaken.get(process) === null);
  const rotation = standing.find((process) => process.kind === 'rotation');
  if (rotation !== undefined) return { do: 'run', process: rotation };

  const trial = nextTrial(view, isIdle);
  if (trial !== undefined) return { do: 'apply-trial', event: trial };

  const waiting = view.events.filter((event) => !event.taken && isIdle(event)).sort(compareEvents);
  const givenUp = waiting.find((event) => waitsUntilMs(event) <= run.nowMs);
  if (givenUp !== undefined) return { do: 'settle', event: givenUp, outcome: outcomeWithoutInstall(givenUp) };

  const next = standing.find((process) => process.kind !== 'rotation');
  if (next !== undefined && run.lineFree) return { do: 'run', process: next };

  if (waiting.length > 0) return { do: 'wait', untilMs: Math.min(...waiting.map(waitsUntilMs)) };
  return { do: 'rest' };
}

/** Id of the event that ends this open process early, the earliest of them, or null. */
export function preEmptedBy(process: ProcessRef, view: TenantView): string | null {
  const { newestInstall, rivals } = view.record;
  const candidates: (EventRef & { settled: boolean })[] = [
    ...view.events.map((event) => ({ ...event, settled: false })),
    ...rivals,
    // Whether it has an outcome makes no difference to any cell of its column.
    ...(newestInstall === null ? [] : [{ ...newestInstall, type: 'app.installed', settled: false }]),
  ];
  const ending = candidates.filter((event) => event.eventId !== process.eventId && ends(event, process));
  return ending.sort(compareEvents)[0]?.eventId ?? null;
}

function ends(event: EventRef & { settled: boolean }, process: ProcessRef): boolean {
  if (!isKnown(event.type)) return false;
  const reach = ENDED_BY[process.kind][event.type];
  const sameInstallation = event.installationId === process.installationId;
  switch (reach) {
    case 'none':
      return false;
    case 'tenant, later':
      return compareEvents(event, process) > 0;
    case 'tenant, later second':
      return event.createdAtMs > process.createdAtMs;
    case 'installation, later':
      return sameInstallation && compareEvents(event, process) > 0;
    case 'installation, later second':
      return sameInstallation && event.createdAtMs > process.createdAtMs;
    case 'installation, same second or later':
      return sameInstallation && event.createdAtMs >= process.createdAtMs;
    case 'installation, same second or later, settled':
      return sameInstallation && event.createdAtMs >= process.createdAtMs && event.settled;
  }
}

/** The oldest trial event of an installation that is taken, when nothing that it builds on is still open; one at a time. */
function nextTrial(view: TenantView, isIdle: (event: OpenEvent) => boolean): OpenEvent | undefined {
  const trials = view.events.filter((event) => isTrial(event.type)).sort(compareEvents);
  return trials.find((event, index) => {
    const olderOpen = trials.slice(0, index).some((older) => older.installationId === event.installationId);
    const installing = view.processes.some(
      (process) => process.kind === 'install' && process.installationId === event.installationId,
    );
    const busy = trials.some((other) => !isIdle(other) && other.installationId === event.installationId);
    return event.taken && !busy && !olderOpen && !installing;
  });
}

/** Within a second an installation is installed first and uninstalled last: only what is installed can be changed or uninstalled. */
const RANK_IN_SECOND: Readonly<Record<ProcessKind, number>> = { install: 0, update: 1, rotation: 1, uninstall: 2 };

function compareProcesses(a: ProcessRef, b: ProcessRef): number {
  if (a.createdAtMs !== b.createdAtMs) return a.createdAtMs - b.createdAtMs;
  return RANK_IN_SECOND[a.kind] - RANK_IN_SECOND[b.kind] || compareEvents(a, b);
}

function waitsUntilMs(event: OpenEvent): number {
  return event.receivedAtMs + OVERTAKEN_WAIT_MS;
}

function outcomeWithoutInstall(event: OpenEvent): BareOutcome {
  return isKnown(event.type) ? NEVER_INSTALLED[event.type] : 'recorded';
}

function isTrial(type: string): boolean {
  return type === 'app.trial_started' || type === 'app.trial_extended' || type === 'app.trial_ended';
}

function isKnown(type: string): type is KnownEventType {
  return Object.hasOwn(EVENT_CLASSES, type);
}
