import { defineSignal, defineUpdate } from '@temporalio/workflow';
import type { EventRef, OpenEvent } from './events.js';
import type { ProcessKind, TenantKey } from './ids.js';
import type {
  ActionableState,
  BareOutcome,
  DecisionVerb,
  FinalState,
  ProcessOutcome,
  RemoteState,
} from './outcomes.js';

/** Name of the workflow type on the wire; renaming it is a breaking change. */
export const LIFECYCLE_WORKFLOW = 'lifecycleWorkflow';
/** Hands one `user.logout` to the product, beside whatever its tenant's run is doing. */
export const LOGOUT_WORKFLOW = 'logoutWorkflow';
/** Asks Talkdesk, on our own initiative, for new credentials; the answer is an `app.credentials_rotated`. */
export const REQUEST_ROTATION_WORKFLOW = 'requestRotationWorkflow';

/** Search attribute that names the installation a run works for. */
export const INSTALLATION_ID_ATTRIBUTE = 'InstallationId';

/** Memo of a run that names the event it was started for. No run reads it; `lifecycle lost` does. */
export const BEGUN_BY_MEMO = 'begunBy';
export type BegunBy = Pick<EventRef, 'eventId' | 'type' | 'installationId'>;

/** A bare wake-up: "look at the inbox, and try again now what is waiting". Carries nothing. */
export const wakeSignal = defineSignal('wake');

/** A person's answer to a process that waits for one. */
export interface DecideInput {
  /** The process it is meant for; may be left out while exactly one waits. */
  processId?: string;
  decision: DecisionVerb;
  /** Goes to Talkdesk and may be read by the customer. */
  reason: string;
  /** Who decided, for the audit. */
  by: string;
}

/** What a decision was taken for. */
export interface DecideResult {
  processId: string;
  installationId: string;
}

/** A person's decision. Refused with a sentence when nothing waits for it, or no longer. */
export const decideUpdate = defineUpdate<DecideResult, [DecideInput]>('decide');

/** Input of a lifecycle run. */
export interface LifecycleInput {
  tenant: TenantKey;
  /** `true` for runs out of a backlog: steps take the durable way at once, so that an outage does not fill the workers. */
  durableFirst?: boolean;
}

/** Result of a lifecycle run: the outcomes it reached, oldest first. */
export interface LifecycleResult {
  outcomes: { eventId: string; outcome: ProcessOutcome | BareOutcome }[];
}

/** Input of a logout run and of its activity. */
export interface LogoutInput {
  eventId: string;
}

/** Input of a run that asks for a rotation, and of its activity. */
export interface RequestRotationInput {
  installationId: string;
}

/** The process of an event, as far as the pure table needs it. */
export interface ProcessRef {
  processId: string;
  kind: ProcessKind;
  eventId: string;
  installationId: string;
  /** `created_at` of its event, milliseconds since the epoch. */
  createdAtMs: number;
  /** Something was begun in the product and neither confirmed by Talkdesk nor undone. */
  needsUndo: boolean;
}

/** An event that may end a process: of any status, quarantined ones aside. */
export type Rival = Pick<EventRef, 'eventId' | 'createdAtMs' | 'installationId' | 'type'> & {
  /** It has its outcome already. */
  settled: boolean;
};

/** What the pure table knows of a tenant. */
export interface TenantRecord {
  /** Newest install event ever taken for the tenant, settled or not. */
  newestInstall: Pick<EventRef, 'eventId' | 'createdAtMs' | 'installationId'> | null;
  /**
   * The newest `app.installed`, `app.updated`, `app.uninstalled` and `app.credentials_rotated` ever received for each installation that
   * has an open process, where it is not that process's own event.
   */
  rivals: Rival[];
}

/** Result of `takeEvents`. */
export interface TenantView {
  record: TenantRecord;
  /** Events without an outcome, in the order of (`created_at`, `id`). Logouts are not among them. */
  events: OpenEvent[];
  /** Processes of those events that have no outcome yet. */
  processes: ProcessRef[];
}

export interface ProcessInput {
  processId: string;
}

/** What the decision policy says of a process (config: APPS_FILE, `policy`). */
export type PolicyVerdict =
  | { mode: 'automatic' }
  /** A guard fails: reject with this reason. */
  | { mode: 'reject'; reason: string }
  /** A person decides; at *due* the default action applies. */
  | { mode: 'manual'; atDue: 'approve' | 'reject' | 'lapse' };

/** How the product's users will change. */
export interface SeatChanges {
  add: number;
  resume: number;
  suspend: number;
}

export interface SyncResult {
  remoteState: ActionableState;
  users: number;
  /** Left out: automatic. */
  policy?: PolicyVerdict;
  /** Names of the app's versions when an update brings another one (talkdesk-api.md 1.4: an upgrade may come as app.updated). */
  upgrade?: { from: string; to: string };
  /** Left out where nothing is compared: at a first install. */
  changes?: SeatChanges;
  /** A decision that a person took for this process before, in an earlier run. */
  decided?: { decision: DecisionVerb; reason: string };
}

export interface ProvisionResult {
  productAccountId: string;
  users: number;
}

/** Result of `endAccess`. */
export interface EndAccessResult {
  /** `ended`: by this process. `other`: the account belongs to a newer installation, or there is none. */
  access: 'ended' | 'other';
}

export interface DecisionInput extends ProcessInput {
  decision: DecisionVerb;
  /** Goes to Talkdesk and may be read by the customer. */
  reason: string;
}

/**
 * `approved` and `rejected`: Talkdesk confirmed our decision; approved is recorded as the outcome already, rejected is recorded once
 * what was begun is undone. `ended`: Talkdesk reports a state in which our decision has no place. `credentials-gone`: an uninstall
 * that cannot be answered any more, because its credentials are dead or never came.
 */
export type DecisionResult =
  | { result: 'approved' | 'rejected' | 'credentials-gone' }
  | { result: 'ended'; remoteState: Exclude<ActionableState, 'waiting'> };

export interface PersonDecisionInput extends ProcessInput {
  decision: DecisionVerb;
  reason: string;
  by: string;
}

export interface OutcomeInput extends ProcessInput {
  outcome: ProcessOutcome;
  /** Why, in plain words, for the audit. */
  reason: string;
  remoteState?: RemoteState;
}

export interface ParkInput extends ProcessInput {
  /** What must be done, in words for the person who must act. */
  reason: string;
}

/** A warning that a process is still open. */
export interface WarningInput extends ProcessInput {
  /** What a person reads in log and audit, such as `half of the time to the due answer has passed`. */
  text: string;
}

/** Result of `proveCredentials`: whether the set is current now; false when a newer one already is. */
export interface ProveResult {
  current: boolean;
}

export interface EventInput {
  eventId: string;
}

/** Result of `applyTrial`: whether the product account is in use after it. */
export interface TrialResult {
  access: 'active' | 'suspended' | 'none';
}

export interface SettleEventInput extends EventInput {
  outcome: BareOutcome;
  reason: string;
}

/** What Talkdesk said of an installation when asked just before its window closes. */
export interface LastCallResult {
  remoteState: RemoteState | 'unreachable' | 'credentials-dead';
}

/** Talkdesk's last word after a window closed. */
export interface FinalStateResult {
  finalState: FinalState;
  /**
   * The decision of ours, if any, that the state can be due to: one that was on its way to Talkdesk at least once, and not one after which
   * the state changed only at the close. Of an install whose tables know of none, the one that the state tells of (activities/judgement.ts).
   */
  attempted: DecisionVerb | null;
}

/** What stands recorded: an outcome is recorded once, later attempts to record another one change nothing. */
export interface OutcomeResult {
  outcome: ProcessOutcome;
}
