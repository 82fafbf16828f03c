import { after, before, describe, it } from 'node:test';
import { createProduct } from '../../product/sample/adapter.js';
import { describeProduct } from '../../product/suite/describe.js';
import { createTestSampleDatabase, type TestSampleDatabase } from './sample-database.js';

const REFUSED_ACCOUNT = 'unpaid-invoices';
/** Ends them, and waits until they have gone. */
const END_CONNECTIONS = `SELECT pg_terminate_backend(pid, 30000) FROM pg_stat_activity
  WHERE datname = current_database() AND application_name = 'sample-product'`;

let database: TestSampleDatabase;
before(async () => {
  database = await createTestSampleDatabase();
  const product = await open();
  await product.close();
  await database.query('INSERT INTO blocked_account (account_name, reason) VALUES ($1, $2)', [
    REFUSED_ACCOUNT,
    'there are unpaid invoices',
  ]);
});
after(() => database.drop());

const open = (settings: Record<string, string> = {}) =>
  createProduct({ settings: { databaseUrl: database.url, ...settings }, now: () => new Date() });

describeProduct(
  'the sample',
  {
    open: () => open(),
    openPending: () => open({ pendingMs: '300' }),
    refusedAccountName: REFUSED_ACCOUNT,
    async whileHanging(work) {
      const client = await database.connect();
      try {
        await client.query('BEGIN');
        await client.query('LOCK TABLE tenant_generation IN ACCESS EXCLUSIVE MODE');
        await work();
      } finally {
        await client.end();
      }
    },
    async whileFailing(work) {
      await database.query(`ALTER ROLE ${database.role} NOLOGIN`);
      await database.query(END_CONNECTIONS);
      try {
        await work();
      } finally {
        await database.query(`ALTER ROLE ${database.role} LOGIN`);
      }
    },
  },
  { describe, it, before, after },
);
