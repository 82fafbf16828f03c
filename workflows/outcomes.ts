import type { ActionableState, DecisionVerb, FinalState, ProcessOutcome } from '../contracts/outcomes.js';

/** The processes in which Talkdesk waits for approve or reject, and the customer with it. */
export type AnsweredKind = 'install' | 'update';

/** How such a process can end without our answer. */
export type UnansweredOutcome = Extract<ProcessOutcome, 'expired' | 'superseded' | 'contradicted'>;

/**
 * What the state found before anything is done means (talkdesk-api.md 4.4): the outcome, or null where the process can still be answered.
 * Accepted goes on, too: our own approval may have been applied and its answer lost; the decision step finds out. A refused install was
 * rejected by us, in a time that a restored database has forgotten: nothing else rejects one, and nothing has been sent yet that the tables
 * know of. An update is not refused: its reject leaves the installation accepted.
 */
export function outcomeBeforeActing(kind: AnsweredKind, state: ActionableState): UnansweredOutcome | 'rejected' | null {
  switch (state) {
    case 'waiting':
    case 'accepted':
      return null;
    case 'dead':
      return 'expired';
    case 'gone':
      return 'superseded';
    case 'refused':
      return kind === 'install' ? 'rejected' : 'contradicted';
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
 * What the state after the close means for a process whose decision was not confirmed. A decision that was sent and whose answers were
 * all lost counts when Talkdesk reports it.
 */
export function outcomeAtClose(
  kind: AnsweredKind,
  state: FinalState,
  attempted: DecisionVerb | null,
): Exclude<ProcessOutcome, 'acknowledged' | 'credentials-gone' | 'cancelled'> {
  return kind === 'install' ? installAtClose(state, attempted) : updateAtClose(state, attempted);
}

/** 401 and 404 mean that the credentials died with the window: expired. */
function installAtClose(
  state: FinalState,
  attempted: DecisionVerb | null,
): 'approved' | 'rejected' | 'expired' | 'contradicted' {
  switch (state) {
    case 'waiting':
    case 'dead':
    case 'gone':
    case 'credentials-dead':
      return 'expired';
    // Only what was accepted is suspended (talkdesk-api.md 4.4).
    case 'accepted':
    case 'suspended':
      return attempted === 'approve' ? 'approved' : 'contradicted';
    case 'refused':
      return attempted === 'reject' ? 'rejected' : 'contradicted';
  }
}

/** An installation whose update ran out is in use with its old settings, as one whose update was rejected (talkdesk-api.md 4.4). */
function updateAtClose(
  state: FinalState,
  attempted: DecisionVerb | null,
): 'approved' | 'rejected' | 'expired' | 'superseded' {
  switch (state) {
    case 'waiting':
    case 'dead':
    case 'credentials-dead':
    case 'suspended':
      return 'expired';
    case 'accepted':
      if (attempted === null) return 'expired';
      return attempted === 'approve' ? 'approved' : 'rejected';
    case 'refused':
      return attempted === 'reject' ? 'rejected' : 'expired';
    case 'gone':
      return 'superseded';
  }
}

/**
 * Whether what was begun must be undone at this end: an install's account, an update's settings. An account that Talkdesk calls accepted
 * is in use: never.
 */
export function mustUndo(outcome: ProcessOutcome, state: FinalState | null): boolean {
  switch (outcome) {
    case 'approved':
    case 'acknowledged':
    case 'credentials-gone':
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
