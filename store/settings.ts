import { appendAudit } from './audit.js';
import type { Database } from './database.js';
import { NotFoundError } from './errors.js';
import { Prisma } from './generated/client.js';
import { CHANGED, lockProcess } from './process-sql.js';
import { BULK_LIMIT_MS, instant } from './sql.js';
import type { Processes, SettingsBefore, UserRow } from './types.js';

/** Settings and mapping as `CAPTURED` keeps them. */
interface Captured {
  accountName: string;
  planName: string | null;
  licenses: number | null;
  adminUserId: string | null;
  users: {
    id: string;
    email: string | null;
    name: string | null;
    active: boolean | null;
    product: string | null;
    seat: UserRow['seat'];
    since: string;
  }[];
}

/** What is in force now for the installation and tenant of process `p`, as JSON: what an update will change. */
export const CAPTURED = Prisma.sql`(
  SELECT jsonb_build_object('accountName', i.account_name, 'appVersionId', i.app_version_id, 'appVersionName', i.app_version_name,
    'companyName', i.company_name, 'planName', i.plan_name, 'planType', i.plan_type, 'licenses', i.licenses, 'adminUserId', i.admin_user_id,
    'users', (
      SELECT COALESCE(jsonb_agg(jsonb_build_object('row', m.id, 'id', m.talkdesk_user_id, 'email', m.email, 'name', m.name,
        'active', m.active, 'product', m.product_user_id, 'seat', m.seat, 'since', m.started_at) ORDER BY m.talkdesk_user_id), '[]')
      FROM user_mapping m WHERE m.app_id = i.app_id AND m.account_id = i.account_id AND m.ended_at IS NULL))
  FROM installation i WHERE i.id = p.installation_id)`;

/** The settings that an update can be taken back to. */
export function createSettings(database: Database): Pick<Processes, 'restoreSettings'> {
  return {
    async restoreSettings(processId, at) {
      const [row] = await database.query<{ captured: Captured }>(restoreStatement(processId, at), {
        limitMs: BULK_LIMIT_MS,
      });
      if (row === undefined) throw new NotFoundError('process', processId);
      return readSettings(row.captured);
    },
  };
}

/**
 * Puts back what `recordSync` kept, while the process is open and once. A row of the mapping that the update ended is opened again; one
 * that it began ends. An update that has not read its settings has changed nothing, so what is in force now was before it.
 */
function restoreStatement(processId: string, at: Date): Prisma.Sql {
  return Prisma.sql`
    WITH before AS MATERIALIZED (${lockProcess(processId)}),
    changed AS (
      UPDATE process p SET restored_at = ${instant(at)}
      FROM before b
      WHERE p.id = b.id AND b.outcome IS NULL AND b.restored_at IS NULL AND b.before_update IS NOT NULL
      RETURNING ${CHANGED}, p.before_update AS kept
    ), settings AS (
      UPDATE installation i
      SET account_name = c.kept ->> 'accountName', app_version_id = c.kept ->> 'appVersionId',
        app_version_name = c.kept ->> 'appVersionName', company_name = c.kept ->> 'companyName', plan_name = c.kept ->> 'planName',
        plan_type = c.kept ->> 'planType', licenses = (c.kept ->> 'licenses')::int, admin_user_id = c.kept ->> 'adminUserId',
        version = i.version + 1
      FROM changed c WHERE i.id = c.installation_id
    ), kept_users AS MATERIALIZED (
      SELECT u."row", u.email, u.name, u.active, u.product, u.seat
      FROM changed c CROSS JOIN LATERAL jsonb_to_recordset(c.kept -> 'users')
        AS u ("row" bigint, email text, name text, active boolean, product text, seat text)
    ), now_open AS MATERIALIZED (
      SELECT m.id FROM user_mapping m JOIN changed c ON m.app_id = c.app_id AND m.account_id = c.account_id WHERE m.ended_at IS NULL
    ), pairs AS MATERIALIZED (
      -- A full join, as in recordSync.
      SELECT o.id AS open_id, k.* FROM now_open o FULL JOIN kept_users k ON k."row" = o.id
    ), ended AS (
      UPDATE user_mapping m SET ended_at = GREATEST(${instant(at)}, m.started_at)
      FROM pairs WHERE m.id = pairs.open_id AND pairs."row" IS NULL
      RETURNING m.id
    ), reopened AS (
      UPDATE user_mapping m
      SET ended_at = NULL, email = pairs.email, name = pairs.name, active = pairs.active, product_user_id = pairs.product,
        seat = pairs.seat
      -- Counting first makes the rows that the update began end before those before it are open again: a user has one open row.
      FROM pairs
      WHERE m.id = pairs."row" AND (SELECT count(*) FROM ended) >= 0
        AND (pairs.open_id IS NULL OR (m.email, m.name, m.active, m.product_user_id, m.seat)
          IS DISTINCT FROM (pairs.email, pairs.name, pairs.active, pairs.product, pairs.seat))
    ), ${appendAudit({
      action: 'restored',
      at,
      detail: Prisma.sql`jsonb_build_object('users', jsonb_array_length(changed.kept -> 'users'))`,
    })}
    SELECT COALESCE(p.before_update, ${CAPTURED}) AS captured FROM before p`;
}

function readSettings(captured: Captured): SettingsBefore {
  return {
    accountName: captured.accountName,
    planName: captured.planName,
    licenses: captured.licenses,
    users: captured.users.map((user) => ({
      talkdeskUserId: user.id,
      email: user.email,
      name: user.name,
      admin: user.id === captured.adminUserId,
      active: user.active,
      productUserId: user.product,
      seat: user.seat,
      assignedAt: new Date(user.since),
    })),
  };
}
