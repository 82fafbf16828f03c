import { randomId } from './ids.js';
import type { RegionName } from './regions.js';
import type { Account, App, World } from './world.js';

/** The scopes of an app that names none: those that the lifecycle needs (talkdesk-api.md 0). */
const defaultScopes = ['apps:read', 'apps:write', 'account:read', 'users:read'];

/** What may be said about an app when it is registered; what is left out gets its default. */
export interface AppWish {
  callbackUrl: string;
  scopes?: string[] | undefined;
  /** Another name than before is another version, with an id of its own; left out: the version stays. */
  versionName?: string | undefined;
}

/** Registers an app, or changes a known one; running installations keep their scopes. */
export function registerApp(
  world: World,
  id: string,
  { callbackUrl, scopes = defaultScopes, versionName }: AppWish,
  now: Date,
): App {
  const known = world.apps.get(id);
  const app: App = known ?? {
    id,
    versionId: randomId(),
    versionName: versionName ?? '1.0.0',
    callbackUrl,
    scopes: [],
    scopesAdded: new Map(),
  };
  for (const scope of scopes) if (known !== undefined && !known.scopes.includes(scope)) app.scopesAdded.set(scope, now);
  app.callbackUrl = callbackUrl;
  app.scopes = [...scopes];
  if (versionName !== undefined && versionName !== app.versionName) {
    app.versionName = versionName;
    app.versionId = randomId();
  }
  world.apps.set(id, app);
  return app;
}

/**
 * The account with this id or name, made when neither is known, then in `region` or else the first one.
 * @throws Error when id and name belong to different accounts, or the account lives in another region
 */
export function accountFor(
  world: World,
  wanted: { id: string | undefined; name: string | undefined; region: RegionName | undefined },
  firstRegion: RegionName,
  now: Date,
): Account {
  const byId = wanted.id === undefined ? undefined : world.accountsById.get(wanted.id);
  const byName = wanted.name === undefined ? undefined : world.accountsByName.get(wanted.name);
  const known = byId ?? byName;
  if (known !== undefined) {
    const fits = (wanted.id ?? known.id) === known.id && (wanted.name ?? known.name) === known.name;
    if (!fits) throw new Error(`account_id and account_name must name one account: ${known.id} is "${known.name}".`);
    if ((wanted.region ?? known.region) === known.region) return known;
    throw new Error(
      `region: the account ${known.name} lives in ${known.region}; leave it out, or name another account.`,
    );
  }
  const id = wanted.id ?? randomId();
  const name = wanted.name ?? `acme-${randomId().slice(0, 10)}`;
  const account: Account = {
    id,
    name,
    region: wanted.region ?? firstRegion,
    createdAt: now,
    users: new Map(),
    ipAllowList: [],
  };
  world.accountsById.set(id, account);
  world.accountsByName.set(name, account);
  return account;
}
