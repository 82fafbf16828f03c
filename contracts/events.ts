/** Lifecycle event types that Talkdesk documents (talkdesk-api.md 1.3). */
export const EVENT_TYPES = [
  'app.installed',
  'app.updated',
  'app.uninstalled',
  'app.trial_started',
  'app.trial_extended',
  'app.trial_ended',
  'app.credentials_rotated',
  'user.logout',
] as const;

export type KnownEventType = (typeof EVENT_TYPES)[number];

/** What the workflow is told about an event: identifiers, type and time. The payload stays sealed in the inbox. */
export interface EventRef {
  eventId: string;
  /** As Talkdesk wrote it; unknown types are kept, so this is any string. */
  type: string;
  installationId: string | null;
  /** Milliseconds since the epoch, from `created_at`. */
  createdAtMs: number;
}

/** An event that has no outcome yet. */
export interface OpenEvent extends EventRef {
  /** When it was acknowledged, milliseconds since the epoch. */
  receivedAtMs: number;
  /**
   * Its installation is known, so it was taken: it has a process, or is a trial event that can be applied. Otherwise it waits, sealed
   * in the inbox, for the `app.installed` that it overtook.
   */
  taken: boolean;
}

/** Order of events: (`created_at`, `id`), never order of arrival. Negative when `a` comes first. */
export function compareEvents(
  a: Pick<EventRef, 'createdAtMs' | 'eventId'>,
  b: Pick<EventRef, 'createdAtMs' | 'eventId'>,
): number {
  if (a.createdAtMs !== b.createdAtMs) return a.createdAtMs - b.createdAtMs;
  if (a.eventId === b.eventId) return 0;
  return a.eventId < b.eventId ? -1 : 1;
}
