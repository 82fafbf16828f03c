import type { LogoutCall, SyncUsersCall } from '../port.js';
import { noAccount, storableOrNull } from './accounts.js';
import { type Effect, effectStatement } from './ledger.js';

/** One statement, however long the list is. A user keeps the product's id for ever. */
const SYNC_USERS = effectStatement(
  'sync-users',
  `open_account AS MATERIALIZED (
    SELECT account_id FROM account
    WHERE app_id = $2 AND talkdesk_account_id = $3 AND account_id = $5 AND status <> 'closed'
  ), listed AS MATERIALIZED (
    SELECT * FROM unnest($6::text[], $7::text[], $8::text[], $9::boolean[]) AS l (id, email, name, admin)
  ), missing AS (
    -- A set operation takes both sides in one pass each; an anti-join planned for a short list may compare all with all.
    SELECT account_id, talkdesk_user_id FROM account_user JOIN open_account USING (account_id) WHERE active
    EXCEPT
    SELECT account_id, listed.id FROM open_account CROSS JOIN listed
  ), ended AS (
    UPDATE account_user SET active = false, changed_at = $10::timestamptz
    FROM missing
    WHERE account_user.account_id = missing.account_id AND account_user.talkdesk_user_id = missing.talkdesk_user_id
  ), kept AS (
    INSERT INTO account_user (user_id, account_id, talkdesk_user_id, email, name, admin, active, created_at, changed_at)
    SELECT 'user-' || gen_random_uuid(), account_id, listed.id, listed.email, listed.name, listed.admin, true,
      $10::timestamptz, $10::timestamptz
    FROM open_account CROSS JOIN listed
    ON CONFLICT (account_id, talkdesk_user_id) DO UPDATE SET
      email = excluded.email, name = excluded.name, admin = excluded.admin, active = true, changed_at = excluded.changed_at
    RETURNING talkdesk_user_id, user_id
  ), answered AS (
    SELECT CASE WHEN EXISTS (SELECT FROM open_account)
      THEN jsonb_build_object('status', 'done', 'users', (SELECT COALESCE(
        jsonb_agg(jsonb_build_object('talkdeskUserId', talkdesk_user_id, 'productUserId', user_id)), '[]') FROM kept))
      ELSE $4::jsonb END AS answer
  )`,
);

const END_SESSION = effectStatement(
  'end-session',
  `noted AS (
    UPDATE account_user SET logged_out_at = $6::timestamptz
    FROM account WHERE account.account_id = account_user.account_id
      AND account.app_id = $2 AND account.talkdesk_account_id = $3 AND account.account_id = $4 AND talkdesk_user_id = $5
  ), answered AS (
    SELECT '{"status":"done"}'::jsonb AS answer
  )`,
);

/** Makes the account's users equal to the list; of two entries for one user the later one counts. */
export function syncAccountUsers(call: SyncUsersCall, at: Date): Effect {
  const users = [...new Map(call.users.map((user) => [user.talkdeskUserId, user])).values()];
  return {
    statement: SYNC_USERS,
    values: [
      call.appId,
      call.accountId,
      noAccount(call),
      call.productAccountId,
      users.map((user) => user.talkdeskUserId),
      users.map((user) => storableOrNull(user.email)),
      users.map((user) => storableOrNull(user.name)),
      users.map((user) => user.admin),
      at,
    ],
  };
}

/** Notes that the user's session ended. A user whom the product does not know has none. */
export function endUserSession(call: LogoutCall, at: Date): Effect {
  return {
    statement: END_SESSION,
    values: [call.appId, call.accountId, call.productAccountId, call.talkdeskUserId, at],
  };
}
