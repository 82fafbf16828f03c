import type { Tenant } from './inbox.js';
import type { SealedCredential } from './taking.js';

export type ProcessKind = 'install' | 'update' | 'uninstall' | 'rotation';

export type Outcome =
  | 'approved'
  | 'rejected'
  | 'acknowledged'
  | 'expired'
  | 'superseded'
  | 'credentials-gone'
  | 'contradicted'
  | 'cancelled';

/** How an event without a process of its own ends. */
export type BareOutcome = 'recorded' | 'credentials-gone' | 'quarantined';

export type Decision = 'approve' | 'reject';

/** Where an installation's trial is. */
export interface Trial {
  state: 'active' | 'ended';
  expiresAt: Date | null;
  /** As Talkdesk wrote it: `trial_expired`, `app_uninstalled`, `plan_upgraded` are documented. */
  endedReason: string | null;
  /** `created_at` of the newest trial event applied. */
  eventCreatedAt: Date;
}

/** Everything a step needs to know of its process. */
export interface ProcessRecord {
  processId: string;
  kind: ProcessKind;
  eventId: string;
  tenant: Tenant;
  installationId: string;
  /** Of this process: it stays when a later install event of the same installation id begins the next generation. */
  generation: number;
  /** App version that an update's event names; null for other kinds, and where it names none. */
  announced: { appVersionId: string; appVersionName: string | null } | null;
  eventCreatedAt: Date;
  dueAt: Date;
  closeAt: Date;
  takenAt: Date;
  /** Results of finished steps, by step name: `sync`, `provision`, `decide`, `endAccess`, `prove`. */
  stepResults: Record<string, unknown>;
  /** `tables`: an update changed our tables. `registered`: the product is being called; set before it is. */
  undo: 'none' | 'tables' | 'registered' | 'done';
  decision: Decision | null;
  decisionReason: string | null;
  /** When a decision was last about to be sent. */
  decisionAttemptedAt: Date | null;
  /** What a person decided for it. */
  personDecision: { decision: Decision; reason: string; by: string } | null;
  outcome: Outcome | null;
  parkedReason: string | null;
  /**
   * When any process of this installation, this one aside, last was about to send an approval that became its outcome. An update
   * that is older than it was answered by it, too: the decision call applies to whatever is pending.
   */
  earlierApprovalAt: Date | null;
  /** Any process of this installation, this one aside, was about to send an approval at least once. */
  approvalTried: boolean;
  /** The tenant's product account was opened, or opened again, for a later generation than this process's. */
  accountIsNewer: boolean;
  installation: {
    /** `pending`, `active` or `ended`, in our tables. */
    state: 'pending' | 'active' | 'ended';
    accountName: string;
    appVersionId: string | null;
    appVersionName: string | null;
    planType: string | null;
    trial: Trial | null;
    /** The product account is suspended because the trial ended. */
    suspended: boolean;
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
  /** For a rotation: the set that its event delivered, with its state; null for other kinds and once it is gone. */
  ownCredential: { state: 'pending' | 'current' | 'previous'; set: SealedCredential } | null;
  /** The tenant's account in the product, while it is not undone. */
  productAccountId: string | null;
  /** The account kept from an earlier installation of the tenant, whether it is undone or not; null when there never was one. */
  keptAccountId: string | null;
}

/** An event of an installation, without a process of its own. */
export interface EventContext {
  eventId: string;
  type: string;
  tenant: Tenant;
  installationId: string;
  createdAt: Date;
  settled: boolean;
  /** Null while the installation is not known. */
  installation: {
    generation: number;
    state: 'pending' | 'active' | 'ended';
    newestOfTenant: boolean;
    apiRoot: string;
    tokenUrl: string;
    planType: string | null;
    trial: Trial | null;
    /** The product account is suspended because the trial ended. */
    suspended: boolean;
    credential: SealedCredential | null;
  } | null;
  productAccountId: string | null;
  /** The body as it was signed, without credentials. */
  body: Buffer;
}

/** An installation, and what a call in its name needs. */
export interface InstallationContext {
  tenant: Tenant;
  state: 'pending' | 'active' | 'ended';
  apiRoot: string;
  tokenUrl: string;
  credential: SealedCredential | null;
}
