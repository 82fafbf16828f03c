/** How a process ended. Exactly one per process. */
export const PROCESS_OUTCOMES = [
  'approved',
  'rejected',
  'acknowledged',
  'expired',
  'superseded',
  'credentials-gone',
  'contradicted',
  'cancelled',
] as const;
export type ProcessOutcome = (typeof PROCESS_OUTCOMES)[number];

/** How an event without a process of its own ends (trial, logout, unknown type, or an installation that never became known). */
export type BareOutcome = 'recorded' | 'credentials-gone' | 'quarantined';

/** What we tell Talkdesk about a process (talkdesk-api.md 4.4). */
export type DecisionVerb = 'approve' | 'reject';

/**
 * What an installation's state, as Talkdesk reports it, means to us (talkdesk-api.md 4.4, "Read a union"):
 * accepted {approve, completed}, refused {reject, rejected}, waiting {installing, pending, updating}, dead {timeout, failed},
 * suspended, gone {revoked, uninstalled}, unknown: anything else.
 */
export type RemoteState = 'waiting' | 'accepted' | 'refused' | 'dead' | 'suspended' | 'gone' | 'unknown';

/** A remote state on which a process can act; the others need a person first. */
export type ActionableState = Exclude<RemoteState, 'suspended' | 'unknown'>;

/** What the last word of Talkdesk can be after a window closed; `credentials-dead`: our credentials are not accepted any more. */
export type FinalState = Exclude<RemoteState, 'unknown'> | 'credentials-dead';
