import type { Tenant } from './inbox.js';
import type { ProcessKind } from './records.js';

/** A set of credentials, unsealed. */
export interface StoredCredential {
  clientId: string;
  clientSecret: string | null;
  privateKey: string;
  publicKey: string | null;
  keyId: string;
  keyAlgorithm: string;
}

/** A set of credentials as the database keeps it. `Processes.open` makes it usable. */
export interface SealedCredential extends Omit<StoredCredential, 'clientSecret' | 'privateKey'> {
  credentialId: string;
  sealedClientSecret: string | null;
  sealedPrivateKey: string;
}

/** An event whose secrets are still in its body. */
export interface UntakenEvent {
  eventId: string;
  type: string;
  createdAt: Date;
  receivedAt: Date;
  rawBody: Buffer;
}

/** What an install event becomes when it is taken. */
export interface TakeInstall {
  eventId: string;
  tenant: Tenant;
  installationId: string;
  accountName: string;
  appVersionId: string | null;
  appVersionName: string | null;
  apiRoot: string;
  tokenUrl: string;
  authorizationUrl: string | null;
  userinfoUrl: string | null;
  createdAt: Date;
  credential: StoredCredential;
  /** The body without its secrets, as JSON text; replaces the sealed original. */
  bodyWithoutSecrets: string;
  processId: string;
  dueAt: Date;
  closeAt: Date;
  takenAt: Date;
}

/** What an update, uninstall or rotation event becomes when it is taken. */
export interface TakeChange {
  kind: Exclude<ProcessKind, 'install'>;
  eventId: string;
  tenant: Tenant;
  installationId: string;
  /** Null where the event does not say; then what is known stays. */
  accountName: string | null;
  appVersionId: string | null;
  appVersionName: string | null;
  createdAt: Date;
  /** The set that a rotation delivers; null for the other kinds. */
  credential: StoredCredential | null;
  /** The body without its secrets, as JSON text; replaces the sealed original. */
  bodyWithoutSecrets: string;
  processId: string;
  dueAt: Date;
  closeAt: Date;
  takenAt: Date;
}

/** `waits`: the installation is not known yet; nothing was changed. */
export type TakeResult = 'taken' | 'waits';
