import type { Surroundings } from '../../support/stack.js';
import { asOperator } from './operator.js';

/** Ids of events, accounts and installations. */
const ID = /\b[0-9a-f]{32}\b/g;

/** Why events are still open, for whoever reads the failure: their process rows, and what their runs wait for. */
export async function diagnosis(surroundings: Surroundings): Promise<string[]> {
  const open = await surroundings.database.query<{
    id: string;
    type: string;
    app_id: string;
    account_id: string;
    process: object | null;
  }>(
    `SELECT e.id, e.type, e.app_id, e.account_id,
            to_jsonb(p) - 'step_results' - 'event_details' - 'before_update' AS process
       FROM inbox_event e LEFT JOIN process p ON p.event_id = e.id WHERE e.status <> 'settled'`,
  );
  return await asOperator(surroundings, async (client) => {
    const texts: string[] = [];
    for (const { id, type, app_id: appId, account_id: accountId, process } of open) {
      const run = await client.workflow
        .getHandle(`${appId}/${accountId}`)
        .describe()
        .catch((error: Error) => error);
      const waits =
        run instanceof Error
          ? run.message
          : `${run.status.name}, ${JSON.stringify(
              run.raw.pendingActivities?.map(({ activityType, attempt, lastFailure, scheduledTime }) => ({
                activity: activityType?.name,
                attempt,
                last: lastFailure?.message,
                next: scheduledTime?.seconds?.toString(),
              })),
            )}`;
      texts.push(`${type} ${id}: ${JSON.stringify(process)}; run: ${waits}`);
    }
    return texts;
  });
}

/**
 * What happened to the accounts that the sentences name, by their own id or by that of an event or installation: their events and processes
 * here, their decisions at Talkdesk, their calls at the product.
 */
export async function storiesOf(surroundings: Surroundings, sentences: readonly string[]): Promise<string[]> {
  const { database, simulator, product } = surroundings;
  const ids = sentences.flatMap((sentence) => sentence.match(ID) ?? []);
  const named = await database.query<{ account: string }>(
    'SELECT DISTINCT account_id AS account FROM inbox_event WHERE ARRAY[id, account_id, installation_id] && $1::text[]',
    [ids],
  );
  const accounts = named.map(({ account }) => account);
  const lines: string[] = [];
  for (const account of accounts) {
    lines.push(`account ${account}`);
    const events = await database.query<Record<string, unknown>>(
      `SELECT e.id, e.type, e.created_at, e.outcome, p.decision, p.decision_attempted_at, p.outcome_at, p.outcome_reason
         FROM inbox_event e LEFT JOIN process p ON p.event_id = e.id WHERE e.account_id = $1 ORDER BY e.created_at, e.id`,
      [account],
    );
    lines.push(...events.map((event) => `  event ${JSON.stringify(event)}`));
    for (const { account_id: of, installation_id: id } of await simulator.control.installations()) {
      if (of !== account) continue;
      const { state, decisions } = await simulator.control.installation(id);
      const { in_force: inForce } = await simulator.control.settings(id);
      lines.push(`  installation ${id} is ${state}, in force ${JSON.stringify(inForce)}`);
      lines.push(...decisions.map((decision) => `  decision ${JSON.stringify(decision)}`));
    }
    const calls = await product.query<Record<string, unknown>>(
      `SELECT idempotency_key, calls, first_at, last_at FROM call_ledger WHERE talkdesk_account_id = $1 ORDER BY first_at`,
      [account],
    );
    lines.push(...calls.map((call) => `  call ${JSON.stringify(call)}`));
  }
  return lines;
}
