import { Prisma } from './generated/client.js';
import type { Decision, Outcome, ProcessKind, ProcessRecord, SealedCredential, Trial } from './types.js';

/** What a step needs to know of an installation, as `INSTALLATION_COLUMNS` selects it. */
interface InstallationColumns {
  state: 'pending' | 'active' | 'ended';
  account_name: string;
  app_version_id: string | null;
  app_version_name: string | null;
  company_name: string | null;
  plan_name: string | null;
  plan_type: string | null;
  licenses: number | null;
  admin_user_id: string | null;
  api_root: string;
  token_url: string;
  authorization_url: string | null;
  userinfo_url: string | null;
}

/** Where an installation's trial is, as `TRIAL_COLUMNS` selects it. */
export interface TrialColumns {
  trial_state: Trial['state'] | null;
  trial_expires_at: Date | null;
  trial_ended_reason: string | null;
  trial_event_created_at: Date | null;
  suspended: boolean;
}

/** A process with what a step needs of its installation and tenant, as `PROCESS_COLUMNS` selects it. */
export interface ProcessRow extends InstallationColumns, TrialColumns {
  id: string;
  kind: ProcessKind;
  event_id: string;
  app_id: string;
  account_id: string;
  installation_id: string;
  generation: number;
  announced: ProcessRecord['announced'];
  event_created_at: Date;
  due_at: Date;
  close_at: Date;
  taken_at: Date;
  step_results: Record<string, unknown>;
  undo: 'none' | 'tables' | 'registered' | 'done';
  decision: Decision | null;
  decision_reason: string | null;
  decision_attempted_at: Date | null;
  person_decision: ProcessRecord['personDecision'];
  outcome: Outcome | null;
  parked_reason: string | null;
  earlier_approval_at: Date | null;
  approval_tried: boolean;
  account_is_newer: boolean;
  credential: SealedCredential | null;
  own_credential: ProcessRecord['ownCredential'];
  product_account_id: string | null;
  kept_account_id: string | null;
}

/** Columns of `TrialColumns`, from the installation `i`. */
export const TRIAL_COLUMNS = Prisma.sql`
  i.trial_state, i.trial_expires_at, i.trial_ended_reason, i.trial_event_created_at, i.suspended`;

/** A `SealedCredential` as JSON, of the credential row of this name. */
function sealedSet(alias: 'c' | 'own'): Prisma.Sql {
  const c = Prisma.raw(alias);
  return Prisma.sql`jsonb_build_object('credentialId', ${c}.id, 'clientId', ${c}.client_id, 'sealedClientSecret', ${c}.client_secret,
    'sealedPrivateKey', ${c}.private_key, 'publicKey', ${c}.public_key, 'keyId', ${c}.key_id, 'keyAlgorithm', ${c}.key_algorithm)`;
}

/**
 * The current set of an installation as a `SealedCredential`, null where there is none. A subquery and not a join: a plan that is made while
 * the tables are small, and kept, may join by reading a whole partial index, which grows with every installation.
 */
export function currentSetOf(installationId: 'p.installation_id' | 'i.id'): Prisma.Sql {
  return Prisma.sql`(SELECT ${sealedSet('c')} FROM credential c
    WHERE c.installation_id = ${Prisma.raw(installationId)} AND c.state = 'current')`;
}

/** Whether process `o` opened the product account of the tenant of process `p` for a later generation, and that was not undone. */
export const OPENED_LATER = Prisma.sql`
  o.app_id = p.app_id AND o.account_id = p.account_id AND o.generation > p.generation AND o.step_results ? 'provision' AND o.undo <> 'done'`;

/** Columns of `ProcessRow`, from `PROCESS_TABLES`. */
export const PROCESS_COLUMNS = Prisma.sql`
  p.id, p.kind, p.event_id, p.app_id, p.account_id, p.installation_id, p.generation, p.event_created_at, p.due_at, p.close_at, p.taken_at,
  p.step_results, p.undo,
  CASE WHEN p.event_details ->> 'appVersionId' IS NOT NULL THEN jsonb_build_object('appVersionId', p.event_details ->> 'appVersionId',
    'appVersionName', p.event_details ->> 'appVersionName') END AS announced, p.decision, p.decision_reason, p.decision_attempted_at, p.outcome, p.parked_reason,
  CASE WHEN p.person_decision IS NOT NULL THEN
    jsonb_build_object('decision', p.person_decision, 'reason', p.person_decision_reason, 'by', p.person_decided_by) END AS person_decision,
  (SELECT max(o.decision_attempted_at) FROM process o
    WHERE o.installation_id = p.installation_id AND o.id <> p.id AND o.decision = 'approve' AND o.outcome = 'approved') AS earlier_approval_at,
  EXISTS (SELECT FROM process o
    WHERE o.installation_id = p.installation_id AND o.id <> p.id AND o.decision = 'approve' AND o.decision_attempted_at IS NOT NULL)
    AS approval_tried,
  EXISTS (SELECT FROM process o WHERE ${OPENED_LATER}) AS account_is_newer,
  i.state, i.account_name, i.app_version_id, i.app_version_name, i.company_name, i.plan_name, i.plan_type, i.licenses, i.admin_user_id,
  i.api_root, i.token_url, i.authorization_url, i.userinfo_url, ${TRIAL_COLUMNS},
  CASE WHEN a.status = 'active' THEN a.product_account_id END AS product_account_id, a.product_account_id AS kept_account_id,
  ${currentSetOf('p.installation_id')} AS credential,
  CASE WHEN p.kind = 'rotation' THEN (SELECT jsonb_build_object('state', own.state, 'set', ${sealedSet('own')}) FROM credential own
    WHERE own.id = p.event_id AND own.state <> 'gone') END AS own_credential`;

export const PROCESS_TABLES = Prisma.sql`
  process p
  JOIN installation i ON i.id = p.installation_id
  LEFT JOIN product_account a ON a.app_id = p.app_id AND a.account_id = p.account_id`;

/** The record of a row. */
export function readProcessRow(row: ProcessRow): ProcessRecord {
  return {
    processId: row.id,
    kind: row.kind,
    eventId: row.event_id,
    tenant: { appId: row.app_id, accountId: row.account_id },
    installationId: row.installation_id,
    generation: row.generation,
    announced: row.announced,
    eventCreatedAt: row.event_created_at,
    dueAt: row.due_at,
    closeAt: row.close_at,
    takenAt: row.taken_at,
    stepResults: row.step_results,
    undo: row.undo,
    decision: row.decision,
    decisionReason: row.decision_reason,
    decisionAttemptedAt: row.decision_attempted_at,
    personDecision: row.person_decision,
    outcome: row.outcome,
    parkedReason: row.parked_reason,
    earlierApprovalAt: row.earlier_approval_at,
    approvalTried: row.approval_tried,
    accountIsNewer: row.account_is_newer,
    installation: {
      state: row.state,
      accountName: row.account_name,
      appVersionId: row.app_version_id,
      appVersionName: row.app_version_name,
      planType: row.plan_type,
      trial: readTrial(row),
      suspended: row.suspended,
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
    ownCredential: row.own_credential,
    productAccountId: row.product_account_id,
    keptAccountId: row.kept_account_id,
  };
}

/** The trial of a row; null where no trial event was applied. */
export function readTrial(row: TrialColumns): Trial | null {
  if (row.trial_state === null || row.trial_event_created_at === null) return null;
  return {
    state: row.trial_state,
    expiresAt: row.trial_expires_at,
    endedReason: row.trial_ended_reason,
    eventCreatedAt: row.trial_event_created_at,
  };
}
