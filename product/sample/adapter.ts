import { ProductConfigurationError } from '../errors.js';
import type {
  CreateProduct,
  LookupCall,
  Product,
  ProductAccount,
  ProductAnswer,
  ProductOptions,
  ProvisionAnswer,
  SyncUsersAnswer,
} from '../port.js';
import { deprovisionAccount, provisionAccount, setAccountStatus, updateAccount } from './accounts.js';
import { openSampleDatabase, type SampleDatabase, type Statement } from './database.js';
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
      return await answerOnce<ProvisionAnswer>(database, 'provision', call, at, provisionAccount(call, at));
    },
    async update(call) {
      const at = now();
      return await answerOnce<ProductAnswer>(database, 'update', call, at, updateAccount(call, at));
    },
    async suspend(call) {
      const at = now();
      return await answerOnce<ProductAnswer>(database, 'suspend', call, at, setAccountStatus(call, 'suspended', at));
    },
    async resume(call) {
      const at = now();
      return await answerOnce<ProductAnswer>(database, 'resume', call, at, setAccountStatus(call, 'active', at));
    },
    async deprovision(call) {
      const at = now();
      return await answerOnce<ProductAnswer>(database, 'deprovision', call, at, deprovisionAccount(call, at));
    },
    lookup: (call) => lookup(database, call),
    async syncUsers(call) {
      const at = now();
      return await answerOnce<SyncUsersAnswer>(database, 'syncUsers', call, at, syncAccountUsers(call, at));
    },
    async onLogout(call) {
      const at = now();
      return await answerOnce<ProductAnswer>(database, 'onLogout', call, at, endUserSession(call, at));
    },
    close: () => database.close(),
  };
}) satisfies CreateProduct;

const LOOKUP: Statement = {
  name: 'lookup',
  text: `
    SELECT account_id, account_name, status, generation,
      (SELECT count(*)::int FROM account_user WHERE account_user.account_id = account.account_id AND active) AS active_users
    FROM account WHERE app_id = $1 AND talkdesk_account_id = $2 AND status <> 'closed'`,
};

interface AccountRow {
  account_id: string;
  account_name: string;
  status: 'active' | 'suspended';
  generation: number;
  active_users: number;
}

async function lookup(database: SampleDatabase, call: LookupCall): Promise<ProductAccount | null> {
  return await database.transaction(call.signal, async (send) => {
    const [row] = await send<AccountRow>(LOOKUP, [call.appId, call.accountId]);
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
