import { randomUUID } from 'node:crypto';
import type { AccountCall, ProductCall, ProvisionCall, UpdateCall } from '../port.js';
import { type Effect, effectStatement, refused } from './ledger.js';

/** `answered` from `changed`: done when there is an account in it, else the refusal in `$4`. */
const DONE_IF_CHANGED = `
  answered AS (
    SELECT CASE WHEN EXISTS (SELECT FROM changed) THEN '{"status":"done"}'::jsonb ELSE $4::jsonb END AS answer
  )`;

/** The first obstacle found is the answer; without one, the tenant's account is created, or the one that it had before opened again. */
const PROVISION = effectStatement(
  'provision',
  `obstacle AS MATERIALIZED (
    SELECT reason FROM (
      SELECT 1 AS place, 'this installation was undone before' AS reason FROM undone_process
      WHERE app_id = $2 AND talkdesk_account_id = $3 AND process_id = $4
      UNION ALL
      SELECT 2, format('the account %s is blocked: %s', $6::text, reason) FROM blocked_account
      WHERE lower(account_name) = lower($6::text)
      UNION ALL
      SELECT 3, 'the account that is to be opened again belongs to another customer' FROM account
      WHERE account_id = $16 AND (app_id <> $2 OR talkdesk_account_id <> $3)
    ) found
    ORDER BY place LIMIT 1
  ), opened AS (
    INSERT INTO account (account_id, app_id, talkdesk_account_id, account_name, company_name, plan_name, licenses,
      first_admin_user_id, authorization_url, token_url, userinfo_url, status, generation, created_at, changed_at)
    SELECT $5, $2, $3, $6::text, $7, $8, $9::integer, $10, $11, $12, $13, 'active', $14::integer, $15::timestamptz, $15::timestamptz
    WHERE NOT EXISTS (SELECT FROM obstacle)
    ON CONFLICT (app_id, talkdesk_account_id) DO UPDATE SET
      account_name = excluded.account_name, company_name = excluded.company_name, plan_name = excluded.plan_name,
      licenses = excluded.licenses, first_admin_user_id = excluded.first_admin_user_id,
      authorization_url = excluded.authorization_url, token_url = excluded.token_url,
      userinfo_url = excluded.userinfo_url, status = 'active', generation = excluded.generation, changed_at = excluded.changed_at
    RETURNING account_id
  ), answered AS (
    SELECT jsonb_build_object('status', 'refused', 'reason', reason) AS answer FROM obstacle
    UNION ALL
    SELECT jsonb_build_object('status', 'done', 'productAccountId', account_id) FROM opened
  )`,
);

/** The account's users end with it. That the process is undone is remembered even if there was nothing to close. */
const DEPROVISION = effectStatement(
  'deprovision',
  `undone AS (
    INSERT INTO undone_process (app_id, talkdesk_account_id, process_id, undone_at) VALUES ($2, $3, $4, $6::timestamptz)
    ON CONFLICT DO NOTHING
  ), closed AS (
    UPDATE account SET status = 'closed', generation = $5::integer, changed_at = $6::timestamptz
    WHERE app_id = $2 AND talkdesk_account_id = $3 AND status <> 'closed'
    RETURNING account_id
  ), ended AS (
    UPDATE account_user SET active = false, changed_at = $6::timestamptz
    FROM closed WHERE account_user.account_id = closed.account_id AND active
  ), answered AS (
    SELECT '{"status":"done"}'::jsonb AS answer
  )`,
);

const UPDATE = effectStatement(
  'update',
  `changed AS (
    UPDATE account SET account_name = $6, plan_name = $7, licenses = $8, generation = $9, changed_at = $10
    WHERE app_id = $2 AND talkdesk_account_id = $3 AND account_id = $5 AND status <> 'closed'
    RETURNING account_id
  ), ${DONE_IF_CHANGED}`,
);

const SET_STATUS = effectStatement(
  'set-status',
  `changed AS (
    UPDATE account SET status = $6, generation = $7, changed_at = $8
    WHERE app_id = $2 AND talkdesk_account_id = $3 AND account_id = $5 AND status <> 'closed'
    RETURNING account_id
  ), ${DONE_IF_CHANGED}`,
);

/** PostgreSQL's texts cannot hold a NUL character, names from outside can. */
function storable(text: string): string {
  return text.replaceAll('\u0000', '');
}

/** As `storable`, for text that may be absent. */
export function storableOrNull(text: string | null): string | null {
  return text === null ? null : storable(text);
}

/**
 * Creates the tenant's account, or opens again the one that it had before. Refused for a blocked name, once its process is undone, and
 * when the account to be opened again is another tenant's.
 */
export function provisionAccount(call: ProvisionCall, at: Date): Effect {
  return {
    statement: PROVISION,
    values: [
      call.appId,
      call.accountId,
      call.processId,
      `account-${randomUUID()}`,
      storable(call.accountName),
      storableOrNull(call.companyName),
      storableOrNull(call.planName),
      call.licenses,
      call.adminUserId,
      call.sso.authorizationUrl,
      call.sso.tokenUrl,
      call.sso.userinfoUrl,
      call.generation,
      at,
      call.keptAccountId,
    ],
  };
}

/** Closes the tenant's account, if there is one, and remembers that this process is undone. */
export function deprovisionAccount(call: ProductCall, at: Date): Effect {
  return { statement: DEPROVISION, values: [call.appId, call.accountId, call.processId, call.generation, at] };
}

/** Sets name, plan and licences. */
export function updateAccount(call: UpdateCall, at: Date): Effect {
  return {
    statement: UPDATE,
    values: [
      call.appId,
      call.accountId,
      noAccount(call),
      call.productAccountId,
      storable(call.accountName),
      storableOrNull(call.planName),
      call.licenses,
      call.generation,
      at,
    ],
  };
}

/** Suspends the account or ends its suspension. */
export function setAccountStatus(call: AccountCall, status: 'active' | 'suspended', at: Date): Effect {
  return {
    statement: SET_STATUS,
    values: [call.appId, call.accountId, noAccount(call), call.productAccountId, status, call.generation, at],
  };
}

/** The refusal of a call that names no open account of its tenant, as JSON text. */
export function noAccount(call: AccountCall): string {
  return JSON.stringify(refused(`there is no open account ${call.productAccountId} for this Talkdesk account`));
}
