import { randomUUID } from 'node:crypto';
import type { PoolClient } from 'pg';
import type { AccountCall, ProductAnswer, ProductCall, ProvisionAnswer, ProvisionCall, UpdateCall } from '../port.js';
import { refused } from './ledger.js';

const DONE: ProductAnswer = { status: 'done' };

/** PostgreSQL's texts cannot hold a NUL character, names from outside can. */
export function storable(text: string): string {
  return text.replaceAll('\u0000', '');
}

function storableOrNull(text: string | null): string | null {
  return text === null ? null : storable(text);
}

/** Creates the tenant's account, or opens again the one that it had before. */
export async function provisionAccount(client: PoolClient, call: ProvisionCall, at: Date): Promise<ProvisionAnswer> {
  const undone = await client.query(
    'SELECT 1 FROM undone_process WHERE app_id = $1 AND talkdesk_account_id = $2 AND process_id = $3',
    [call.appId, call.accountId, call.processId],
  );
  if (undone.rows.length > 0) return refused('this installation was undone before');
  const name = storable(call.accountName);
  const blocked = await client.query<{ reason: string }>(
    'SELECT reason FROM blocked_account WHERE lower(account_name) = lower($1)',
    [name],
  );
  const block = blocked.rows[0];
  if (block !== undefined) return refused(`the account ${name} is blocked: ${block.reason}`);
  const { rows } = await client.query<{ account_id: string }>(
    `INSERT INTO account (account_id, app_id, talkdesk_account_id, account_name, company_name, plan_name, licenses,
       first_admin_user_id, authorization_url, token_url, userinfo_url, status, generation, created_at, changed_at)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, 'active', $12, $13, $13)
     ON CONFLICT (app_id, talkdesk_account_id) DO UPDATE SET
       account_name = excluded.account_name, company_name = excluded.company_name, plan_name = excluded.plan_name,
       licenses = excluded.licenses, first_admin_user_id = excluded.first_admin_user_id,
       authorization_url = excluded.authorization_url, token_url = excluded.token_url,
       userinfo_url = excluded.userinfo_url, status = 'active', generation = excluded.generation, changed_at = excluded.changed_at
     RETURNING account_id`,
    [
      `account-${randomUUID()}`,
      call.appId,
      call.accountId,
      name,
      storableOrNull(call.companyName),
      storableOrNull(call.planName),
      call.licenses,
      call.adminUserId,
      call.sso.authorizationUrl,
      call.sso.tokenUrl,
      call.sso.userinfoUrl,
      call.generation,
      at,
    ],
  );
  const account = rows[0];
  if (account === undefined) throw new Error('PostgreSQL gave no row for an account that it wrote.');
  return { status: 'done', productAccountId: account.account_id };
}

/** Closes the tenant's account, if there is one, and remembers that this process is undone. */
export async function deprovisionAccount(client: PoolClient, call: ProductCall, at: Date): Promise<ProductAnswer> {
  await client.query(
    `INSERT INTO undone_process (app_id, talkdesk_account_id, process_id, undone_at) VALUES ($1, $2, $3, $4)
     ON CONFLICT DO NOTHING`,
    [call.appId, call.accountId, call.processId, at],
  );
  await client.query(
    `WITH closed AS (
       UPDATE account SET status = 'closed', generation = $3, changed_at = $4
       WHERE app_id = $1 AND talkdesk_account_id = $2 AND status <> 'closed'
       RETURNING account_id)
     UPDATE account_user SET active = false, changed_at = $4
     FROM closed WHERE account_user.account_id = closed.account_id AND active`,
    [call.appId, call.accountId, call.generation, at],
  );
  return DONE;
}

/** Sets name, plan and licences. */
export async function updateAccount(client: PoolClient, call: UpdateCall, at: Date): Promise<ProductAnswer> {
  const { rowCount } = await client.query(
    `UPDATE account SET account_name = $4, plan_name = $5, licenses = $6, generation = $7, changed_at = $8
     WHERE app_id = $1 AND talkdesk_account_id = $2 AND account_id = $3 AND status <> 'closed'`,
    [
      call.appId,
      call.accountId,
      call.productAccountId,
      storable(call.accountName),
      storableOrNull(call.planName),
      call.licenses,
      call.generation,
      at,
    ],
  );
  return rowCount === 0 ? noAccount(call) : DONE;
}

/** Suspends the account or ends its suspension. */
export async function setAccountStatus(
  client: PoolClient,
  call: AccountCall,
  status: 'active' | 'suspended',
  at: Date,
): Promise<ProductAnswer> {
  const { rowCount } = await client.query(
    `UPDATE account SET status = $4, generation = $5, changed_at = $6
     WHERE app_id = $1 AND talkdesk_account_id = $2 AND account_id = $3 AND status <> 'closed'`,
    [call.appId, call.accountId, call.productAccountId, status, call.generation, at],
  );
  return rowCount === 0 ? noAccount(call) : DONE;
}

/** The refusal of a call that names no open account of its tenant. */
export function noAccount(call: AccountCall) {
  return refused(`there is no open account ${call.productAccountId} for this Talkdesk account`);
}
