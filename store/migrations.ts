import { createHash, randomUUID } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { Client } from 'pg';
import { MigrationError, StoreUnavailableError } from './errors.js';

/** The lock number Prisma's own engine uses, so that both also exclude each other. */
const ADVISORY_LOCK = 72_707_369;
const DEFAULT_WAIT_MS = 30_000;
const LOCK_WAIT_MS = 60_000;
const RETRY_EVERY_MS = 250;
const CONNECT_TIMEOUT_MS = 3_000;

/** Prisma's bookkeeping table, column for column, so that its command line agrees with what was applied here. */
const BOOKKEEPING = `CREATE TABLE IF NOT EXISTS _prisma_migrations (
  id VARCHAR(36) PRIMARY KEY, checksum VARCHAR(64) NOT NULL, finished_at TIMESTAMPTZ, migration_name VARCHAR(255) NOT NULL,
  logs TEXT, rolled_back_at TIMESTAMPTZ, started_at TIMESTAMPTZ NOT NULL DEFAULT now(), applied_steps_count INTEGER NOT NULL DEFAULT 0)`;

export interface MigrationOptions {
  /** Told one line for every migration. */
  log?: (line: string) => void;
  /** How long to wait for a database that is not up yet. */
  waitMs?: number;
  /** Where the migrations are; by default those that come with this version. */
  folder?: string;
}

interface Migration {
  name: string;
  sql: string;
  checksum: string;
}

interface RecordedMigration {
  name: string;
  checksum: string;
  finished: boolean;
}

/**
 * Applies what is missing, each migration in a transaction of its own, one process at a time, and checks at the end that every
 * migration is recorded. Gives the names of those it applied. Throws `MigrationError` when an applied one was edited, one failed
 * earlier, the database has one that this version does not know, or one fails now; `StoreUnavailableError` when the database
 * does not come up in `waitMs`.
 */
export async function applyMigrations(databaseUrl: string, options: MigrationOptions = {}): Promise<string[]> {
  const log = options.log ?? (() => undefined);
  const migrations = await readMigrations(options.folder);
  const client = await connect(databaseUrl, options.waitMs ?? DEFAULT_WAIT_MS);
  try {
    await client.query(`SET lock_timeout = ${LOCK_WAIT_MS}`);
    await client.query('SELECT pg_advisory_lock($1)', [ADVISORY_LOCK]).catch((error: unknown) => {
      throw new MigrationError(`Another migration of this database did not end within a minute (${codeOf(error)}).`);
    });
    await client.query(BOOKKEEPING);
    const recorded = await readRecorded(client);
    checkRecorded(migrations, recorded, { unknown: 'refuse' });

    const known = new Set(recorded.map((row) => row.name));
    const applied: string[] = [];
    for (const migration of migrations) {
      if (known.has(migration.name)) {
        log(`already applied: ${migration.name}`);
        continue;
      }
      await applyOne(client, migration);
      applied.push(migration.name);
      log(`applied: ${migration.name}`);
    }
    checkComplete(migrations, await readRecorded(client));
    return applied;
  } finally {
    await client.end().catch(() => undefined);
  }
}

/**
 * Makes sure, before a service starts, that the database has every migration of this version, unedited. Migrations it does not
 * know are no fault here: a newer version may already have migrated. Throws `MigrationError`, or `StoreUnavailableError` when
 * the database does not answer within `waitMs` (3 s by default).
 */
export async function assertMigrated(databaseUrl: string, options: MigrationOptions = {}): Promise<void> {
  const migrations = await readMigrations(options.folder);
  const client = await connect(databaseUrl, options.waitMs ?? CONNECT_TIMEOUT_MS);
  try {
    const { rows } = await client.query<{ there: boolean }>(
      `SELECT to_regclass('_prisma_migrations') IS NOT NULL AS there`,
    );
    const recorded = rows[0]?.there === true ? await readRecorded(client) : [];
    checkRecorded(migrations, recorded, { unknown: 'accept' });
    checkComplete(migrations, recorded);
  } finally {
    await client.end().catch(() => undefined);
  }
}

async function readMigrations(folder?: string): Promise<Migration[]> {
  const folders = folder === undefined ? shippedFolders() : [folder];
  for (const candidate of folders) {
    const entries = await readdir(candidate, { withFileTypes: true }).catch(() => null);
    if (entries === null) continue;
    const names = entries.filter((entry) => entry.isDirectory()).map((entry) => entry.name);
    names.sort();
    if (names.length === 0) continue;
    return Promise.all(
      names.map(async (name) => {
        const bytes = await readFile(`${candidate}/${name}/migration.sql`).catch(() => {
          throw new MigrationError(`The migration ${name} has no migration.sql.`);
        });
        return { name, sql: bytes.toString('utf8'), checksum: createHash('sha256').update(bytes).digest('hex') };
      }),
    );
  }
  throw new MigrationError(
    'The folder prisma/migrations was not found beside this version; it must be installed with it.',
  );
}

/** From source this file is store/migrations.ts, after a build dist/store/migrations.js; the folder stays where it is. */
function shippedFolders(): string[] {
  return ['../prisma/migrations', '../../prisma/migrations'].map((path) =>
    fileURLToPath(new URL(path, import.meta.url)),
  );
}

async function connect(databaseUrl: string, waitMs: number): Promise<Client> {
  const giveUpAtMs = performance.now() + waitMs;
  for (;;) {
    const leftMs = Math.max(giveUpAtMs - performance.now(), 1);
    const connectionTimeoutMillis = Math.ceil(Math.min(CONNECT_TIMEOUT_MS, leftMs));
    const client = new Client({ connectionString: databaseUrl, connectionTimeoutMillis, keepAlive: true });
    // A connection lost between two statements is reported by the next one; unheard, the event would end the process.
    client.on('error', () => undefined);
    try {
      await client.connect();
      return client;
    } catch (error) {
      await client.end().catch(() => undefined);
      const code = codeOf(error);
      if (/^(28|3D)/.test(code)) {
        throw new MigrationError(
          `The database refuses the connection (${code}): check user, password and database name.`,
        );
      }
      if (performance.now() + RETRY_EVERY_MS >= giveUpAtMs) {
        throw new StoreUnavailableError(`The database did not answer within ${Math.round(waitMs / 1000)} s (${code}).`);
      }
      await new Promise((resolve) => setTimeout(resolve, RETRY_EVERY_MS));
    }
  }
}

async function readRecorded(client: Client): Promise<RecordedMigration[]> {
  const { rows } = await client.query<RecordedMigration>(
    `SELECT migration_name AS name, checksum, finished_at IS NOT NULL AS finished
     FROM _prisma_migrations WHERE rolled_back_at IS NULL ORDER BY started_at, migration_name`,
  );
  return rows;
}

function checkRecorded(
  migrations: readonly Migration[],
  recorded: readonly RecordedMigration[],
  rule: { unknown: 'refuse' | 'accept' },
): void {
  const byName = new Map(migrations.map((migration) => [migration.name, migration]));
  for (const row of recorded) {
    const migration = byName.get(row.name);
    if (migration === undefined) {
      if (rule.unknown === 'accept') continue;
      throw new MigrationError(
        `The database has the migration ${row.name}, which this version does not know: use the version that brought it.`,
      );
    }
    if (!row.finished) {
      throw new MigrationError(
        `The migration ${row.name} was begun and did not finish: repair the database, then settle it with "prisma migrate resolve".`,
      );
    }
    if (row.checksum !== migration.checksum) {
      throw new MigrationError(`The migration ${row.name} was edited after it was applied: restore its migration.sql.`);
    }
  }
}

function checkComplete(migrations: readonly Migration[], recorded: readonly RecordedMigration[]): void {
  const finished = new Set(recorded.filter((row) => row.finished).map((row) => row.name));
  const missing = migrations.filter((migration) => !finished.has(migration.name)).map((migration) => migration.name);
  if (missing.length > 0) {
    throw new MigrationError(`The database lacks ${missing.join(', ')}: run "npm run db:migrate" first.`);
  }
}

async function applyOne(client: Client, migration: Migration): Promise<void> {
  try {
    await client.query('BEGIN');
    await client.query(migration.sql);
    await client.query(
      `INSERT INTO _prisma_migrations (id, checksum, finished_at, migration_name, started_at, applied_steps_count)
       VALUES ($1, $2, clock_timestamp(), $3, now(), 1)`,
      [randomUUID(), migration.checksum, migration.name],
    );
    await client.query('COMMIT');
  } catch (error) {
    await client.query('ROLLBACK').catch(() => undefined);
    const message = error instanceof Error ? error.message : 'unknown error';
    throw new MigrationError(`The migration ${migration.name} failed and was undone (${codeOf(error)}): ${message}`);
  }
}

function codeOf(error: unknown): string {
  if (error instanceof Error && 'code' in error && typeof error.code === 'string') return error.code;
  return error instanceof Error ? error.message : 'unknown error';
}
