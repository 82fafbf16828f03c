import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Client, Connection } from '@temporalio/client';
import { TestWorkflowEnvironment } from '@temporalio/testing';
import { DefaultLogger, NativeConnection, Runtime } from '@temporalio/worker';
import { createChildren } from '../../local/children.js';
import { startTemporalServer, type TemporalServer } from '../../local/temporal-server.js';

/** A value that the test runner sets; throws a plain error that says so otherwise. */
export function fromRunner(name: string): string {
  const value = process.env[name];
  if (!value)
    throw new Error(
      `${name} is not set: run this test through npm test (npm test -- <file>), which prepares what it needs.`,
    );
  return value;
}

/** Keeps the SDK's own log to errors. Call it before anything else of the SDK; further calls do nothing. */
export function quietRuntime(): void {
  try {
    Runtime.install({ logger: new DefaultLogger('ERROR') });
  } catch {
    // Installed by an earlier call in this process.
  }
}

/** A name of its own for a task queue, a workflow id and the like, so that tests on one server do not meet. */
export function uniqueName(prefix: string): string {
  return `${prefix}-${randomUUID()}`;
}

/** The workflows, bundled once per run by the test runner. */
export function testWorkflowBundle(): { code: string } {
  return { code: readFileSync(fromRunner('TEST_WORKFLOW_BUNDLE'), 'utf8') };
}

/** Connections to a Temporal server, and a task queue of the caller's own. */
export interface TestTemporal {
  address: string;
  namespace: string;
  taskQueue: string;
  /** For clients without a worker in the process. */
  connection: Connection;
  /** To be shared by a worker and a client that starts eagerly. */
  nativeConnection: NativeConnection;
  client: Client;
  close(): Promise<void>;
}

/**
 * Connects to the run's real Temporal server, or to another one.
 * @param address `host:port`; the run's own server unless given
 */
export async function connectTemporal(address: string = fromRunner('TEST_TEMPORAL_ADDRESS')): Promise<TestTemporal> {
  quietRuntime();
  const namespace = 'default';
  const connection = await Connection.connect({ address });
  const nativeConnection = await NativeConnection.connect({ address });
  return {
    address,
    namespace,
    taskQueue: uniqueName('queue'),
    connection,
    nativeConnection,
    client: new Client({ connection, namespace }),
    async close() {
      await connection.close();
      await nativeConnection.close();
    },
  };
}

/**
 * A time-skipping test server of the caller's own, which knows the search attribute `InstallationId` (an unknown one would hang
 * the run). Time skips while `result()` of `env.client` or `env.sleep` is awaited. End it with `env.teardown()`.
 */
export async function createTimeSkipping(): Promise<TestWorkflowEnvironment> {
  quietRuntime();
  const env = await TestWorkflowEnvironment.createTimeSkipping({
    server: { executable: { type: 'existing-path', path: fromRunner('TEST_TIME_SKIPPING_SERVER') } },
  });
  const keyword = 2;
  await env.connection.operatorService.addSearchAttributes({
    namespace: 'default',
    searchAttributes: { InstallationId: keyword },
  });
  return env;
}

/** A real Temporal server of a test's own, with a file, that can be stopped, killed and started again. */
export interface OwnTemporalServer {
  address: string;
  /** Address of its Web UI; null without the option `ui`. */
  uiUrl: string | null;
  /** Its file; read it while the server is stopped. */
  dbFile: string;
  /** Stops it in order. */
  stop(): Promise<void>;
  /** Ends it at once, as a power cut would. */
  kill(): Promise<void>;
  /** Starts it again on the same file, port and namespace. */
  restart(): Promise<void>;
}

/**
 * Starts such a server.
 * @param options.dir folder for its file and log
 * @param options.ui whether it serves its Web UI, on any free port
 */
export async function createOwnDevServer(options: {
  dir: string;
  ui?: boolean;
  dynamicConfig?: string[];
}): Promise<OwnTemporalServer> {
  quietRuntime();
  const children = createChildren({ dataDir: options.dir, say: (line) => process.stderr.write(`${line}\n`) });
  const dbFile = join(options.dir, 'temporal.db');
  let port = 0;
  let uiPort = options.ui === true ? 0 : null;
  const start = () =>
    startTemporalServer({
      cli: fromRunner('TEST_TEMPORAL_CLI'),
      children,
      env: process.env,
      dbFile,
      port,
      uiPort,
      ...(options.dynamicConfig === undefined ? {} : { dynamicConfig: options.dynamicConfig }),
    });
  let server: TemporalServer = await start();
  port = Number(server.address.split(':')[1]);
  if (server.uiUrl !== null) uiPort = Number(new URL(server.uiUrl).port);
  return {
    address: server.address,
    uiUrl: server.uiUrl,
    dbFile,
    stop: () => server.stop(),
    async kill() {
      if (server.child.running()) process.kill(server.child.pid, 'SIGKILL');
      await server.child.ended;
    },
    async restart() {
      await server.stop();
      server = await start();
    },
  };
}
