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
export function createClaims(database: Database): Pick<Processes, 'claim' | 'release' | 'recordSending'> {
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

    async recordSending({ processId, attemptToken, verb, reason, at }) {
      const rows = await database.query(Prisma.sql`
        UPDATE process SET decision = ${verb}, decision_reason = ${storable(reason)}, decision_attempted_at = ${instant(at)}
        WHERE id = ${processId} AND claim_token = ${attemptToken} AND claim_expires_at > clock_timestamp() AND outcome IS NULL
        RETURNING id`);
      return rows.length > 0;
    },
  };
}

/** Locks the row first, so that `before` is the newest version even when another claim was waited for. */
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
      SELECT found.id FROM before b CROSS JOIN LATERAL (${PREEMPTING_EVENTS}) found
      WHERE NOT ${options.ignorePreemption === true}::boolean
      ORDER BY found.created_at, found.id
      LIMIT 1
    ), claimed AS (
      UPDATE process p
      SET claim_token = ${options.attemptToken}, claim_expires_at = clock_timestamp() + ${span(options.leaseMs)},
        undo = CASE WHEN ${options.registerUndo === true}::boolean AND p.undo IN ('none', 'tables') THEN 'registered' ELSE p.undo END,
        decision = COALESCE(${decision?.verb ?? null}::text, p.decision),
        decision_reason = COALESCE(${decision === undefined ? null : storable(decision.reason)}::text, p.decision_reason),
        decision_attempted_at = CASE WHEN ${decision !== undefined}::boolean THEN ${instant(options.at)} ELSE p.decision_attempted_at END
      FROM before b
      WHERE p.id = b.id AND b.free AND b.outcome IS NULL AND NOT EXISTS (SELECT FROM preempting)
      RETURNING p.id
    )
    SELECT b.*, (SELECT id FROM preempting) AS preempted_by, EXISTS (SELECT FROM claimed) AS claimed FROM before b`;
}

/**
 * What ends the process in `before` (`b`) early: the table of docs/lifecycle.md. Events of any status count, quarantined ones aside. Two
 * branches, because each has its own partial index; with a limit each, because a kept plan may otherwise read a whole index.
 */
const PREEMPTING_EVENTS = Prisma.sql`
  (SELECT e.id, e.created_at FROM inbox_event e
  WHERE e.app_id = b.app_id AND e.account_id = b.account_id
    AND e.type = 'app.installed' AND e.outcome IS DISTINCT FROM 'quarantined' AND e.created_at >= b.event_created_at
    AND CASE b.kind
      WHEN 'install' THEN (e.created_at, e.id) > (b.event_created_at, b.event_id)
      WHEN 'update' THEN e.created_at > b.event_created_at
      ELSE e.created_at > b.event_created_at AND e.installation_id = b.installation_id
    END
  ORDER BY e.created_at, e.id LIMIT 1)
  UNION ALL
  (SELECT e.id, e.created_at FROM inbox_event e
  WHERE e.installation_id = b.installation_id
    AND e.type IN ('app.updated', 'app.uninstalled', 'app.credentials_rotated') AND e.outcome IS DISTINCT FROM 'quarantined'
    AND e.app_id = b.app_id AND e.account_id = b.account_id AND e.created_at >= b.event_created_at
    AND CASE e.type
      WHEN 'app.updated' THEN b.kind = 'update' AND e.created_at > b.event_created_at
      WHEN 'app.uninstalled' THEN b.kind IN ('install', 'update') OR (b.kind = 'rotation' AND e.status = 'settled')
      ELSE b.kind = 'rotation' AND (e.created_at, e.id) > (b.event_created_at, b.event_id)
    END
  ORDER BY e.created_at, e.id LIMIT 1)`;
