import { Client, Connection } from '@temporalio/client';
import type { Surroundings } from '../../support/stack.js';

/** Why events are still open, for whoever reads the failure: their process rows, and what their runs wait for. */
export async function diagnosis({ database, env }: Surroundings): Promise<string[]> {
  const open = await database.query<{
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
  const connection = await Connection.connect({ address: env['TEMPORAL_ADDRESS'] as string });
  const client = new Client({ connection, namespace: env['TEMPORAL_NAMESPACE'] as string });
  try {
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
  } finally {
    await connection.close();
  }
}
