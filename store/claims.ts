import type { Database } from './database.js';
import { NotFoundError } from './errors.js';
import { Prisma } from './generated/client.js';
import { PROCESS_COLUMNS, PROCESS_TABLES, type ProcessRow, readProcessRow } from './process-rows.js';
import { instant, span, storable } from './sql.js';
import type { Processes } from './types.js';

interface ClaimRow extends ProcessRow {
  claimed: boolean;
  preempted_by: string | null;
  held_ms: number | null;
}

type ClaimOptions = Parameters<Processes['claim']>[0];

/** The claim that an attempt of an effect holds. Leases are measured by the database's own clock, one reference for all workers. */
export function createClaims(database: Database): Pick<Processes, 'claim' | 'release'> {
  return {
    async claim(options) {
      const [row] = await database.query<ClaimRow>(claimStatement(options));
      if (row === undefined) throw new NotFoundError('process', options.processId);
      if (row.outcome !== null) return { kind: 'finished', outcome: row.outcome };
      if (row.preempted_by !== null) return { kind: 'preempted', byEventId: row.preempted_by };
      if (!row.claimed) return { kind: 'held', retryInMs: Math.max(1, Math.ceil(row.held_ms ?? 1)) };
      return { kind: 'claimed', process: readProcessRow(row) };
    },

    async release(processId, attemptToken) {
      await database.query(Prisma.sql`
        UPDATE process SET claim_token = NULL, claim_expires_at = NULL
        WHERE id = ${processId} AND claim_token = ${attemptToken}`);
    },
  };
}

/**
 * Locks the row first, so that `before` is the newest version even when another claim was waited for. What pre-empts an install:
 * a later install event of the tenant, settled or not, or an unsettled uninstall of the installation.
 */
function claimStatement(options: ClaimOptions): Prisma.Sql {
  const { decision } = options;
  return Prisma.sql`
    WITH before AS MATERIALIZED (
      SELECT ${PROCESS_COLUMNS},
        p.claim_token IS NULL OR p.claim_token = ${options.attemptToken} OR p.claim_expires_at <= clock_timestamp() AS free,
        (EXTRACT(epoch FROM p.claim_expires_at - clock_timestamp()) * 1000)::float8 AS held_ms
      FROM ${PROCESS_TABLES}
      WHERE p.id = ${options.processId}
      FOR UPDATE OF p
    ), preempting AS (
      -- Two branches, because each has its own partial index.
      SELECT found.id FROM (
        SELECT e.id, e.created_at FROM before b JOIN inbox_event e ON e.app_id = b.app_id AND e.account_id = b.account_id
        WHERE e.type = 'app.installed' AND e.outcome IS DISTINCT FROM 'quarantined'
          AND (e.created_at, e.id) > (b.event_created_at, b.event_id)
        UNION ALL
        SELECT e.id, e.created_at FROM before b JOIN inbox_event e ON e.app_id = b.app_id AND e.account_id = b.account_id
        WHERE e.type = 'app.uninstalled' AND e.status <> 'settled'
          AND e.installation_id = b.installation_id AND e.created_at >= b.event_created_at
      ) found
      WHERE NOT ${options.ignorePreemption === true}::boolean
      ORDER BY found.created_at, found.id
      LIMIT 1
    ), claimed AS (
      UPDATE process p
      SET claim_token = ${options.attemptToken}, claim_expires_at = clock_timestamp() + ${span(options.leaseMs)},
        undo = CASE WHEN ${options.registerUndo === true}::boolean AND p.undo = 'none' THEN 'registered' ELSE p.undo END,
        decision = COALESCE(${decision?.verb ?? null}::text, p.decision),
        decision_reason = COALESCE(${decision === undefined ? null : storable(decision.reason)}::text, p.decision_reason),
        decision_attempted_at = CASE WHEN ${decision !== undefined}::boolean THEN ${instant(options.at)} ELSE p.decision_attempted_at END
      FROM before b
      WHERE p.id = b.id AND b.free AND b.outcome IS NULL AND NOT EXISTS (SELECT FROM preempting)
      RETURNING p.id
    )
    SELECT b.*, (SELECT id FROM preempting) AS preempted_by, EXISTS (SELECT FROM claimed) AS claimed FROM before b`;
}
