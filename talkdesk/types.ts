/** Signing algorithms Talkdesk names for an installation's key (talkdesk-api.md 1.4). */
export const KEY_ALGORITHMS = ['ES256', 'ES384', 'ES512', 'PS256', 'PS384', 'PS512'] as const;
export type KeyAlgorithm = (typeof KEY_ALGORITHMS)[number];

/** One delivered set of OAuth credentials. Lives in memory and in a sealed column, nowhere else. */
export interface CredentialSet {
  clientId: string;
  clientSecret: string | null;
  /** As delivered: base64 PKCS#8 or SEC1, or PEM of either (talkdesk-api.md 3.2). */
  privateKey: string;
  publicKey: string | null;
  keyId: string;
  keyAlgorithm: KeyAlgorithm;
}

/** The envelope fields that the ingress needs to file an event (talkdesk-api.md 1.2). Ids are opaque. */
export interface EventEnvelope {
  eventId: string;
  type: string;
  appId: string;
  accountId: string | null;
  installationId: string | null;
  createdAt: Date;
}

export type EnvelopeResult =
  | { ok: true; envelope: EventEnvelope }
  /** `eventId`: null where the body has none that can be read. */
  | { ok: false; problem: string; eventId: string | null };

/** What `app.installed` says, checked (talkdesk-api.md 1.4). */
export interface InstalledEvent {
  installationId: string;
  accountId: string;
  accountName: string;
  appVersionId: string | null;
  appVersionName: string | null;
  credentials: CredentialSet;
  /** Regional API gateway, `_links.root`, without a trailing slash. */
  apiRoot: string;
  /** From the token link, or derived (talkdesk-api.md 1.4, rule). */
  tokenUrl: string;
  authorizationUrl: string | null;
  userinfoUrl: string | null;
}

/** What `app.updated` and `app.uninstalled` say, checked (talkdesk-api.md 1.4). Deltas are not read: they are hints. */
export interface ChangeEvent {
  installationId: string;
  accountId: string;
  accountName: string | null;
  appVersionId: string | null;
  appVersionName: string | null;
}

/** What `app.credentials_rotated` says, checked (talkdesk-api.md 1.4: `data.x` first, then `x`). */
export interface RotatedEvent extends ChangeEvent {
  /** The algorithm is the installation's current one where the event names none and the key is of its type. */
  credentials: Omit<CredentialSet, 'keyAlgorithm'> & { keyAlgorithm: KeyAlgorithm | null };
}

/** What a trial event says, checked (talkdesk-api.md 1.4, 7.4). */
export interface TrialEvent {
  installationId: string;
  accountId: string;
  type: 'app.trial_started' | 'app.trial_extended' | 'app.trial_ended';
  expiresAt: Date | null;
  endedAt: Date | null;
  /** As written; untrusted text, at most 200 characters. */
  endedReason: string | null;
}

/** What `user.logout` says, checked (talkdesk-api.md 1.4). */
export interface LogoutEvent {
  installationId: string;
  accountId: string;
  userId: string;
}

/** Everything a call to Talkdesk in the name of one installation needs. */
export interface InstallationAccess {
  appId: string;
  installationId: string;
  apiRoot: string;
  tokenUrl: string;
  credentials: CredentialSet;
}

/** Limits of one call. The signal cuts the request off; `timeoutMs` bounds a single HTTP request. */
export interface CallLimits {
  signal: AbortSignal;
  timeoutMs: number;
}

/** `GET /account` (talkdesk-api.md 5); every field is optional there. */
export interface TalkdeskAccount {
  id: string | null;
  name: string | null;
  companyName: string | null;
  timezone: string | null;
}

/** What a state word means (talkdesk-api.md 4.4, "Read a union"). */
export type StateMeaning = 'waiting' | 'accepted' | 'refused' | 'dead' | 'suspended' | 'gone' | 'unknown';

/** `GET /apps/{app_id}/installations/{id}` (talkdesk-api.md 4.2). */
export interface TalkdeskInstallation {
  id: string | null;
  accountId: string | null;
  /** The word as Talkdesk wrote it. */
  stateWord: string;
  state: StateMeaning;
  stateUpdatedAt: Date | null;
  scopes: string[];
  totalLicenses: number | null;
  /** Which users Talkdesk assigns by itself (talkdesk-api.md 4.2): `filter` is all, role, role_id or none. */
  autoProvisionFilters: { filter: string; match: string | null }[];
  /** The installing admin (talkdesk-api.md 4.2, both forms). */
  createdBy: { id: string; email: string | null; name: string | null } | null;
}

/** One licensed user (talkdesk-api.md 4.3); not all fields are always present. */
export interface TalkdeskUser {
  id: string;
  email: string | null;
  name: string | null;
  active: boolean | null;
}

/** `GET …/subscription` (talkdesk-api.md 4.3). */
export interface TalkdeskSubscription {
  id: string | null;
  /** Null when it is neither. */
  type: 'trial' | 'paid' | null;
  licenseType: string | null;
  name: string | null;
  totalLicenses: number | null;
}

export type StateVerb = 'approve' | 'reject';

/** The Talkdesk APIs an installation's processes use. Every method throws `TalkdeskError` only. */
export interface TalkdeskClient {
  /** Makes sure a usable token is cached; `fresh` is false when it was there already. */
  ensureToken(access: InstallationAccess, limits: CallLimits): Promise<{ fresh: boolean }>;
  readAccount(access: InstallationAccess, limits: CallLimits): Promise<TalkdeskAccount>;
  readInstallation(access: InstallationAccess, limits: CallLimits): Promise<TalkdeskInstallation>;
  /** Licensed users of the installation, all pages, each id once. */
  readUsers(
    access: InstallationAccess,
    limits: CallLimits,
    onPage?: (progress: { read: number; total: number | null }) => void,
  ): Promise<TalkdeskUser[]>;
  readSubscription(access: InstallationAccess, limits: CallLimits): Promise<TalkdeskSubscription>;
  /** POST …/state. A 2xx with any body is a success; nothing is retried here (talkdesk-api.md 4.4). */
  postState(access: InstallationAccess, verb: StateVerb, reason: string, limits: CallLimits): Promise<void>;
  /** POST …/credentials/{client_id}/state; a 409 counts as done where it means that it was acknowledged before (talkdesk-api.md 4.5). */
  acknowledgeCredentials(access: InstallationAccess, clientId: string, limits: CallLimits): Promise<void>;
  /** POST …/credentials/actions/rotate: asks for new credentials, which come as an event (talkdesk-api.md 7.5). */
  requestRotation(access: InstallationAccess, limits: CallLimits): Promise<void>;
  /** Drops the cached tokens of an installation. */
  forgetTokens(installationId: string): void;
}

/** A signature key as `GET /events/signature-keys/{id}` gives it (talkdesk-api.md 2.1). */
export interface SignatureKey {
  /** Gateway origin it was read from, for example `https://api.talkdeskapp.com`. */
  gateway: string;
  keyId: string;
  /** Text as delivered; see talkdesk-api.md 2.2 for the containers. */
  publicKey: string;
  createdAt: Date | null;
  expiresAt: Date | null;
}

/** Where signature keys are kept between restarts. */
export interface SignatureKeyStore {
  find(keyId: string): Promise<SignatureKey[]>;
  save(key: SignatureKey): Promise<void>;
}

/**
 * `valid`: the bytes were signed by a Talkdesk key. `invalid`: they were not, or the key id is known nowhere. `unavailable`: the
 * key id is new and no key endpoint answered, so nothing can be said (design 3.1: the caller answers 503).
 */
export type VerifyResult =
  | { result: 'valid' }
  | { result: 'invalid'; reason: string }
  | { result: 'unavailable'; reason: string };

/** Checks deliveries against Talkdesk's signature keys. */
export interface DeliveryVerifier {
  /** `signature` and `keyId` are the header texts as received; `rawBody` the exact bytes. */
  verify(delivery: { rawBody: Buffer; signature: string; keyId: string; receivedAt: Date }): Promise<VerifyResult>;
}
