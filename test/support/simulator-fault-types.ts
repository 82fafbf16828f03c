import type { SignSwitches } from './simulator-types.js';

export type FaultRoute =
  | 'token'
  | 'account'
  | 'installation'
  | 'users'
  | 'subscription'
  | 'trial'
  | 'state'
  | 'credentials-state'
  | 'credentials-rotate'
  | 'signature-keys'
  | 'account-users'
  | 'account-user'
  | 'me';

/** Which requests or deliveries a fault hits, and how often; time spans are text of the simulator's clock, such as 90s or 1h30m. */
interface Matching {
  /** 1 unless said; without a limit for one with `lasts` or `probability`. */
  times?: number;
  /** Lets the first so many that match pass. */
  skip?: number;
  probability?: number;
  seed?: number;
  lasts?: string;
  installation_id?: string;
  account_id?: string;
  region?: string;
}

/** A fault of a route as data; `when` is `before` the request takes effect unless said. */
export type RouteFaultInput = Matching & { route: FaultRoute | 'any'; client_id?: string } & (
    | ({ when?: 'before' | 'after' } & (
        | { kind: 'status'; status: number; headers?: Record<string, string>; body?: unknown }
        | {
            kind: 'refusal';
            refusal:
              | 'unauthorized'
              | 'ip-not-allowed'
              | 'not-found'
              | 'conflict'
              | 'server-error'
              | 'bad-gateway'
              | 'unavailable'
              | 'gateway-timeout';
          }
        | {
            kind: 'rate-limit';
            status?: 429 | 503;
            retry_after?: 'seconds' | 'date' | 'body' | 'absurd' | 'negative' | 'words' | 'absent';
            retry_after_seconds?: number;
          }
        | { kind: 'html'; status?: number }
        | { kind: 'delay'; delay_ms: number }
        | { kind: 'hold' }
        | { kind: 'reset' }
        | { kind: 'silence' }
      ))
    | { kind: 'truncated'; cut?: 'json' | 'connection' }
    | { kind: 'content-type'; content_type?: string }
    | { kind: 'oversized'; bytes?: number }
    | { kind: 'drip'; bytes_per_second: number }
    | { kind: 'clock-skew'; seconds: number }
    | { kind: 'forged-links'; origin?: string; links?: string[] }
  );

/** A fault of deliveries as data; `delay` and `at_most` are time spans of the simulator's clock. */
export type DeliveryFaultInput = Matching & { route: 'delivery'; event_type?: string } & (
    | { kind: 'signature'; sign: SignSwitches }
    | { kind: 'duplicate'; copies?: number; delay?: string }
    | { kind: 'reorder'; at_most?: string }
    | { kind: 'delay'; delay: string }
    | { kind: 'crash' }
    | { kind: 'drop' }
    | { kind: 'timeout'; timeout_ms: number }
    | { kind: 'forged-links'; origin?: string; links?: string[] }
  );

export type FaultInput = RouteFaultInput | DeliveryFaultInput;

/** A fault as it was set; `left` is null without a limit. */
export type FaultView = FaultInput & {
  id: string;
  left: number | null;
  used: number;
  scenario_id?: string;
  until?: string;
};

export interface HoldView {
  id: string;
  route: FaultRoute;
  installation_id: string | null;
  since: string;
  when: 'before' | 'after';
  client_gone: boolean;
}

export interface ScenarioView {
  scenario_id: string;
  name: string;
  description: string | null;
  seed: number;
  loaded_at: string;
  fault_ids: string[];
  /** Each with the time when it is or was due, and what came of it: null before, `done`, or why it could not be done. */
  steps: { at: string; do: string; outcome: string | null }[];
}
