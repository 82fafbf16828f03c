import { createDatabase, type StoreLog } from './database.js';
import { createInbox } from './inbox.js';
import { createProcesses } from './processes.js';
import { createSignatureKeys } from './signature-keys.js';
import type { Sealer, Store } from './types.js';

/** What a store is made of. */
export interface StoreOptions {
  /** PostgreSQL address; the database must be migrated (`assertMigrated`). */
  databaseUrl: string;
  sealer: Sealer;
  /** Most connections at a time. */
  poolMax: number;
  log: StoreLog;
  /** Hears of connections that broke while idle. */
  onPoolError?: (error: Error) => void;
}

/**
 * The service's business record. Connects on first use, so that it can be made while the database is away. Every method throws
 * `StoreUnavailableError` when the database cannot act now (within 3 s, 5 s for lists of users), `StoreError` when it refuses.
 */
export function createStore(options: StoreOptions): Store {
  const database = createDatabase(options);
  return {
    inbox: createInbox({ database, sealer: options.sealer, log: options.log }),
    processes: createProcesses({ database, sealer: options.sealer }),
    signatureKeys: createSignatureKeys(database),
    close: () => database.close(),
  };
}

export type { StoreLog } from './database.js';
export {
  ForeignInstallationError,
  MigrationError,
  NotFoundError,
  OutcomeConflictError,
  SealingError,
  StoreUnavailableError,
} from './errors.js';
export { applyMigrations, assertMigrated } from './migrations.js';
export { createSealer } from './sealing.js';
export type * from './types.js';
