import { createHash } from 'node:crypto';
import { PrismaPg } from '@prisma/adapter-pg';
import { Pool } from 'pg';
import { StoreError, StoreUnavailableError } from './errors.js';
import { Prisma, PrismaClient } from './generated/client.js';

/** Limit of an ordinary statement, waiting for a connection included: the ingress answers 503 after it. */
const LIMIT_MS = 3_000;
/** The server ends a statement that outlived its caller, and the driver gives up a connection that says nothing. */
const STATEMENT_TIMEOUT_MS = 5_000;
const QUERY_TIMEOUT_MS = 6_000;
const CONNECT_TIMEOUT_MS = 3_000;
const MAX_ATTEMPTS = 3;

/** SQLSTATE classes and codes that mean "not now": connection, access, lost races, resources, operator, system, read-only, locked. */
const UNAVAILABLE = /^(08|28|3D|40|53|57|58|XX|25006$|55P03$)/;
/** Serialization, deadlock, and a row that another statement added after this one began. */
const LOST_RACE = /^(40001|40P01|23505)$/;

/** Where the store writes its own few remarks; pino's loggers fit. */
export interface StoreLog {
  warn(fields: Record<string, unknown>, message: string): void;
}

/** One database, spoken to in single statements. */
export interface Database {
  /** Rows of one statement. Throws `StoreUnavailableError` within `limitMs` (3 s), or `StoreError`. */
  query<Row>(statement: Prisma.Sql, options?: { limitMs?: number }): Promise<Row[]>;
  close(): Promise<void>;
}

/**
 * Opens a pool of up to `poolMax` connections; nothing is connected before the first statement. `onPoolError` hears of
 * connections that broke while idle.
 */
export function createDatabase(options: {
  databaseUrl: string;
  poolMax: number;
  log: StoreLog;
  onPoolError?: (error: Error) => void;
}): Database {
  const pool = new Pool({
    connectionString: withUtc(options.databaseUrl),
    max: options.poolMax,
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    idleTimeoutMillis: 60_000,
    keepAlive: true,
    statement_timeout: STATEMENT_TIMEOUT_MS,
    query_timeout: QUERY_TIMEOUT_MS,
    application_name: 'appconnect-lifecycle',
  });
  // Unheard, the error of an idle connection would end the process; the pool has already dropped that connection.
  pool.on('error', (error) => {
    options.log.warn({ reason: error.message }, 'an idle database connection broke');
    options.onPoolError?.(error);
  });
  const adapter = new PrismaPg(pool, { statementNameGenerator: createStatementNames() });
  const client = new PrismaClient({ adapter, log: [] });

  async function attempt<Row>(statement: Prisma.Sql): Promise<Row[]> {
    for (let tries = 1; ; tries += 1) {
      try {
        return await client.$queryRaw<Row[]>(statement);
      } catch (error) {
        const { sqlState } = codesOf(error);
        // A statement is atomic, so one that lost a race can simply be sent again and sees what the winner did.
        if (tries < MAX_ATTEMPTS && sqlState !== null && LOST_RACE.test(sqlState)) continue;
        throw classify(error);
      }
    }
  }

  return {
    query: (statement, { limitMs = LIMIT_MS } = {}) => within(attempt(statement), limitMs),
    async close() {
      await client.$disconnect();
      await pool.end();
    },
  };
}

/** The work, or `StoreUnavailableError` after the limit; what the work then still says is not waited for. */
async function within<T>(work: Promise<T>, limitMs: number): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const limit = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(
      () => reject(new StoreUnavailableError(`The database did not finish within ${limitMs} ms.`)),
      limitMs,
    );
  });
  work.catch(() => undefined);
  try {
    return await Promise.race([work, limit]);
  } finally {
    clearTimeout(timer);
  }
}

/**
 * The driver adapter drops the offset of every time it reads, and writes times without one: right only while a session's time
 * zone is UTC, which a server or a role may set otherwise.
 */
function withUtc(databaseUrl: string): string {
  const url = new URL(databaseUrl);
  const given = url.searchParams.get('options');
  url.searchParams.set('options', given === null ? '-c TimeZone=UTC' : `${given} -c TimeZone=UTC`);
  return url.href;
}

/**
 * Names for prepared statements: planning the large statements of the hot path costs more than running them. The texts are the
 * constants of this folder, so there are few.
 */
function createStatementNames(): (query: { sql: string }) => string {
  const names = new Map<string, string>();
  return ({ sql }) => {
    const known = names.get(sql);
    if (known !== undefined) return known;
    const name = `s_${createHash('sha256').update(sql).digest('hex').slice(0, 32)}`;
    names.set(sql, name);
    return name;
  };
}

function classify(error: unknown): Error {
  const { sqlState, kind } = codesOf(error);
  if (sqlState !== null) {
    if (UNAVAILABLE.test(sqlState))
      return new StoreUnavailableError(`The database cannot take this now (${sqlState}).`);
    return new StoreError(`The database refused a statement (${sqlState}).`, sqlState);
  }
  if (kind !== null) return new StoreUnavailableError(`The database cannot be reached (${kind}).`);
  // What the driver says without a code is about the connection or the pool, and holds no value.
  if (error instanceof Error && !error.name.startsWith('PrismaClient')) {
    return error instanceof TypeError
      ? error
      : new StoreUnavailableError(`The database cannot be reached (${error.message}).`);
  }
  return new StoreError('The database client refused a statement.', null);
}

/** What can be told of an error without its statement or values, which Prisma's own message may hold. */
function codesOf(error: unknown): { sqlState: string | null; kind: string | null } {
  if (!(error instanceof Prisma.PrismaClientKnownRequestError)) return { sqlState: null, kind: null };
  const driverError = error.meta?.['driverAdapterError'] as
    | { cause?: { originalCode?: unknown; kind?: unknown } }
    | undefined;
  const { originalCode, kind } = driverError?.cause ?? {};
  return {
    sqlState: typeof originalCode === 'string' ? originalCode : null,
    kind: typeof kind === 'string' ? kind : null,
  };
}
