import { credentialSchema, toCredentials } from './credential-fields.js';
import { TalkdeskError } from './errors.js';
import { accountNameSchema, changeSchema, lacksFields, readFields, requireObject, toChange } from './event-fields.js';
import { type JsonObject, ownPath } from './json.js';
import type { Regions } from './regions.js';
import { originOf, parseStrictUrl } from './strict-url.js';
import type { InstalledEvent } from './types.js';

const TOKEN_LINKS = ['token', 'tokens', 'oauth_token'];
const AUTHORIZE_SUFFIX = '/oauth/authorize';

const installedSchema = changeSchema.extend({ account_name: accountNameSchema, ...credentialSchema.shape });

/**
 * Reads `app.installed` (talkdesk-api.md 1.4). The token URL comes from a token link, else from the authorization link, else from the
 * account name and the region of the gateway. Hosts are not judged here: see `assertKnownHosts`.
 *
 * @throws TalkdeskDataError with the names of the fields that are missing or unusable, never their values
 */
export function parseInstalled(rawBody: Buffer, regions: Regions): InstalledEvent {
  const event = requireObject(rawBody);
  const { fields, problems } = readFields(event, installedSchema);

  const apiRoot = link(event, 'root')?.replace(/\/+$/, '') ?? null;
  if (apiRoot === null) problems.push('_links.root.href');
  const tokenUrl = apiRoot === null ? null : tokenUrlOf(event, fields?.account_name ?? '', apiRoot, regions);
  if (apiRoot !== null && tokenUrl === null) problems.push('_links.token.href');

  if (fields === null || apiRoot === null || tokenUrl === null) throw lacksFields('The app.installed event', problems);
  return {
    ...toChange(fields),
    accountName: fields.account_name,
    credentials: { ...toCredentials(fields), keyAlgorithm: fields.key_algorithm },
    apiRoot,
    tokenUrl,
    authorizationUrl: link(event, 'authorization'),
    userinfoUrl: link(event, 'userinfo'),
  };
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
