import { randomBytes } from 'node:crypto';
import { Client, Pool, type QueryResultRow } from 'pg';

/** A database of one test file, cloned from the migrated template. */
export interface TestDatabase {
  /** Address of the clone. */
  url: string;
  /** Address of the maintenance database, as superuser. */
  adminUrl: string;
  /** Rows of one statement, run beside the code under test. */
  query<Row extends QueryResultRow = QueryResultRow>(sql: string, params?: unknown[]): Promise<Row[]>;
  /** Closes its own connections and removes the database, even while others are connected. */
  drop(): Promise<void>;
}

/**
 * Clones the template database under a random name; with `empty`, makes one without any table. Needs `TEST_POSTGRES_URL` and
 * `TEST_TEMPLATE_DATABASE`, which the test runner sets; throws a plain error that says so otherwise.
 */
export async function createTestDatabase(options: { empty?: boolean } = {}): Promise<TestDatabase> {
  const adminUrl = process.env['TEST_POSTGRES_URL'];
  const template = process.env['TEST_TEMPLATE_DATABASE'];
  if (!adminUrl || !template) {
    throw new Error(
      'There is no PostgreSQL for this test: run it through npm test, which starts one (npm test -- <file>).',
    );
  }
  const name = `test_${randomBytes(8).toString('hex')}`;
  await asAdmin(
    adminUrl,
    `CREATE DATABASE ${name} TEMPLATE ${options.empty === true ? 'template0' : quoted(template)}`,
  );
  const url = new URL(adminUrl);
  url.pathname = `/${name}`;
  const pool = new Pool({ connectionString: url.href, max: 4, options: '-c TimeZone=UTC' });
  // The database is dropped by force at the end: an idle connection that learns of it is no failure.
  pool.on('error', () => undefined);

  return {
    url: url.href,
    adminUrl,
    async query<Row extends QueryResultRow>(sql: string, params: unknown[] = []) {
      const result = await pool.query<Row>(sql, params);
      return result.rows;
    },
    async drop() {
      await pool.end();
      await asAdmin(adminUrl, `DROP DATABASE IF EXISTS ${name} WITH (FORCE)`);
    },
  };
}

async function asAdmin(adminUrl: string, statement: string): Promise<void> {
  const client = new Client({ connectionString: adminUrl });
  await client.connect();
  try {
    await client.query(statement);
  } finally {
    await client.end();
  }
}

function quoted(identifier: string): string {
  return `"${identifier.replaceAll('"', '""')}"`;
}
