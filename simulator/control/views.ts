import { clientState } from '../world/clients.js';
import type { Attempt, EventRecord } from '../events/events.js';
import {
  type Account,
  type App,
  type Client,
  type CustomerSettings,
  type Decision,
  type Installation,
  lastProcess,
  type Process,
  type User,
  type World,
  wantedUpdate,
} from '../world/world.js';

/** An app as the control API shows it. */
export function appView({ id, callbackUrl, scopes, versionId, versionName }: App): object {
  return { app_id: id, callback_url: callbackUrl, scopes, version_id: versionId, version_name: versionName };
}

/** An installation as the control API shows it; times in ISO 8601 with milliseconds, no secret. */
export function installationView(installation: Installation): object {
  const last = lastProcess(installation);
  const { trial } = installation;
  return {
    installation_id: installation.id,
    app_id: installation.app.id,
    account_id: installation.account.id,
    account_name: installation.account.name,
    region: installation.account.region,
    /** Of the newest install, update or uninstall. */
    event_id: last?.eventId,
    deadline: last?.deadline.toISOString(),
    state: installation.state,
    updated_at: installation.stateUpdatedAt.toISOString(),
    users_total: installation.settings.userIds.length,
    plan: installation.settings.plan,
    trial: trial && {
      started_at: trial.startedAt.toISOString(),
      expires_at: trial.expiresAt.toISOString(),
      ended_at: trial.ended?.at.toISOString() ?? null,
      ended_reason: trial.ended?.reason ?? null,
    },
    processes: installation.processes.map(processView),
    decisions: installation.decisions.map(decisionView),
    clients: installation.clients.map(clientView),
    token_requests: installation.tokenRequests,
  };
}

/** The settings in force, and those that an update waits for. */
export function settingsView(installation: Installation): object {
  const wanted = wantedUpdate(installation);
  const view = ({ userIds, plan }: CustomerSettings) => ({ users: userIds, plan });
  return { in_force: view(installation.settings), wanted: wanted === undefined ? null : view(wanted) };
}

function processView({ kind, eventId, createdAt, deadline, client, decided, ended }: Process): object {
  return {
    kind,
    event_id: eventId,
    created_at: createdAt.toISOString(),
    deadline: deadline.toISOString(),
    ...(client === null ? {} : { client_id: client.id }),
    decided: decided && { verb: decided.verb, at: decided.at.toISOString() },
    ended: ended?.how ?? null,
    ended_at: ended?.at.toISOString() ?? null,
  };
}

function clientView(client: Client): object {
  return { client_id: client.id, key_id: client.keyId, key_algorithm: client.algorithm, state: clientState(client) };
}

/** An account as the control API shows it. */
export function accountView(account: Account, world: World): object {
  const installed = [...world.installations.values()].filter((installation) => installation.account === account);
  return {
    account_id: account.id,
    account_name: account.name,
    region: account.region,
    users_known: account.users.size,
    ip_allow_list: account.ipAllowList,
    installations: installed.map(({ id, app, state }) => ({ installation_id: id, app_id: app.id, state })),
  };
}

/** A user as the control API shows it. */
export function userView({ id, email, name, active }: User): object {
  return { id, email, name, active };
}

/** A decision as the control API shows it. */
export function decisionView(decision: Decision): object {
  const { process } = decision;
  return {
    at: decision.at.toISOString(),
    installation_id: decision.installationId,
    verb: decision.verb,
    reason: decision.reason,
    status: decision.status,
    effective: process !== null,
    process: process && { kind: process.kind, event_id: process.eventId },
  };
}

/** An attempt as the control API shows it. */
export function attemptView(attempt: Attempt): {
  at: string;
  status: number | null;
  ms: number;
  error: string | null;
  scheduled: boolean;
  fault: string | null;
} {
  const { at, status, ms, error, scheduled, fault } = attempt;
  return { at: at.toISOString(), status, ms, error, scheduled, fault };
}

/** An event with its attempts as the control API shows it. */
export function eventView(event: EventRecord): object {
  return {
    event_id: event.id,
    type: event.type,
    installation_id: event.installationId,
    created_at: event.createdAt.toISOString(),
    attempts: event.attempts.map(attemptView),
    delivered: event.attempts.some((attempt) => attempt.delivered),
    next_attempt_at: event.nextAttemptAt?.toISOString() ?? null,
    fault: event.fault,
  };
}
