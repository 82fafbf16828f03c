import { ProductConfigurationError } from '../errors.js';
import type {
  CreateProduct,
  LookupCall,
  Product,
  ProductAccount,
  ProductAnswer,
  ProductCall,
  ProductOptions,
  ProvisionAnswer,
  SyncUsersAnswer,
} from '../port.js';
import { deprovisionAccount, provisionAccount, setAccountStatus, updateAccount } from './accounts.js';
import { openSampleDatabase, type SampleDatabase, type Statement } from './database.js';
import { answerOnce, type Effect } from './ledger.js';
import { endUserSession, previewAccountUsers, syncAccountUsers } from './users.js';

/** Longest time that provisioning may be made to take. */
const MAX_PENDING_MS = 7 * 24 * 60 * 60 * 1_000;

/**
 * The sample product: accounts and users in a PostgreSQL database of its own. It shows what an adapter has to do, and serves demos and
 * tests. It refuses to provision an account whose name is in its table `blocked_account`. With the setting `pendingMs`, provisioning
 * takes that many milliseconds and is answered `pending` meanwhile.
 *
 * @throws ProductConfigurationError when `settings.databaseUrl` is missing or the database cannot be used with it, or when
 *   `settings.pendingMs` is no whole number of milliseconds up to seven days
 */
export const createProduct = (async ({ settings, now }: ProductOptions): Promise<Product> => {
  const databaseUrl = settings['databaseUrl'];
  if (databaseUrl === undefined || databaseUrl === '') {
    throw new ProductConfigurationError(
      'The sample product needs a database of its own: set PRODUCT_DATABASE_URL, or databaseUrl in the settings of the app.',
    );
  }
  const pendingMs = readPendingMs(settings['pendingMs']);
  const database = await openSampleDatabase(databaseUrl);

  function answer(operation: string, call: ProductCall, effectAt: (at: Date) => Effect): Promise<ProductAnswer> {
    const at = now();
    return answerOnce<ProductAnswer>(database, operation, call, { at }, effectAt(at));
  }

  return {
    async provision(call) {
      const at = now();
      return await answerOnce<ProvisionAnswer>(
        database,
        'provision',
        call,
        { at, pendingMs },
        provisionAccount(call, at),
      );
    },
    update: (call) => answer('update', call, (at) => updateAccount(call, at)),
    suspend: (call) => answer('suspend', call, (at) => setAccountStatus(call, 'suspended', at)),
    resume: (call) => answer('resume', call, (at) => setAccountStatus(call, 'active', at)),
    deprovision: (call) => answer('deprovision', call, (at) => deprovisionAccount(call, at)),
    lookup: (call) => lookup(database, call),
    async syncUsers(call) {
      const at = now();
      return await answerOnce<SyncUsersAnswer>(database, 'syncUsers', call, { at }, syncAccountUsers(call, at));
    },
    previewUsers: (call) => previewAccountUsers(database, call),
    onLogout: (call) => answer('onLogout', call, (at) => endUserSession(call, at)),
    close: () => database.close(),
  };
}) satisfies CreateProduct;

function readPendingMs(text: string | undefined): number {
  const pendingMs = Number(text ?? 0);
  if (Number.isInteger(pendingMs) && pendingMs >= 0 && pendingMs <= MAX_PENDING_MS) return pendingMs;
  throw new ProductConfigurationError(
    'The setting pendingMs of the sample product must be a whole number of milliseconds, at most seven days.',
  );
}

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
