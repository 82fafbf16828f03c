/** The unit of serial work: one Talkdesk account's use of one app. Survives uninstall and reinstall (design: tenant). */
export interface TenantKey {
  appId: string;
  accountId: string;
}

/** Kinds of process that wait for our answer. */
export const PROCESS_KINDS = ['install', 'update', 'uninstall', 'rotation'] as const;
export type ProcessKind = (typeof PROCESS_KINDS)[number];

/** Longest workflow id that a Temporal server on PostgreSQL stores, in characters. */
export const MAX_WORKFLOW_ID_LENGTH = 255;

/**
 * Workflow id of a tenant's run: `<app_id>/<account_id>`, so that an account's life is the list of runs under one id.
 * Both parts are percent-encoded, because ids are opaque and may hold a slash; ordinary hex ids are unchanged.
 */
export function workflowIdOf(tenant: TenantKey): string {
  return `${encodeURIComponent(tenant.appId)}/${encodeURIComponent(tenant.accountId)}`;
}

/** Workflow id of one logout: a run of its own, so that it never waits behind its tenant's run. */
export function logoutWorkflowIdOf(tenant: TenantKey, eventId: string): string {
  return `${workflowIdOf(tenant)}/logout/${encodeURIComponent(eventId)}`;
}

/** Id of the process that answers an event: derived, so that a repeated delivery or a rebuilt store names the same process. */
export function processIdOf(kind: ProcessKind, eventId: string): string {
  return `${kind}:${eventId}`;
}

/** Idempotency key of one external effect: the same over attempts, runs and restarts. */
export function idempotencyKeyOf(processId: string, step: string): string {
  return `${processId}:${step}`;
}
