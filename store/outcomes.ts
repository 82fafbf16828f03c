import { appendAudit, WAS_OUTRUN } from './audit.js';
import { orderOfSet, promoteOwnSet } from './credentials.js';
import type { Database } from './database.js';
import { NotFoundError, OutcomeConflictError } from './errors.js';
import { Prisma } from './generated/client.js';
import { CHANGED } from './process-sql.js';
import { instant, storable } from './sql.js';
import type { Processes } from './types.js';
import { DOOMED, WIPED, wipeEnded } from './wiping.js';

type OutcomeOptions = Parameters<Processes['recordOutcome']>[0];

/** How a process ended, and what that means to its installation and its credentials. */
export function createOutcomes(database: Database): Pick<Processes, 'recordOutcome'> {
  return {
    async recordOutcome(options) {
      const [ended] = await database.query<{ app_id: string; account_id: string; outrun: boolean }>(
        outcomeStatement(options),
      );
      if (ended?.outrun === false) return;
      const [row] = await database.query<{ app_id: string; account_id: string; outcome: string }>(
        Prisma.sql`SELECT app_id, account_id, outcome FROM process WHERE id = ${options.processId}`,
      );
      if (row === undefined) throw new NotFoundError('process', options.processId);
      if (row.outcome !== options.outcome) {
        throw new OutcomeConflictError(options.processId, row.outcome, options.outcome);
      }
      // Also when it was recorded before: the attempt that recorded it may have ended just then.
      await wipeEnded(database, { appId: row.app_id, accountId: row.account_id });
    },
  };
}

/**
 * One statement, empty when there is an outcome. A process speaks for its installation while no install event that comes after it was taken
 * for it. An approval of ours stands until an uninstall comes after it.
 */
function outcomeStatement({ processId, outcome, reason, remoteState, at }: OutcomeOptions): Prisma.Sql {
  const read = remoteState ?? null;
  return Prisma.sql`
    WITH changed AS (
      UPDATE process p
      SET outcome = ${outcome}, outcome_reason = ${storable(reason)}, outcome_at = ${instant(at)}, claim_token = NULL,
        claim_expires_at = NULL, parked_reason = NULL, parked_at = NULL
      WHERE p.id = ${processId} AND p.outcome IS NULL
      RETURNING ${CHANGED}, p.kind, p.event_created_at
    ), settled AS (
      UPDATE inbox_event e SET status = 'settled', outcome = ${outcome}, settled_at = ${instant(at)}
      FROM changed c WHERE e.id = c.event_id AND e.status <> 'settled'
    ), ending AS MATERIALIZED (
      SELECT c.*,
        NOT EXISTS (
          SELECT FROM process o
          WHERE o.installation_id = c.installation_id AND o.kind = 'install'
            AND CASE c.kind WHEN 'install' THEN (o.event_created_at, o.event_id) > (c.event_created_at, c.event_id)
              ELSE o.event_created_at > c.event_created_at END) AS speaks,
        EXISTS (
          SELECT FROM process o
          WHERE o.installation_id = c.installation_id AND o.kind IN ('install', 'update') AND o.outcome = 'approved' AND o.id <> c.id
            AND NOT EXISTS (
              SELECT FROM process u
              WHERE u.installation_id = o.installation_id AND u.kind = 'uninstall' AND u.event_created_at >= o.event_created_at))
          AS approval_stands
      FROM changed c
    ), leaving AS MATERIALIZED (
      SELECT i.id AS installation_id, i.app_id, i.account_id, e.id AS process_id, e.event_id, ${outcome}::text AS outcome, e.kind,
        i.state AS state_before,
        CASE
          -- A tenant has one active installation: the approved one ends the one before it.
          WHEN i.id <> e.installation_id THEN 'ended'
          WHEN NOT e.speaks THEN i.state
          WHEN e.kind = 'install' THEN CASE WHEN ${outcome}::text = 'approved' OR e.approval_stands THEN 'active' ELSE 'ended' END
          WHEN e.kind = 'uninstall' AND ${outcome}::text IN ('approved', 'credentials-gone') THEN 'ended'
          ELSE i.state
        END AS state,
        i.id = e.installation_id AND e.speaks AS seen
      FROM ending e JOIN installation i ON i.app_id = e.app_id AND i.account_id = e.account_id
        AND (i.id = e.installation_id OR (e.kind = 'install' AND ${outcome}::text = 'approved' AND e.speaks AND i.state = 'active'))
    ), installations AS (
      UPDATE installation i
      SET state = l.state, remote_state = CASE WHEN l.seen THEN COALESCE(${read}::text, i.remote_state) ELSE i.remote_state END,
        version = i.version + 1
      FROM leaving l WHERE i.id = l.installation_id AND (l.state <> l.state_before OR (l.seen AND ${read}::text IS NOT NULL))
    ), doomed AS MATERIALIZED (${DOOMED}
    ), rotating AS (
      -- The old set is revoked at the close anyway, so the new one is in force; what is wiped below needs no place any more.
      SELECT e.event_id FROM ending e
      WHERE e.kind = 'rotation' AND ${outcome}::text = 'expired' AND e.installation_id NOT IN (SELECT installation_id FROM doomed)
    ), ${promoteOwnSet()}, wiped AS (
      UPDATE credential c SET ${WIPED}
      FROM leaving l LEFT JOIN credential own ON own.id = l.event_id AND own.installation_id = l.installation_id
      WHERE c.installation_id = l.installation_id AND c.state <> 'gone' AND (
        l.installation_id IN (SELECT installation_id FROM doomed)
        OR (l.kind = 'rotation' AND ${outcome}::text = 'acknowledged' AND ${orderOfSet('c')} < ${orderOfSet('own')}))
    ), ${appendAudit({
      action: 'outcome',
      at,
      detail: Prisma.sql`jsonb_build_object('outcome', ${outcome}::text, 'reason', ${storable(reason)}::text, 'remoteState', ${read}::text)`,
    })}
    SELECT app_id, account_id, ${WAS_OUTRUN} AS outrun FROM changed`;
}
