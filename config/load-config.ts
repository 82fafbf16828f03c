import path from 'node:path';
import { z } from 'zod';
import { appsWithoutDatabase, appsWithoutSigningSecret, readApps, readDefaultAdapter } from './apps.js';
import { type Config, LOG_LEVELS, NODE_ENVS, TOKEN_AUTHS } from './config.js';
import { ConfigurationError } from './errors.js';
import { deepFreeze } from './freeze.js';
import { givenIn } from './given.js';
import { addIssues, createProblems, type Problems } from './problems.js';
import { readRegions, SHIPPED_REGION_NAMES } from './regions.js';
import { readSealingKeys } from './sealing-keys.js';
import { readTaskQueue, readTemporal } from './temporal.js';
import { readBaseUrl } from './urls.js';

export interface LoadConfigOptions {
  /** Folder that relative paths in variables are relative to. Default: the working folder of the process. */
  cwd?: string;
  /**
   * Whether this process runs workflows and activities, so that it needs the workflow bundle (in production), the sample product's
   * database, and the signing secrets of HTTP products. Default true; a process that is only the ingress says false.
   */
  worker?: boolean;
  /** Whether this process takes deliveries. Default true; a process that is only a worker says false. */
  ingress?: boolean;
}

function oneOf<const T extends readonly [string, ...string[]]>(values: T) {
  return z.enum(values, `must be one of ${values.join(', ')}`);
}

/** A whole number in plain digits. */
function wholeNumber(min: number, max: number) {
  const message = `must be a whole number from ${min} to ${max}`;
  return z
    .string()
    .regex(/^\d{1,9}$/, message)
    .transform(Number)
    .pipe(z.number().min(min, message).max(max, message));
}

function databaseUrl() {
  return z
    .string('is missing: a URL such as postgresql://user:password@host:5432/database')
    .refine(isDatabaseUrl, 'must be a URL such as postgresql://user:password@host:5432/database');
}

function isDatabaseUrl(text: string): boolean {
  if (!URL.canParse(text)) return false;
  const { protocol, pathname } = new URL(text);
  return (protocol === 'postgres:' || protocol === 'postgresql:') && pathname.length > 1;
}

const HOST = /^(?:[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?|[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*)$/;
const HOST_AND_PORT = /^(?:[a-z0-9](?:[a-z0-9._-]*[a-z0-9])?|\[[0-9a-f:.]+\]):\d{1,5}$/;

const host = () => z.string().regex(HOST, 'must be an address or a host name').default('127.0.0.1');

const schema = z.object({
  NODE_ENV: oneOf(NODE_ENVS).default('development'),
  DATABASE_URL: databaseUrl(),
  DATABASE_POOL_MAX: wholeNumber(1, 1000).default(10),
  HOST: host(),
  PORT: wholeNumber(0, 65535).default(3000),
  OPS_HOST: host(),
  OPS_PORT: wholeNumber(0, 65535).default(3001),
  TALKDESK_REGIONS_FILE: z.string().optional(),
  ALLOW_INSECURE_HTTP: z
    .string()
    .transform((text) =>
      text
        .toLowerCase()
        .split(',')
        .map((entry) => entry.trim())
        .filter((entry) => entry !== ''),
    )
    .pipe(z.array(z.string().regex(HOST_AND_PORT, 'must be host:port')))
    .default([]),
  TALKDESK_TOKEN_AUTH: oneOf(TOKEN_AUTHS).default('private_key_jwt'),
  SEALING_KEYS: z.string().optional(),
  SEALING_KEYS_FILE: z.string().optional(),
  APPS_FILE: z.string().optional(),
  PRODUCT_DATABASE_URL: databaseUrl().optional(),
  WORKFLOW_BUNDLE: z.string().optional(),
  SWEEP_INTERVAL_MS: wholeNumber(100, 3_600_000).default(5000),
  DEVELOPMENT_CLOCK: z.enum(['0', '1'], 'must be 1 or 0').default('0'),
  DATA_DIR: z.string().default('.data'),
  LOG_LEVEL: oneOf(LOG_LEVELS).default('info'),
});

/**
 * Reads and checks all settings (`describeSettings` lists them). A variable with an empty or blank text counts as not set.
 *
 * @param env such as `process.env`
 * @throws ConfigurationError with every problem at once; values of secrets are not in it
 */
export function loadConfig(
  env: Readonly<Record<string, string | undefined>>,
  { cwd = process.cwd(), worker = true, ingress = true }: LoadConfigOptions = {},
): Config {
  const given = givenIn(env);
  const problems = createProblems();
  const settings = readSettings(given, problems);
  const file = (name: string) => {
    const value = given[name];
    return value === undefined ? undefined : path.resolve(cwd, value);
  };
  const insecureHosts = settings.ALLOW_INSECURE_HTTP ?? [];
  if (settings.NODE_ENV === 'production' && given['ALLOW_INSECURE_HTTP'] !== undefined) {
    problems.add('ALLOW_INSECURE_HTTP', 'is refused when NODE_ENV is production: use https');
  }
  if (settings.PRODUCT_DATABASE_URL !== undefined && settings.PRODUCT_DATABASE_URL === settings.DATABASE_URL) {
    problems.add('PRODUCT_DATABASE_URL', 'must name another database than DATABASE_URL');
  }
  const regionsBefore = problems.list().length;
  const regions = readRegions(file('TALKDESK_REGIONS_FILE'), insecureHosts, problems);
  const regionsReadable = problems.list().length === regionsBefore;
  const config: Config = {
    nodeEnv: settings.NODE_ENV ?? 'development',
    production: settings.NODE_ENV === 'production',
    databaseUrl: settings.DATABASE_URL ?? '',
    databasePoolMax: settings.DATABASE_POOL_MAX ?? 0,
    temporal: readTemporal(given, readTaskQueue(given, problems), problems),
    ingress: { host: settings.HOST ?? '', port: settings.PORT ?? 0 },
    ops: { host: settings.OPS_HOST ?? '', port: settings.OPS_PORT ?? 0 },
    publicUrl: readBaseUrl('PUBLIC_URL', given['PUBLIC_URL'], insecureHosts, problems) ?? null,
    regions,
    insecureHosts,
    sealingKeys: readSealingKeys({ text: given['SEALING_KEYS'], path: file('SEALING_KEYS_FILE') }, problems),
    apps: readApps(
      file('APPS_FILE'),
      {
        adapter: readDefaultAdapter(given, { cwd, insecureHosts }, problems),
        sampleDatabaseUrl: settings.PRODUCT_DATABASE_URL,
      },
      {
        insecureHosts,
        regionNames: regionsReadable ? [...SHIPPED_REGION_NAMES, ...regions.map(({ name }) => name)] : null,
      },
      problems,
    ),
    tokenAuth: settings.TALKDESK_TOKEN_AUTH ?? 'private_key_jwt',
    workflowBundle: file('WORKFLOW_BUNDLE') ?? null,
    sweepIntervalMs: settings.SWEEP_INTERVAL_MS ?? 0,
    logLevel: settings.LOG_LEVEL ?? 'info',
    developmentClock: settings.DEVELOPMENT_CLOCK === '1',
    dataDir: path.resolve(cwd, settings.DATA_DIR ?? '.data'),
  };
  if (config.developmentClock) checkDevelopmentClock(config, worker && ingress, problems);
  if (worker) checkWorker(config, given, problems);
  const found = problems.list();
  if (found.length > 0) throw new ConfigurationError(found);
  return deepFreeze(config);
}

type Settings = z.infer<typeof schema>;
type SomeSettings = { [Name in keyof Settings]?: Settings[Name] | undefined };

/** Settings that are not lists or files of their own. After a problem only some are there; the caller then throws in the end. */
function readSettings(given: Record<string, string>, problems: Problems): SomeSettings {
  const parsed = schema.safeParse(given);
  if (parsed.success) return parsed.data;
  const wrong = new Set(parsed.error.issues.map((issue) => issue.path[0]));
  for (const issue of parsed.error.issues) {
    const [variable, ...place] = issue.path;
    addIssues(String(variable), '', [{ ...issue, path: place.map((part) => `[${String(part)}]`) }], problems);
  }
  const good = Object.fromEntries(Object.entries(given).filter(([name]) => !wrong.has(name)));
  return schema.partial().parse(good);
}

function checkDevelopmentClock(config: Config, wholeService: boolean, problems: Problems): void {
  if (config.production) problems.add('DEVELOPMENT_CLOCK', 'is refused when NODE_ENV is production');
  if (!wholeService) {
    problems.add('DEVELOPMENT_CLOCK', 'needs ingress and worker in one process: start the service with start:service');
  }
}

function checkWorker(config: Config, given: Record<string, string>, problems: Problems): void {
  if (config.production && config.workflowBundle === null) {
    problems.add('WORKFLOW_BUNDLE', 'is missing: a worker in production runs the bundle that npm run build makes');
  }
  const apps = appsWithoutDatabase(config.apps);
  if (apps.length > 0 && given['PRODUCT_DATABASE_URL'] === undefined) {
    problems.add(
      'PRODUCT_DATABASE_URL',
      `is missing: the sample product needs a database (used by ${apps.join(', ')})`,
    );
  }
  for (const appId of appsWithoutSigningSecret(config.apps)) {
    problems.add(
      `APPS_FILE ${appId}.product.settings.signingSecret`,
      'is missing: calls to an HTTP product are signed with it, whsec_ and base64 of 32 random bytes',
    );
  }
}
