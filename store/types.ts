/** The unit of serial work (design: tenant). */
export interface Tenant {
  appId: string;
  accountId: string;
}

/** A verified delivery on its way into the inbox. */
export interface Delivery {
  eventId: string;
  type: string;
  appId: string;
  /** Null only for types that are merely recorded. */
  accountId: string | null;
  installationId: string | null;
  /** `created_at` of the event. */
  createdAt: Date;
  receivedAt: Date;
  /**
   * `dispatch`: a run will take it. `keep`: a known type on which this release does not act; kept unsettled and seen by
   * pre-emption checks, never dispatched. `record`: an unknown type; settled at once with the outcome `recorded`.
   */
  disposition: 'dispatch' | 'keep' | 'record';
  /** The exact bytes that were signed; sealed by the store. */
  rawBody: Buffer;
}

/**
 * `stored`: committed by this call. `duplicate`: same id and body as before; `dispatched` says whether its hand-over was done.
 * `conflict`: same id, another body; the newcomer is in quarantine.
 */
export type AcceptResult = { kind: 'stored' } | { kind: 'duplicate'; dispatched: boolean } | { kind: 'conflict' };

/** Where an event is on its way: just stored · secrets moved out and known to a run · not acted on by this release · ended. */
export type EventStatus = 'received' | 'taken' | 'kept' | 'settled';

/** An event to be handed to Temporal. */
export interface DispatchItem {
  eventId: string;
  type: string;
  tenant: Tenant;
  installationId: string | null;
  createdAt: Date;
}

/** The ingress side of the inbox. All writes are single statements. */
export interface Inbox {
  /** Seals and commits. Throws `StoreUnavailableError` when it cannot commit within its limit. */
  accept(delivery: Delivery): Promise<AcceptResult>;
  /** Keeps an authentic but unusable body, with the reason in plain words. Idempotent by body. */
  quarantine(item: { eventId: string | null; reason: string; rawBody: Buffer; receivedAt: Date }): Promise<void>;
  /** Keeps a delivery whose signature did not hold, sealed and bounded in rows and bytes; drops the oldest. Never throws. */
  keepRefused(item: {
    reason: string;
    headers: Record<string, string>;
    rawBody: Buffer;
    receivedAt: Date;
  }): Promise<void>;
  markDispatched(eventId: string, namespaceId: string): Promise<void>;
  /**
   * Claims up to `limit` events that still need a hand-over: never dispatched for `graceMs`, or dispatched to another namespace
   * id. A claimed row is not given out again for `leaseMs`.
   */
  claimUndispatched(options: {
    graceMs: number;
    leaseMs: number;
    limit: number;
    namespaceId: string;
  }): Promise<DispatchItem[]>;
  /** Claims dispatched, unsettled events not looked at for `quietMs`: the slow audit. */
  claimForAudit(options: { quietMs: number; limit: number }): Promise<DispatchItem[]>;
  /** One cheap write that proves the inbox can commit; throws otherwise. */
  probe(): Promise<void>;
}

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

export interface EventRow {
  eventId: string;
  type: string;
  installationId: string | null;
  createdAtMs: number;
}

export interface OpenProcessRow {
  processId: string;
  kind: 'install';
  eventId: string;
  installationId: string;
  createdAtMs: number;
  needsUndo: boolean;
}

export interface TenantState {
  newestInstall: { eventId: string; createdAtMs: number; installationId: string } | null;
  /** Unsettled events, oldest first by (created_at, id). */
  events: EventRow[];
  processes: OpenProcessRow[];
}

export type Outcome = 'approved' | 'rejected' | 'expired' | 'superseded' | 'contradicted' | 'cancelled';
export type Decision = 'approve' | 'reject';

/** State of one installation as last read from Talkdesk. */
export interface Snapshot {
  remoteState: string;
  remoteStateWord: string;
  remoteUpdatedAt: Date | null;
  companyName: string | null;
  planName: string | null;
  licenses: number | null;
  adminUserId: string | null;
  scopes: string[];
  users: { talkdeskUserId: string; email: string | null; name: string | null; active: boolean | null }[];
  readAt: Date;
}

/** Everything a step needs to know of its process. */
export interface ProcessRecord {
  processId: string;
  kind: 'install';
  eventId: string;
  tenant: Tenant;
  installationId: string;
  generation: number;
  eventCreatedAt: Date;
  dueAt: Date;
  closeAt: Date;
  /** Results of finished steps, by step name: `sync`, `provision`, `decide`. */
  stepResults: Record<string, unknown>;
  /** Provisioning was begun: set before the product is called. */
  undo: 'none' | 'registered' | 'done';
  decision: Decision | null;
  decisionReason: string | null;
  /** When a decision was last about to be sent. */
  decisionAttemptedAt: Date | null;
  outcome: Outcome | null;
  parkedReason: string | null;
  installation: {
    accountName: string;
    companyName: string | null;
    planName: string | null;
    licenses: number | null;
    adminUserId: string | null;
    apiRoot: string;
    tokenUrl: string;
    authorizationUrl: string | null;
    userinfoUrl: string | null;
  };
  /** The credentials to use now for the installation; null when there are none. */
  credential: SealedCredential | null;
  /** The tenant's account in the product, while it is not undone. */
  productAccountId: string | null;
}

/**
 * `claimed`: the step may act; `process` is as it was just before (so `decisionAttemptedAt` is the previous attempt's).
 * `held`: another attempt holds the claim for about `retryInMs` more. `preempted`: an unsettled event ends this process.
 * `finished`: the process has its outcome.
 */
export type ClaimResult =
  | { kind: 'claimed'; process: ProcessRecord }
  | { kind: 'held'; retryInMs: number }
  | { kind: 'preempted'; byEventId: string }
  | { kind: 'finished'; outcome: Outcome };

/** The workers' side: processes, installations, credentials, mappings. All writes are single statements. */
export interface Processes {
  /** Events of a tenant whose secrets are still in their bodies, oldest first. */
  untaken(tenant: Tenant): Promise<UntakenEvent[]>;
  /**
   * Moves an install's secrets to their own sealed row, rewrites the body, creates tenant, installation and process rows. Done
   * again, it changes nothing. Throws `NotFoundError` for an unknown event, and `ForeignInstallationError`, having taken nothing,
   * when the installation is known under another tenant.
   */
  takeInstall(install: TakeInstall): Promise<void>;
  /** Quarantines an event that turned out unusable after its acknowledgement, and settles it as `quarantined`. */
  quarantineTaken(event: { eventId: string; reason: string; at: Date }): Promise<void>;
  tenantState(tenant: Tenant): Promise<TenantState>;
  read(processId: string): Promise<ProcessRecord>;
  /** Unseals the credentials of a process. Throws `SealingError` when none of the keys opens them. */
  open(sealed: SealedCredential): StoredCredential;
  users(
    installationId: string,
  ): Promise<{ talkdeskUserId: string; email: string | null; name: string | null; admin: boolean }[]>;
  /**
   * Claims the process for one attempt of an effect, for `leaseMs`. With `registerUndo`, marks compensation as registered; with
   * `decision`, records that a decision is about to be sent at `at`. With `ignorePreemption`, the inbox is not looked at (for
   * undoing). All in the one statement.
   */
  claim(options: {
    processId: string;
    attemptToken: string;
    leaseMs: number;
    at: Date;
    registerUndo?: boolean;
    decision?: { verb: Decision; reason: string };
    ignorePreemption?: boolean;
  }): Promise<ClaimResult>;
  release(processId: string, attemptToken: string): Promise<void>;
  /** Stores the snapshot on the installation, its licensed users in the mapping, and the step's result. */
  recordSync(options: { processId: string; snapshot: Snapshot; stepResult: unknown }): Promise<void>;
  /** Stores the product account, the users' product ids and the step's result; releases the claim. */
  recordProvisioned(options: {
    processId: string;
    attemptToken: string;
    productAccountId: string;
    users: { talkdeskUserId: string; productUserId: string }[];
    stepResult: unknown;
    at: Date;
  }): Promise<void>;
  /** Marks provisioning as undone; releases the claim. */
  recordUndone(options: { processId: string; attemptToken: string; at: Date }): Promise<void>;
  /** Talkdesk confirmed a decision that is not yet the outcome (a reject before its undo); releases the claim. */
  recordDecided(options: {
    processId: string;
    attemptToken: string;
    remoteState: string;
    stepResult: unknown;
    at: Date;
  }): Promise<void>;
  /**
   * Ends the process: outcome, event settled, installation state, audit entry, all in one statement. Recording the same outcome
   * again changes nothing; another outcome than the recorded one throws `OutcomeConflictError`.
   */
  recordOutcome(options: {
    processId: string;
    outcome: Outcome;
    reason: string;
    remoteState?: string;
    at: Date;
  }): Promise<void>;
  /** Parks with what must be done, or (null) ends the parking. */
  recordParked(options: { processId: string; reason: string | null; at: Date }): Promise<void>;
}

export interface StoredSignatureKey {
  gateway: string;
  keyId: string;
  publicKey: string;
  createdAt: Date | null;
  expiresAt: Date | null;
}

export interface SignatureKeys {
  find(keyId: string): Promise<StoredSignatureKey[]>;
  save(key: StoredSignatureKey): Promise<void>;
}

/** Seals and opens texts for one column of one row. */
export interface Sealer {
  /** `place` is table:column:row id, authenticated along with the text. */
  seal(plain: Buffer, place: string): string;
  /** Throws `SealingError` for an unknown key id, another place, or a changed text. */
  open(sealed: string, place: string): Buffer;
}

export interface Store {
  inbox: Inbox;
  processes: Processes;
  signatureKeys: SignatureKeys;
  close(): Promise<void>;
}
