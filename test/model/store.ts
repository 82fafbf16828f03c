import { compareEvents, type OpenEvent } from '../../contracts/events.js';
import { type ProcessKind, processIdOf } from '../../contracts/ids.js';
import type { ProcessRef, Rival, TenantView } from '../../contracts/messages.js';
import type { BareOutcome, ProcessOutcome } from '../../contracts/outcomes.js';
import type { ModelEvent } from './talkdesk.js';

export interface EventRow {
  event: ModelEvent;
  receivedAtMs: number;
  status: 'received' | 'taken' | 'settled';
  outcome: ProcessOutcome | BareOutcome | null;
}

/** What a process has done so far: everything that a run begun anew must know. */
export interface ProcessRow extends ProcessRef {
  generationMs: number;
  takenAtMs: number;
  outcome: ProcessOutcome | null;
  /** What `sync` read, once it has. */
  synced: { users: string[]; paid: boolean; usersBefore: string[] } | null;
  /** Its effect in the product, or for a rotation the proof, was done. */
  stepDone: boolean;
  undo: 'none' | 'registered' | 'done';
  /** A reject that it was decided to send. */
  refused: boolean;
  approveSentAtMs: number | null;
  rejectSent: boolean;
}

export interface CredentialRow {
  installationId: string;
  clientId: string;
  createdAtMs: number;
  state: 'pending' | 'current' | 'previous' | 'gone';
}

export interface InstallationRow {
  id: string;
  /** `created_at` of its newest install event taken. */
  installedAtMs: number;
  state: 'pending' | 'active' | 'ended';
  trial: { eventCreatedAtMs: number; suspends: boolean } | null;
}

export type ModelStore = ReturnType<typeof createModelStore>;

const KIND_OF: Partial<Record<ModelEvent['type'], ProcessKind>> = {
  'app.installed': 'install',
  'app.updated': 'update',
  'app.uninstalled': 'uninstall',
  'app.credentials_rotated': 'rotation',
};

/** Older than any: of what belongs to an install that has not come, while a later one under the same id has. */
const UNKNOWN_GENERATION = 0;

/** The tables of one tenant, as contracts/messages.ts and store/types.ts describe them. */
export function createModelStore() {
  const events = new Map<string, EventRow>();
  const processes = new Map<string, ProcessRow>();
  const credentials: CredentialRow[] = [];
  const installations = new Map<string, InstallationRow>();
  let mapping: string[] = [];

  /** Commits a delivery; a repeated one changes nothing. */
  function receive(event: ModelEvent, nowMs: number): void {
    if (events.has(event.eventId)) return;
    events.set(event.eventId, { event, receivedAtMs: nowMs, status: 'received', outcome: null });
  }

  let ordered: EventRow[] = [];

  /** The order depends on what was received only. */
  function inOrder(): EventRow[] {
    if (ordered.length !== events.size) ordered = [...events.values()].sort((a, b) => compareEvents(a.event, b.event));
    return ordered;
  }

  function takeInstall({ eventId, installationId, createdAtMs, clientId }: ModelEvent): void {
    const known = installations.get(installationId);
    const newer = known === undefined || known.installedAtMs < createdAtMs;
    if (newer) {
      installations.set(installationId, {
        id: installationId,
        installedAtMs: createdAtMs,
        state: 'pending',
        trial: null,
      });
      retire(installationId, 'previous');
    }
    file(installationId, clientId ?? eventId, createdAtMs, newer ? 'current' : 'previous');
    // What overtook it belongs to its generation all the same: generations follow the order of events, not of arrival.
    for (const one of processes.values()) {
      const follows = one.installationId === installationId && one.createdAtMs >= createdAtMs;
      if (follows && one.outcome === null) one.generationMs = Math.max(one.generationMs, createdAtMs);
    }
  }

  function file(installationId: string, clientId: string, createdAtMs: number, state: CredentialRow['state']): void {
    credentials.push({ installationId, clientId, createdAtMs, state });
  }

  const currentOf = (installationId: string) =>
    credentials.find((one) => one.installationId === installationId && one.state === 'current') ?? null;

  function retire(installationId: string, state: 'previous' | 'gone'): void {
    for (const one of credentials) {
      if (one.installationId === installationId && one.state !== 'gone') one.state = state;
    }
  }

  /** Moves what was received to where it belongs; what overtook its install stays. */
  function take(nowMs: number): void {
    const received = inOrder().filter(({ status }) => status === 'received');
    const installs = received.filter(({ event }) => event.type === 'app.installed');
    for (const row of [...installs, ...received.filter((one) => !installs.includes(one))]) {
      const { event } = row;
      const kind = KIND_OF[event.type];
      if (kind === 'install') takeInstall(event);
      else if (!installations.has(event.installationId)) continue;
      else if (kind === 'rotation') {
        const current = currentOf(event.installationId);
        const newer = current === null || event.createdAtMs >= current.createdAtMs;
        file(event.installationId, event.clientId ?? event.eventId, event.createdAtMs, newer ? 'pending' : 'previous');
      }
      row.status = 'taken';
      if (kind !== undefined) begin(kind, event, nowMs);
    }
  }

  function begin(kind: ProcessKind, event: ModelEvent, nowMs: number): void {
    const installs = inOrder().filter(
      (row) =>
        row.status !== 'received' &&
        row.event.type === 'app.installed' &&
        row.event.installationId === event.installationId &&
        row.event.createdAtMs <= event.createdAtMs,
    );
    const processId = processIdOf(kind, event.eventId);
    processes.set(processId, {
      ...{
        processId,
        kind,
        eventId: event.eventId,
        installationId: event.installationId,
        createdAtMs: event.createdAtMs,
      },
      ...{
        needsUndo: false,
        generationMs: installs.at(-1)?.event.createdAtMs ?? UNKNOWN_GENERATION,
        takenAtMs: nowMs,
        outcome: null,
      },
      ...{ synced: null, stepDone: false, undo: 'none', refused: false, approveSentAtMs: null, rejectSent: false },
    });
  }

  function rivals(open: ProcessRow[]): Rival[] {
    const counted = inOrder().filter(({ outcome }) => outcome !== 'quarantined');
    return [...new Set(open.map((one) => one.installationId))].flatMap((installationId) =>
      Object.keys(KIND_OF).flatMap((type): Rival[] => {
        const newest = counted
          .filter(({ event }) => event.type === type && event.installationId === installationId)
          .at(-1);
        const others = open.filter(
          (one) => one.installationId === installationId && one.eventId !== newest?.event.eventId,
        );
        if (newest === undefined || others.length === 0) return [];
        const { eventId, createdAtMs } = newest.event;
        return [{ eventId, createdAtMs, installationId, type, settled: newest.status === 'settled' }];
      }),
    );
  }

  const refOf = ({ processId, kind, eventId, installationId, createdAtMs, undo }: ProcessRow): ProcessRef => ({
    ...{ processId, kind, eventId, installationId, createdAtMs },
    needsUndo: undo === 'registered',
  });

  function view(): TenantView {
    const open = [...processes.values()].filter(({ outcome }) => outcome === null);
    const newest = inOrder()
      .filter(({ event, status }) => event.type === 'app.installed' && status !== 'received')
      .at(-1)?.event;
    const { eventId = '', createdAtMs = 0, installationId = '' } = newest ?? {};
    return {
      record: { newestInstall: newest ? { eventId, createdAtMs, installationId } : null, rivals: rivals(open) },
      events: inOrder()
        .filter(({ status }) => status !== 'settled')
        .map(({ event, receivedAtMs, status }): OpenEvent => {
          const { clientId, endedReason, ...ref } = event;
          return { ...ref, receivedAtMs, taken: status === 'taken' };
        }),
      processes: open.map(refOf),
    };
  }

  /** Ends an event. Throws when it has ended already. */
  function settle(eventId: string, outcome: ProcessOutcome | BareOutcome): void {
    const row = events.get(eventId);
    if (row === undefined || row.status === 'settled') throw new Error(`Ended twice, or never received: ${eventId}`);
    row.status = 'settled';
    row.outcome = outcome;
    wipe(row.event.installationId);
  }

  /** Ends a process and its event; what was begun must be undone or confirmed. */
  function record(row: ProcessRow, outcome: ProcessOutcome): void {
    if (row.outcome !== null) throw new Error(`Two outcomes for ${row.processId}`);
    row.outcome = outcome;
    const installation = installations.get(row.installationId);
    if (installation?.installedAtMs === row.generationMs) {
      if (row.kind === 'install') installation.state = outcome === 'approved' ? 'active' : 'ended';
      if (row.kind === 'uninstall' && ['approved', 'credentials-gone'].includes(outcome)) installation.state = 'ended';
    }
    settle(row.eventId, outcome);
  }

  /**
   * An ended installation keeps no credentials once nothing of it is open. An install that was superseded keeps them until the uninstall
   * has ended: it may have read `uninstalled` before that event arrived, and holds the only set that can approve it.
   */
  function wipe(installationId: string): void {
    if (!mayForget(installationId)) return;
    const open = [...events.values()].some(
      ({ event, status }) => event.installationId === installationId && status !== 'settled',
    );
    if (!open) retire(installationId, 'gone');
  }

  /** Nothing will need the credentials of this installation any more. */
  function mayForget(installationId: string): boolean {
    const installation = installations.get(installationId);
    if (installation?.state !== 'ended') return false;
    const last = [...processes.values()].filter(
      (one) => one.installationId === installationId && one.generationMs === installation.installedAtMs,
    );
    const uninstalled = [...events.values()].some(
      ({ event, status }) =>
        event.type === 'app.uninstalled' &&
        event.installationId === installationId &&
        event.createdAtMs >= installation.installedAtMs &&
        status === 'settled',
    );
    return uninstalled || last.some((one) => one.kind === 'install' && one.outcome !== 'superseded');
  }

  /** A rotation's set becomes current, unless a newer one is. */
  function promote(row: ProcessRow): void {
    const own = credentials.find((one) => one.clientId === events.get(row.eventId)?.event.clientId);
    const current = currentOf(row.installationId);
    if (own === undefined || own === current || (current !== null && current.createdAtMs > own.createdAtMs)) return;
    if (current !== null) current.state = 'previous';
    own.state = 'current';
  }

  /** Wipes the sets before this one. */
  function dropBefore(row: ProcessRow): void {
    for (const one of credentials) {
      if (one.installationId === row.installationId && one.createdAtMs < row.createdAtMs) one.state = 'gone';
    }
  }

  function setMapping(users: string[]): void {
    mapping = users;
  }

  return {
    ...{ receive, take, view, settle, record, promote, dropBefore, currentOf, setMapping, mayForget },
    ...{ events, processes, credentials, installations, mapping: () => mapping },
  };
}
