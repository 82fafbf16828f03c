import type { Tenant } from './inbox.js';
import type {
  BareOutcome,
  Decision,
  EventContext,
  InstallationContext,
  Outcome,
  ProcessRecord,
  Trial,
} from './records.js';
import type {
  SealedCredential,
  StoredCredential,
  TakeChange,
  TakeInstall,
  TakeResult,
  UntakenEvent,
} from './taking.js';
import type { TenantState } from './tenant-state.js';
import type { MappedUser, SettingsBefore, Snapshot, UserRow } from './users.js';

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
  /**
   * The same for an update, an uninstall or a rotation of a known installation. A rotation's set is filed as `pending` when it is newer than
   * the current one, else as `previous`. Throws `ForeignInstallationError` when the installation is another tenant's.
   */
  takeChange(change: TakeChange): Promise<TakeResult>;
  /** Marks a trial event of a known installation as taken. Throws as `takeChange`. */
  takeTrial(event: { eventId: string; tenant: Tenant; installationId: string; takenAt: Date }): Promise<TakeResult>;
  /** Quarantines an event that turned out unusable after its acknowledgement, and settles it as `quarantined`. */
  quarantineTaken(event: { eventId: string; reason: string; at: Date }): Promise<void>;
  /** Ends an event that has no process. `quarantined` also files it there, its body kept. Done again, it changes nothing. */
  settleEvent(event: { eventId: string; outcome: BareOutcome; reason: string; at: Date }): Promise<void>;
  /** What is known of a trial or logout event and its installation. Throws `NotFoundError`, also for an event of another type. */
  readEvent(eventId: string): Promise<EventContext>;
  /**
   * Stores where the trial is (null: as it was; never back behind a newer event) and whether the account is suspended for it, and settles
   * the event as `recorded`. Done again, it changes nothing. Throws `NotFoundError`.
   */
  recordTrial(options: { eventId: string; trial: Trial | null; suspended: boolean; at: Date }): Promise<void>;
  tenantState(tenant: Tenant): Promise<TenantState>;
  read(processId: string): Promise<ProcessRecord>;
  /** Unseals the credentials of a process. Throws `SealingError` when none of the keys opens them. */
  open(sealed: SealedCredential): StoredCredential;
  /** The open mapping of an installation's tenant, in the order of Talkdesk user ids. */
  users(installationId: string): Promise<UserRow[]>;
  /** Installations of an app that are active, this tenant's aside. */
  countActive(tenant: Tenant): Promise<number>;
  /** An installation, for operations without an event. Throws `NotFoundError`. */
  readInstallation(installationId: string): Promise<InstallationContext>;
  /**
   * Claims the process for one attempt of an effect, for `leaseMs`. What pre-empts it depends on its kind (contracts: the lifecycle
   * table), and events that nobody has opened yet count. With `registerUndo`, marks compensation as registered; with
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
  /**
   * A decision is about to be sent, at `at`, by the attempt that holds the claim. Answers false when it does not hold it any more.
   */
  recordSending(options: {
    processId: string;
    attemptToken: string;
    verb: Decision;
    reason: string;
    at: Date;
  }): Promise<boolean>;
  /**
   * A person's decision; the first one stands. Answers with the one that stands. Throws `OutcomeConflictError` when the process has its
   * outcome and nobody decided before.
   */
  recordPersonDecision(options: {
    processId: string;
    decision: Decision;
    reason: string;
    by: string;
    at: Date;
  }): Promise<{ decision: Decision; reason: string; by: string }>;
  /**
   * Stores the snapshot on the installation, its licensed users in the mapping, and the step's result. For an update, what it changes
   * can be taken back (`restoreSettings`).
   */
  recordSync(options: { processId: string; snapshot: Snapshot; stepResult: unknown }): Promise<void>;
  /** Stores the product account, the users' product ids and the step's result; releases the claim. */
  recordProvisioned(options: {
    processId: string;
    attemptToken: string;
    productAccountId: string;
    users: MappedUser[];
    /** Whether the account is suspended now; left out where that did not change. */
    suspended?: boolean;
    stepResult: unknown;
    at: Date;
  }): Promise<void>;
  /** Keeps what the product named as its work under way for a step (`stepResults["pending:<step>"]`), or (null) forgets it. */
  recordPending(options: { processId: string; step: string; operation: string | null }): Promise<void>;
  /** For an update: puts our tables back to what was in force before it, and answers with that. Done again, it answers the same. */
  restoreSettings(processId: string, at: Date): Promise<SettingsBefore>;
  /** For an uninstall: the product's answer; the account counts as undone when it is this installation's. Releases the claim. */
  recordAccessEnded(options: { processId: string; attemptToken: string; stepResult: unknown; at: Date }): Promise<void>;
  /** For a rotation: its set becomes current, the current one previous, unless a newer one is current. Answers whether it is current. */
  promoteCredential(options: { processId: string; stepResult: unknown; at: Date }): Promise<boolean>;
  /** Marks what was begun as undone; releases the claim. An install's account counts as undone, too. */
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
   * Ends the process: outcome, event settled, installation state, credentials, audit entry, all in one statement. An install ends its
   * installation unless it is approved, or an approval of ours for the installation stands; an uninstall that ends approved or
   * credentials-gone ends it; updates and rotations leave it as it is. A rotation that ends acknowledged wipes the sets before it; one that
   * expires becomes current first. The credentials of an ended installation are all wiped as soon as no process of it is open and no
   * event of it unsettled. Recording the same outcome again changes nothing; another outcome than the recorded one throws
   * `OutcomeConflictError`.
   */
  recordOutcome(options: {
    processId: string;
    outcome: Outcome;
    reason: string;
    remoteState?: string;
    at: Date;
  }): Promise<void>;
  /** Parks with what must be done, or (null) ends the parking. Answers whether that changed anything. */
  recordParked(options: { processId: string; reason: string | null; at: Date }): Promise<boolean>;
  /** A warning that the process is still open, in the audit. The same text again changes nothing. */
  recordWarning(options: { processId: string; text: string; at: Date }): Promise<void>;
}
