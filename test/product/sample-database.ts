import { randomBytes } from 'node:crypto';
import { Client } from 'pg';
import { createSampleDatabase } from '../../product/sample/create-database.js';

/** A database of the sample product for one test file, with its own role. */
export interface TestSampleDatabase {
  /** As the product's own role. */
  url: string;
  adminUrl: string;
  database: string;
  role: string;
  password: string;
  /** Rows of one statement, as superuser. */
  query(sql: string, params?: unknown[]): Promise<Record<string, unknown>[]>;
  /** A further connection, as superuser. */
  connect(): Promise<Client>;
  drop(): Promise<void>;
}

/** Makes one through `createSampleDatabase` in the PostgreSQL that the test runner started. */
export async function createTestSampleDatabase(): Promise<TestSampleDatabase> {
  const adminUrl = process.env['TEST_POSTGRES_URL'];
  if (!adminUrl) throw new Error('There is no PostgreSQL for this test: run it through npm test -- <file>.');
  const name = `sample_${randomBytes(6).toString('hex')}`;
  const names = { database: name, role: name, password: `p@ss:/?#'"${randomBytes(6).toString('hex')}` };
  await createSampleDatabase(adminUrl, names);
  const inside = new URL(adminUrl);
  inside.pathname = `/${name}`;
  const own = new URL(inside);
  own.username = name;
  own.password = encodeURIComponent(names.password);

  async function connect(url = inside.href): Promise<Client> {
    const client = new Client({ connectionString: url });
    client.on('error', () => undefined);
    await client.connect();
    return client;
  }
  async function once(url: string, sql: string, params: unknown[] = []): Promise<Record<string, unknown>[]> {
    const client = await connect(url);
    try {
      return (await client.query(sql, params)).rows;
    } finally {
      await client.end();
    }
  }
  return {
    ...names,
    url: own.href,
    adminUrl,
    query: (sql, params) => once(inside.href, sql, params),
    connect: () => connect(),
    async drop() {
      await once(adminUrl, `DROP DATABASE IF EXISTS ${name} WITH (FORCE)`);
      await once(adminUrl, `DROP ROLE IF EXISTS ${name}`);
    },
  };
}
