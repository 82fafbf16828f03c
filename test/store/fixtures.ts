import { randomUUID } from 'node:crypto';
import { Client } from 'pg';
import {
  createSealer,
  createStore,
  type Delivery,
  type Outcome,
  type Sealer,
  type Snapshot,
  type Store,
  type StoredCredential,
  type TakeChange,
  type TakeInstall,
  type Tenant,
} from '../../store/index.js';
import { createTestDatabase, type TestDatabase } from '../support/database.js';

/** A store on a database of its own, whose sessions would run in a zone far from UTC if the store let them. */
export interface TestStore {
  store: Store;
  database: TestDatabase;
  sealer: Sealer;
  /** Warnings the store wrote. */
  warnings: string[];
  /** Empties every table of the service. */
  clear(): Promise<void>;
  end(): Promise<void>;
}

export const ACME: Tenant = { appId: 'app-1', accountId: 'account-1' };

/** Opens one; `end` closes the store and drops the database. */
export async function openStore(options: { poolMax?: number } = {}): Promise<TestStore> {
  const database = await createTestDatabase();
  await database.query(`ALTER DATABASE ${new URL(database.url).pathname.slice(1)} SET timezone = 'America/New_York'`);
  const sealer = createSealer([{ id: 'k1', key: Buffer.alloc(32, 7) }]);
  const warnings: string[] = [];
  const store = createStore({
    databaseUrl: database.url,
    sealer,
    poolMax: options.poolMax ?? 10,
    log: { warn: (_fields, message) => warnings.push(message) },
  });
  return {
    store,
    database,
    sealer,
    warnings,
    async clear() {
      // As a replica: the trigger that keeps the audit append-only stays silent.
      await database.query(`SET session_replication_role = replica;
        TRUNCATE inbox_event, refused_delivery, quarantine, signature_key, tenant, installation, credential, process, product_account,
          user_mapping, audit_entry;
        SET session_replication_role = origin`);
    },
    async end() {
      await store.close();
      await database.drop();
    },
  };
}

/** An `app.installed` on its way in, with what the test changes. */
export function delivery(changes: Partial<Delivery> = {}): Delivery {
  const eventId = changes.eventId ?? randomUUID();
  return {
    eventId,
    type: 'app.installed',
    appId: ACME.appId,
    accountId: ACME.accountId,
    installationId: 'installation-1',
    createdAt: new Date('2026-01-05T10:00:00.000Z'),
    receivedAt: new Date('2026-01-05T10:00:01.250Z'),
    disposition: 'dispatch',
    rawBody: Buffer.from(JSON.stringify({ id: eventId, client_secret: 'SECRET-IN-BODY' })),
    ...changes,
  };
}

/** What the delivery's event becomes, with what the test changes. */
export function taking(from: Delivery, changes: Partial<TakeInstall> = {}): TakeInstall {
  return {
    eventId: from.eventId,
    tenant: { appId: from.appId, accountId: from.accountId ?? '' },
    installationId: from.installationId ?? '',
    accountName: 'acme',
    appVersionId: 'version-1',
    appVersionName: '1.4.0',
    apiRoot: 'https://api.talkdeskapp.com',
    tokenUrl: 'https://acme.talkdeskid.com/oauth/token',
    authorizationUrl: 'https://acme.talkdeskid.com/oauth/authorize',
    userinfoUrl: 'https://api.talkdeskapp.com/users/me',
    createdAt: from.createdAt,
    credential: {
      clientId: 'client-1',
      clientSecret: 'SECRET-CLIENT',
      privateKey: 'SECRET-PRIVATE-KEY',
      publicKey: 'public-key-1',
      keyId: 'key-1',
      keyAlgorithm: 'ES256',
    },
    bodyWithoutSecrets: JSON.stringify({ id: from.eventId }),
    processId: `install:${from.eventId}`,
    dueAt: new Date(from.createdAt.getTime() + 561_600_000),
    closeAt: new Date(from.createdAt.getTime() + 604_800_000),
    takenAt: new Date('2026-01-05T10:00:02.500Z'),
    ...changes,
  };
}

/** Accepts and takes an install; gives its process id. */
export async function install(store: Store, changes: Partial<Delivery> = {}): Promise<string> {
  const event = delivery(changes);
  await store.inbox.accept(event);
  await store.processes.takeInstall(taking(event));
  return `install:${event.eventId}`;
}

const EVENT_TYPE_OF = {
  update: 'app.updated',
  uninstall: 'app.uninstalled',
  rotation: 'app.credentials_rotated',
} as const;

/** What an update, uninstall or rotation becomes; a rotation brings `client-<event id>`. */
export function changing(kind: TakeChange['kind'], from: Delivery, changes: Partial<TakeChange> = {}): TakeChange {
  const { eventId, tenant, installationId, createdAt, bodyWithoutSecrets, dueAt, closeAt, takenAt, credential } =
    taking(from);
  return {
    kind,
    ...{ eventId, tenant, installationId, createdAt, bodyWithoutSecrets, dueAt, closeAt, takenAt },
    accountName: null,
    appVersionId: null,
    appVersionName: null,
    credential:
      kind === 'rotation' ? { ...credential, clientId: `client-${eventId}`, privateKey: `SECRET-${eventId}` } : null,
    processId: `${kind}:${eventId}`,
    ...changes,
  };
}

/** Accepts and takes an update, uninstall or rotation; gives its process id. */
export async function change(
  store: Store,
  kind: TakeChange['kind'],
  event: Partial<Delivery>,
  changes: Partial<TakeChange> = {},
): Promise<string> {
  const accepted = delivery({ type: EVENT_TYPE_OF[kind], ...event });
  await store.inbox.accept(accepted);
  const result = await store.processes.takeChange(changing(kind, accepted, changes));
  if (result !== 'taken') throw new Error(`The event ${accepted.eventId} ${result}.`);
  return `${kind}:${accepted.eventId}`;
}

/** Ends a process. */
export async function end(store: Store, processId: string, outcome: Outcome): Promise<void> {
  await store.processes.recordOutcome({ processId, outcome, reason: 'why', at: at('12:00:00.000') });
}

/** Id and state of every set of credentials, and that those which are gone hold no secret. */
export async function sets(database: TestDatabase): Promise<Record<string, string>> {
  const rows = await database.query<{ id: string; state: string; empty: boolean }>(
    'SELECT id, state, client_secret IS NULL AND private_key IS NULL AS empty FROM credential ORDER BY id',
  );
  return Object.fromEntries(
    rows.map(({ id, state, empty }) => [id, empty === (state === 'gone') ? state : `${state}, but`]),
  );
}

/** Actions of the audit, oldest first. */
export async function actionsOf(database: TestDatabase): Promise<string[]> {
  const rows = await database.query<{ action: string }>(
    'SELECT action FROM audit_entry ORDER BY app_id, account_id, seq',
  );
  return rows.map((row) => row.action);
}

/** The credentials that come with a process, unsealed. */
export async function credentialOf(store: Store, processId: string): Promise<StoredCredential | null> {
  const { credential } = await store.processes.read(processId);
  return credential === null ? null : store.processes.open(credential);
}

/** A snapshot with these users, read at 10:00:03. */
export function snapshot(users: Snapshot['users'], changes: Partial<Snapshot> = {}): Snapshot {
  return {
    remoteState: 'waiting',
    remoteStateWord: 'installing',
    remoteUpdatedAt: new Date('2026-01-05T10:00:00.125Z'),
    companyName: 'Acme Inc.',
    planName: 'Paid Plus',
    planType: 'paid',
    licenses: 10,
    adminUserId: 'user-1',
    scopes: ['account:read', 'apps:write'],
    users,
    readAt: new Date('2026-01-05T10:00:03.000Z'),
    ...changes,
  };
}

/** A time of day on the day of the fixtures, such as `10:00:05.000`. */
export const at = (text: string): Date => new Date(`2026-01-05T${text}Z`);

/** Runs the work while `sql` stands uncommitted, and commits as soon as the work waits for it. */
export async function whileUncommitted<T>(database: TestDatabase, sql: string, work: () => Promise<T>): Promise<T> {
  const client = new Client({ connectionString: database.url });
  await client.connect();
  try {
    await client.query(`BEGIN; ${sql}`);
    const result = work();
    let ended = false;
    result.then(
      () => (ended = true),
      () => (ended = true),
    );
    for (let waiting = 0; waiting === 0 && !ended; ) {
      const [row] = await database.query<{ n: number }>(
        `SELECT count(*)::int AS n FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`,
      );
      waiting = row?.n ?? 0;
    }
    await client.query('COMMIT');
    return await result;
  } finally {
    await client.end();
  }
}
