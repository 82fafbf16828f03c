import { execFile } from 'node:child_process';
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { basename, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Client } from 'pg';
import { endProcess } from './child-records.js';
import type { Child, Children } from './children.js';
import { LocalError, messageOf } from './local-error.js';
import { claimPort, freePort } from './ports.js';
import { makeCluster, SUPERUSER, serverEnv } from './postgres-cluster.js';
import { findPostgresPlace, type PostgresPlace } from './postgres-place.js';
import { commandLineOf, identityOf } from './process-identity.js';

/** A PostgreSQL server of our own, on 127.0.0.1. */
export interface Postgres {
  port: number;
  child: Child;
  /** URL for the superuser, with the password. Never print it. */
  urlOf(database: string): string;
  /** Makes the database when it is missing. */
  ensureDatabase(name: string): Promise<void>;
  /** Ends connections and stops the server, in order. */
  stop(): Promise<void>;
}

export interface PostgresOptions {
  dataDir: string;
  children: Children;
  say: (line: string) => void;
  /** 0 or absent: any free port, another one at each start. */
  port?: number;
  /** Server settings, such as `fsync: 'off'` for tests. */
  settings?: Record<string, string>;
  env: NodeJS.ProcessEnv;
}

/** Start includes the recovery after a crash, which reads the log back. */
const START_LIMIT_MS = 60_000;
/** A fast shutdown writes a checkpoint. */
const STOP_LIMIT_MS = 20_000;

/**
 * Starts PostgreSQL on the cluster in the data folder, made at the first start.
 *
 * The package's own wrapper is not used: it stops the server in an exit hook, before the service has drained; it gives no reason
 * when a start fails; and it leaves a killed parent's server unfound.
 * @throws LocalError with the server's last words when it does not start
 */
export async function startPostgres(options: PostgresOptions): Promise<Postgres> {
  const place = findPostgresPlace(options.dataDir, options.say);
  const dataDir = join(place.clusterDir, 'data');
  if (!existsSync(join(dataDir, 'PG_VERSION'))) await makeCluster(place, options.env);
  const password = readFileSync(join(place.clusterDir, 'password'), 'utf8').trim();
  await clearLeftovers(dataDir, place, options.say);

  const { port, child } = await startOnSomePort(place, dataDir, password, options);
  const urlOf = (database: string) =>
    `postgresql://${SUPERUSER}:${encodeURIComponent(password)}@127.0.0.1:${port}/${encodeURIComponent(database)}`;
  return {
    port,
    child,
    urlOf,
    ensureDatabase: (name) => ensureDatabase(urlOf('postgres'), name),
    async stop() {
      if (process.platform === 'win32' && child.running()) {
        // Windows has no signals that the server could take as a wish to stop in order.
        await new Promise<void>((resolve) => {
          execFile(place.binaries.pgCtl, ['stop', '-m', 'fast', '-D', dataDir], { windowsHide: true }, () => resolve());
        });
      }
      await child.stop();
    },
  };
}

async function startOnSomePort(
  place: PostgresPlace,
  dataDir: string,
  password: string,
  options: PostgresOptions,
): Promise<{ port: number; child: Child }> {
  const fixed = options.port ?? 0;
  // Asked first: the client below would wait for an answer of whatever else listens there.
  if (fixed !== 0) await claimPort(fixed, 'PostgreSQL server', 'POSTGRES_PORT');
  for (let attempt = 1; ; attempt += 1) {
    const port = fixed === 0 ? await freePort() : fixed;
    const settings = { listen_addresses: '127.0.0.1', unix_socket_directories: '', ...options.settings };
    const child = options.children.start({
      what: 'postgres',
      command: place.binaries.postgres,
      args: [
        '-D',
        dataDir,
        '-p',
        String(port),
        ...Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]),
      ],
      env: serverEnv(options.env),
      stopSignal: 'SIGINT',
      stopTimeoutMs: STOP_LIMIT_MS,
      user: place.user,
    });
    const problem = await waitUntilServing(child, port, password);
    if (problem === null) return { port, child };
    await child.stop();
    // Someone else took the port between our choice and the server's bind.
    const portTaken = /could not bind|Address already in use/i.test(child.output());
    // After a kill -9 the old server's processes need a moment to notice and to let go of the shared memory.
    const stillHeld = /pre-existing shared memory block|lock file .* already exists/i.test(child.output());
    if ((portTaken && fixed === 0 && attempt < 5) || (stillHeld && attempt < 20)) {
      if (stillHeld) await sleep(250);
      continue;
    }
    throw new LocalError(whyNotStarted(problem, child, place.clusterDir, port));
  }
}

/** Null when the server answers a query with our password; otherwise the reason in a phrase. */
async function waitUntilServing(child: Child, port: number, password: string): Promise<string | null> {
  const deadline = performance.now() + START_LIMIT_MS;
  let problem = 'does not answer';
  while (performance.now() < deadline) {
    if (!child.running()) return child.ended;
    const client = new Client({
      host: '127.0.0.1',
      port,
      user: SUPERUSER,
      password,
      database: 'postgres',
      connectionTimeoutMillis: 2_000,
    });
    // A server that goes away between two lines must end in the catch below, not in an unhandled event.
    client.on('error', () => undefined);
    try {
      await client.connect();
      await client.query('SELECT 1');
      // The answer could be another server's, had the port been taken; ours is the one that is still running.
      return child.running() ? null : child.ended;
    } catch (error) {
      problem = messageOf(error);
      await sleep(50);
    } finally {
      await client.end().catch(() => undefined);
    }
  }
  return `does not answer after ${START_LIMIT_MS / 1000} s (${problem})`;
}

/** What kept a server from starting, for the person at the terminal. */
export function whyNotStarted(
  problem: string,
  child: Pick<Child, 'logFile' | 'output' | 'lastLines'>,
  clusterDir: string,
  port: number,
): string {
  const words = child.lastLines();
  // PostgreSQL says it first, and then line by line what ends because of it.
  if (/No space left on device/i.test(child.output())) {
    return `PostgreSQL did not start: the disk of ${clusterDir} is full. Make room or choose another disk with DATA_DIR.`;
  }
  if (/Address already in use/i.test(words))
    return `PostgreSQL did not start: port ${port} is in use. Leave POSTGRES_PORT unset for a free one.`;
  return `PostgreSQL ${problem}. Its last lines (${child.logFile}):\n${words}`;
}

/**
 * Deals with `postmaster.pid` of a server that was not stopped. Its pid may be a server of ours that outlived its parent (end it),
 * nobody, or a stranger who was given the number since (PostgreSQL would refuse to start because of them: remove the file). The
 * caller holds the lock of the data folder, so nobody else starts a server here.
 */
async function clearLeftovers(dataDir: string, place: PostgresPlace, say: (line: string) => void): Promise<void> {
  const pidFile = join(dataDir, 'postmaster.pid');
  if (!existsSync(pidFile)) return;
  const pid = Number(readFileSync(pidFile, 'utf8').split('\n')[0]);
  const identity = identityOf(pid);
  if (identity !== null) {
    const command = commandLineOf(pid) ?? '';
    if (command.includes(basename(place.binaries.postgres)) && command.includes(dataDir)) {
      say(`Found PostgreSQL (process ${pid}) left behind by an earlier start that was killed: ending it.`);
      await endProcess(identity, 'SIGINT', STOP_LIMIT_MS);
    }
  }
  rmSync(pidFile, { force: true });
}

async function ensureDatabase(adminUrl: string, name: string): Promise<void> {
  const client = new Client({ connectionString: adminUrl, connectionTimeoutMillis: 10_000 });
  await client.connect();
  try {
    const found = await client.query('SELECT 1 FROM pg_database WHERE datname = $1', [name]);
    if (found.rowCount === 0) await client.query(`CREATE DATABASE ${client.escapeIdentifier(name)}`);
  } finally {
    await client.end();
  }
}
