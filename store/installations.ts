import type { Database } from './database.js';
import { NotFoundError } from './errors.js';
import { Prisma } from './generated/client.js';
import { placeOf } from './sealing.js';
import { instant, instantOrNull, json, storable, storableOrNull } from './sql.js';
import type { Processes, Sealer, Snapshot } from './types.js';

/** Ten thousand users are written in well under a second; a busy database is given some more. */
const BULK_LIMIT_MS = 5_000;
const MAX_INTEGER = 2_147_483_647;

interface UserRow {
  talkdesk_user_id: string;
  email: string | null;
  name: string | null;
  admin: boolean;
}

/** What is known of an installation: its credentials, the snapshot read from Talkdesk, its licensed users. */
export function createInstallations(deps: {
  database: Database;
  sealer: Sealer;
}): Pick<Processes, 'open' | 'users' | 'recordSync'> {
  const { database, sealer } = deps;

  return {
    open({ credentialId, sealedClientSecret, sealedPrivateKey, ...open }) {
      const unseal = (column: string, sealed: string) =>
        sealer.open(sealed, placeOf('credential', column, credentialId)).toString('utf8');
      return {
        ...open,
        clientSecret: sealedClientSecret === null ? null : unseal('client_secret', sealedClientSecret),
        privateKey: unseal('private_key', sealedPrivateKey),
      };
    },

    async users(installationId) {
      const rows = await database.query<UserRow>(Prisma.sql`
        SELECT m.talkdesk_user_id, m.email, m.name, m.talkdesk_user_id IS NOT DISTINCT FROM i.admin_user_id AS admin
        FROM installation i JOIN user_mapping m ON m.app_id = i.app_id AND m.account_id = i.account_id AND m.ended_at IS NULL
        WHERE i.id = ${installationId}
        ORDER BY m.talkdesk_user_id`);
      return rows.map((row) => ({
        talkdeskUserId: row.talkdesk_user_id,
        email: row.email,
        name: row.name,
        admin: row.admin,
      }));
    },

    async recordSync({ processId, snapshot, stepResult }) {
      const rows = await database.query(syncStatement(processId, snapshot, stepResult), { limitMs: BULK_LIMIT_MS });
      if (rows.length === 0) throw new NotFoundError('process', processId);
    },
  };
}

/** A user whose row would not change keeps it; one that changed has the old row ended and a new one begun, with its product user. */
function syncStatement(processId: string, snapshot: Snapshot, stepResult: unknown): Prisma.Sql {
  const users = [...new Map(snapshot.users.map((user) => [user.talkdeskUserId, user])).values()];
  const readAt = instant(snapshot.readAt);
  return Prisma.sql`
    WITH stepped AS (
      UPDATE process SET step_results = step_results || jsonb_build_object('sync', ${json(stepResult)})
      WHERE id = ${processId}
      RETURNING app_id, account_id, installation_id
    ), synced AS (
      UPDATE installation i
      SET remote_state = ${snapshot.remoteState}, remote_state_word = ${storable(snapshot.remoteStateWord)},
        remote_updated_at = ${instantOrNull(snapshot.remoteUpdatedAt)}, remote_read_at = ${readAt},
        company_name = ${storableOrNull(snapshot.companyName)}, plan_name = ${storableOrNull(snapshot.planName)},
        licenses = ${countOrNull(snapshot.licenses)}::int, admin_user_id = ${snapshot.adminUserId},
        scopes = ${snapshot.scopes.map(storable)}::text[], version = i.version + 1
      FROM stepped WHERE i.id = stepped.installation_id
    ), listed AS MATERIALIZED (
      SELECT * FROM unnest(${users.map((user) => user.talkdeskUserId)}::text[], ${users.map((user) => storableOrNull(user.email))}::text[],
        ${users.map((user) => storableOrNull(user.name))}::text[], ${users.map((user) => user.active)}::boolean[])
        AS l (talkdesk_user_id, email, name, active)
    ), open AS MATERIALIZED (
      SELECT m.* FROM user_mapping m JOIN stepped s ON m.app_id = s.app_id AND m.account_id = s.account_id
      WHERE m.ended_at IS NULL
    ), differing AS MATERIALIZED (
      -- A full join is never a nested loop, which ten thousand users on both sides would make very slow.
      SELECT o.id, o.product_user_id, l.talkdesk_user_id, l.email, l.name, l.active
      FROM open o FULL JOIN listed l ON l.talkdesk_user_id = o.talkdesk_user_id
      WHERE o.id IS NULL OR l.talkdesk_user_id IS NULL OR (o.email, o.name, o.active) IS DISTINCT FROM (l.email, l.name, l.active)
    ), ended AS (
      UPDATE user_mapping m SET ended_at = GREATEST(${readAt}, m.started_at)
      FROM differing d WHERE m.id = d.id
      RETURNING m.id
    ), begun AS (
      INSERT INTO user_mapping (app_id, account_id, talkdesk_user_id, product_user_id, email, name, active, started_at)
      SELECT s.app_id, s.account_id, d.talkdesk_user_id, d.product_user_id, d.email, d.name, d.active, ${readAt}
      FROM differing d CROSS JOIN stepped s
      -- Counting first makes the old rows end before the new ones begin: a user has one open row.
      WHERE d.talkdesk_user_id IS NOT NULL AND (SELECT count(*) FROM ended) >= 0
    )
    SELECT installation_id FROM stepped`;
}

/** What is no count that a licence number can be is unknown to us. */
function countOrNull(value: number | null): number | null {
  return value !== null && Number.isInteger(value) && Math.abs(value) <= MAX_INTEGER ? value : null;
}
