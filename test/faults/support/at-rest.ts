import type { Surroundings } from '../../support/stack.js';
import type { FaultyService } from './service.js';

/** What a process holds when it has nothing to do. */
export interface Holdings {
  /** Open handles and requests of the event loop: sockets, timers, listeners. */
  handles: number;
  heapMb: number;
  /** Connections to the service's database, of all processes together. */
  connections: number;
}

/** Sockets that were just closed, and a timer or two, are no leak. */
const HANDLES_SLACK = 15;
/** What a heap keeps until it is collected is no leak. */
const HEAP_SLACK_MB = 120;

/** Reads a process's own figures, and the database's view of its connections. */
export async function holdingsOf({ database }: Surroundings, { opsUrl }: FaultyService): Promise<Holdings> {
  const text = await (await fetch(`${opsUrl}/metrics`)).text();
  const figure = (name: string): number => {
    const value = new RegExp(`^${name} (.+)$`, 'm').exec(text)?.[1];
    if (value === undefined) throw new Error(`/metrics has no ${name}`);
    return Number(value);
  };
  const [row] = await database.query<{ n: number }>(
    `SELECT count(*)::int AS n FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()`,
  );
  return {
    handles: figure('nodejs_active_handles_total') + figure('nodejs_active_requests_total'),
    heapMb: Math.round(figure('nodejs_heap_size_used_bytes') / 2 ** 20),
    connections: row?.n ?? 0,
  };
}

/**
 * I7 memory, handles and connections are back at what they were before, as sentences; a connection in a transaction at rest is one, too.
 * @param before holdings of a process that had already worked
 * @param poolMax connections that each process may keep: ingress and worker have a pool each
 */
export async function excess(
  surroundings: Surroundings,
  services: readonly FaultyService[],
  before: Holdings,
  poolMax: number,
): Promise<string[]> {
  const found: string[] = [];
  for (const service of services) {
    const now = await holdingsOf(surroundings, service);
    const name = `process ${service.pid}`;
    if (now.handles > before.handles + HANDLES_SLACK)
      found.push(`I7: ${name} has ${now.handles} handles, ${before.handles} before`);
    if (now.heapMb > before.heapMb + HEAP_SLACK_MB)
      found.push(`I7: ${name} holds ${now.heapMb} MB, ${before.heapMb} MB before`);
    const allowed = services.length * 2 * poolMax;
    if (now.connections > allowed) found.push(`I7: ${now.connections} connections to the database, ${allowed} allowed`);
  }
  const stuck = await surroundings.database.query<{ query: string }>(
    `SELECT query FROM pg_stat_activity
      WHERE datname = current_database() AND pid <> pg_backend_pid() AND state LIKE 'idle in transaction%'`,
  );
  return [...found, ...stuck.map(({ query }) => `I7: a connection is in a transaction after: ${query.slice(0, 100)}`)];
}
