import { generateClientKeys, type KeyAlgorithm, type KeyContainer } from './client-keys.js';
import type { VirtualClock } from './clock.js';
import { randomId, randomSecret } from './ids.js';
import type { Switches } from './switches.js';
import type { Beginning, Windows } from './windows.js';
import { type Client, type Installation, type Process, rotationOf, stateOf, type World } from './world.js';

/** The sets of credentials of installations: made, rotated, acknowledged, revoked (talkdesk-api.md 4.5, 7.5). */
export interface Clients {
  /** Makes a key pair; the only part that takes time. */
  makeKeys(algorithm: KeyAlgorithm, container: KeyContainer): Promise<ClientMaterial>;
  /** The installation's newest client, which works at once. */
  add(installation: Installation, material: ClientMaterial): Client;
  /**
   * A new client beside the old ones. `routine`: those work until the acknowledgement, at most seven days; `compromised`: they
   * are dead before the event can be delivered.
   */
  rotate(
    installation: Installation,
    kind: 'routine' | 'compromised',
    material: ClientMaterial,
    beginning: Beginning,
  ): Client;
  /** The client that an acknowledgement of this one is about: it, or by the switch the one that replaces it. */
  acknowledgedBy(named: Client): Client | undefined;
  /** Acknowledges a client; why not, when it is not the newest one of an open rotation. */
  acknowledge(client: Client): { status: 202 | 409; effect: 'took-effect' | 'repeated' | 'none'; why: string };
  /** Waits again for the end of a rotation's window. */
  resume(rotation: Process, client: Client): void;
  /** Waits again until the clients older than this one are revoked. */
  resumeRevocation(client: Client, at: Date): void;
  /** The end of all credentials and of what rotations still wait. */
  revokeAll(installation: Installation): void;
  /** The end of an installation: of what rotations still wait and, unless the switch says otherwise, of all credentials. */
  retire(installation: Installation): void;
}

/** What a client is made of. */
export type ClientMaterial = Omit<Client, 'id' | 'installation' | 'revoked'>;

/** No clients yet; secrets given out are added to the world's. */
export function createClients(deps: {
  world: World;
  clock: VirtualClock;
  switches: Switches;
  windows: Windows;
}): Clients {
  const { world, clock, switches, windows } = deps;

  function add(installation: Installation, material: ClientMaterial): Client {
    const client: Client = { id: randomId(), installation, ...material, revoked: false };
    installation.clients.push(client);
    world.clients.set(client.id, client);
    world.secrets.add(client.secret).add(client.privateKeyText);
    return client;
  }

  function revokeOlder(client: Client): void {
    const { clients } = client.installation;
    for (const older of clients.slice(0, clients.indexOf(client))) older.revoked = true;
  }

  function revokeOlderAt(client: Client, at: Date): void {
    clock.schedule(at, { what: 'revocation', clientId: client.id }, () => revokeOlder(client));
  }

  /** The end of a rotation that was not acknowledged. */
  function closeWindow(rotation: Process, client: Client): void {
    windows.end(rotation, 'timeout');
    revokeOlder(client);
  }

  function endRotations(installation: Installation, but?: Process): void {
    for (const process of installation.processes) {
      if (process.kind === 'rotation' && process.ended === null && process !== but) windows.end(process, 'superseded');
    }
  }

  function revokeAll(installation: Installation): void {
    for (const client of installation.clients) client.revoked = true;
    endRotations(installation);
  }

  function retire(installation: Installation): void {
    if (switches.uninstall_revokes_client) revokeAll(installation);
    else endRotations(installation);
  }

  function conflict(client: Client): string | null {
    const rotation = rotationOf(client);
    if (rotation === undefined) return 'the client came with the installation, it waits for nothing';
    if (rotation.decided !== null) return 'already acknowledged';
    if (client !== client.installation.clients.at(-1)) return 'a newer client exists';
    return rotation.ended === null ? null : `the rotation has ended: ${rotation.ended.how}`;
  }

  return {
    async makeKeys(algorithm, container) {
      const keys = await generateClientKeys(algorithm, container);
      return { secret: randomSecret(), keyId: randomId(), algorithm, container, ...keys };
    },
    add,
    rotate(installation, kind, material, beginning) {
      const client = add(installation, material);
      if (kind === 'compromised') {
        revokeOlder(client);
        endRotations(installation);
      }
      const rotation = { kind: 'rotation', ...beginning, wanted: null, client, before: stateOf(installation) } as const;
      windows.open(installation, rotation, (process) => closeWindow(process, client));
      // Deprovisioned while the keys were made: what comes too late is dead, too.
      if (installation.state === 'revoked') retire(installation);
      return client;
    },
    acknowledgedBy(named) {
      if (switches.acknowledged_client === 'new') return named;
      const { clients } = named.installation;
      return clients[clients.indexOf(named) + 1];
    },
    acknowledge(client) {
      const why = conflict(client);
      if (why === 'already acknowledged')
        return { status: switches.repeated_acknowledgement_status, effect: 'repeated', why };
      if (why !== null) return { status: 409, effect: 'none', why };
      const rotation = rotationOf(client);
      if (rotation !== undefined) {
        rotation.decided = { verb: 'acknowledged', at: clock.now() };
        windows.end(rotation, 'acknowledged');
      }
      endRotations(client.installation);
      if (switches.ack_delay_ms === 0) revokeOlder(client);
      else revokeOlderAt(client, new Date(clock.now().getTime() + switches.ack_delay_ms));
      return { status: 202, effect: 'took-effect', why: 'acknowledged' };
    },
    resume: (rotation, client) =>
      windows.resume(rotation, client.installation, (process) => closeWindow(process, client)),
    resumeRevocation: revokeOlderAt,
    revokeAll,
    retire,
  };
}

/** Where a client stands: `pending` until its rotation has ended, `previous` while it outlives a newer one. */
export function clientState(client: Client): 'pending' | 'current' | 'previous' | 'revoked' {
  if (client.revoked) return 'revoked';
  const isOpen = (other: Client) => rotationOf(other)?.ended === null;
  if (isOpen(client)) return 'pending';
  const { clients } = client.installation;
  return clients.slice(clients.indexOf(client) + 1).every(isOpen) ? 'current' : 'previous';
}
