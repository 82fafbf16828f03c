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

/** A logout has a run of its own; everything else of a tenant has one together. */
const OWN_RUN = Prisma.sql`CASE WHEN type = 'user.logout' THEN id END`;

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

    async claimUndispatched({ graceMs, leaseMs, namespaceId, openMax, openForMs }) {
      // In the order of waiting: a row whose hand-over keeps failing goes behind those not tried yet. Of a tenant's events one is
      // enough, because its run takes them all: the oldest of those tried least, so that one that is refused each time does not stand
      // before the others; the next one follows only if that run does not. COALESCE and GREATEST are written as the indexes have them.
      const rows = await database.query<DispatchRow>(Prisma.sql`
        WITH open AS MATERIALIZED (
          SELECT app_id, account_id, ${OWN_RUN} AS own_run FROM inbox_event
          WHERE status IN ('received', 'taken') AND COALESCE(dispatch_lease_until, stored_at) > clock_timestamp()
            AND dispatch_lease_until IS NOT NULL
          UNION
          SELECT app_id, account_id, ${OWN_RUN} FROM inbox_event
          WHERE status IN ('received', 'taken') AND dispatched_at IS NOT NULL AND dispatch_attempts > 0
            AND GREATEST(dispatched_at, audited_at) > clock_timestamp() - ${span(openForMs)}
            AND dispatched_at > clock_timestamp() - ${span(openForMs)} AND namespace_id = ${namespaceId}
        ), picked AS MATERIALIZED (
          SELECT id FROM inbox_event e
          WHERE status IN ('received', 'taken')
            AND (dispatched_at IS NULL OR namespace_id <> ${namespaceId})
            AND COALESCE(dispatch_lease_until, stored_at) <= clock_timestamp()
            AND (dispatch_lease_until IS NOT NULL OR stored_at <= clock_timestamp() - ${span(graceMs)})
            AND (e.type = 'user.logout' OR (
              NOT EXISTS (SELECT 1 FROM open o WHERE o.own_run IS NULL AND o.app_id = e.app_id AND o.account_id = e.account_id)
              AND NOT EXISTS (
                SELECT 1 FROM inbox_event other
                WHERE other.app_id = e.app_id AND other.account_id = e.account_id
                  AND other.status <> 'settled' AND other.type <> 'user.logout'
                  AND (other.dispatched_at IS NULL OR other.namespace_id <> ${namespaceId})
                  AND (other.dispatch_attempts, other.created_at, other.id) < (e.dispatch_attempts, e.created_at, e.id))))
          ORDER BY COALESCE(dispatch_lease_until, stored_at), id
          LIMIT GREATEST(0, ${openMax}::int - (SELECT count(*)::int FROM open))
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
