import type { KeyObject } from 'node:crypto';
import type { KeyAlgorithm } from './client-keys.js';
import { randomId } from './ids.js';

/** An app as the partner registered it: one callback URL for all events (talkdesk-api.md 1.1). */
export interface App {
  readonly id: string;
  readonly versionId: string;
  readonly versionName: string;
  callbackUrl: string;
  scopes: string[];
}

/** A customer's account; `name` is unique and names its token endpoint (talkdesk-api.md 3.1, 5). */
export interface Account {
  readonly id: string;
  readonly name: string;
  readonly createdAt: Date;
}

/** The credentials delivered in one `app.installed` (talkdesk-api.md 1.4). */
export interface Client {
  readonly id: string;
  readonly secret: string;
  readonly keyId: string;
  readonly algorithm: KeyAlgorithm;
  readonly publicKey: KeyObject;
  /** Both keys in the text form in which the event carries them. */
  readonly publicKeyText: string;
  readonly privateKeyText: string;
  revoked: boolean;
}

/** The resource states that an installation can reach here (talkdesk-api.md 4.4). */
export type ResourceState = 'installing' | 'completed' | 'rejected' | 'timeout';

/** What a partner may send to the state endpoint (talkdesk-api.md 4.4). */
export type Verb = 'approve' | 'reject';

/** One call of the state endpoint that was understood, whether or not it changed anything. */
export interface Decision {
  readonly at: Date;
  readonly installationId: string;
  readonly verb: Verb;
  readonly reason: string | null;
  readonly status: number;
  readonly effective: boolean;
}

/** One installation with everything that happened to it. */
export interface Installation {
  readonly id: string;
  readonly app: App;
  readonly account: Account;
  readonly client: Client;
  readonly scopes: readonly string[];
  readonly createdAt: Date;
  /** When the process ends without an answer: seven days after `createdAt` (talkdesk-api.md 7.1). */
  readonly deadline: Date;
  readonly usersTotal: number;
  readonly plan: string;
  readonly licenses: number;
  readonly decisions: Decision[];
  readonly eventId: string;
  state: ResourceState;
  stateReason: string | null;
  stateUpdatedAt: Date;
  approvedAt: Date | null;
  tokenRequests: number;
}

/** Everything this Talkdesk knows, in memory. */
export interface World {
  readonly apps: Map<string, App>;
  readonly accountsById: Map<string, Account>;
  readonly accountsByName: Map<string, Account>;
  readonly installations: Map<string, Installation>;
  readonly installationsByClientId: Map<string, Installation>;
  readonly decisions: Decision[];
  /** Every secret ever given out or received, for leak searches. */
  readonly secrets: Set<string>;
}

/** A world without apps, accounts and installations. */
export function createWorld(): World {
  return {
    apps: new Map(),
    accountsById: new Map(),
    accountsByName: new Map(),
    installations: new Map(),
    installationsByClientId: new Map(),
    decisions: [],
    secrets: new Set(),
  };
}

/** The scopes of an app that names none: those of the install path (talkdesk-api.md 0). */
const defaultScopes = ['apps:read', 'apps:write', 'account:read', 'users:read'];

/** Registers an app, or changes the callback URL and scopes of a known one; running installations keep their scopes. */
export function registerApp(world: World, id: string, callbackUrl: string, scopes: string[] = defaultScopes): App {
  const known = world.apps.get(id);
  if (known !== undefined) {
    known.callbackUrl = callbackUrl;
    known.scopes = [...scopes];
    return known;
  }
  const app: App = { id, versionId: randomId(), versionName: '1.0.0', callbackUrl, scopes: [...scopes] };
  world.apps.set(id, app);
  return app;
}

/**
 * The account with this id or name, made when neither is known.
 * @throws Error when id and name belong to different accounts
 */
export function accountFor(
  world: World,
  wanted: { id: string | undefined; name: string | undefined },
  now: Date,
): Account {
  const byId = wanted.id === undefined ? undefined : world.accountsById.get(wanted.id);
  const byName = wanted.name === undefined ? undefined : world.accountsByName.get(wanted.name);
  const known = byId ?? byName;
  if (known !== undefined) {
    const fits = (wanted.id ?? known.id) === known.id && (wanted.name ?? known.name) === known.name;
    if (fits) return known;
    throw new Error(`account_id and account_name must name one account: ${known.id} is "${known.name}".`);
  }
  const id = wanted.id ?? randomId();
  const account: Account = { id, name: wanted.name ?? `acme-${randomId().slice(0, 10)}`, createdAt: now };
  world.accountsById.set(id, account);
  world.accountsByName.set(account.name, account);
  return account;
}
