import { appendAudit } from './audit.js';
import type { Database } from './database.js';
import { NotFoundError, OutcomeConflictError } from './errors.js';
import { Prisma } from './generated/client.js';
import { CHANGED, lockProcess, releasedBy } from './process-sql.js';
import { instant, json, storable, storableOrNull } from './sql.js';
import type { Decision, Outcome, Processes } from './types.js';

type Changes = Pick<Processes, 'recordPersonDecision' | 'recordDecided' | 'recordParked' | 'recordWarning'>;

/**
 * What was decided for a process, and what keeps it waiting, each one statement with its audit entry. A change that is already recorded
 * is not made again and leaves no second entry, so every method can be called again after a crash.
 */
export function createProcessChanges(database: Database): Changes {
  return {
    async recordPersonDecision({ processId, decision, reason, by, at }) {
      const [row] = await database.query<{
        decision: Decision | null;
        reason: string | null;
        decided_by: string | null;
        outcome: Outcome | null;
      }>(Prisma.sql`
        WITH before AS MATERIALIZED (${lockProcess(processId)}),
        changed AS (
          UPDATE process p
          SET person_decision = ${decision}, person_decision_reason = ${storable(reason)}, person_decided_by = ${storable(by)},
            person_decided_at = ${instant(at)}
          FROM before b WHERE p.id = b.id AND b.outcome IS NULL AND b.person_decision IS NULL
          RETURNING ${CHANGED}, p.person_decision, p.person_decision_reason, p.person_decided_by
        ), ${appendAudit({
          action: 'decision',
          at,
          detail: Prisma.sql`jsonb_build_object('decision', changed.person_decision, 'reason', changed.person_decision_reason,
            'by', changed.person_decided_by)`,
        })}
        SELECT COALESCE(c.person_decision, b.person_decision) AS decision, COALESCE(c.person_decision_reason, b.person_decision_reason) AS reason,
          COALESCE(c.person_decided_by, b.person_decided_by) AS decided_by, b.outcome
        FROM before b LEFT JOIN changed c ON c.id = b.id`);
      if (row === undefined) throw new NotFoundError('process', processId);
      if (row.decision !== null) return { decision: row.decision, reason: row.reason ?? '', by: row.decided_by ?? '' };
      throw new OutcomeConflictError(processId, row.outcome ?? '', decision);
    },

    async recordDecided({ processId, attemptToken, remoteState, stepResult, at }) {
      const result = json(stepResult);
      const rows = await database.query(Prisma.sql`
        WITH before AS MATERIALIZED (${lockProcess(processId)}),
        touched AS (
          UPDATE process p
          SET ${releasedBy(attemptToken)},
            step_results = CASE WHEN b.outcome IS NULL THEN p.step_results || jsonb_build_object('decide', ${result}) ELSE p.step_results END
          FROM before b WHERE p.id = b.id
        ), changed AS (
          SELECT ${CHANGED}, p.decision, p.decision_reason FROM before p
          WHERE p.outcome IS NULL AND p.step_results -> 'decide' IS DISTINCT FROM ${result}
        ), seen AS (
          UPDATE installation i SET remote_state = ${remoteState}, remote_read_at = ${instant(at)}, version = i.version + 1
          FROM changed c WHERE i.id = c.installation_id
        ), ${appendAudit({
          action: 'decided',
          at,
          detail: Prisma.sql`jsonb_build_object('decision', changed.decision, 'reason', changed.decision_reason, 'remoteState', ${remoteState}::text)`,
        })}
        SELECT id FROM before`);
      if (rows.length === 0) throw new NotFoundError('process', processId);
    },

    async recordParked({ processId, reason, at }) {
      const kept = storableOrNull(reason);
      const [row] = await database.query<{ changed: boolean }>(Prisma.sql`
        WITH before AS MATERIALIZED (${lockProcess(processId)}),
        changed AS (
          UPDATE process p
          SET parked_reason = ${kept}, parked_at = ${reason === null ? null : at.toISOString()}::timestamptz
          FROM before b WHERE p.id = b.id AND b.outcome IS NULL AND b.parked_reason IS DISTINCT FROM ${kept}::text
          RETURNING ${CHANGED}
        ), ${appendAudit({
          action: reason === null ? 'resumed' : 'parked',
          at,
          detail: Prisma.sql`jsonb_build_object('reason', ${kept}::text)`,
        })}
        SELECT EXISTS (SELECT FROM changed) AS changed FROM before`);
      if (row === undefined) throw new NotFoundError('process', processId);
      return row.changed;
    },

    async recordWarning({ processId, text, at }) {
      const said = storable(text);
      const rows = await database.query(Prisma.sql`
        WITH before AS MATERIALIZED (${lockProcess(processId)}),
        changed AS (
          UPDATE process p SET warnings = p.warnings || ${said}::text
          FROM before b WHERE p.id = b.id AND b.outcome IS NULL AND ${said}::text <> ALL (b.warnings)
          RETURNING ${CHANGED}
        ), ${appendAudit({ action: 'warned', at, detail: Prisma.sql`jsonb_build_object('text', ${said}::text)` })}
        SELECT id FROM before`);
      if (rows.length === 0) throw new NotFoundError('process', processId);
    },
  };
}
