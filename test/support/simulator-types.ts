export type * from './simulator-fault-types.js';

/** How the simulator signs an event; whatever is left out is as its switches say (talkdesk-api.md 2.2). */
export interface SignSwitches {
  curve?: 'p256' | 'p384' | 'p521' | 'secp256k1';
  key_container?: 'spki' | 'pem' | 'pem-text' | 'raw';
  signature_container?: 'der' | 'raw';
  hex_case?: 'lower' | 'upper';
  tamper?: 'none' | 'unsigned' | 'bad-hex' | 'unknown-key-id' | 'other-key' | 'expired-key' | 'changed-body';
}

/** What every control request that makes an event takes. */
export interface EventInput {
  /**
   * false: prepared only, nothing is sent until `deliver` is asked for. Otherwise the schedule of three is started and not waited
   * for; events that belong together go one after the other.
   */
  deliver?: boolean;
  /** Any time, the clock's unless said; whole seconds count. Windows are counted from it. */
  created_at?: string;
  event_id?: string;
  /** JSON merge patch (RFC 7396) of the event's body: adds and replaces fields, null leaves one out. */
  merge?: Record<string, unknown>;
}

/** A licensed user: an id, or data. A known id is that user, changed where something is said; without an id it is a new one. */
export type UserInput = string | { id?: string; email?: string; name?: string; active?: boolean };

export interface PlanInput {
  name?: string;
  /** Follows the name unless said: a plan named Trial is a trial. */
  type?: 'trial' | 'paid';
  licenses?: number;
}

/** What a customer chooses. A number of users stands for the account's first so many. */
export interface SettingsInput {
  users?: number | UserInput[];
  plan?: string | PlanInput;
  licenses?: number;
}

type KeyAlgorithm = 'ES256' | 'ES384' | 'ES512' | 'PS256' | 'PS384' | 'PS512';
type KeyContainer = 'pkcs8' | 'sec1' | 'pem' | 'sec1-pem';

/**
 * What `POST /_control/installations` takes. `account_name` is unique: a known name is the same account again. A known
 * `installation_id` is installed again under it: new credentials, the old ones are dead.
 */
export interface InstallationInput extends SettingsInput, EventInput {
  app_id: string;
  account_name?: string;
  account_id?: string;
  /** Of a new account, the first one unless said. */
  region?: string;
  installation_id?: string;
  auto_provision_filters?: object[];
  key_algorithm?: KeyAlgorithm;
  key_container?: KeyContainer;
}

/** When a plan's upgrade or an uninstall ends the trial; the switch `trial_ended` unless said. */
export type TrialEnded = 'after' | 'before' | 'on-approval' | 'none';

export type UpdateInput = SettingsInput & EventInput & { trial_ended?: TrialEnded };

/** `reason`: null leaves it out of the event. */
export type UninstallInput = EventInput & { reason?: unknown; trial_ended?: TrialEnded };

/** `compromised`: the old credentials are dead before the event is sent. */
export type RotateInput = EventInput & {
  kind?: 'routine' | 'compromised';
  key_algorithm?: KeyAlgorithm;
  key_container?: KeyContainer;
};

export type TrialEndReason = 'trial_expired' | 'app_uninstalled' | 'plan_upgraded';

/** The events that an action made, in their order; `event_id` is the one that was asked for. */
export interface MadeEvents {
  installation_id: string;
  event_id: string;
  events: Array<{ event_id: string; type: string }>;
}

/** Bytes to send as they are: one of json, text and base64, to an app or a URL. */
export interface RawEventInput {
  app_id?: string;
  callback_url?: string;
  region?: string;
  json?: unknown;
  text?: string;
  base64?: string;
  sign?: SignSwitches;
  deliver?: boolean;
}

export interface CreatedInstallation {
  installation_id: string;
  account_id: string;
  account_name: string;
  region: string;
  app_id: string;
  event_id: string;
  client_id: string;
}

export interface DecisionEntry {
  at: string;
  installation_id: string;
  verb: string;
  reason: string | null;
  status: number;
  effective: boolean;
  /** The process that it took effect on, null when it took none. */
  process: { kind: ProcessView['kind']; event_id: string } | null;
}

export interface ProcessView {
  kind: 'install' | 'update' | 'uninstall' | 'rotation';
  event_id: string;
  created_at: string;
  deadline: string;
  /** The client that a rotation delivers. */
  client_id?: string;
  decided: { verb: 'approve' | 'reject' | 'acknowledged'; at: string } | null;
  ended: 'approved' | 'rejected' | 'timeout' | 'deprovisioned' | 'acknowledged' | 'superseded' | null;
  ended_at: string | null;
}

/** `pending` until its rotation ends, `previous` while it outlives a newer current one. */
export interface ClientView {
  client_id: string;
  key_id: string;
  key_algorithm: string;
  state: 'pending' | 'current' | 'previous' | 'revoked';
}

export interface PlanView {
  name: string;
  type: 'trial' | 'paid';
  licenses: number;
}

export interface TrialView {
  started_at: string;
  expires_at: string;
  ended_at: string | null;
  ended_reason: TrialEndReason | null;
}

export interface SettingsView {
  users: string[];
  plan: PlanView;
}

export interface AccountView {
  account_id: string;
  account_name: string;
  region: string;
  users_known: number;
  ip_allow_list: string[];
  installations: Array<{ installation_id: string; app_id: string; state: string }>;
}

export interface UserView {
  id: string;
  email: string;
  name: string;
  active: boolean;
}

export interface InstallationView {
  installation_id: string;
  app_id: string;
  account_id: string;
  account_name: string;
  region: string;
  /** Of the newest install, update or uninstall; so is the deadline. */
  event_id: string;
  deadline: string;
  state: 'installing' | 'completed' | 'rejected' | 'timeout' | 'updating' | 'suspended' | 'uninstalled' | 'revoked';
  updated_at: string;
  /** Of the settings in force, as is the plan. */
  users_total: number;
  plan: PlanView;
  trial: TrialView | null;
  processes: ProcessView[];
  decisions: DecisionEntry[];
  clients: ClientView[];
  token_requests: number;
}

export interface RequestEntry {
  n: number;
  at: string;
  route: string;
  method: string;
  path: string;
  query: string;
  installation_id: string | null;
  /** The client whose token or assertion came: which set of credentials was used. */
  client_id: string | null;
  /** The installation had been deprovisioned when the request came. */
  after_uninstall: boolean;
  /** null: no answer was sent, the connection was reset. */
  status: number | null;
  ms: number;
  verdict: string;
  headers: Record<string, string>;
  body: unknown;
  assertion: Record<string, unknown> | null;
  fault: string | null;
  secret_in_url: boolean;
}

/** How one rule was kept; `not-seen`: nothing has happened that it could be judged by. */
export interface Verdict {
  rule: string;
  title: string;
  source: string;
  status: 'kept' | 'broken' | 'not-seen';
  checked: number;
  broken_total: number;
  /** The last ones, oldest first; `request` is the number `n` of a ledger entry. */
  broken: {
    at: string;
    installation_id: string | null;
    event_id: string | null;
    request: number | null;
    what: string;
  }[];
}

/** The conduct of a backend. */
export interface Verdicts {
  rules: Verdict[];
  figures: {
    requests: number;
    dropped: number;
    installations: number;
    decisions: { effective: number; without_effect: number };
    tokens: { issued: number; needless: number; calls: number; ratio: number | null };
    acknowledgement: {
      deliveries: number;
      answered: number;
      p50_ms: number | null;
      p90_ms: number | null;
      p99_ms: number | null;
      max_ms: number | null;
    };
  };
}

export interface AttemptView {
  at: string;
  status: number | null;
  ms: number;
  error: string | null;
  /** false for an attempt asked for by `deliver`: it stands outside the schedule of three. */
  scheduled: boolean;
  /** The delivery fault that was applied, in words. */
  fault: string | null;
}

export interface EventView {
  event_id: string;
  /** `raw` for bytes that were sent as they are. */
  type: string;
  installation_id: string | null;
  created_at: string;
  attempts: AttemptView[];
  delivered: boolean;
  next_attempt_at: string | null;
  /** What a delivery fault did to the event as a whole, in words. */
  fault: string | null;
}

/** Where the clock stands, and who is told its time. */
export interface ClockView {
  now: string;
  offset_ms: number;
  mode: 'running' | 'frozen';
  followers: { url: string; last_error: string | null }[];
}
