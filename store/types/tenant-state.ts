import type { ProcessKind } from './records.js';

export interface EventRow {
  eventId: string;
  type: string;
  installationId: string | null;
  createdAtMs: number;
  receivedAtMs: number;
  /** Its status is `taken`. */
  taken: boolean;
}

/** An event that may end a process: of any status, quarantined ones aside. */
export interface RivalRow {
  eventId: string;
  type: string;
  installationId: string | null;
  createdAtMs: number;
  settled: boolean;
}

export interface OpenProcessRow {
  processId: string;
  kind: ProcessKind;
  eventId: string;
  installationId: string;
  createdAtMs: number;
  needsUndo: boolean;
}

export interface TenantState {
  newestInstall: { eventId: string; createdAtMs: number; installationId: string } | null;
  /**
   * Newest `app.installed`, `app.updated`, `app.uninstalled`, `app.credentials_rotated` received for each installation that has an open
   * process, where it is not that process's own event.
   */
  rivals: RivalRow[];
  /** Unsettled events but logouts, oldest first by (created_at, id). */
  events: EventRow[];
  processes: OpenProcessRow[];
}
