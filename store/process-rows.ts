import { Prisma } from './generated/client.js';
import type { Decision, Outcome, ProcessRecord, SealedCredential } from './types.js';

/** A process with what a step needs of its installation and tenant, as `PROCESS_COLUMNS` selects it. */
export interface ProcessRow {
  id: string;
  kind: 'install';
  event_id: string;
  app_id: string;
  account_id: string;
  installation_id: string;
  generation: number;
  event_created_at: Date;
  due_at: Date;
  close_at: Date;
  step_results: Record<string, unknown>;
  undo: 'none' | 'registered' | 'done';
  decision: Decision | null;
  decision_reason: string | null;
  decision_attempted_at: Date | null;
  outcome: Outcome | null;
  parked_reason: string | null;
  account_name: string;
  company_name: string | null;
  plan_name: string | null;
  licenses: number | null;
  admin_user_id: string | null;
  api_root: string;
  token_url: string;
  authorization_url: string | null;
  userinfo_url: string | null;
  credential: SealedCredential | null;
  product_account_id: string | null;
}

/** Columns of `ProcessRow`, from `PROCESS_TABLES`. */
export const PROCESS_COLUMNS = Prisma.sql`
  p.id, p.kind, p.event_id, p.app_id, p.account_id, p.installation_id, p.event_created_at, p.due_at, p.close_at, p.step_results, p.undo,
  p.decision, p.decision_reason, p.decision_attempted_at, p.outcome, p.parked_reason, i.generation, i.account_name, i.company_name,
  i.plan_name, i.licenses, i.admin_user_id, i.api_root, i.token_url, i.authorization_url, i.userinfo_url, a.product_account_id,
  CASE WHEN c.id IS NOT NULL THEN jsonb_build_object('credentialId', c.id, 'clientId', c.client_id, 'sealedClientSecret', c.client_secret,
    'sealedPrivateKey', c.private_key, 'publicKey', c.public_key, 'keyId', c.key_id, 'keyAlgorithm', c.key_algorithm) END AS credential`;

export const PROCESS_TABLES = Prisma.sql`
  process p
  JOIN installation i ON i.id = p.installation_id
  LEFT JOIN credential c ON c.installation_id = p.installation_id AND c.state = 'current'
  LEFT JOIN product_account a ON a.app_id = p.app_id AND a.account_id = p.account_id AND a.status = 'active'`;

/** The record of a row. */
export function readProcessRow(row: ProcessRow): ProcessRecord {
  return {
    processId: row.id,
    kind: row.kind,
    eventId: row.event_id,
    tenant: { appId: row.app_id, accountId: row.account_id },
    installationId: row.installation_id,
    generation: row.generation,
    eventCreatedAt: row.event_created_at,
    dueAt: row.due_at,
    closeAt: row.close_at,
    stepResults: row.step_results,
    undo: row.undo,
    decision: row.decision,
    decisionReason: row.decision_reason,
    decisionAttemptedAt: row.decision_attempted_at,
    outcome: row.outcome,
    parkedReason: row.parked_reason,
    installation: {
      accountName: row.account_name,
      companyName: row.company_name,
      planName: row.plan_name,
      licenses: row.licenses,
      adminUserId: row.admin_user_id,
      apiRoot: row.api_root,
      tokenUrl: row.token_url,
      authorizationUrl: row.authorization_url,
      userinfoUrl: row.userinfo_url,
    },
    credential: row.credential,
    productAccountId: row.product_account_id,
  };
}
