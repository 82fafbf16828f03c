import type { KeyAlgorithm, KeyContainer } from './client-keys.js';
import type { Clients } from './clients.js';
import type { EventRecord, Events, EventWish } from '../events/events.js';
import type { Lifecycle } from './lifecycle.js';
import type { Account, App, CustomerSettings, Installation, World } from './world.js';

/** What a customer's admin chose, and the form of the key that the partner is to get. */
export interface InstallationWish {
  /** A known installation is installed again under its id: new credentials, and the old ones are dead. */
  id: string;
  app: App;
  account: Account;
  settings: CustomerSettings;
  autoProvisionFilters: readonly object[];
  keyAlgorithm: KeyAlgorithm;
  keyContainer: KeyContainer;
  event: EventWish;
}

/** Installs an app: a client and its `app.installed`, which is not yet sent, for a fresh installation or a known one. */
export function createInstaller(deps: {
  world: World;
  events: Events;
  lifecycle: Lifecycle;
  clients: Clients;
}): (wish: InstallationWish) => Promise<{ installation: Installation; event: EventRecord }> {
  const { world, events, lifecycle, clients } = deps;
  return async (wish) => {
    const material = await clients.makeKeys(wish.keyAlgorithm, wish.keyContainer);
    const installation = world.installations.get(wish.id) ?? fresh(wish);
    world.installations.set(installation.id, installation);
    clients.revokeAll(installation);
    const client = clients.add(installation, material);
    installation.scopes = [...wish.app.scopes];
    installation.createdAt = wish.event.createdAt;
    installation.settings = wish.settings;
    installation.trial = null;
    lifecycle.install(installation, wish.event);
    const event = events.make(installation, wish.event, (bodies) => bodies.installed(client, wish.event));
    return { installation, event };
  };
}

function fresh({ id, app, account, settings, autoProvisionFilters, event }: InstallationWish): Installation {
  return {
    id,
    app,
    account,
    scopes: [],
    createdAt: event.createdAt,
    autoProvisionFilters,
    settings,
    clients: [],
    processes: [],
    decisions: [],
    state: 'installing',
    stateReason: null,
    stateUpdatedAt: event.createdAt,
    trial: null,
    tokenRequests: 0,
  };
}
