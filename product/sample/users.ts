import type { PoolClient } from 'pg';
import type { LogoutCall, ProductAnswer, SyncUsersAnswer, SyncUsersCall } from '../port.js';
import { noAccount, storable } from './accounts.js';

/**
 * Makes the account's users equal to the list in two statements, however long it is. A user keeps the product's id for ever; of two
 * entries for one user the later one counts.
 */
export async function syncAccountUsers(client: PoolClient, call: SyncUsersCall, at: Date): Promise<SyncUsersAnswer> {
  const account = await client.query(
    `SELECT 1 FROM account WHERE app_id = $1 AND talkdesk_account_id = $2 AND account_id = $3 AND status <> 'closed'`,
    [call.appId, call.accountId, call.productAccountId],
  );
  if (account.rows.length === 0) return noAccount(call);
  const users = [...new Map(call.users.map((user) => [user.talkdeskUserId, user])).values()];
  const ids = users.map((user) => user.talkdeskUserId);
  await client.query(
    `UPDATE account_user SET active = false, changed_at = $3
     WHERE account_id = $1 AND active
       AND NOT EXISTS (SELECT 1 FROM unnest($2::text[]) AS listed(id) WHERE listed.id = talkdesk_user_id)`,
    [call.productAccountId, ids, at],
  );
  const { rows } = await client.query<{ talkdesk_user_id: string; user_id: string }>(
    `INSERT INTO account_user (user_id, account_id, talkdesk_user_id, email, name, admin, active, created_at, changed_at)
     SELECT 'user-' || gen_random_uuid(), $1, listed.id, listed.email, listed.name, listed.admin, true, $6, $6
     FROM unnest($2::text[], $3::text[], $4::text[], $5::boolean[]) AS listed(id, email, name, admin)
     ON CONFLICT (account_id, talkdesk_user_id) DO UPDATE SET
       email = excluded.email, name = excluded.name, admin = excluded.admin, active = true, changed_at = excluded.changed_at
     RETURNING talkdesk_user_id, user_id`,
    [
      call.productAccountId,
      ids,
      users.map((user) => (user.email === null ? null : storable(user.email))),
      users.map((user) => (user.name === null ? null : storable(user.name))),
      users.map((user) => user.admin),
      at,
    ],
  );
  return {
    status: 'done',
    users: rows.map((row) => ({ talkdeskUserId: row.talkdesk_user_id, productUserId: row.user_id })),
  };
}

/** Notes that the user's session ended. A user whom the product does not know has none. */
export async function endUserSession(client: PoolClient, call: LogoutCall, at: Date): Promise<ProductAnswer> {
  await client.query(
    `UPDATE account_user SET logged_out_at = $5
     FROM account WHERE account.account_id = account_user.account_id
       AND account.app_id = $1 AND account.talkdesk_account_id = $2 AND account.account_id = $3 AND talkdesk_user_id = $4`,
    [call.appId, call.accountId, call.productAccountId, call.talkdeskUserId, at],
  );
  return { status: 'done' };
}
