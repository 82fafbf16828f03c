import { applyMigrations } from '../store/migrations.js';

const USAGE = `Brings the service's database to this version.

  DATABASE_URL=postgresql://user:password@host:5432/database npm run db:migrate

Waits up to 30 seconds for the database, applies what is missing and prints a line for every migration.`;

/** Gives the exit code. */
async function main(): Promise<number> {
  const args = process.argv.slice(2);
  const unknown = args.find((arg) => !['--help', '-h'].includes(arg));
  if (unknown !== undefined) {
    console.error(`${unknown} is not known here.\n\n${USAGE}`);
    return 1;
  }
  if (args.length > 0) {
    console.log(USAGE);
    return 0;
  }
  const databaseUrl = process.env['DATABASE_URL'];
  if (databaseUrl === undefined || databaseUrl === '') {
    console.error('DATABASE_URL is not set: it names the PostgreSQL database to migrate.');
    return 1;
  }
  try {
    const applied = await applyMigrations(databaseUrl, { log: (line) => console.log(line) });
    console.log(
      applied.length === 0
        ? 'The database is up to date.'
        : `The database is up to date; ${applied.length} applied now.`,
    );
    return 0;
  } catch (error) {
    console.error(error instanceof Error ? error.message : String(error));
    return 1;
  }
}

process.exitCode = await main();
