import { Client } from 'pg';
import { eventually } from '../../support/eventually.js';
import type { FaultWorld } from './world.js';

/** A copy of the service's database. */
export interface Backup {
  takenAt: Date;
  /** Puts it in the place of the database, and so much of time passes for what waits in it. The services must not run. */
  restore(passedMs: number): Promise<void>;
}

/** Copies the service's database, from which the services are cut off for as long as it takes. */
export async function takeBackup(world: FaultWorld): Promise<Backup> {
  const { url, adminUrl } = world.surroundings.database;
  const name = new URL(url).pathname.slice(1);
  const copy = `${name}_backup`;
  const takenAt = new Date();
  world.wires.postgres.cut();
  await eventually('nobody else is connected and the copy is made', async () => {
    await world.postgres.dropConnections();
    return await asAdmin(adminUrl, [`CREATE DATABASE ${copy} TEMPLATE ${name}`]).then(() => true);
  });
  world.wires.postgres.mend();
  return {
    takenAt,
    async restore(passedMs) {
      await asAdmin(adminUrl, [
        `DROP DATABASE ${name} WITH (FORCE)`,
        `CREATE DATABASE ${name} TEMPLATE ${copy}`,
        `DROP DATABASE ${copy}`,
      ]);
      // The columns of the hand-over hold the database's own time, which no test moves.
      await asAdmin(url, [
        `UPDATE inbox_event SET dispatched_at = dispatched_at - interval '${passedMs} milliseconds'`,
      ]);
    },
  };
}

async function asAdmin(url: string, statements: string[]): Promise<void> {
  const client = new Client({ connectionString: url });
  client.on('error', () => undefined);
  await client.connect();
  try {
    for (const statement of statements) await client.query(statement);
  } finally {
    await client.end();
  }
}
