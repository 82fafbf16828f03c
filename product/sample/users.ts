import type { LogoutCall, PreviewAnswer, SyncUsersCall } from '../port.js';
import { noAccount, storableOrNull } from './accounts.js';
import type { SampleDatabase, Statement } from './database.js';
import { type Effect, effectStatement, refused, wordsOfOlder } from './ledger.js';

/**
 * What a list makes of the account's users, for `$2`–`$11` as `listValues` gives them. Known and listed users are brought together by a
 * set operation, which passes over both once; a join planned for a short list may compare all with all. Who gets a seat when there are
 * not enough: admins, then who has been there longest, of those who came together who has a seat, then the order of the list.
 */
const PLANNED = `
  open_account AS MATERIALIZED (
    SELECT account_id FROM account
    WHERE app_id = $2 AND talkdesk_account_id = $3 AND account_id = $5 AND status <> 'closed'
  ), known_or_listed AS (
    SELECT id, true AS listed, email, name, admin, seated, place, NULL::timestamptz AS since, NULL::boolean AS was_active
    FROM unnest($6::text[], $7::text[], $8::text[], $9::boolean[], $10::boolean[])
      WITH ORDINALITY AS l (id, email, name, admin, seated, place)
    UNION ALL
    SELECT talkdesk_user_id, false, NULL, NULL, false, false, NULL, created_at, active
    FROM account_user JOIN open_account USING (account_id)
  ), together AS (
    SELECT id, bool_or(listed) AS listed, max(email) AS email, max(name) AS name, bool_or(admin) AS admin,
      bool_or(seated) AS seated, min(place) AS place, min(since) AS since, bool_or(was_active) AS was_active
    FROM known_or_listed GROUP BY id
  ), planned AS MATERIALIZED (
    SELECT *, seated AND ($11::integer IS NULL OR $11 >= row_number() OVER (
      PARTITION BY seated ORDER BY admin DESC, since NULLS LAST, was_active DESC NULLS LAST, place)) AS active
    FROM together
  )`;

/** One statement, however long the list is. A user keeps the product's id for ever: who is not listed is suspended. */
const SYNC_USERS = effectStatement(
  'sync-users',
  `${PLANNED}, suspended AS (
    UPDATE account_user SET active = false, changed_at = $12::timestamptz
    FROM open_account, (SELECT id FROM planned WHERE was_active AND NOT listed) absent
    WHERE account_user.account_id = open_account.account_id AND account_user.talkdesk_user_id = absent.id
  ), kept AS (
    INSERT INTO account_user (user_id, account_id, talkdesk_user_id, email, name, admin, active, created_at, changed_at)
    SELECT 'user-' || gen_random_uuid(), account_id, id, email, name, admin, planned.active, $12::timestamptz, $12::timestamptz
    FROM open_account CROSS JOIN planned WHERE listed
    ON CONFLICT (account_id, talkdesk_user_id) DO UPDATE SET
      email = excluded.email, name = excluded.name, admin = excluded.admin, active = excluded.active, changed_at = excluded.changed_at
    RETURNING talkdesk_user_id, user_id, active
  ), limited AS (
    UPDATE account SET seats = $11::integer, changed_at = $12::timestamptz
    FROM open_account WHERE account.account_id = open_account.account_id
  ), answered AS (
    SELECT CASE WHEN EXISTS (SELECT FROM open_account)
      THEN jsonb_build_object('status', 'done', 'users', (SELECT COALESCE(jsonb_agg(jsonb_build_object(
        'talkdeskUserId', talkdesk_user_id, 'productUserId', user_id,
        'seat', CASE WHEN active THEN 'active' ELSE 'suspended' END)), '[]') FROM kept))
      ELSE $4::jsonb END AS answer
  )`,
);

/** `$1` is the generation of the call. Reads only. */
const PREVIEW_USERS: Statement = {
  name: 'preview-users',
  text: `
    WITH ${PLANNED}
    SELECT
      (SELECT generation FROM tenant_generation WHERE app_id = $2 AND talkdesk_account_id = $3 AND generation > $1::integer) AS newer,
      CASE WHEN NOT EXISTS (SELECT FROM open_account) THEN $4::jsonb ELSE (
        SELECT jsonb_build_object('status', 'done',
          'add', count(*) FILTER (WHERE was_active IS NULL),
          'resume', count(*) FILTER (WHERE NOT was_active AND active),
          'suspend', count(*) FILTER (WHERE was_active AND NOT active))
        FROM planned) END AS answer`,
};

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
  return { statement: SYNC_USERS, values: [...listValues(call), at] };
}

/** Tells what the list would change, by the same choice of seats. */
export async function previewAccountUsers(database: SampleDatabase, call: SyncUsersCall): Promise<PreviewAnswer> {
  return await database.transaction(call.signal, async (send) => {
    const [row] = await send<{ newer: number | null; answer: PreviewAnswer }>(PREVIEW_USERS, [
      call.generation,
      ...listValues(call),
    ]);
    if (row === undefined) throw new Error('PostgreSQL gave no answer to a preview.');
    return row.newer === null ? row.answer : refused(wordsOfOlder(call.generation, row.newer));
  });
}

/** Values of `PLANNED`, from `$2` on. */
function listValues(call: SyncUsersCall): unknown[] {
  const users = [...new Map(call.users.map((user) => [user.talkdeskUserId, user])).values()];
  return [
    call.appId,
    call.accountId,
    noAccount(call),
    call.productAccountId,
    users.map((user) => user.talkdeskUserId),
    users.map((user) => storableOrNull(user.email)),
    users.map((user) => storableOrNull(user.name)),
    users.map((user) => user.admin),
    users.map((user) => user.seat === 'active'),
    call.seats,
  ];
}

/** Notes that the user's session ended. A user whom the product does not know has none. */
export function endUserSession(call: LogoutCall, at: Date): Effect {
  return {
    statement: END_SESSION,
    values: [call.appId, call.accountId, call.productAccountId, call.talkdeskUserId, at],
  };
}
