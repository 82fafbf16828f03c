import type { Database } from './database.js';
import { Prisma } from './generated/client.js';
import { span } from './sql.js';
import type { DispatchItem, Inbox } from './types.js';

interface DispatchRow {
  id: string;
  type: string;
  app_id: string;
  account_id: string;
  installation_id: string | null;
  created_at: Date;
}

const DISPATCH_COLUMNS = Prisma.sql`e.id, e.type, e.app_id, e.account_id, e.installation_id, e.created_at`;

/**
 * The hand-over of events to Temporal. Leases and quiet times are measured by the database's own clock: one reference for all
 * processes that sweep.
 */
export function createHandover(
  database: Database,
): Pick<Inbox, 'markDispatched' | 'claimUndispatched' | 'claimForAudit'> {
  return {
    async markDispatched(eventId, namespaceId) {
      await database.query(Prisma.sql`
        UPDATE inbox_event SET dispatched_at = clock_timestamp(), namespace_id = ${namespaceId}, dispatch_lease_until = NULL
        WHERE id = ${eventId}`);
    },

    async claimUndispatched({ graceMs, leaseMs, limit, namespaceId }) {
      // In the order of waiting: a row whose hand-over keeps failing goes behind those not tried yet.
      const rows = await database.query<DispatchRow>(Prisma.sql`
        WITH picked AS MATERIALIZED (
          SELECT id FROM inbox_event
          WHERE status IN ('received', 'taken')
            AND (dispatched_at IS NULL OR namespace_id <> ${namespaceId})
            AND COALESCE(dispatch_lease_until, stored_at) <= clock_timestamp()
            AND (dispatch_lease_until IS NOT NULL OR stored_at <= clock_timestamp() - ${span(graceMs)})
          ORDER BY COALESCE(dispatch_lease_until, stored_at), id
          LIMIT ${limit}::int
          FOR UPDATE SKIP LOCKED
        )
        UPDATE inbox_event e
        SET dispatch_lease_until = clock_timestamp() + ${span(leaseMs)}, dispatch_attempts = e.dispatch_attempts + 1
        FROM picked WHERE e.id = picked.id
        RETURNING ${DISPATCH_COLUMNS}`);
      return oldestFirst(rows);
    },

    async claimForAudit({ quietMs, limit }) {
      const rows = await database.query<DispatchRow>(Prisma.sql`
        WITH picked AS MATERIALIZED (
          SELECT id FROM inbox_event
          WHERE status IN ('received', 'taken') AND dispatched_at IS NOT NULL
            AND GREATEST(dispatched_at, audited_at) <= clock_timestamp() - ${span(quietMs)}
          ORDER BY GREATEST(dispatched_at, audited_at), id
          LIMIT ${limit}::int
          FOR UPDATE SKIP LOCKED
        )
        UPDATE inbox_event e SET audited_at = clock_timestamp()
        FROM picked WHERE e.id = picked.id
        RETURNING ${DISPATCH_COLUMNS}`);
      return oldestFirst(rows);
    },
  };
}

function oldestFirst(rows: DispatchRow[]): DispatchItem[] {
  return rows
    .map((row) => ({
      eventId: row.id,
      type: row.type,
      tenant: { appId: row.app_id, accountId: row.account_id },
      installationId: row.installation_id,
      createdAt: row.created_at,
    }))
    .sort((a, b) => a.createdAt.getTime() - b.createdAt.getTime() || (a.eventId < b.eventId ? -1 : 1));
}
