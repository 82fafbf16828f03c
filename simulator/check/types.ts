import type { Installation, RequestEntry } from '../client/types.js';
import type { Probe } from './probe.js';
import type { RequirementId } from './requirements.js';

/** `blocked`: a scenario it builds on did not pass; `not-run`: left out, or an option is missing. Neither is judged. */
export type Status = 'passed' | 'failed' | 'blocked' | 'not-run';

/** What the person who runs the check has chosen. */
export interface CheckOptions {
  webhook: string;
  appId: string;
  patienceMs: number;
  /** Kills the backend with SIGKILL and starts it again. */
  restart: string | undefined;
  /** The backend's endpoint that is told the time. */
  toldTime: string | undefined;
  /** A window that the backend's retries fit into. */
  shortWindowSeconds: number | undefined;
}

/** One thing that a backend must do, shown over HTTP. */
export interface Scenario {
  readonly name: string;
  /** What a backend that passes does, in one sentence. */
  readonly title: string;
  readonly requirements: readonly RequirementId[];
  /** Scenarios without which this one says nothing. */
  readonly needs: readonly string[];
  /** Why it cannot be run with these options, or null. */
  missing?(options: CheckOptions): string | null;
  /** @throws ScenarioFailure when the backend did otherwise */
  run(probe: Probe): Promise<void>;
}

/** One request as evidence: no header, no body. */
export type RequestEvidence = Pick<RequestEntry, 'n' | 'at' | 'method' | 'path' | 'status' | 'verdict'> & {
  query: string;
};

/** What was seen of one installation; `…_left_out` counts what is not shown. */
export interface InstallationEvidence {
  installation_id: string;
  account_name: string;
  region: string;
  state: Installation['state'];
  deliveries: Array<{
    at: string;
    type: string;
    event_id: string;
    status: number | null;
    ms: number;
    error: string | null;
  }>;
  deliveries_left_out: number;
  decisions: Array<{ at: string; verb: string; status: number; effective: boolean; process: string | null }>;
  requests: RequestEvidence[];
  requests_left_out: number;
}

/** What became of a scenario. */
export interface Outcome {
  name: string;
  title: string;
  requirements: readonly RequirementId[];
  status: Status;
  duration_ms: number;
  failure: { expected: string; seen: string; advice: string } | null;
  /** Why it was not judged, null when it was. */
  reason: string | null;
  /** It was to be run and could not be, through no verdict on the backend. */
  cannot_run: boolean;
  /** Figures and findings that are no verdict. */
  notes: string[];
  evidence: InstallationEvidence[];
}

/** A general rule of the simulator's oracle over all that was seen of the app; `broken` holds the first few sentences. */
export interface RuleFinding {
  rule: string;
  title: string;
  source: string;
  status: 'kept' | 'broken' | 'not-seen';
  checked: number;
  broken_total: number;
  broken: string[];
}

/** What a run has found. */
export interface Report {
  date: string;
  duration_ms: number;
  tool_version: string;
  target: { webhook: string; app_id: string; simulator: string };
  options: { patience_seconds: number; restart: boolean; told_time: boolean; short_window_seconds: number | null };
  scenarios: Outcome[];
  /** Hints; the scenarios decide. */
  rules: RuleFinding[];
}
