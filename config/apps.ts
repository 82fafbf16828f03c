import path from 'node:path';
import { z } from 'zod';
import type { AppConfig } from './config.js';
import { addIssues, type Problems, readJsonSetting } from './problems.js';

const VARIABLE = 'APPS_FILE';
/** Scopes of every call the service makes (talkdesk-api.md 3.5). */
const DEFAULT_SCOPES: readonly string[] = ['account:read', 'apps:read', 'apps:write', 'users:read'];
/** Longest id, in characters, that is taken from an event; an app of a longer one could never get one. */
const MAX_APP_ID_LENGTH = 128;
/** Name of the shipped adapter. */
const SAMPLE = 'sample';

/** What holds for apps whose entry says nothing. */
export interface AppDefaults {
  /** The word `sample`, or an absolute path. */
  adapter: string;
  /** Database of the sample product. */
  sampleDatabaseUrl: string | undefined;
}

/** Words a refusal of unknown or not yet existing keys. */
function keysError(allowed: string, notInRelease: Record<string, string>) {
  return (issue: { code?: string; keys?: string[] }): string => {
    if (issue.code !== 'unrecognized_keys') return `must be an object; allowed are ${allowed}`;
    return (issue.keys ?? []).map((key) => notInRelease[key] ?? `${key} is unknown; allowed are ${allowed}`).join('; ');
  };
}

const entrySchema = z.strictObject(
  {
    product: z
      .strictObject(
        {
          adapter: z.string('must be a path or the word sample').min(1, 'must not be empty').optional(),
          settings: z.record(z.string(), z.string('must be a text'), 'must be an object of texts').optional(),
        },
        {
          error: keysError('adapter and settings', {
            url: 'url: HTTP products are not part of this release; give an adapter',
          }),
        },
      )
      .optional(),
    scopes: z
      .array(z.string('must be a text').regex(/^[\x21\x23-\x5b\x5d-\x7e]+$/, 'must be one scope without spaces'), {
        error: 'must be a list of scopes',
      })
      .min(1, 'must name at least one scope')
      .optional(),
  },
  { error: keysError('product and scopes', { policy: 'policy: decision policies are not part of this release' }) },
);

/**
 * Reads the apps that this service answers for. Adapter paths in the file are relative to it. The sample gets its database from
 * `PRODUCT_DATABASE_URL` unless the entry's settings name one.
 */
export function readApps(
  file: string | undefined,
  defaults: AppDefaults,
  problems: Problems,
): Readonly<Record<string, AppConfig>> {
  const apps: Record<string, AppConfig> = Object.create(null);
  if (file === undefined) {
    problems.add(VARIABLE, 'is missing: name a JSON file that lists the apps, such as {"<app id>": {}}');
    return apps;
  }
  const content = readJsonSetting(VARIABLE, file, problems);
  if (content === undefined) return apps;
  if (typeof content !== 'object' || content === null || Array.isArray(content)) {
    problems.add(VARIABLE, `the file ${file} must hold a JSON object by app id`);
    return apps;
  }
  const entries = Object.entries(content);
  if (entries.length === 0) problems.add(VARIABLE, `the file ${file} names no app`);
  for (const [appId, entry] of entries) {
    if (appId === '' || appId.length > MAX_APP_ID_LENGTH) {
      problems.add(VARIABLE, `an app id must have 1 to ${MAX_APP_ID_LENGTH} characters`);
      continue;
    }
    const parsed = entrySchema.safeParse(entry);
    if (parsed.success) apps[appId] = appOf(parsed.data, path.dirname(file), defaults);
    else addIssues(VARIABLE, appId, parsed.error.issues, problems);
  }
  return apps;
}

function appOf(entry: z.infer<typeof entrySchema>, folder: string, defaults: AppDefaults): AppConfig {
  const named = entry.product?.adapter;
  const adapter = named === undefined ? defaults.adapter : named === SAMPLE ? SAMPLE : path.resolve(folder, named);
  const own = entry.product?.settings ?? {};
  const shared =
    adapter === SAMPLE && defaults.sampleDatabaseUrl !== undefined ? { databaseUrl: defaults.sampleDatabaseUrl } : {};
  return { product: { adapter, settings: { ...shared, ...own } }, scopes: [...(entry.scopes ?? DEFAULT_SCOPES)] };
}

/** Ids of apps that use the sample product but have no database for it. */
export function appsWithoutDatabase(apps: Readonly<Record<string, AppConfig>>): string[] {
  return Object.entries(apps)
    .filter(([, { product }]) => product.adapter === SAMPLE && product.settings['databaseUrl'] === undefined)
    .map(([appId]) => appId);
}
