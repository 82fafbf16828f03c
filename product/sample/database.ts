import { Client, Pool, type PoolClient, type QueryResultRow } from 'pg';
import { ProductConfigurationError } from '../errors.js';
import { SCHEMA } from './schema.js';

/** Connections of one worker to the sample's database. */
const POOL_MAX = 10;
const CONNECT_TIMEOUT_MS = 3_000;
/** Below the limit of a regular activity attempt (15 s), so that PostgreSQL gives up before the attempt is replaced. */
const STATEMENT_TIMEOUT_MS = 10_000;
/** One writer of the tables at a time, whichever worker starts first. */
const SCHEMA_LOCK = 6_021_873_449;
/** PostgreSQL's codes that waiting does not heal: wrong password, no such database, not permitted. */
const CONFIGURATION_CODES = new Set(['28P01', '3D000', '42501']);

/** A statement that PostgreSQL parses once per connection: the name stands for the text, so it belongs to one text alone. */
export interface Statement {
  name: string;
  text: string;
}

/** Sends one statement of a transaction; resolves with its rows. */
export type Send = <Row extends QueryResultRow>(statement: Statement, values: unknown[]) => Promise<Row[]>;

/** The sample product's database. */
export interface SampleDatabase {
  /**
   * Runs `work` in one transaction and commits. Each statement sees what was committed before it began, whatever the database's
   * own setting is. When `signal` aborts, the statement under way is cancelled, nothing more is sent, and
   * the promise rejects with the signal's reason; whether a commit under way still happened is then open.
   */
  transaction<T>(signal: AbortSignal, work: (send: Send) => Promise<T>): Promise<T>;
  close(): Promise<void>;
}

/**
 * Opens the database and makes its tables. When it cannot be reached yet, that is left to the first call, so that a product that is
 * down does not keep the service from starting.
 *
 * @throws ProductConfigurationError when the database refuses the user, or does not exist
 */
export async function openSampleDatabase(databaseUrl: string): Promise<SampleDatabase> {
  const pool = new Pool({
    connectionString: databaseUrl,
    max: POOL_MAX,
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    keepAlive: true,
    statement_timeout: STATEMENT_TIMEOUT_MS,
    idle_in_transaction_session_timeout: STATEMENT_TIMEOUT_MS,
    application_name: 'sample-product',
  });
  // A connection that dies while idle is replaced at the next call; without a listener it would end the process.
  pool.on('error', () => undefined);
  // The pool listens to idle ones only. One that dies in use fails its statement, and tells its listeners besides.
  pool.on('connect', (client) => client.on('error', () => undefined));
  const cancelling = new Set<Promise<void>>();
  let ready: Promise<void> | null = null;

  /** Makes the tables once per opening; a failed try is repeated by the next call. */
  function ensureSchema(): Promise<void> {
    ready ??= makeTables(pool).catch((error: unknown) => {
      ready = null;
      throw error;
    });
    return ready;
  }

  /** Destroying the connection alone would leave the statement running, with its locks, until it ends by itself. */
  function cancel(backendId: number | null): void {
    if (backendId === null) return;
    const task = cancelBackend(databaseUrl, backendId).finally(() => cancelling.delete(task));
    cancelling.add(task);
  }

  async function connect(signal: AbortSignal): Promise<PoolClient> {
    const connecting = ensureSchema().then(() => pool.connect());
    try {
      return await untilAborted(connecting, signal);
    } catch (error) {
      connecting.then(
        (client) => client.release(),
        () => undefined,
      );
      throw error;
    }
  }

  async function transaction<T>(signal: AbortSignal, work: (send: Send) => Promise<T>): Promise<T> {
    const client = await connect(signal);
    const running = (async () => {
      await client.query('BEGIN ISOLATION LEVEL READ COMMITTED');
      const result = await work(async (statement, values) => (await client.query({ ...statement, values })).rows);
      signal.throwIfAborted();
      await client.query('COMMIT');
      return result;
    })();
    try {
      const result = await untilAborted(running, signal);
      client.release();
      return result;
    } catch (error) {
      if (signal.aborted) cancel((client as { processID?: number | null }).processID ?? null);
      running.catch(() => undefined);
      // Its transaction is in an unknown state, and PostgreSQL undoes it when the connection ends.
      client.release(true);
      throw error;
    }
  }

  try {
    await ensureSchema();
  } catch (error) {
    if (CONFIGURATION_CODES.has(String((error as { code?: unknown }).code))) {
      await pool.end();
      throw new ProductConfigurationError(
        `The sample product cannot use its database (${(error as Error).message}): check PRODUCT_DATABASE_URL.`,
      );
    }
  }

  return {
    transaction,
    async close() {
      await Promise.all(cancelling);
      await pool.end();
    },
  };
}

async function makeTables(pool: Pool): Promise<void> {
  const client = await pool.connect();
  try {
    await client.query(`BEGIN; SELECT pg_advisory_xact_lock(${SCHEMA_LOCK});`);
    await client.query(`${SCHEMA}; COMMIT;`);
  } catch (error) {
    client.release(true);
    throw error;
  }
  client.release();
}

/** Best effort: a statement that is not cancelled still ends with its own timeout. */
async function cancelBackend(databaseUrl: string, backendId: number): Promise<void> {
  const client = new Client({ connectionString: databaseUrl, connectionTimeoutMillis: CONNECT_TIMEOUT_MS });
  client.on('error', () => undefined);
  try {
    await client.connect();
    await client.query('SELECT pg_cancel_backend($1)', [backendId]);
  } catch {
    // Nothing to do: the timeout remains.
  } finally {
    await client.end().catch(() => undefined);
  }
}

/** The promise's result, or a rejection with the signal's reason as soon as it aborts. */
async function untilAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  let onAbort: (() => void) | undefined;
  const aborted = new Promise<never>((_resolve, reject) => {
    onAbort = () => reject(signal.reason);
    if (signal.aborted) onAbort();
    else signal.addEventListener('abort', onAbort, { once: true });
  });
  try {
    return await Promise.race([promise, aborted]);
  } finally {
    if (onAbort !== undefined) signal.removeEventListener('abort', onAbort);
  }
}
