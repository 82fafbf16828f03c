import { createClaims } from './claims.js';
import type { Database } from './database.js';
import { NotFoundError } from './errors.js';
import { Prisma } from './generated/client.js';
import { createInstallEvents } from './install-events.js';
import { createInstallations } from './installations.js';
import { createProcessChanges } from './process-changes.js';
import { PROCESS_COLUMNS, PROCESS_TABLES, type ProcessRow, readProcessRow } from './process-rows.js';
import type { EventRow, OpenProcessRow, Processes, Sealer, TenantState } from './types.js';

interface TenantStateRow {
  newest_install: TenantState['newestInstall'];
  events: EventRow[];
  processes: OpenProcessRow[];
}

/** The workers' side of the store. */
export function createProcesses(deps: { database: Database; sealer: Sealer }): Processes {
  const { database } = deps;

  return {
    ...createInstallEvents(deps),
    ...createInstallations(deps),
    ...createClaims(database),
    ...createProcessChanges(database),

    async tenantState(tenant) {
      const ofTenant = Prisma.sql`app_id = ${tenant.appId} AND account_id = ${tenant.accountId}`;
      const [row] = await database.query<TenantStateRow>(Prisma.sql`
        SELECT
          (SELECT jsonb_build_object('eventId', event_id, 'createdAtMs', ${epochMs('event_created_at')}, 'installationId', installation_id)
            FROM process WHERE ${ofTenant} AND kind = 'install'
            ORDER BY event_created_at DESC, event_id DESC LIMIT 1) AS newest_install,
          (SELECT COALESCE(jsonb_agg(jsonb_build_object('eventId', id, 'type', type, 'installationId', installation_id,
              'createdAtMs', ${epochMs('created_at')}) ORDER BY created_at, id), '[]')
            FROM inbox_event WHERE ${ofTenant} AND status <> 'settled') AS events,
          (SELECT COALESCE(jsonb_agg(jsonb_build_object('processId', id, 'kind', kind, 'eventId', event_id,
              'installationId', installation_id, 'createdAtMs', ${epochMs('event_created_at')}, 'needsUndo', undo = 'registered')
              ORDER BY event_created_at, event_id), '[]')
            FROM process WHERE ${ofTenant} AND outcome IS NULL) AS processes`);
      return {
        newestInstall: row?.newest_install ?? null,
        events: row?.events ?? [],
        processes: row?.processes ?? [],
      };
    },

    async read(processId) {
      const [row] = await database.query<ProcessRow>(Prisma.sql`
        SELECT ${PROCESS_COLUMNS} FROM ${PROCESS_TABLES} WHERE p.id = ${processId}`);
      if (row === undefined) throw new NotFoundError('process', processId);
      return readProcessRow(row);
    },
  };
}

/** Milliseconds since the epoch of a time column; the column's precision is one. */
function epochMs(column: 'created_at' | 'event_created_at'): Prisma.Sql {
  return Prisma.raw(`round(EXTRACT(epoch FROM ${column}) * 1000)::bigint`);
}
