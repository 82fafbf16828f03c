import type { KeyAlgorithm, KeyContainer } from './client-keys.js';
import type { Clients } from './clients.js';
import type { EventRecord, Events, EventWish } from '../events/events.js';
import type { Client, Installation } from './world.js';

/** How to rotate; the key is of the kind that the installation's newest client has unless said. */
export interface RotationWish {
  kind: 'routine' | 'compromised';
  keyAlgorithm?: KeyAlgorithm | undefined;
  keyContainer?: KeyContainer | undefined;
  event: EventWish;
}

/** Rotates the credentials of an installation and makes the event, which is not yet sent (talkdesk-api.md 7.5). */
export function createRotation(deps: {
  clients: Clients;
  events: Events;
}): (installation: Installation, wish: RotationWish) => Promise<{ client: Client; event: EventRecord }> {
  const { clients, events } = deps;
  return async (installation, wish) => {
    const newest = installation.clients.at(-1);
    const algorithm = wish.keyAlgorithm ?? newest?.algorithm ?? 'ES256';
    const material = await clients.makeKeys(algorithm, wish.keyContainer ?? newest?.container ?? 'pkcs8');
    const client = clients.rotate(installation, wish.kind, material, wish.event);
    const event = events.make(installation, wish.event, (bodies) => bodies.rotated(client, wish.event));
    return { client, event };
  };
}
