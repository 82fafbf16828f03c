import { join } from 'node:path';
import { type Config, loadConfig } from '../config/index.js';
import { createLogDestination } from '../config/log-destination.js';
import { createLogger } from '../config/logger.js';
import type { Observer } from '../contracts/facts.js';
import { createSampleDatabase } from '../product/sample/create-database.js';
import { type RunningService, startService } from '../service/start.js';
import { applyMigrations } from '../store/migrations.js';
import { LocalError, messageOf } from './local-error.js';
import type { Postgres } from './postgres.js';
import { keptPassword, serviceEnvironment, type StartedParts } from './service-env.js';

/** Names in the sample product's server, where this mode makes its database. */
const SAMPLE_DATABASE = 'sample_product';
const SERVICE_DATABASE = 'appconnect';
/** PostgreSQL's words for a full disk, and its code where a migration names that only. */
const DISK_FULL = /No space left on device|53100/;

/**
 * Brings the databases of the service and of the sample product up to date.
 * @param postgres the server of our own; null: `DATABASE_URL` names one
 * @returns their addresses, with passwords. Never print them.
 * @throws LocalError that says so when our own server has no room for them
 */
export async function prepareDatabases(
  postgres: Pick<Postgres, 'ensureDatabase' | 'urlOf'> | null,
  where: { dataDir: string; env: NodeJS.ProcessEnv },
): Promise<{ databaseUrl: string; productDatabaseUrl: string }> {
  try {
    return await makeDatabases(postgres, where);
  } catch (error) {
    if (postgres === null || !DISK_FULL.test(messageOf(error))) throw error;
    throw new LocalError(
      `The databases cannot be made: the disk of ${where.dataDir} is full. Make room (about 100 MB) or choose another disk with DATA_DIR.`,
    );
  }
}

async function makeDatabases(
  postgres: Pick<Postgres, 'ensureDatabase' | 'urlOf'> | null,
  { dataDir, env }: { dataDir: string; env: NodeJS.ProcessEnv },
): Promise<{ databaseUrl: string; productDatabaseUrl: string }> {
  await postgres?.ensureDatabase(SERVICE_DATABASE);
  const databaseUrl = postgres?.urlOf(SERVICE_DATABASE) ?? String(env['DATABASE_URL']);
  await applyMigrations(databaseUrl);
  const productDatabaseUrl = env['PRODUCT_DATABASE_URL'] || (await makeProductDatabase(databaseUrl, dataDir));
  return { databaseUrl, productDatabaseUrl };
}

async function makeProductDatabase(databaseUrl: string, dataDir: string): Promise<string> {
  const password = keptPassword(dataDir, 'product-password');
  const sample = { database: SAMPLE_DATABASE, role: SAMPLE_DATABASE, password };
  try {
    await createSampleDatabase(databaseUrl, sample);
  } catch (error) {
    throw new LocalError(
      `The sample product's database cannot be made (${messageOf(error)}): set PRODUCT_DATABASE_URL to a database for it.`,
    );
  }
  const url = new URL(databaseUrl);
  url.username = sample.role;
  url.password = encodeURIComponent(password);
  url.pathname = `/${sample.database}`;
  return url.href;
}

/**
 * Starts ingress and worker on the parts that have started, with a log of their own in the data folder.
 * @returns besides the service, `bundled`: fulfilled once the worker has its workflows and turns to Temporal
 */
export async function startOwnService({
  env,
  observe,
  ...parts
}: StartedParts & { env: NodeJS.ProcessEnv; observe: Observer }): Promise<{
  service: RunningService;
  config: Config;
  logFile: string;
  bundled: Promise<void>;
}> {
  const { dataDir } = parts;
  const config = loadConfig(serviceEnvironment(env, parts));
  const logFile = join(dataDir, 'logs', 'service.log');
  const log = createLogger({ level: config.logLevel, destination: createLogDestination(logFile) });
  let onBundled!: () => void;
  const bundled = new Promise<void>((resolve) => {
    onBundled = resolve;
  });
  const keepBundleIn = join(dataDir, 'workflow-bundle');
  const service = await startService(config, { observe, log, keepBundleIn, onBundled });
  return { service, config, logFile, bundled };
}
