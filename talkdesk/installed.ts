import { z } from 'zod';
import { TalkdeskDataError, TalkdeskError } from './errors.js';
import { eventField, isJsonObject, type JsonObject, ownMember, ownPath, parseJsonObject } from './json.js';
import type { Regions } from './regions.js';
import { originOf, parseStrictUrl } from './strict-url.js';
import { type InstalledEvent, KEY_ALGORITHMS } from './types.js';
import { idSchema, looseText } from './values.js';

/** Generous bound for a key or secret: an RSA key of 8,192 bits takes about 6,300 characters as base64. */
const MAX_SECRET_LENGTH = 16_384;
const MAX_NESTING = 100;
const SECRET_FIELDS: readonly string[] = ['client_secret', 'private_key'];
const TOKEN_LINKS = ['token', 'tokens', 'oauth_token'];
const AUTHORIZE_SUFFIX = '/oauth/authorize';

const secretText = z.string().min(1).max(MAX_SECRET_LENGTH);
const installedSchema = z.object({
  installation_id: idSchema,
  account_id: idSchema,
  account_name: z
    .string()
    .min(1)
    .max(256)
    .refine((text) => !text.includes('\0')),
  app_version_id: looseText,
  app_version_name: looseText,
  client_id: z
    .string()
    .min(1)
    .max(512)
    .refine((text) => !text.includes('\0')),
  client_secret: secretText.nullable().default(null),
  private_key: secretText,
  public_key: secretText
    .refine((text) => !text.includes('\0'))
    .nullable()
    .catch(null),
  key_id: z
    .string()
    .min(1)
    .max(512)
    .refine((text) => !text.includes('\0')),
  key_algorithm: z.enum(KEY_ALGORITHMS),
});

/**
 * Reads `app.installed` (talkdesk-api.md 1.4). The token URL comes from a token link, else from the authorization link, else from the
 * account name and the region of the gateway. Hosts are not judged here: see `assertKnownHosts`.
 *
 * @throws TalkdeskDataError with the names of the fields that are missing or unusable, never their values
 */
export function parseInstalled(rawBody: Buffer, regions: Regions): InstalledEvent {
  const event = requireObject(rawBody);
  const candidate = Object.fromEntries(
    Object.keys(installedSchema.shape).map((name) => [name, eventField(event, name)]),
  );
  const parsed = installedSchema.safeParse(candidate);
  const problems = parsed.success ? [] : parsed.error.issues.map(({ path }) => path.join('.'));

  const apiRoot = link(event, 'root')?.replace(/\/+$/, '') ?? null;
  if (apiRoot === null) problems.push('_links.root.href');
  const tokenUrl = apiRoot === null ? null : tokenUrlOf(event, parsed.data?.account_name ?? '', apiRoot, regions);
  if (apiRoot !== null && tokenUrl === null) problems.push('_links.token.href');

  if (!parsed.success || apiRoot === null || tokenUrl === null) {
    throw new TalkdeskDataError('The app.installed event lacks usable fields', [...new Set(problems)]);
  }
  const fields = parsed.data;
  return {
    installationId: fields.installation_id,
    accountId: fields.account_id,
    accountName: fields.account_name,
    appVersionId: fields.app_version_id,
    appVersionName: fields.app_version_name,
    credentials: {
      clientId: fields.client_id,
      clientSecret: fields.client_secret,
      privateKey: fields.private_key,
      publicKey: fields.public_key,
      keyId: fields.key_id,
      keyAlgorithm: fields.key_algorithm,
    },
    apiRoot,
    tokenUrl,
    authorizationUrl: link(event, 'authorization'),
    userinfoUrl: link(event, 'userinfo'),
  };
}

/**
 * The event as JSON text, with `client_secret` and `private_key` removed wherever they are.
 *
 * @throws TalkdeskDataError when the body is not a JSON object or is nested beyond reason
 */
export function withoutSecrets(rawBody: Buffer): string {
  const event = requireObject(rawBody);
  removeSecrets(event, 0);
  return JSON.stringify(event);
}

/**
 * Checks the hosts of an event against the region table (talkdesk-api.md 3.1, rules).
 *
 * @throws TalkdeskError needs-person that names each host which is not in it
 */
export function assertKnownHosts(
  installed: Pick<InstalledEvent, 'apiRoot' | 'tokenUrl' | 'authorizationUrl' | 'userinfoUrl'>,
  regions: Regions,
): void {
  const { apiRoot, tokenUrl, authorizationUrl, userinfoUrl } = installed;
  const unknown = [
    regions.allowsGateway(apiRoot) ? null : apiRoot,
    regions.allowsTokenUrl(tokenUrl) ? null : tokenUrl,
    authorizationUrl === null || regions.allowsTokenUrl(authorizationUrl) ? null : authorizationUrl,
    userinfoUrl === null || regions.allowsApiUrl(userinfoUrl) ? null : userinfoUrl,
  ].filter((url) => url !== null);
  if (unknown.length === 0) return;
  const hosts = [...new Set(unknown.map(originOf))].join(', ');
  throw new TalkdeskError(
    { failureClass: 'needs-person', operation: 'use the addresses of the event' },
    `the region table does not list ${hosts}. If this is a Talkdesk region, add it to the region file.`,
  );
}

function requireObject(rawBody: Buffer): JsonObject {
  const event = parseJsonObject(rawBody);
  if (event === null) throw new TalkdeskDataError('The event is not a JSON object.');
  return event;
}

/** The address of a link as written, or null when there is none that can be read. */
function link(event: JsonObject, name: string): string | null {
  const href = ownPath(event, '_links', name, 'href');
  if (typeof href !== 'string' || parseStrictUrl(href) === null) return null;
  return href;
}

function tokenUrlOf(event: JsonObject, accountName: string, apiRoot: string, regions: Regions): string | null {
  for (const name of TOKEN_LINKS) {
    const url = link(event, name);
    if (url !== null) return url;
  }
  const authorization = link(event, 'authorization');
  if (authorization?.endsWith(AUTHORIZE_SUFFIX)) {
    return `${authorization.slice(0, -AUTHORIZE_SUFFIX.length)}/oauth/token`;
  }
  return regions.derivedTokenUrl(accountName, apiRoot);
}

function removeSecrets(value: unknown, depth: number): void {
  if (depth > MAX_NESTING) throw new TalkdeskDataError('The event is nested too deeply.');
  if (Array.isArray(value)) {
    for (const item of value) removeSecrets(item, depth + 1);
  } else if (isJsonObject(value)) {
    for (const name of Object.keys(value)) {
      if (SECRET_FIELDS.includes(name)) delete value[name];
      else removeSecrets(ownMember(value, name), depth + 1);
    }
  }
}
