import { compareEvents, type EventRef, type KnownEventType } from '../contracts/events.js';
import type { ProcessRef, TenantView } from '../contracts/messages.js';
import type { ActionableState, DecisionVerb, FinalState, ProcessOutcome } from '../contracts/outcomes.js';

/**
 * What an event does to its tenant's run. `next`: it has a process of its own. `pre-empts`: it ends an install it belongs to, and
 * waits for a later release itself. `kept`: this release does not act on it.
 */
export type EventClass = 'next' | 'pre-empts' | 'kept';

/** Class of every documented event type (talkdesk-api.md 1.3). */
export const EVENT_CLASSES: Readonly<Record<KnownEventType, EventClass>> = {
  'app.installed': 'next',
  'app.updated': 'kept',
  'app.uninstalled': 'pre-empts',
  'app.trial_started': 'kept',
  'app.trial_extended': 'kept',
  'app.trial_ended': 'kept',
  'app.credentials_rotated': 'kept',
  'user.logout': 'kept',
};

/** What a run does next. */
export type NextStep =
  | { do: 'rest' }
  | { do: 'supersede'; process: ProcessRef; byEventId: string }
  | { do: 'install'; process: ProcessRef };

/**
 * The pure table: from what the tenant has to the next step. Same answer for the same facts, whatever order they arrived in:
 * - the newest install by (`created_at`, `id`) is carried out, every older one is superseded, also when the newest has ended;
 * - an install whose installation was uninstalled at or after its own time is superseded.
 * Superseding comes first, so that what an overtaken install began is undone before its successor provisions.
 */
export function decideNext(view: TenantView): NextStep {
  const open = [...view.processes].sort(compareEvents);
  for (const process of open) {
    const byEventId = preEmptedBy(process, view);
    if (byEventId !== null) return { do: 'supersede', process, byEventId };
  }
  const [process] = open;
  return process === undefined ? { do: 'rest' } : { do: 'install', process };
}

/** Id of the event that ends this install early, or null. */
export function preEmptedBy(process: ProcessRef, view: TenantView): string | null {
  const newest = view.record.newestInstall;
  if (newest !== null && compareEvents(newest, process) > 0) return newest.eventId;
  const uninstall = view.events.find((event) => endsInstallation(event, process));
  return uninstall?.eventId ?? null;
}

function endsInstallation(event: EventRef, process: ProcessRef): boolean {
  return (
    isKnown(event.type) &&
    EVENT_CLASSES[event.type] === 'pre-empts' &&
    event.installationId === process.installationId &&
    // Not compareEvents: within one second the uninstall is the later one, because only what is installed can be uninstalled.
    event.createdAtMs >= process.createdAtMs
  );
}

function isKnown(type: string): type is KnownEventType {
  return Object.hasOwn(EVENT_CLASSES, type);
}

/** How an install can end without our answer. */
export type UnansweredOutcome = Extract<ProcessOutcome, 'expired' | 'superseded' | 'contradicted'>;

/**
 * What the state found before anything is provisioned means for an install (talkdesk-api.md 4.4): the outcome, or null where it can
 * still be answered. Accepted goes on, too: our own approval may have been applied and its answer lost; the decision step finds out.
 */
export function outcomeBeforeProvisioning(state: ActionableState): UnansweredOutcome | null {
  switch (state) {
    case 'waiting':
    case 'accepted':
      return null;
    case 'dead':
      return 'expired';
    case 'gone':
      return 'superseded';
    case 'refused':
      return 'contradicted';
  }
}

/** What it means when our decision finds the installation no longer waiting, and not by that decision. */
export function outcomeInsteadOfDecision(state: Exclude<ActionableState, 'waiting'>): UnansweredOutcome {
  switch (state) {
    case 'dead':
      return 'expired';
    case 'gone':
      return 'superseded';
    case 'accepted':
    case 'refused':
      return 'contradicted';
  }
}

/**
 * What the state after the close means for an install whose decision was not confirmed. A decision that was sent and whose answers
 * were all lost counts when Talkdesk reports it. 401 and 404 mean that the credentials died with the window: expired.
 */
export function outcomeAtClose(state: FinalState, attempted: DecisionVerb | null): ProcessOutcome {
  switch (state) {
    case 'waiting':
    case 'dead':
    case 'gone':
    case 'credentials-dead':
      return 'expired';
    case 'accepted':
      return attempted === 'approve' ? 'approved' : 'contradicted';
    case 'refused':
      return attempted === 'reject' ? 'rejected' : 'contradicted';
    case 'suspended':
      return 'contradicted';
  }
}

/** Whether what was provisioned must be undone at this end. An account that Talkdesk calls accepted is in use: never. */
export function mustUndo(outcome: ProcessOutcome, state: FinalState | null): boolean {
  switch (outcome) {
    case 'approved':
    case 'cancelled':
      return false;
    case 'rejected':
    case 'expired':
    case 'superseded':
      return true;
    case 'contradicted':
      return state === 'refused' || state === 'dead' || state === 'gone';
  }
}
