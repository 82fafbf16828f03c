import { randomBytes, randomUUID } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client, Pool } from 'pg';
import { createSampleDatabase } from '../../product/sample/create-database.js';
import { createTestDatabase, type TestDatabase } from './database.js';
import { type RunningSimulator, startSimulator } from './simulator.js';

/** The sample product, looked at from outside: its own database, read as superuser. */
export interface ProductView {
  url: string;
  query<Row extends object>(sql: string, params?: unknown[]): Promise<Row[]>;
  /** Ends every connection of the product and lets none in, until `up`. */
  down(): Promise<void>;
  up(): Promise<void>;
}

/** Everything around the service for one test: its database, the product's, the simulator, and settings that name them. */
export interface Surroundings {
  appId: string;
  database: TestDatabase;
  product: ProductView;
  simulator: RunningSimulator;
  /** Settings of the service (design: settings), free ports everywhere. */
  env: Record<string, string>;
  folder: string;
  stop(): Promise<void>;
}

/**
 * Starts the surroundings. `temporalAddress` is where the service will find Temporal; each test has its own task queue there.
 */
export async function createSurroundings(options: {
  temporalAddress: string;
  env?: Record<string, string>;
  /** Further settings of the simulator. */
  simulatorEnv?: Record<string, string>;
}): Promise<Surroundings> {
  const folder = await mkdtemp(join(tmpdir(), 'appconnect-stack-'));
  const appId = randomBytes(16).toString('hex');
  const [database, simulator] = await Promise.all([
    createTestDatabase(),
    startSimulator({ env: options.simulatorEnv ?? {} }),
  ]);
  const product = await createProductView(database.adminUrl);
  const regions = Object.entries(simulator.regions).map(([name, gateway]) => ({
    name: `local-${name}`,
    gateway,
    tokenHosts: [new URL(gateway).host],
  }));
  await writeFile(join(folder, 'regions.json'), JSON.stringify(regions));
  await writeFile(join(folder, 'apps.json'), JSON.stringify({ [appId]: {} }));
  return {
    appId,
    database,
    product,
    simulator,
    folder,
    env: {
      NODE_ENV: 'test',
      DATABASE_URL: database.url,
      TEMPORAL_ADDRESS: options.temporalAddress,
      TEMPORAL_NAMESPACE: 'default',
      TEMPORAL_TASK_QUEUE: `test-${randomUUID()}`,
      HOST: '127.0.0.1',
      PORT: '0',
      OPS_HOST: '127.0.0.1',
      OPS_PORT: '0',
      TALKDESK_REGIONS_FILE: join(folder, 'regions.json'),
      ALLOW_INSECURE_HTTP: regions.flatMap(({ tokenHosts }) => tokenHosts).join(','),
      SEALING_KEYS: `test:${randomBytes(32).toString('base64')}`,
      APPS_FILE: join(folder, 'apps.json'),
      PRODUCT_DATABASE_URL: product.url,
      SWEEP_INTERVAL_MS: '500',
      LOG_LEVEL: 'info',
      ...options.env,
    },
    async stop() {
      await simulator.stop();
      await product.close();
      await database.drop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

async function createProductView(adminUrl: string): Promise<ProductView & { close(): Promise<void> }> {
  const name = `product_${randomBytes(6).toString('hex')}`;
  const password = randomBytes(12).toString('hex');
  const url = new URL(adminUrl);
  await createSampleDatabase(adminUrl, { database: name, role: name, password });
  url.pathname = `/${name}`;
  const pool = new Pool({ connectionString: url.href, max: 2 });
  pool.on('error', () => undefined);
  url.username = name;
  url.password = password;
  return {
    url: url.href,
    async query<Row extends object>(sql: string, params: unknown[] = []) {
      return (await pool.query<Row & Record<string, unknown>>(sql, params)).rows;
    },
    async down() {
      await admin(adminUrl, [
        `ALTER ROLE ${name} NOLOGIN`,
        `SELECT pg_terminate_backend(pid, 30000) FROM pg_stat_activity WHERE usename = '${name}'`,
      ]);
    },
    async up() {
      await admin(adminUrl, [`ALTER ROLE ${name} LOGIN`]);
    },
    async close() {
      await pool.end();
      await admin(adminUrl, [`DROP DATABASE IF EXISTS ${name} WITH (FORCE)`, `DROP ROLE IF EXISTS ${name}`]);
    },
  };
}

async function admin(url: string, statements: string[]): Promise<void> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    for (const statement of statements) await client.query(statement);
  } finally {
    await client.end();
  }
}
