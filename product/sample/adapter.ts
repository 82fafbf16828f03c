import { ProductConfigurationError } from '../errors.js';
import type { CreateProduct, LookupCall, Product, ProductAccount, ProductOptions } from '../port.js';
import { deprovisionAccount, provisionAccount, setAccountStatus, updateAccount } from './accounts.js';
import { openSampleDatabase, type SampleDatabase } from './database.js';
import { answerOnce } from './ledger.js';
import { endUserSession, syncAccountUsers } from './users.js';

/**
 * The sample product: accounts and users in a PostgreSQL database of its own. It shows what an adapter has to do, and serves demos and
 * tests. It refuses to provision an account whose name is in its table `blocked_account`.
 *
 * @throws ProductConfigurationError when `settings.databaseUrl` is missing or the database cannot be used with it
 */
export const createProduct = (async ({ settings, now }: ProductOptions): Promise<Product> => {
  const databaseUrl = settings['databaseUrl'];
  if (databaseUrl === undefined || databaseUrl === '') {
    throw new ProductConfigurationError(
      'The sample product needs a database of its own: set PRODUCT_DATABASE_URL, or databaseUrl in the settings of the app.',
    );
  }
  const database = await openSampleDatabase(databaseUrl);
  return {
    async provision(call) {
      const at = now();
      return await answerOnce(database, 'provision', call, at, (client) => provisionAccount(client, call, at));
    },
    async update(call) {
      const at = now();
      return await answerOnce(database, 'update', call, at, (client) => updateAccount(client, call, at));
    },
    async suspend(call) {
      const at = now();
      return await answerOnce(database, 'suspend', call, at, (client) =>
        setAccountStatus(client, call, 'suspended', at),
      );
    },
    async resume(call) {
      const at = now();
      return await answerOnce(database, 'resume', call, at, (client) => setAccountStatus(client, call, 'active', at));
    },
    async deprovision(call) {
      const at = now();
      return await answerOnce(database, 'deprovision', call, at, (client) => deprovisionAccount(client, call, at));
    },
    lookup: (call) => lookup(database, call),
    async syncUsers(call) {
      const at = now();
      return await answerOnce(database, 'syncUsers', call, at, (client) => syncAccountUsers(client, call, at));
    },
    async onLogout(call) {
      const at = now();
      return await answerOnce(database, 'onLogout', call, at, (client) => endUserSession(client, call, at));
    },
    close: () => database.close(),
  };
}) satisfies CreateProduct;

interface AccountRow {
  account_id: string;
  account_name: string;
  status: 'active' | 'suspended';
  generation: number;
  active_users: number;
}

async function lookup(database: SampleDatabase, call: LookupCall): Promise<ProductAccount | null> {
  return await database.transaction(call.signal, async (client) => {
    const { rows } = await client.query<AccountRow>(
      `SELECT account_id, account_name, status, generation,
         (SELECT count(*)::int FROM account_user WHERE account_user.account_id = account.account_id AND active) AS active_users
       FROM account WHERE app_id = $1 AND talkdesk_account_id = $2 AND status <> 'closed'`,
      [call.appId, call.accountId],
    );
    const row = rows[0];
    if (row === undefined) return null;
    return {
      productAccountId: row.account_id,
      accountName: row.account_name,
      status: row.status,
      generation: row.generation,
      activeUsers: row.active_users,
    };
  });
}
