import { randomBytes } from 'node:crypto';
import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { LocalError, messageOf } from './local-error.js';

/** The app that the demo installs when `APPS_FILE` names none. */
export const DEMO_APP_ID = 'demo-app';

/** What the local mode found out by starting things. */
export interface StartedParts {
  dataDir: string;
  databaseUrl: string;
  productDatabaseUrl: string;
  /** Null: the user's own settings say where Temporal is. */
  temporalAddress: string | null;
  /** Public base URL of every region of the stand-in Talkdesk, by the region's name. */
  simulatorRegions: Record<string, string>;
  ingress: { host: string; port: number };
  ops: { host: string; port: number };
}

/**
 * The service's settings for the local mode: the user's own, and for whatever is not set what was started here. Writes the files
 * that settings point to into the data folder.
 * @returns an environment for `loadConfig`
 * @throws LocalError when a file of the user's cannot be read
 */
export function serviceEnvironment(env: NodeJS.ProcessEnv, parts: StartedParts): NodeJS.ProcessEnv {
  const user = Object.fromEntries(Object.entries(env).filter(([, value]) => value !== undefined && value !== ''));
  const insecureHosts = Object.values(parts.simulatorRegions)
    .map((url) => new URL(url))
    .filter(({ protocol }) => protocol === 'http:')
    .map(({ host }) => host);
  const result: NodeJS.ProcessEnv = {
    DATABASE_URL: parts.databaseUrl,
    PRODUCT_DATABASE_URL: parts.productDatabaseUrl,
    APPS_FILE: appsFile(parts.dataDir),
    ...(user['SEALING_KEYS'] === undefined ? { SEALING_KEYS_FILE: sealingKeysFile(parts.dataDir) } : {}),
    ...user,
    DATA_DIR: parts.dataDir,
    HOST: parts.ingress.host,
    PORT: String(parts.ingress.port),
    OPS_HOST: parts.ops.host,
    OPS_PORT: String(parts.ops.port),
    DEVELOPMENT_CLOCK: hasDevelopmentClock(env) ? '1' : (user['DEVELOPMENT_CLOCK'] ?? '0'),
    TALKDESK_REGIONS_FILE: regionsFile(parts.dataDir, user['TALKDESK_REGIONS_FILE'], parts.simulatorRegions),
  };
  if (insecureHosts.length > 0) {
    result['ALLOW_INSECURE_HTTP'] = [user['ALLOW_INSECURE_HTTP'], ...insecureHosts].filter(Boolean).join(',');
  }
  if (parts.temporalAddress !== null) useOwnTemporal(result, parts.dataDir, parts.temporalAddress);
  return result;
}

/** Whether the service follows the simulator's clock: here it does, unless the user's settings say otherwise. */
export function hasDevelopmentClock(env: NodeJS.ProcessEnv): boolean {
  const wanted = env['DEVELOPMENT_CLOCK']?.trim() || (env['NODE_ENV'] === 'production' ? '0' : '1');
  return wanted === '1';
}

/** Certificates, keys and namespaces that are meant for another server would keep clients from ours. */
function useOwnTemporal(env: NodeJS.ProcessEnv, dataDir: string, address: string): void {
  for (const name of Object.keys(env)) {
    if (name.startsWith('TEMPORAL_') && name !== 'TEMPORAL_TASK_QUEUE') delete env[name];
  }
  env['TEMPORAL_ADDRESS'] = address;
  env['TEMPORAL_NAMESPACE'] = 'default';
  // Otherwise the client's usual configuration file would be read, with whatever server and key it names.
  env['TEMPORAL_CONFIG_FILE'] = writeWhole(join(dataDir, 'temporal-client.toml'), '[profile.default]\n');
}

/** Made once: without it, what an earlier start has sealed could not be read. */
function sealingKeysFile(dataDir: string): string {
  const path = join(dataDir, 'sealing-keys');
  if (!existsSync(path)) writeWhole(path, `local-1:${randomBytes(32).toString('base64')}\n`);
  return path;
}

/** A password that is made once and kept, readable by the owner only. */
export function keptPassword(dataDir: string, name: string): string {
  const path = join(dataDir, name);
  if (!existsSync(path)) writeWhole(path, `${randomBytes(24).toString('base64url')}\n`);
  return readFileSync(path, 'utf8').trim();
}

function appsFile(dataDir: string): string {
  return writeWhole(join(dataDir, 'apps.json'), `${JSON.stringify({ [DEMO_APP_ID]: {} }, null, 2)}\n`);
}

/** The regions of the stand-in Talkdesk, beside the user's own regions. */
function regionsFile(dataDir: string, userFile: string | undefined, simulatorRegions: Record<string, string>): string {
  let regions: unknown = [];
  if (userFile !== undefined) {
    try {
      regions = JSON.parse(readFileSync(userFile, 'utf8'));
    } catch (error) {
      throw new LocalError(
        `TALKDESK_REGIONS_FILE cannot be read (${messageOf(error)}): correct ${userFile} or unset the variable.`,
      );
    }
    if (!Array.isArray(regions))
      throw new LocalError(`TALKDESK_REGIONS_FILE must hold a JSON array: correct ${userFile}.`);
  }
  const simulators = Object.entries(simulatorRegions).map(([name, url]) => {
    const { origin, host } = new URL(url);
    return { name: `simulator-${name}`, gateway: origin, tokenHosts: [host] };
  });
  return writeWhole(
    join(dataDir, 'regions.json'),
    `${JSON.stringify([...(regions as unknown[]), ...simulators], null, 2)}\n`,
  );
}

function writeWhole(path: string, text: string): string {
  const unfinished = `${path}.new`;
  writeFileSync(unfinished, text, { mode: 0o600 });
  renameSync(unfinished, path);
  return path;
}
