import type { Database } from './database.js';
import { Prisma } from './generated/client.js';
import { ofTenant } from './install-events.js';
import type { EventRow, OpenProcessRow, Processes, RivalRow, TenantState } from './types.js';

interface TenantStateRow {
  newest_install: TenantState['newestInstall'];
  rivals: RivalRow[];
  events: EventRow[];
  processes: OpenProcessRow[];
}

/** What the pure table needs to know of a tenant, in one statement. */
export function createTenantState(database: Database): Pick<Processes, 'tenantState'> {
  return {
    async tenantState(tenant) {
      const [row] = await database.query<TenantStateRow>(Prisma.sql`
        WITH open AS MATERIALIZED (
          SELECT id, kind, event_id, app_id, account_id, installation_id, event_created_at, undo FROM process
          WHERE ${ofTenant(tenant)} AND outcome IS NULL
        )
        SELECT
          (SELECT jsonb_build_object('eventId', event_id, 'createdAtMs', ${epochMs('event_created_at')}, 'installationId', installation_id)
            FROM process WHERE ${ofTenant(tenant)} AND kind = 'install'
            ORDER BY event_created_at DESC, event_id DESC LIMIT 1) AS newest_install,
          (SELECT COALESCE(jsonb_agg(jsonb_build_object('eventId', id, 'type', type, 'installationId', installation_id,
              'createdAtMs', ${epochMs('created_at')}, 'settled', settled) ORDER BY created_at, id), '[]')
            FROM (SELECT DISTINCT found.* FROM open CROSS JOIN LATERAL (${RIVALS}) found) rival) AS rivals,
          (SELECT COALESCE(jsonb_agg(jsonb_build_object('eventId', id, 'type', type, 'installationId', installation_id,
              'createdAtMs', ${epochMs('created_at')}, 'receivedAtMs', ${epochMs('received_at')}, 'taken', status = 'taken')
              ORDER BY created_at, id), '[]')
            FROM inbox_event WHERE ${ofTenant(tenant)} AND status <> 'settled' AND type <> 'user.logout') AS events,
          (SELECT COALESCE(jsonb_agg(jsonb_build_object('processId', id, 'kind', kind, 'eventId', event_id,
              'installationId', installation_id, 'createdAtMs', ${epochMs('event_created_at')}, 'needsUndo', undo IN ('tables', 'registered'))
              ORDER BY event_created_at, event_id), '[]') FROM open) AS processes`);
      return {
        newestInstall: row?.newest_install ?? null,
        rivals: row?.rivals ?? [],
        events: row?.events ?? [],
        processes: row?.processes ?? [],
      };
    },
  };
}

/** The newest event of a type for the installation of `open`, its own aside; each type is written out for its partial index. */
function newestRival(type: string, from: Prisma.Sql): Prisma.Sql {
  return Prisma.sql`(
    SELECT e.id, e.type, e.installation_id, e.created_at, e.status = 'settled' AS settled FROM inbox_event e
    WHERE ${from} AND e.type = ${Prisma.raw(`'${type}'`)} AND e.id <> open.event_id AND e.outcome IS DISTINCT FROM 'quarantined'
      AND e.app_id = open.app_id AND e.account_id = open.account_id AND e.installation_id = open.installation_id
    ORDER BY e.created_at DESC, e.id DESC LIMIT 1)`;
}

const CHANGE_TYPES = Prisma.sql`e.type IN ('app.updated', 'app.uninstalled', 'app.credentials_rotated')`;
const RIVALS = Prisma.join(
  [
    newestRival('app.installed', Prisma.sql`true`),
    ...['app.updated', 'app.uninstalled', 'app.credentials_rotated'].map((type) => newestRival(type, CHANGE_TYPES)),
  ],
  ' UNION ALL ',
);

/** Milliseconds since the epoch of a time column; the column's precision is one. */
function epochMs(column: 'created_at' | 'received_at' | 'event_created_at'): Prisma.Sql {
  return Prisma.raw(`round(EXTRACT(epoch FROM ${column}) * 1000)::bigint`);
}
