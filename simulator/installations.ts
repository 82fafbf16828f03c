import { type KeyAlgorithm, type KeyContainer, generateClientKeys } from './client-keys.js';
import { createInstalledEvent, type EventRecord } from './events.js';
import { randomId, randomSecret } from './ids.js';
import { type Lifecycle, windowMs } from './lifecycle.js';
import type { Links } from './links.js';
import type { Account, App, Client, Installation, World } from './world.js';

/** What a customer's admin chose, and the form of the key that the partner is to get. */
export interface InstallationWish {
  app: App;
  account: Account;
  users: number;
  plan: string;
  licenses: number;
  keyAlgorithm: KeyAlgorithm;
  keyContainer: KeyContainer;
  createdAt: Date;
}

/** Installs an app: a fresh installation with its own client and its `app.installed`, which is not yet sent. */
export function createInstaller(deps: {
  world: World;
  events: Map<string, EventRecord>;
  lifecycle: Lifecycle;
  links: Links;
}): (wish: InstallationWish) => Promise<EventRecord> {
  const { world, events, lifecycle, links } = deps;
  return async (wish) => {
    const client = await createClient(wish.keyAlgorithm, wish.keyContainer);
    const eventId = randomId();
    const installation: Installation = {
      id: randomId(),
      app: wish.app,
      account: wish.account,
      client,
      scopes: [...wish.app.scopes],
      createdAt: wish.createdAt,
      deadline: new Date(wish.createdAt.getTime() + windowMs),
      usersTotal: wish.users,
      plan: wish.plan,
      licenses: wish.licenses,
      decisions: [],
      eventId,
      state: 'installing',
      stateReason: null,
      stateUpdatedAt: wish.createdAt,
      approvedAt: null,
      tokenRequests: 0,
    };
    world.installations.set(installation.id, installation);
    world.installationsByClientId.set(client.id, installation);
    world.secrets.add(client.secret).add(client.privateKeyText);
    const event = createInstalledEvent(eventId, installation, links);
    events.set(event.id, event);
    lifecycle.begin(installation);
    return event;
  };
}

async function createClient(algorithm: KeyAlgorithm, container: KeyContainer): Promise<Client> {
  const keys = await generateClientKeys(algorithm, container);
  return { id: randomId(), secret: randomSecret(), keyId: randomId(), algorithm, ...keys, revoked: false };
}
