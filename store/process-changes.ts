import { appendAudit } from './audit.js';
import type { Database } from './database.js';
import { NotFoundError, OutcomeConflictError } from './errors.js';
import { Prisma } from './generated/client.js';
import { instant, json, storable, storableOrNull } from './sql.js';
import type { Processes } from './types.js';

const BULK_LIMIT_MS = 5_000;

type Changes = Pick<
  Processes,
  'recordProvisioned' | 'recordUndone' | 'recordDecided' | 'recordOutcome' | 'recordParked'
>;

/** What `appendAudit` needs of a changed process. */
const CHANGED = Prisma.sql`p.id, p.event_id, p.app_id, p.account_id, p.installation_id`;

/**
 * Changes of a process, each one statement with its audit entry. A change that is already recorded is not made again and leaves
 * no second entry, so every method can be called again after a crash.
 */
export function createProcessChanges(database: Database): Changes {
  return {
    async recordProvisioned({ processId, attemptToken, productAccountId, users, stepResult, at }) {
      const rows = await database.query(
        Prisma.sql`
          WITH before AS MATERIALIZED (${lockProcess(processId)}),
          touched AS (
            UPDATE process p
            SET ${releasedBy(attemptToken)},
              step_results = CASE WHEN b.outcome IS NULL AND b.undo <> 'done'
                THEN p.step_results || jsonb_build_object('provision', ${json(stepResult)}) ELSE p.step_results END
            FROM before b WHERE p.id = b.id
            RETURNING p.id
          ), changed AS (
            SELECT ${CHANGED} FROM before p
            WHERE p.outcome IS NULL AND p.undo <> 'done' AND NOT p.step_results ? 'provision'
          ), account AS (
            INSERT INTO product_account (app_id, account_id, product_account_id, installation_id, status, provisioned_at)
            SELECT app_id, account_id, ${productAccountId}, installation_id, 'active', ${instant(at)} FROM changed
            ON CONFLICT (app_id, account_id) DO UPDATE
            SET product_account_id = EXCLUDED.product_account_id, installation_id = EXCLUDED.installation_id, status = 'active',
              provisioned_at = EXCLUDED.provisioned_at, undone_at = NULL
          ), map AS MATERIALIZED (
            SELECT ${json(Object.fromEntries(users.map((user) => [user.talkdeskUserId, user.productUserId])))} AS ids
          ), mapped AS (
            UPDATE user_mapping m SET product_user_id = map.ids ->> m.talkdesk_user_id
            FROM changed c CROSS JOIN map
            WHERE m.app_id = c.app_id AND m.account_id = c.account_id AND m.ended_at IS NULL AND map.ids ? m.talkdesk_user_id
          ), ${appendAudit({
            action: 'provisioned',
            at,
            detail: Prisma.sql`jsonb_build_object('productAccountId', ${productAccountId}::text, 'users', ${users.length}::int)`,
          })}
          SELECT id FROM before`,
        { limitMs: BULK_LIMIT_MS },
      );
      if (rows.length === 0) throw new NotFoundError('process', processId);
    },

    async recordUndone({ processId, attemptToken, at }) {
      const rows = await database.query(Prisma.sql`
        WITH before AS MATERIALIZED (${lockProcess(processId)}),
        touched AS (
          UPDATE process p
          SET ${releasedBy(attemptToken)}, undo = CASE WHEN b.undo = 'registered' THEN 'done' ELSE p.undo END
          FROM before b WHERE p.id = b.id
        ), changed AS (
          SELECT ${CHANGED} FROM before p WHERE p.undo = 'registered'
        ), account AS (
          UPDATE product_account a SET status = 'undone', undone_at = ${instant(at)}
          FROM changed c
          WHERE a.app_id = c.app_id AND a.account_id = c.account_id AND a.installation_id = c.installation_id AND a.status = 'active'
        ), ${appendAudit({ action: 'undone', at, detail: Prisma.sql`'{}'::jsonb` })}
        SELECT id FROM before`);
      if (rows.length === 0) throw new NotFoundError('process', processId);
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

    async recordOutcome({ processId, outcome, reason, remoteState, at }) {
      const rows = await database.query(Prisma.sql`
        WITH changed AS (
          UPDATE process p
          SET outcome = ${outcome}, outcome_reason = ${storable(reason)}, outcome_at = ${instant(at)}, claim_token = NULL,
            claim_expires_at = NULL, parked_reason = NULL, parked_at = NULL
          WHERE p.id = ${processId} AND p.outcome IS NULL
          RETURNING ${CHANGED}, p.event_created_at
        ), settled AS (
          UPDATE inbox_event e SET status = 'settled', outcome = ${outcome}, settled_at = ${instant(at)}
          FROM changed c WHERE e.id = c.event_id AND e.status <> 'settled'
        ), speaking AS (
          -- A process speaks for its installation while no later install event of it was taken.
          SELECT c.* FROM changed c WHERE NOT EXISTS (
            SELECT FROM process o
            WHERE o.installation_id = c.installation_id AND (o.event_created_at, o.event_id) > (c.event_created_at, c.event_id))
        ), installations AS (
          UPDATE installation i
          SET state = CASE WHEN i.id = s.installation_id AND ${outcome}::text = 'approved' THEN 'active' ELSE 'ended' END,
            remote_state = CASE WHEN i.id = s.installation_id THEN COALESCE(${remoteState ?? null}::text, i.remote_state) ELSE i.remote_state END,
            version = i.version + 1
          FROM speaking s
          -- A tenant has one active installation: the approved one ends the one before it.
          WHERE i.id = s.installation_id
            OR (${outcome}::text = 'approved' AND i.app_id = s.app_id AND i.account_id = s.account_id AND i.state = 'active')
        ), ${appendAudit({
          action: 'outcome',
          at,
          detail: Prisma.sql`jsonb_build_object('outcome', ${outcome}::text, 'reason', ${storable(reason)}::text, 'remoteState', ${remoteState ?? null}::text)`,
        })}
        SELECT id FROM changed`);
      if (rows.length > 0) return;
      const [row] = await database.query<{ outcome: string }>(
        Prisma.sql`SELECT outcome FROM process WHERE id = ${processId}`,
      );
      if (row === undefined) throw new NotFoundError('process', processId);
      if (row.outcome !== outcome) throw new OutcomeConflictError(processId, row.outcome, outcome);
    },

    async recordParked({ processId, reason, at }) {
      const kept = storableOrNull(reason);
      const rows = await database.query(Prisma.sql`
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
        SELECT id FROM before`);
      if (rows.length === 0) throw new NotFoundError('process', processId);
    },
  };
}

/** Locks the process and gives its newest version, also when another statement had to be waited for. */
function lockProcess(processId: string): Prisma.Sql {
  return Prisma.sql`SELECT * FROM process WHERE id = ${processId} FOR UPDATE`;
}

/** Ends the claim if this attempt still holds it. */
function releasedBy(attemptToken: string): Prisma.Sql {
  return Prisma.sql`claim_token = NULLIF(p.claim_token, ${attemptToken}),
    claim_expires_at = CASE WHEN p.claim_token = ${attemptToken} THEN NULL ELSE p.claim_expires_at END`;
}
