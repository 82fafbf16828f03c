import path from 'node:path';
import { z } from 'zod';
import { type AppConfig, SEAT_POLICIES } from './config.js';
import { policySchema } from './policy.js';
import { addIssues, keysError, type Problems, readJsonSetting } from './problems.js';
import { baseUrlProblem, readBaseUrl, withoutTrailingSlash } from './urls.js';

const VARIABLE = 'APPS_FILE';
/** Scopes of every call the service makes (talkdesk-api.md 3.5). */
const DEFAULT_SCOPES: readonly string[] = ['account:read', 'apps:read', 'apps:write', 'users:read'];
/** Longest id, in characters, that is taken from an event; an app of a longer one could never get one. */
const MAX_APP_ID_LENGTH = 128;
/** Name of the shipped adapter. */
const SAMPLE = 'sample';

/** What an entry is checked against. */
export interface EntryRules {
  /** `host:port` that may be used over plain http. */
  insecureHosts: readonly string[];
  /** Names that policies may use; null when the regions could not be read. */
  regionNames: readonly string[] | null;
}

/** What holds for apps whose entry says nothing. */
export interface AppDefaults {
  /** The word `sample`, an absolute path, or a URL. */
  adapter: string;
  /** Database of the sample product. */
  sampleDatabaseUrl: string | undefined;
}

function entrySchema(rules: EntryRules) {
  return z.strictObject(
    {
      product: z
        .strictObject(
          {
            adapter: z
              .string('must be a path or the word sample')
              .min(1, 'must not be empty')
              .refine((text) => !isUrl(text), 'is a URL: give it as url instead')
              .optional(),
            url: z
              .string('must be a URL')
              .check((context) => {
                const problem = baseUrlProblem(context.value, rules.insecureHosts);
                // Without the input: an address that cannot be used may hold a password.
                if (problem !== null) context.issues.push({ code: 'custom', message: problem, input: null });
              })
              .optional(),
            settings: z.record(z.string(), z.string('must be a text'), 'must be an object of texts').optional(),
          },
          { error: keysError('adapter, url and settings') },
        )
        .refine(
          ({ adapter, url }) => adapter === undefined || url === undefined,
          'give either adapter or url, not both',
        )
        .optional(),
      policy: policySchema(rules.regionNames).optional(),
      seats: z.enum(SEAT_POLICIES, `must be one of ${SEAT_POLICIES.join(', ')}`).optional(),
      scopes: z
        .array(z.string('must be a text').regex(/^[\x21\x23-\x5b\x5d-\x7e]+$/, 'must be one scope without spaces'), {
          error: 'must be a list of scopes',
        })
        .min(1, 'must name at least one scope')
        .optional(),
    },
    { error: keysError('product, policy, seats and scopes') },
  );
}

type Entry = z.infer<ReturnType<typeof entrySchema>>;

/**
 * Reads the apps that this service answers for. Adapter paths in the file are relative to it. The sample gets its database from
 * `PRODUCT_DATABASE_URL` unless the entry's settings name one.
 */
export function readApps(
  file: string | undefined,
  defaults: AppDefaults,
  rules: EntryRules,
  problems: Problems,
): Readonly<Record<string, AppConfig>> {
  const apps: Record<string, AppConfig> = Object.create(null);
  const schema = entrySchema(rules);
  for (const [appId, entry] of readEntries(file, problems)) {
    const parsed = schema.safeParse(entry);
    if (parsed.success) apps[appId] = appOf(parsed.data, path.dirname(file ?? ''), defaults);
    else addIssues(VARIABLE, appId, parsed.error.issues, problems);
  }
  return apps;
}

/** Ids of the apps in the file, whatever else it says about them. */
export function readAppIds(file: string | undefined, problems: Problems): string[] {
  return readEntries(file, problems).map(([appId]) => appId);
}

function readEntries(file: string | undefined, problems: Problems): [appId: string, entry: unknown][] {
  if (file === undefined) {
    problems.add(VARIABLE, 'is missing: name a JSON file that lists the apps, such as {"<app id>": {}}');
    return [];
  }
  const content = readJsonSetting(VARIABLE, file, problems);
  if (content === undefined) return [];
  if (typeof content !== 'object' || content === null || Array.isArray(content)) {
    problems.add(VARIABLE, `the file ${file} must hold a JSON object by app id`);
    return [];
  }
  const entries = Object.entries(content);
  if (entries.length === 0) problems.add(VARIABLE, `the file ${file} names no app`);
  return entries.filter(([appId]) => {
    const usable = appId !== '' && appId.length <= MAX_APP_ID_LENGTH;
    if (!usable) problems.add(VARIABLE, `an app id must have 1 to ${MAX_APP_ID_LENGTH} characters`);
    return usable;
  });
}

function appOf(entry: Entry, folder: string, defaults: AppDefaults): AppConfig {
  const adapter = adapterOf(entry.product, folder) ?? defaults.adapter;
  const own = entry.product?.settings ?? {};
  const shared =
    adapter === SAMPLE && defaults.sampleDatabaseUrl !== undefined ? { databaseUrl: defaults.sampleDatabaseUrl } : {};
  return {
    product: { adapter, settings: { ...shared, ...own } },
    policy: entry.policy ?? [],
    seats: entry.seats ?? 'assignment-order',
    scopes: [...(entry.scopes ?? DEFAULT_SCOPES)],
  };
}

function adapterOf(product: Entry['product'], folder: string): string | undefined {
  if (product?.url !== undefined) return withoutTrailingSlash(product.url);
  if (product?.adapter === undefined || product.adapter === SAMPLE) return product?.adapter;
  return path.resolve(folder, product.adapter);
}

/** The product of apps whose entry names none: the word `sample`, an absolute path, or a URL. */
export function readDefaultAdapter(
  given: Readonly<Record<string, string>>,
  options: { cwd: string; insecureHosts: readonly string[] },
  problems: Problems,
): string {
  const adapter = given['PRODUCT_ADAPTER'];
  const url = readBaseUrl('PRODUCT_URL', given['PRODUCT_URL'], options.insecureHosts, problems);
  if (adapter !== undefined && isUrl(adapter)) {
    problems.add('PRODUCT_ADAPTER', 'is a URL: give it as PRODUCT_URL instead');
  } else if (adapter !== undefined && given['PRODUCT_URL'] !== undefined) {
    problems.add('PRODUCT_URL', 'set either this or PRODUCT_ADAPTER, not both');
  }
  if (url !== undefined) return url;
  return adapter === undefined || adapter === SAMPLE ? SAMPLE : path.resolve(options.cwd, adapter);
}

/** Whether a text that should be a path is a web address. */
function isUrl(text: string): boolean {
  return /^https?:\/\//i.test(text);
}

/** Ids of apps that use the sample product but have no database for it. */
export function appsWithoutDatabase(apps: Readonly<Record<string, AppConfig>>): string[] {
  return Object.entries(apps)
    .filter(([, { product }]) => product.adapter === SAMPLE && product.settings['databaseUrl'] === undefined)
    .map(([appId]) => appId);
}

/** Ids of apps whose product is called over HTTP but has no secret to sign the calls with. */
export function appsWithoutSigningSecret(apps: Readonly<Record<string, AppConfig>>): string[] {
  return Object.entries(apps)
    .filter(([, { product }]) => isUrl(product.adapter) && !product.settings['signingSecret']?.trim())
    .map(([appId]) => appId);
}
