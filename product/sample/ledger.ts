import type { PoolClient } from 'pg';
import type { ProductCall, Refusal } from '../port.js';
import type { SampleDatabase } from './database.js';

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
  effect: (client: PoolClient) => Promise<Answer>,
): Promise<Answer | Refusal> {
  return await database.transaction(call.signal, async (client) => {
    const given = await client.query<{ answer: Answer | null }>(
      `INSERT INTO call_ledger (idempotency_key, operation, app_id, talkdesk_account_id, process_id, generation, first_at, last_at)
       VALUES ($1, $2, $3, $4, $5, $6, $7, $7)
       ON CONFLICT (idempotency_key) DO UPDATE SET calls = call_ledger.calls + 1, last_at = $7
       RETURNING answer`,
      [call.idempotencyKey, operation, call.appId, call.accountId, call.processId, call.generation, at],
    );
    const known = given.rows[0]?.answer ?? null;
    if (known !== null) return known;
    const newest = await newestGeneration(client, call);
    const answer =
      newest > call.generation
        ? refused(`installation number ${call.generation} of this account was followed by number ${newest}`)
        : await effect(client);
    await client.query('UPDATE call_ledger SET answer = $2 WHERE idempotency_key = $1', [
      call.idempotencyKey,
      JSON.stringify(answer),
    ]);
    return answer;
  });
}

/** Newest generation of the tenant, this call's included. Locks the tenant until the transaction ends. */
async function newestGeneration(client: PoolClient, call: ProductCall): Promise<number> {
  const { rows } = await client.query<{ generation: number }>(
    `INSERT INTO tenant_generation (app_id, talkdesk_account_id, generation) VALUES ($1, $2, $3)
     ON CONFLICT (app_id, talkdesk_account_id)
     DO UPDATE SET generation = greatest(tenant_generation.generation, excluded.generation)
     RETURNING generation`,
    [call.appId, call.accountId, call.generation],
  );
  return rows[0]?.generation ?? call.generation;
}
