import { defineSignal } from '@temporalio/workflow';
import type { EventRef } from './events.js';
import type { ProcessKind, TenantKey } from './ids.js';
import type { ActionableState, DecisionVerb, FinalState, ProcessOutcome, RemoteState } from './outcomes.js';

/** Name of the workflow type on the wire; renaming it is a breaking change. */
export const LIFECYCLE_WORKFLOW = 'lifecycleWorkflow';

/** Search attribute that names the installation a run works for. */
export const INSTALLATION_ID_ATTRIBUTE = 'InstallationId';

/** A bare wake-up: "look at the inbox, and try again now what is waiting". Carries nothing. */
export const wakeSignal = defineSignal('wake');

/** Input of a lifecycle run. */
export interface LifecycleInput {
  tenant: TenantKey;
  /** `true` for runs out of a backlog: steps take the durable way at once, so that an outage does not fill the workers. */
  durableFirst?: boolean;
}

/** Result of a lifecycle run: the outcomes it reached, oldest first. */
export interface LifecycleResult {
  outcomes: { eventId: string; outcome: ProcessOutcome }[];
}

/** The process of an event, as far as the pure table needs it. */
export interface ProcessRef {
  processId: string;
  kind: ProcessKind;
  eventId: string;
  installationId: string;
  /** `created_at` of its event, milliseconds since the epoch. */
  createdAtMs: number;
  /** Provisioning was begun and not undone. */
  needsUndo: boolean;
}

/** What the pure table knows of a tenant. */
export interface TenantRecord {
  /** Newest install event ever taken for the tenant, settled or not. */
  newestInstall: Pick<EventRef, 'eventId' | 'createdAtMs' | 'installationId'> | null;
}

/** Result of `takeEvents`. */
export interface TenantView {
  record: TenantRecord;
  /** Unsettled events in the order of (`created_at`, `id`). */
  events: EventRef[];
  /** Processes of those events that have no outcome yet. */
  processes: ProcessRef[];
}

export interface ProcessInput {
  processId: string;
}

export interface SyncResult {
  remoteState: ActionableState;
  users: number;
}

export interface ProvisionResult {
  productAccountId: string;
  users: number;
}

export interface DecisionInput extends ProcessInput {
  decision: DecisionVerb;
  /** Goes to Talkdesk and may be read by the customer. */
  reason: string;
}

/**
 * `approved` and `rejected`: Talkdesk confirmed our decision; approved is recorded as the outcome already, rejected is recorded once
 * provisioning is undone. `ended`: Talkdesk reports a state in which our decision has no place.
 */
export type DecisionResult =
  | { result: 'approved' | 'rejected' }
  | { result: 'ended'; remoteState: Exclude<ActionableState, 'waiting'> };

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

/** What Talkdesk said of an installation when asked just before its window closes. */
export interface LastCallResult {
  remoteState: RemoteState | 'unreachable' | 'credentials-dead';
}

/** Talkdesk's last word after a window closed. */
export interface FinalStateResult {
  finalState: FinalState;
  /** The decision that was on its way to Talkdesk at least once, if any. */
  attempted: DecisionVerb | null;
}

/** What stands recorded: an outcome is recorded once, later attempts to record another one change nothing. */
export interface OutcomeResult {
  outcome: ProcessOutcome;
}
