import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { Client } from 'pg';
import { ProductConfigurationError } from '../../product/errors.js';
import { createProduct } from '../../product/sample/adapter.js';
import { createSampleDatabase } from '../../product/sample/create-database.js';
import { openSampleDatabase } from '../../product/sample/database.js';
import { createTestSampleDatabase, type TestSampleDatabase } from './sample-database.js';

const AT = new Date('2031-05-06T07:08:09.123Z');
/** How many of the sample's statements wait for a lock. */
const WAITING = `SELECT count(*)::int AS n FROM pg_stat_activity
  WHERE datname = current_database() AND application_name = 'sample-product' AND wait_event_type = 'Lock'`;

let database: TestSampleDatabase;
before(async () => {
  database = await createTestSampleDatabase();
});
after(() => database.drop());

const open = (databaseUrl = database.url) => createProduct({ settings: { databaseUrl }, now: () => AT });

function provisionCall(accountId: string, key: string) {
  return {
    appId: 'app',
    accountId,
    installationId: `installation of ${accountId}`,
    generation: 1,
    processId: `install:${accountId}`,
    idempotencyKey: key,
    signal: new AbortController().signal,
    accountName: accountId,
    companyName: null,
    planName: null,
    licenses: null,
    adminUserId: null,
    keptAccountId: null,
    sso: { authorizationUrl: null, tokenUrl: 'https://acme.talkdeskid.com/oauth/token', userinfoUrl: null },
  };
}

describe('the sample product', () => {
  it('counts the calls of a key: two calls, one effect, in business time', async () => {
    const product = await open();
    try {
      await product.provision(provisionCall('counted', 'counted:k'));
      await product.provision(provisionCall('counted', 'counted:k'));
    } finally {
      await product.close();
    }
    assert.deepEqual(
      await database.query('SELECT operation, calls, first_at FROM call_ledger WHERE idempotency_key = $1', [
        'counted:k',
      ]),
      [{ operation: 'provision', calls: 2, first_at: AT }],
    );
    assert.deepEqual(
      await database.query('SELECT account_name, created_at, changed_at FROM account WHERE talkdesk_account_id = $1', [
        'counted',
      ]),
      [{ account_name: 'counted', created_at: AT, changed_at: AT }],
    );
  });

  it('sees that its process was undone while it waited for the tenant', async () => {
    const product = await open();
    const undoing = await database.connect();
    try {
      await undoing.query('BEGIN');
      await undoing.query(`INSERT INTO tenant_generation VALUES ('app', 'raced', 1)`);
      const call = product.provision(provisionCall('raced', 'raced:1'));
      await until(async () => (await database.query(WAITING))[0]?.['n'] === 1);
      await undoing.query(`INSERT INTO undone_process VALUES ('app', 'raced', 'install:raced', $1)`, [AT]);
      await undoing.query('COMMIT');
      assert.deepEqual(await call, { status: 'refused', reason: 'this installation was undone before' });
      assert.deepEqual(await database.query(`SELECT 1 FROM account WHERE talkdesk_account_id = 'raced'`), []);
    } finally {
      await undoing.end();
      await product.close();
    }
  });

  it('leaves no statement running in the database when a call is cut off', async () => {
    const product = await open();
    const blocker = await database.connect();
    try {
      await blocker.query('BEGIN');
      await blocker.query('LOCK TABLE tenant_generation IN ACCESS EXCLUSIVE MODE');
      const cutting = new AbortController();
      const call = product.provision({ ...provisionCall('cut', 'cut:1'), signal: cutting.signal });
      await until(async () => (await database.query(WAITING))[0]?.['n'] === 1);
      cutting.abort();
      await assert.rejects(call, { name: 'AbortError' });
      await until(async () => (await database.query(WAITING))[0]?.['n'] === 0);
    } finally {
      await blocker.end();
      await product.close();
    }
  });

  it('can be opened while its database is down, and works once it is up', async () => {
    await database.query(`ALTER ROLE ${database.role} NOLOGIN`);
    const product = await open();
    try {
      await assert.rejects(product.provision(provisionCall('down', 'down:1')), { code: '28000' });
      await database.query(`ALTER ROLE ${database.role} LOGIN`);
      assert.equal((await product.provision(provisionCall('down', 'down:1'))).status, 'done');
    } finally {
      await database.query(`ALTER ROLE ${database.role} LOGIN`);
      await product.close();
    }
  });

  it('goes on when the server ends its connections', async () => {
    const product = await open();
    try {
      // Three at once, so that some connections are idle when they end, whichever the next call takes.
      await Promise.all([1, 2, 3].map((n) => product.provision(provisionCall(`ended-${n}`, `ended-${n}:1`))));
      await database.query(
        `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()`,
      );
      await until(async () => {
        try {
          return (await product.provision(provisionCall('ended', 'ended:2'))).status === 'done';
        } catch {
          return false;
        }
      });
    } finally {
      await product.close();
    }
  });

  it('outlives a connection that ends between two statements of a transaction', async () => {
    const opened = await openSampleDatabase(database.url);
    try {
      const broken = opened.transaction(new AbortController().signal, async (send) => {
        const ours = `FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'sample-product'`;
        await database.query(`SELECT pg_terminate_backend(pid) ${ours}`);
        await until(async () => (await database.query(`SELECT pid ${ours}`)).length === 0);
        return await send({ name: 'after', text: 'SELECT 1' }, []);
      });
      await assert.rejects(broken);
      const again = opened.transaction(new AbortController().signal, (send) =>
        send<{ one: number }>({ name: 'again', text: 'SELECT 1 AS one' }, []),
      );
      assert.deepEqual(await again, [{ one: 1 }]);
    } finally {
      await opened.close();
    }
  });

  it('says what to set when its database is not named, missing, or refuses it', async () => {
    const wrongPassword = new URL(database.url);
    wrongPassword.password = 'not-the-password';
    const missing = new URL(database.url);
    missing.pathname = '/no_such_database';
    await assert.rejects(open(''), (error: Error) => {
      assert.ok(error instanceof ProductConfigurationError);
      return /set PRODUCT_DATABASE_URL/.test(error.message);
    });
    for (const url of [wrongPassword.href, missing.href]) {
      await assert.rejects(open(url), (error: Error) => {
        assert.ok(error instanceof ProductConfigurationError);
        assert.match(error.message, /check PRODUCT_DATABASE_URL/);
        return !error.message.includes('not-the-password');
      });
    }
  });
});

describe('the database of the sample product', () => {
  it('can be made again, at the same time, with a new password', async () => {
    const names = { database: database.database, role: database.role, password: 'another one' };
    await Promise.all([1, 2, 3].map(() => createSampleDatabase(database.adminUrl, names)));
    const url = new URL(database.url);
    await assert.rejects(connectAndEnd(url.href), { code: '28P01' });
    url.password = encodeURIComponent('another one');
    await connectAndEnd(url.href);
    await createSampleDatabase(database.adminUrl, { ...names, password: database.password });
    await connectAndEnd(database.url);
  });

  it('gives its role nothing but this database, and this database to nobody else', async () => {
    const [role] = await database.query(
      'SELECT rolsuper, rolcreatedb, rolcreaterole, rolreplication, rolbypassrls FROM pg_roles WHERE rolname = $1',
      [database.role],
    );
    assert.deepEqual(role, {
      rolsuper: false,
      rolcreatedb: false,
      rolcreaterole: false,
      rolreplication: false,
      rolbypassrls: false,
    });
    const stranger = await createTestSampleDatabase();
    try {
      const url = new URL(stranger.url);
      url.pathname = `/${database.database}`;
      await assert.rejects(connectAndEnd(url.href), { code: '42501' });
    } finally {
      await stranger.drop();
    }
  });
});

async function connectAndEnd(url: string): Promise<void> {
  const client = new Client({ connectionString: url });
  try {
    await client.connect();
  } finally {
    await client.end();
  }
}

async function until(condition: () => Promise<boolean>): Promise<void> {
  const deadline = performance.now() + 5_000;
  while (!(await condition())) {
    assert.ok(performance.now() < deadline, 'the awaited condition did not come true');
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
