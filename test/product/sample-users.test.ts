import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { ProductConfigurationError } from '../../product/errors.js';
import type { ProductUser } from '../../product/port.js';
import { createProduct } from '../../product/sample/adapter.js';
import { createTestSampleDatabase, type TestSampleDatabase } from './sample-database.js';

/** The tables as the first release made them, with one account, one user and one answered call. */
const FIRST_TABLES = `
CREATE TABLE account (account_id text PRIMARY KEY, app_id text NOT NULL, talkdesk_account_id text NOT NULL, account_name text NOT NULL,
  company_name text, plan_name text, licenses integer, first_admin_user_id text, authorization_url text, token_url text NOT NULL,
  userinfo_url text, status text NOT NULL CHECK (status IN ('active', 'suspended', 'closed')), generation integer NOT NULL,
  created_at timestamptz NOT NULL, changed_at timestamptz NOT NULL, UNIQUE (app_id, talkdesk_account_id));
CREATE TABLE account_user (user_id text PRIMARY KEY, account_id text NOT NULL REFERENCES account, talkdesk_user_id text NOT NULL,
  email text, name text, admin boolean NOT NULL, active boolean NOT NULL, created_at timestamptz NOT NULL,
  changed_at timestamptz NOT NULL, logged_out_at timestamptz, UNIQUE (account_id, talkdesk_user_id));
CREATE TABLE call_ledger (idempotency_key text PRIMARY KEY, operation text NOT NULL, app_id text NOT NULL,
  talkdesk_account_id text NOT NULL, process_id text NOT NULL, generation integer NOT NULL, calls integer NOT NULL DEFAULT 1,
  answer jsonb, first_at timestamptz NOT NULL, last_at timestamptz NOT NULL);
CREATE TABLE tenant_generation (app_id text NOT NULL, talkdesk_account_id text NOT NULL, generation integer NOT NULL,
  PRIMARY KEY (app_id, talkdesk_account_id));
CREATE TABLE undone_process (app_id text NOT NULL, talkdesk_account_id text NOT NULL, process_id text NOT NULL,
  undone_at timestamptz NOT NULL, PRIMARY KEY (app_id, talkdesk_account_id, process_id));
CREATE TABLE blocked_account (account_name text PRIMARY KEY, reason text NOT NULL);
INSERT INTO account VALUES ('account-old', 'app', 'old', 'old', NULL, NULL, NULL, NULL, NULL, 'https://acme.talkdeskid.com', NULL,
  'active', 1, '2030-01-01', '2030-01-01');
INSERT INTO account_user VALUES ('user-old', 'account-old', 'u1', NULL, NULL, true, true, '2030-01-01', '2030-01-01', NULL);
INSERT INTO call_ledger VALUES ('old:1', 'provision', 'app', 'old', 'install:old', 1, 1,
  '{"status":"done","productAccountId":"account-old"}', '2030-01-01', '2030-01-01');
INSERT INTO tenant_generation VALUES ('app', 'old', 1);`;

let database: TestSampleDatabase;
let nowMs = Date.parse('2031-05-06T07:08:09.123Z');
before(async () => {
  database = await createTestSampleDatabase();
});
after(() => database.drop());

const open = (settings: Record<string, string> = {}, databaseUrl = database.url) =>
  createProduct({ settings: { databaseUrl, ...settings }, now: () => new Date(nowMs) });

function callOf(accountId: string, key: string, generation = 1) {
  return {
    appId: 'app',
    accountId,
    installationId: `installation of ${accountId}`,
    generation,
    processId: `install:${accountId}`,
    idempotencyKey: key,
    signal: new AbortController().signal,
  };
}

function provisionCall(accountId: string, key: string, generation = 1, keptAccountId: string | null = null) {
  return {
    ...callOf(accountId, key, generation),
    accountName: accountId,
    companyName: null,
    planName: null,
    licenses: null,
    adminUserId: null,
    keptAccountId,
    sso: { authorizationUrl: null, tokenUrl: 'https://acme.talkdeskid.com/oauth/token', userinfoUrl: null },
  };
}

const user = (talkdeskUserId: string, admin = false): ProductUser => ({
  talkdeskUserId,
  email: null,
  name: null,
  admin,
  seat: 'active',
});

describe('the seats of the sample product', () => {
  it('go to admins and to those who have been there longest, and stay where they are', async () => {
    const product = await open();
    try {
      const provisioned = await product.provision(provisionCall('seats', 'seats:p'));
      assert.ok(provisioned.status === 'done');
      const { productAccountId } = provisioned;
      let key = 0;
      const seated = async (users: ProductUser[], seats: number | null) => {
        nowMs += 60_000;
        key += 1;
        const call = { ...callOf('seats', `seats:${key}`), productAccountId, users, seats, autoProvisionFilters: [] };
        const answer = await product.syncUsers(call);
        assert.ok(answer.status === 'done');
        return answer.users
          .filter(({ seat }) => seat === 'active')
          .map(({ talkdeskUserId }) => talkdeskUserId)
          .sort();
      };
      assert.deepEqual(await seated([user('first')], null), ['first']);
      assert.deepEqual(await seated([user('x'), user('y'), user('z'), user('first')], 3), ['first', 'x', 'y']);
      // They came together: who has a seat keeps it, whatever the order of the list.
      assert.deepEqual(await seated([user('z'), user('y'), user('x'), user('first')], 3), ['first', 'x', 'y']);
      assert.deepEqual(await seated([user('z', true), user('y'), user('x'), user('first')], 2), ['first', 'z']);
      const rows = await database.query('SELECT seats FROM account WHERE account_id = $1', [productAccountId]);
      assert.deepEqual(rows, [{ seats: 2 }]);
    } finally {
      await product.close();
    }
  });

  it('are never emptied by deleting: absent users are suspended', async () => {
    const product = await open();
    try {
      const provisioned = await product.provision(provisionCall('absent', 'absent:p'));
      assert.ok(provisioned.status === 'done');
      const { productAccountId } = provisioned;
      for (const [key, users] of [
        ['absent:1', [user('a'), user('b')]],
        ['absent:2', [user('b')]],
      ] as const) {
        const list = { users: [...users], seats: null, autoProvisionFilters: [] };
        await product.syncUsers({ ...callOf('absent', key), productAccountId, ...list });
      }
      assert.deepEqual(
        await database.query(
          'SELECT talkdesk_user_id, active FROM account_user WHERE account_id = $1 ORDER BY talkdesk_user_id',
          [productAccountId],
        ),
        [
          { talkdesk_user_id: 'a', active: false },
          { talkdesk_user_id: 'b', active: true },
        ],
      );
    } finally {
      await product.close();
    }
  });
});

describe('the sample product that needs time', () => {
  it('answers pending until business time has passed, whenever it is asked', async () => {
    const product = await open({ pendingMs: '1500' });
    try {
      const ask = () => product.provision(provisionCall('slow', 'slow:1'));
      assert.deepEqual(await ask(), { status: 'pending', operation: 'provision slow:1', retryAfterMs: 1_500 });
      nowMs += 1_499;
      assert.deepEqual(await ask(), { status: 'pending', operation: 'provision slow:1', retryAfterMs: 1 });
      assert.equal(await product.lookup(callOf('slow', 'slow:l')), null);
      nowMs += 1;
      const answer = await ask();
      assert.ok(answer.status === 'done');
      assert.deepEqual(await ask(), answer);
    } finally {
      await product.close();
    }
  });

  it('refuses an older installation at once', async () => {
    const product = await open({ pendingMs: '1500' });
    try {
      assert.equal((await product.provision(provisionCall('newer', 'newer:2', 2))).status, 'pending');
      assert.deepEqual(await product.provision(provisionCall('newer', 'newer:1', 1)), {
        status: 'refused',
        reason: 'installation number 1 of this account was followed by number 2',
      });
    } finally {
      await product.close();
    }
  });

  it('says how the setting must be', async () => {
    for (const pendingMs of ['soon', '-1', '1.5', '604800001']) {
      await assert.rejects(open({ pendingMs }), (error: Error) => {
        assert.ok(error instanceof ProductConfigurationError);
        return /pendingMs/.test(error.message);
      });
    }
  });
});

describe('the tables of the first release', () => {
  it('go on working with everything in them', async () => {
    const old = await createTestSampleDatabase();
    try {
      await old.query(`SET ROLE ${old.role}; ${FIRST_TABLES}`);
      const product = await open({}, old.url);
      try {
        assert.deepEqual(await product.provision(provisionCall('old', 'old:1')), {
          status: 'done',
          productAccountId: 'account-old',
        });
        const again = await product.provision(provisionCall('old', 'old:2', 2, 'account-old'));
        assert.deepEqual(again, { status: 'done', productAccountId: 'account-old' });
        const list = { users: [user('u1'), user('u2')], seats: 1, autoProvisionFilters: [] };
        const call = { ...callOf('old', 'old:3', 2), productAccountId: 'account-old', ...list };
        assert.deepEqual(await product.previewUsers(call), { status: 'done', add: 1, resume: 0, suspend: 0 });
        const answer = await product.syncUsers(call);
        assert.ok(answer.status === 'done');
        assert.deepEqual(
          answer.users.find(({ talkdeskUserId }) => talkdeskUserId === 'u1'),
          {
            talkdeskUserId: 'u1',
            productUserId: 'user-old',
            seat: 'active',
          },
        );
      } finally {
        await product.close();
      }
    } finally {
      await old.drop();
    }
  });
});
