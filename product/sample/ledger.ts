import type { Pending, ProductCall, Refusal } from '../port.js';
import type { SampleDatabase, Statement } from './database.js';

/**
 * Key and generation in one round trip. The key's row comes first, so that a second call of the same key waits for the first; the
 * tenant's row is made from it, which keeps that order and leaves the tenant alone when the answer is known already.
 */
const BEGIN_CALL: Statement = {
  name: 'begin-call',
  text: `
    WITH called AS (
      INSERT INTO call_ledger (idempotency_key, operation, app_id, talkdesk_account_id, process_id, generation, first_at, last_at, ready_at)
      VALUES ($1, $2, $3, $4, $5, $6, $7, $7, $8)
      ON CONFLICT (idempotency_key) DO UPDATE SET calls = call_ledger.calls + 1, last_at = excluded.last_at
      RETURNING answer, ready_at
    ), tenant AS (
      INSERT INTO tenant_generation (app_id, talkdesk_account_id, generation)
      SELECT $3, $4, $6 FROM called WHERE answer IS NULL
      ON CONFLICT (app_id, talkdesk_account_id)
      DO UPDATE SET generation = greatest(tenant_generation.generation, excluded.generation)
      RETURNING generation
    )
    SELECT called.answer, called.ready_at, tenant.generation AS newest FROM called LEFT JOIN tenant ON true`,
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

/** A call as the ledger found it. */
interface BegunCall<Answer> {
  answer: Answer | null;
  ready_at: Date | null;
  newest: number | null;
}

/** When a call is made, and how long its work takes. */
export interface Timing {
  at: Date;
  /** The call answers `pending` until this time has passed since its first attempt, milliseconds. */
  pendingMs?: number;
}

/**
 * Runs one changing call by the port's rules, in one transaction: the idempotency key's row comes first, so that a second call of
 * the same key waits for the first and gets its answer; then the tenant's generation, which also makes calls of one tenant follow each
 * other; then, once its time has come, the effect; and with it the answer, refusals included.
 */
export async function answerOnce<Answer extends object>(
  database: SampleDatabase,
  operation: string,
  call: ProductCall,
  { at, pendingMs = 0 }: Timing,
  effect: Effect,
): Promise<Answer | Pending | Refusal> {
  const { idempotencyKey, appId, accountId, processId, generation } = call;
  return await database.transaction(call.signal, async (send) => {
    const [begun] = await send<BegunCall<Answer>>(BEGIN_CALL, [
      idempotencyKey,
      operation,
      appId,
      accountId,
      processId,
      generation,
      at,
      pendingMs === 0 ? null : new Date(at.getTime() + pendingMs),
    ]);
    if (begun === undefined) throw new Error('PostgreSQL gave no row for a call that it noted.');
    if (begun.answer !== null) return begun.answer;
    const newest = begun.newest ?? generation;
    const waitMs = (begun.ready_at?.getTime() ?? 0) - at.getTime();
    if (newest <= generation && waitMs > 0) {
      return { status: 'pending', operation: `${operation} ${idempotencyKey}`.slice(0, 2_000), retryAfterMs: waitMs };
    }
    const { statement, values } = newest > generation ? olderRefusal(generation, newest) : effect;
    const [done] = await send<{ answer: Answer | Refusal }>(statement, [idempotencyKey, ...values]);
    if (done === undefined) throw new Error('PostgreSQL gave no answer for a call that it carried out.');
    return done.answer;
  });
}

function olderRefusal(generation: number, newest: number): Effect {
  return { statement: REFUSE, values: [JSON.stringify(refused(wordsOfOlder(generation, newest)))] };
}

/** Why a call of an older generation is refused. */
export function wordsOfOlder(generation: number, newest: number): string {
  return `installation number ${generation} of this account was followed by number ${newest}`;
}
