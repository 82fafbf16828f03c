import type { Attempt, EventRecord } from './events.js';
import type { Decision, Installation } from './world.js';

/** An installation as the control API shows it; times in ISO 8601 with milliseconds. */
export function installationView(installation: Installation): object {
  return {
    installation_id: installation.id,
    app_id: installation.app.id,
    account_id: installation.account.id,
    account_name: installation.account.name,
    event_id: installation.eventId,
    state: installation.state,
    updated_at: installation.stateUpdatedAt.toISOString(),
    users_total: installation.usersTotal,
    decisions: installation.decisions.map(decisionView),
    token_requests: installation.tokenRequests,
    client_revoked: installation.client.revoked,
    deadline: installation.deadline.toISOString(),
  };
}

/** A decision as the control API shows it. */
export function decisionView(decision: Decision): object {
  return {
    at: decision.at.toISOString(),
    installation_id: decision.installationId,
    verb: decision.verb,
    reason: decision.reason,
    status: decision.status,
    effective: decision.effective,
  };
}

/** An attempt as the control API shows it. */
export function attemptView(attempt: Attempt): {
  at: string;
  status: number | null;
  ms: number;
  error: string | null;
  scheduled: boolean;
} {
  const { at, status, ms, error, scheduled } = attempt;
  return { at: at.toISOString(), status, ms, error, scheduled };
}

/** An event with its attempts as the control API shows it. */
export function eventView(event: EventRecord): object {
  return {
    event_id: event.id,
    type: event.type,
    installation_id: event.installation.id,
    attempts: event.attempts.map(attemptView),
    delivered: event.attempts.some((attempt) => attempt.delivered),
    next_attempt_at: event.nextAttemptAt?.toISOString() ?? null,
  };
}
