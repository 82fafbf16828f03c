import { appendAudit } from './audit.js';
import type { Database } from './database.js';
import { NotFoundError } from './errors.js';
import { Prisma } from './generated/client.js';
import { OPENED_LATER } from './process-rows.js';
import { CHANGED, lockProcess, releasedBy } from './process-sql.js';
import { BULK_LIMIT_MS, instant, json, storableOrNull } from './sql.js';
import type { Processes } from './types.js';

type ProductChanges = Pick<Processes, 'recordProvisioned' | 'recordPending' | 'recordAccessEnded' | 'recordUndone'>;

/**
 * What the product answered, each one statement with its audit entry. What is already recorded is not recorded again and leaves no
 * second entry, so every method can be called again after a crash.
 */
export function createProductChanges(database: Database): ProductChanges {
  return {
    async recordProvisioned({ processId, attemptToken, productAccountId, users, suspended, stepResult, at }) {
      const answers = Object.fromEntries(
        users.map((user) => [user.talkdeskUserId, [user.productUserId, user.seat]] as const),
      );
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
          ), held AS (
            UPDATE installation i SET suspended = COALESCE(${suspended ?? null}::boolean, i.suspended), version = i.version + 1
            FROM changed c WHERE i.id = c.installation_id AND ${suspended !== undefined}::boolean
          ), map AS MATERIALIZED (
            SELECT ${json(answers)} AS answers
          ), mapped AS (
            -- As a subquery: a row of FROM is copied for every row that is updated, a megabyte for ten thousand users.
            UPDATE user_mapping m
            SET product_user_id = (SELECT answers FROM map) -> m.talkdesk_user_id ->> 0,
              seat = (SELECT answers FROM map) -> m.talkdesk_user_id ->> 1
            FROM changed c
            WHERE m.app_id = c.app_id AND m.account_id = c.account_id AND m.ended_at IS NULL
              AND (SELECT answers FROM map) ? m.talkdesk_user_id
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

    async recordPending({ processId, step, operation }) {
      const key = `pending:${step}`;
      const kept = storableOrNull(operation);
      const rows = await database.query(Prisma.sql`
        UPDATE process
        SET step_results = CASE WHEN ${kept}::text IS NULL THEN step_results - ${key}::text
          ELSE step_results || jsonb_build_object(${key}::text, ${kept}::text) END
        WHERE id = ${processId}
        RETURNING id`);
      if (rows.length === 0) throw new NotFoundError('process', processId);
    },

    async recordAccessEnded({ processId, attemptToken, stepResult, at }) {
      const rows = await database.query(Prisma.sql`
        WITH before AS MATERIALIZED (${lockProcess(processId)}),
        touched AS (
          UPDATE process p
          SET ${releasedBy(attemptToken)},
            step_results = CASE WHEN b.outcome IS NULL THEN p.step_results || jsonb_build_object('endAccess', ${json(stepResult)})
              ELSE p.step_results END
          FROM before b WHERE p.id = b.id
        ), changed AS (
          SELECT ${CHANGED}, p.generation FROM before p WHERE p.outcome IS NULL AND NOT p.step_results ? 'endAccess'
        ), account AS (
          ${undoAccount(at)}
        ), ${appendAudit({ action: 'access-ended', at, detail: Prisma.sql`'{}'::jsonb` })}
        SELECT id FROM before`);
      if (rows.length === 0) throw new NotFoundError('process', processId);
    },

    async recordUndone({ processId, attemptToken, at }) {
      const rows = await database.query(Prisma.sql`
        WITH before AS MATERIALIZED (${lockProcess(processId)}),
        touched AS (
          UPDATE process p
          SET ${releasedBy(attemptToken)}, undo = CASE WHEN b.undo IN ('tables', 'registered') THEN 'done' ELSE p.undo END
          FROM before b WHERE p.id = b.id
        ), changed AS (
          SELECT ${CHANGED}, p.kind, p.generation FROM before p WHERE p.undo IN ('tables', 'registered')
        ), account AS (
          ${undoAccount(at)} AND c.kind = 'install'
        ), ${appendAudit({ action: 'undone', at, detail: Prisma.sql`'{}'::jsonb` })}
        SELECT id FROM before`);
      if (rows.length === 0) throw new NotFoundError('process', processId);
    },
  };
}

/** Statement text that marks the account of the tenant of `changed` (as `c`) as undone where no later generation has opened it again. */
function undoAccount(at: Date): Prisma.Sql {
  return Prisma.sql`
    UPDATE product_account a SET status = 'undone', undone_at = ${instant(at)}
    FROM changed c
    WHERE a.app_id = c.app_id AND a.account_id = c.account_id AND a.status = 'active'
      AND NOT EXISTS (SELECT FROM process o JOIN changed p ON ${OPENED_LATER})`;
}
