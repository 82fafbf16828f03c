import type { KeyObject } from 'node:crypto';
import type { KeyAlgorithm, KeyContainer } from './client-keys.js';
import type { RegionName } from './regions.js';
import { createSecrets, type Secrets } from './secrets.js';

/** An app as the partner registered it: one callback URL for all events (talkdesk-api.md 1.1). */
export interface App {
  readonly id: string;
  versionId: string;
  versionName: string;
  callbackUrl: string;
  scopes: string[];
  /** Scopes that were added after the app was registered, and when (talkdesk-api.md 3.4). */
  readonly scopesAdded: Map<string, Date>;
}

/** A user of a customer's account; not all the optional fields are always present (talkdesk-api.md 4.3). */
export interface User {
  readonly id: string;
  email: string;
  name: string;
  active: boolean;
  readonly optional: { gender?: string; extension?: number; external_phone_number?: string };
}

/** A customer's account; `name` is unique and names its token endpoint (talkdesk-api.md 3.1, 5). */
export interface Account {
  readonly id: string;
  readonly name: string;
  /** Where it lives: its gateway, its token service, and the keys that its events are signed with (talkdesk-api.md 3.1). */
  readonly region: RegionName;
  readonly createdAt: Date;
  /** By id: everybody who was ever licensed or named, not only those licensed now. */
  readonly users: Map<string, User>;
  /** Addresses and networks that may call the API for this account; empty: all (talkdesk-api.md 6). */
  ipAllowList: readonly string[];
}

/** What a customer pays for (talkdesk-api.md 4.3). */
export interface Plan {
  readonly name: string;
  readonly type: 'trial' | 'paid';
  readonly licenses: number;
}

/** What the customer's admin chooses: who may use the app, and the plan. */
export interface CustomerSettings {
  readonly userIds: readonly string[];
  readonly plan: Plan;
}

/** One set of credentials, delivered by `app.installed` or `app.credentials_rotated` (talkdesk-api.md 1.4, 7.5). */
export interface Client {
  readonly id: string;
  readonly installation: Installation;
  readonly secret: string;
  readonly keyId: string;
  readonly algorithm: KeyAlgorithm;
  readonly container: KeyContainer;
  readonly publicKey: KeyObject;
  /** Both keys in the text form in which the event carries them. */
  readonly publicKeyText: string;
  readonly privateKeyText: string;
  revoked: boolean;
}

/** The resource states that an installation can reach here (talkdesk-api.md 4.4). */
export type ResourceState =
  | 'installing'
  | 'completed'
  | 'rejected'
  | 'timeout'
  | 'updating'
  /** After a trial without a paid plan, by the switch `trial_over_state`. */
  | 'suspended'
  /** Uninstalled by the customer, waiting for the partner's approval. */
  | 'uninstalled'
  /** Deprovisioned: the end. */
  | 'revoked';

/** A state with what is shown beside it. */
export interface ShownState {
  readonly state: ResourceState;
  readonly reason: string | null;
  readonly updatedAt: Date;
}

/** What a partner may send to the state endpoint (talkdesk-api.md 4.4). */
export type Verb = 'approve' | 'reject';

/** How a process ended; `superseded` by a later one that took its place. */
export type Ending = 'approved' | 'rejected' | 'timeout' | 'deprovisioned' | 'acknowledged' | 'superseded';

/** One thing that waits seven days for the partner's answer (talkdesk-api.md 7.1). */
export interface Process {
  readonly kind: 'install' | 'update' | 'uninstall' | 'rotation';
  readonly eventId: string;
  readonly createdAt: Date;
  readonly deadline: Date;
  /** The settings that come into force with an approval; null for an uninstall and a rotation. */
  readonly wanted: CustomerSettings | null;
  /** The client that a rotation delivers; null otherwise. */
  readonly client: Client | null;
  /** What the installation showed before the process began. */
  readonly before: ShownState;
  decided: { verb: Verb | 'acknowledged'; at: Date } | null;
  ended: { how: Ending; at: Date } | null;
}

/** One call of the state endpoint that was understood, whether or not it changed anything. */
export interface Decision {
  readonly at: Date;
  readonly installationId: string;
  readonly verb: Verb;
  readonly reason: string | null;
  readonly status: number;
  readonly effect: 'took-effect' | 'repeated' | 'opposite' | 'late';
  /** The process that it took effect on, null when it took none. */
  readonly process: Process | null;
}

/** A trial of an installation (talkdesk-api.md 7.4). */
export interface Trial {
  readonly startedAt: Date;
  expiresAt: Date;
  ended: { at: Date; reason: TrialEnd } | null;
}

/** Why a trial ended (talkdesk-api.md 1.4). */
export type TrialEnd = 'trial_expired' | 'app_uninstalled' | 'plan_upgraded';

/** One installation with everything that happened to it; a reinstallation under the same id goes on in the same object. */
export interface Installation {
  readonly id: string;
  readonly app: App;
  readonly account: Account;
  scopes: readonly string[];
  createdAt: Date;
  readonly autoProvisionFilters: readonly object[];
  /** The settings in force; while the first install waits, those that it asks for. */
  settings: CustomerSettings;
  /** In the order in which they were made; the last one is the newest. */
  readonly clients: Client[];
  readonly processes: Process[];
  readonly decisions: Decision[];
  state: ResourceState;
  stateReason: string | null;
  stateUpdatedAt: Date;
  trial: Trial | null;
  tokenRequests: number;
}

/** Everything this Talkdesk knows, in memory. */
export interface World {
  readonly apps: Map<string, App>;
  readonly accountsById: Map<string, Account>;
  readonly accountsByName: Map<string, Account>;
  readonly installations: Map<string, Installation>;
  readonly clients: Map<string, Client>;
  readonly decisions: Decision[];
  /** Every secret ever given out or received, for leak searches. */
  readonly secrets: Secrets;
  /** Client and `jti` of the assertions that were accepted, with the second of their end. */
  readonly usedAssertions: Map<string, number>;
}

/** A world without apps, accounts and installations. */
export function createWorld(): World {
  return {
    apps: new Map(),
    accountsById: new Map(),
    accountsByName: new Map(),
    installations: new Map(),
    clients: new Map(),
    decisions: [],
    secrets: createSecrets(),
    usedAssertions: new Map(),
  };
}

/** The state of an installation with what is shown beside it. */
export function stateOf({ state, stateReason: reason, stateUpdatedAt: updatedAt }: Installation): ShownState {
  return { state, reason, updatedAt };
}

/** The process that a decision applies to: what waits, whatever it is; a rotation is answered elsewhere (talkdesk-api.md 4.4). */
export function waitingProcess(installation: Installation): Process | undefined {
  const last = lastProcess(installation);
  return last?.ended === null ? last : undefined;
}

/** The newest install, update or uninstall. */
export function lastProcess(installation: Installation): Process | undefined {
  return installation.processes.findLast(({ kind }) => kind !== 'rotation');
}

/** The rotation that delivered a client, undefined for a client of `app.installed`. */
export function rotationOf(client: Client): Process | undefined {
  return client.installation.processes.findLast((process) => process.client === client);
}

/** The settings that an update waits to bring into force, undefined when none waits. */
export function wantedUpdate(installation: Installation): CustomerSettings | undefined {
  const waiting = waitingProcess(installation);
  return waiting?.kind === 'update' ? (waiting.wanted ?? undefined) : undefined;
}
