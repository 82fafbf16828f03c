import { Client } from 'pg';

const CONNECT_TIMEOUT_MS = 5_000;
const STATEMENT_TIMEOUT_MS = 15_000;

/** What the tables know of the given events and installations. */
export interface Known {
  eventIds: ReadonlySet<string>;
  installationIds: ReadonlySet<string>;
}

/** Looks, without changing anything, which of them are there. Reads ids only. */
export async function readKnown(
  databaseUrl: string,
  asked: { eventIds: readonly string[]; installationIds: readonly string[] },
): Promise<Known> {
  const client = new Client({
    connectionString: databaseUrl,
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    statement_timeout: STATEMENT_TIMEOUT_MS,
  });
  client.on('error', () => undefined);
  try {
    await client.connect();
    await client.query('BEGIN TRANSACTION READ ONLY');
    const events = await client.query<{ id: string }>('SELECT id FROM inbox_event WHERE id = ANY($1)', [
      asked.eventIds,
    ]);
    const installations = await client.query<{ id: string }>('SELECT id FROM installation WHERE id = ANY($1)', [
      asked.installationIds,
    ]);
    return {
      eventIds: new Set(events.rows.map(({ id }) => id)),
      installationIds: new Set(installations.rows.map(({ id }) => id)),
    };
  } finally {
    await client.end().catch(() => undefined);
  }
}
