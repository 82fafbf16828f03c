import type { Database } from './database.js';
import { NotFoundError } from './errors.js';
import { Prisma } from './generated/client.js';
import { CAPTURED } from './settings.js';
import { BULK_LIMIT_MS, instant, instantOrNull, json, storable, storableOrNull } from './sql.js';
import type { Processes, Snapshot, UserRow } from './types.js';

const MAX_INTEGER = 2_147_483_647;

interface MappingRow {
  talkdesk_user_id: string;
  email: string | null;
  name: string | null;
  admin: boolean;
  active: boolean | null;
  product_user_id: string | null;
  seat: UserRow['seat'];
  started_at: Date;
}

/** Licensed users, as Talkdesk listed them last, with what the product answered for them. */
export function createMappings(database: Database): Pick<Processes, 'users' | 'recordSync'> {
  return {
    async users(installationId) {
      const rows = await database.query<MappingRow>(
        Prisma.sql`
          SELECT m.talkdesk_user_id, m.email, m.name, m.active, m.product_user_id, m.seat, m.started_at,
            m.talkdesk_user_id IS NOT DISTINCT FROM i.admin_user_id AS admin
          FROM installation i JOIN user_mapping m ON m.app_id = i.app_id AND m.account_id = i.account_id AND m.ended_at IS NULL
          WHERE i.id = ${installationId}
          ORDER BY m.talkdesk_user_id`,
        { limitMs: BULK_LIMIT_MS },
      );
      return rows.map((row) => ({
        talkdeskUserId: row.talkdesk_user_id,
        email: row.email,
        name: row.name,
        admin: row.admin,
        active: row.active,
        productUserId: row.product_user_id,
        seat: row.seat,
        assignedAt: row.started_at,
      }));
    },

    async recordSync({ processId, snapshot, stepResult }) {
      const rows = await database.query(syncStatement(processId, snapshot, stepResult), { limitMs: BULK_LIMIT_MS });
      if (rows.length === 0) throw new NotFoundError('process', processId);
    },
  };
}

/**
 * Brings the mapping to the list: a user who stays keeps the row, whatever changed about him; one who left ends it; one who comes
 * begins one, with the product's id of his last time. For an update, what was in force before is kept with the process, once.
 */
function syncStatement(processId: string, snapshot: Snapshot, stepResult: unknown): Prisma.Sql {
  // One row per user, also when Talkdesk's pages repeat one: the last wins.
  const users = [...new Map(snapshot.users.map((user) => [user.talkdeskUserId, user])).values()];
  const readAt = instant(snapshot.readAt);
  return Prisma.sql`
    WITH stepped AS (
      UPDATE process p
      SET step_results = p.step_results || jsonb_build_object('sync', ${json(stepResult)}),
        undo = CASE WHEN p.kind = 'update' AND p.undo = 'none' THEN 'tables' ELSE p.undo END,
        before_update = CASE WHEN p.kind = 'update' THEN COALESCE(p.before_update, ${CAPTURED}) END
      WHERE p.id = ${processId}
      RETURNING p.installation_id, p.app_id, p.account_id, p.event_details AS said
    ), seen AS (
      UPDATE installation i
      SET account_name = COALESCE(s.said ->> 'accountName', i.account_name),
        app_version_id = COALESCE(s.said ->> 'appVersionId', i.app_version_id),
        app_version_name = COALESCE(s.said ->> 'appVersionName', i.app_version_name),
        remote_state = ${snapshot.remoteState}, remote_state_word = ${storable(snapshot.remoteStateWord)},
        remote_updated_at = ${instantOrNull(snapshot.remoteUpdatedAt)}, remote_read_at = ${readAt},
        company_name = ${storableOrNull(snapshot.companyName)}, plan_name = ${storableOrNull(snapshot.planName)},
        plan_type = ${storableOrNull(snapshot.planType)}, licenses = ${countOrNull(snapshot.licenses)}::int,
        admin_user_id = ${snapshot.adminUserId}, scopes = ${snapshot.scopes.map(storable)}::text[], version = i.version + 1
      FROM stepped s WHERE i.id = s.installation_id
    ), listed AS MATERIALIZED (
      SELECT * FROM unnest(${users.map((user) => user.talkdeskUserId)}::text[], ${users.map((user) => storableOrNull(user.email))}::text[],
        ${users.map((user) => storableOrNull(user.name))}::text[], ${users.map((user) => user.active)}::boolean[])
        AS l (talkdesk_user_id, email, name, active)
    ), open AS MATERIALIZED (
      SELECT m.* FROM user_mapping m JOIN stepped s ON m.app_id = s.app_id AND m.account_id = s.account_id
      WHERE m.ended_at IS NULL
    ), differing AS MATERIALIZED (
      -- A full join is never a nested loop, which ten thousand users on both sides would make very slow.
      SELECT o.id, l.talkdesk_user_id, l.email, l.name, l.active
      FROM open o FULL JOIN listed l ON l.talkdesk_user_id = o.talkdesk_user_id
      WHERE o.id IS NULL OR l.talkdesk_user_id IS NULL OR (o.email, o.name, o.active) IS DISTINCT FROM (l.email, l.name, l.active)
    ), ended AS (
      UPDATE user_mapping m SET ended_at = GREATEST(${readAt}, m.started_at)
      FROM differing d WHERE m.id = d.id AND d.talkdesk_user_id IS NULL
    ), changed AS (
      UPDATE user_mapping m SET email = d.email, name = d.name, active = d.active
      FROM differing d WHERE m.id = d.id AND d.talkdesk_user_id IS NOT NULL
    ), begun AS (
      INSERT INTO user_mapping (app_id, account_id, talkdesk_user_id, product_user_id, email, name, active, started_at)
      SELECT s.app_id, s.account_id, d.talkdesk_user_id,
        (SELECT k.product_user_id FROM user_mapping k
          WHERE k.app_id = s.app_id AND k.account_id = s.account_id AND k.talkdesk_user_id = d.talkdesk_user_id
            AND k.product_user_id IS NOT NULL
          ORDER BY k.started_at DESC, k.id DESC LIMIT 1),
        d.email, d.name, d.active, ${readAt}
      FROM differing d CROSS JOIN stepped s
      WHERE d.id IS NULL
    )
    SELECT installation_id FROM stepped`;
}

/** What is no count that a licence number can be is unknown to us. */
function countOrNull(value: number | null): number | null {
  return value !== null && Number.isInteger(value) && Math.abs(value) <= MAX_INTEGER ? value : null;
}
