import type { ProductCall, Refusal } from '../port.js';
import type { SampleDatabase, Statement } from './database.js';

/**
 * Key and generation in one round trip. The key's row comes first, so that a second call of the same key waits for the first; the
 * tenant's row is made from it, which keeps that order and leaves the tenant alone when the answer is known already.
 */
const BEGIN_CALL: Statement = {
  name: 'begin-call',
  text: `
    WITH called AS (
      INSERT INTO call_ledger (idempotency_key, operation, app_id, talkdesk_account_id, process_id, generation, first_at, last_at)
      VALUES ($1, $2, $3, $4, $5, $6, $7, $7)
      ON CONFLICT (idempotency_key) DO UPDATE SET calls = call_ledger.calls + 1, last_at = excluded.last_at
      RETURNING answer
    ), tenant AS (
      INSERT INTO tenant_generation (app_id, talkdesk_account_id, generation)
      SELECT $3, $4, $6 FROM called WHERE answer IS NULL
      ON CONFLICT (app_id, talkdesk_account_id)
      DO UPDATE SET generation = greatest(tenant_generation.generation, excluded.generation)
      RETURNING generation
    )
    SELECT called.answer, tenant.generation AS newest FROM called LEFT JOIN tenant ON true`,
};

/** What a call does, as one statement that also stores the answer. */
export interface Effect {
  statement: Statement;
  /** Values of the statement from `$2` on. */
  values: unknown[];
}

/**
 * Makes the statement of an operation's effect. It is sent once the tenant is locked and sees everything that earlier calls of the
 * tenant did, so checks and effect belong into it together.
 *
 * @param ctes common table expressions, of which `answered (answer)` gives one row with the answer as JSON; `$1` is the idempotency key
 */
export function effectStatement(name: string, ctes: string): Statement {
  return {
    name,
    text: `
      WITH ${ctes}
      UPDATE call_ledger SET answer = answered.answer FROM answered WHERE idempotency_key = $1
      RETURNING call_ledger.answer`,
  };
}

const REFUSE = effectStatement('refuse', 'answered AS (SELECT $2::jsonb AS answer)');

/** A refusal with its reason. */
export function refused(reason: string): Refusal {
  return { status: 'refused', reason };
}

/**
 * Runs one changing call by the port's rules, in one transaction: the idempotency key's row comes first, so that a second call of
 * the same key waits for the first and gets its answer; then the tenant's generation, which also makes calls of one tenant follow each
 * other; then the effect; and with it the answer, refusals included.
 */
export async function answerOnce<Answer extends object>(
  database: SampleDatabase,
  operation: string,
  call: ProductCall,
  at: Date,
  effect: Effect,
): Promise<Answer | Refusal> {
  const { idempotencyKey, appId, accountId, processId, generation } = call;
  return await database.transaction(call.signal, async (send) => {
    const [begun] = await send<{ answer: Answer | null; newest: number | null }>(BEGIN_CALL, [
      idempotencyKey,
      operation,
      appId,
      accountId,
      processId,
      generation,
      at,
    ]);
    if (begun === undefined) throw new Error('PostgreSQL gave no row for a call that it noted.');
    if (begun.answer !== null) return begun.answer;
    const newest = begun.newest ?? generation;
    const { statement, values } = newest > generation ? refusal(generation, newest) : effect;
    const [done] = await send<{ answer: Answer | Refusal }>(statement, [idempotencyKey, ...values]);
    if (done === undefined) throw new Error('PostgreSQL gave no answer for a call that it carried out.');
    return done.answer;
  });
}

function refusal(generation: number, newest: number): Effect {
  const reason = `installation number ${generation} of this account was followed by number ${newest}`;
  return { statement: REFUSE, values: [JSON.stringify(refused(reason))] };
}
