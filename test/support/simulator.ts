import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

/** How the simulator signs an event; whatever is left out is as its switches say (talkdesk-api.md 2.2). */
export interface SignSwitches {
  curve?: 'p256' | 'p384' | 'p521' | 'secp256k1';
  key_container?: 'spki' | 'pem' | 'pem-text' | 'raw';
  signature_container?: 'der' | 'raw';
  hex_case?: 'lower' | 'upper';
  tamper?: 'none' | 'unsigned' | 'bad-hex' | 'unknown-key-id' | 'other-key' | 'expired-key' | 'changed-body';
}

/** What `POST /_control/installations` takes. `account_name` is unique: a known name is the same account again. */
export interface InstallationInput {
  app_id: string;
  account_name?: string;
  account_id?: string;
  users?: number;
  plan?: string;
  licenses?: number;
  key_algorithm?: 'ES256' | 'ES384' | 'ES512' | 'PS256' | 'PS384' | 'PS512';
  key_container?: 'pkcs8' | 'sec1' | 'pem' | 'sec1-pem';
  /** false: prepared only, nothing is sent. Otherwise the first attempt is started and not waited for. */
  deliver?: boolean;
  created_at?: string;
}

export interface CreatedInstallation {
  installation_id: string;
  account_id: string;
  account_name: string;
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
}

export interface InstallationView {
  installation_id: string;
  state: string;
  updated_at: string;
  users_total: number;
  decisions: DecisionEntry[];
  token_requests: number;
  deadline: string;
}

export interface RequestEntry {
  n: number;
  at: string;
  route: string;
  method: string;
  path: string;
  query: string;
  installation_id: string | null;
  /** null: no answer was sent, the connection was reset. */
  status: number | null;
  ms: number;
  verdict: string;
  headers: Record<string, string>;
  body: unknown;
  assertion: Record<string, unknown> | null;
  fault: string | null;
  secret_in_query: boolean;
}

export interface AttemptView {
  at: string;
  status: number | null;
  ms: number;
  error: string | null;
  /** false for an attempt asked for by `deliver`: it stands outside the schedule of three. */
  scheduled: boolean;
}

export interface EventView {
  event_id: string;
  type: string;
  installation_id: string;
  attempts: AttemptView[];
  delivered: boolean;
  next_attempt_at: string | null;
}

export type FaultRoute =
  | 'token'
  | 'account'
  | 'installation'
  | 'users'
  | 'subscription'
  | 'trial'
  | 'state'
  | 'signature-keys';

/** A fault as data; `times` is 1 unless said, `when` is `before` the request takes effect unless said. */
export type FaultInput = {
  route: FaultRoute;
  times?: number;
  when?: 'before' | 'after';
  installation_id?: string;
} & (
  | { kind: 'status'; status: number; headers?: Record<string, string>; body?: unknown }
  | { kind: 'delay'; delay_ms: number }
  | { kind: 'hold' }
  | { kind: 'reset' }
);

export interface HoldView {
  id: string;
  route: FaultRoute;
  installation_id: string | null;
  since: string;
  when: 'before' | 'after';
  client_gone: boolean;
}

/** The simulator's control API as functions, one request each; a refusal is thrown with the simulator's own sentence. */
export interface SimulatorControl {
  health(): Promise<{ ok: boolean; now: string; base_url: string }>;
  registerApp(appId: string, app: { callback_url: string; scopes?: string[] }): Promise<unknown>;
  createInstallation(input: InstallationInput): Promise<CreatedInstallation>;
  installation(installationId: string): Promise<InstallationView>;
  event(eventId: string): Promise<EventView>;
  deliver(
    eventId: string,
    options?: { sign?: SignSwitches; callback_url?: string },
  ): Promise<{ status: number | null; ms: number; error?: string }>;
  signed(eventId: string, sign?: SignSwitches): Promise<{ headers: Record<string, string>; body_base64: string }>;
  rotateSigningKey(): Promise<{ key_id: string }>;
  requests(filter?: { installation_id?: string; route?: string }): Promise<RequestEntry[]>;
  decisions(): Promise<DecisionEntry[]>;
  clock(): Promise<{ now: string; offset_ms: number }>;
  /** Moves the simulator's clock; resolves when everything that fell due on the way has happened. */
  setClock(to: Date | string): Promise<{ now: string; offset_ms: number }>;
  advance(ms: number): Promise<{ now: string; offset_ms: number }>;
  fault(fault: FaultInput): Promise<{ id: string }>;
  clearFaults(): Promise<unknown>;
  holds(): Promise<HoldView[]>;
  release(holdId: string): Promise<unknown>;
  /** Reads the switches, or changes the given ones; the names are those of `GET /_control/switches`. */
  switches(changes?: Record<string, unknown>): Promise<Record<string, unknown>>;
  secrets(): Promise<string[]>;
}

export interface RunningSimulator {
  /** Where it listens, without a slash at its end; also its public base unless `SIMULATOR_BASE_URL` says otherwise. */
  url: string;
  control: SimulatorControl;
  /** Ends the child in order and resolves with its exit code. Further calls give the same answer. */
  stop(): Promise<number | null>;
}

/**
 * Starts the simulator as a child process on a free port. The child ends by itself when this process goes away.
 * @param options.env further settings, e.g. `SIMULATOR_BASE_URL`
 * @throws Error with the child's last words when it ends before it listens
 */
export async function startSimulator(options: { env?: Record<string, string> } = {}): Promise<RunningSimulator> {
  const root = fileURLToPath(new URL('../../', import.meta.url));
  const child = spawn(process.execPath, ['--import', 'tsx', 'simulator/main.ts'], {
    cwd: root,
    env: { ...process.env, SIMULATOR_PORT: '0', ...options.env },
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
  });
  let lastWords = '';
  child.stderr?.on('data', (chunk: Buffer) => {
    lastWords = (lastWords + chunk.toString()).slice(-4000);
  });
  const exited = once(child, 'exit') as Promise<[number | null]>;
  const lines = createInterface({ input: child.stdout as NodeJS.ReadableStream });
  const first = await Promise.race([
    once(lines, 'line') as Promise<[string]>,
    exited.then(([code]) => {
      throw new Error(`The simulator ended with ${code} before it listened: ${lastWords}`);
    }),
  ]);
  const { listening } = JSON.parse(first[0]) as { listening: string };
  // A test that fails before it stops the simulator must still be able to end; the child follows the closed channel.
  child.unref();
  child.channel?.unref();
  for (const stream of [child.stdout, child.stderr]) (stream as unknown as { unref?: () => void } | null)?.unref?.();

  return {
    url: listening,
    control: createControl(listening),
    async stop() {
      child.ref();
      if (child.exitCode === null && child.signalCode === null) child.kill('SIGTERM');
      const [code] = await exited;
      lines.close();
      return code;
    },
  };
}

function createControl(url: string): SimulatorControl {
  async function call<T>(method: string, path: string, body?: unknown): Promise<T> {
    const response = await fetch(`${url}/_control${path}`, {
      method,
      ...(body === undefined ? {} : { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }),
    });
    const answer = (await response.json()) as T & { error?: string };
    if (!response.ok) throw new Error(`${method} /_control${path} answered ${response.status}: ${answer.error}`);
    return answer;
  }
  const query = (values: object) => {
    const text = new URLSearchParams(values as Record<string, string>).toString();
    return text === '' ? '' : `?${text}`;
  };
  const at = (to: Date | string) => (to instanceof Date ? to.toISOString() : to);

  return {
    health: () => call('GET', '/health'),
    registerApp: (appId, app) => call('PUT', `/apps/${appId}`, app),
    createInstallation: (input) => call('POST', '/installations', input),
    installation: (id) => call('GET', `/installations/${id}`),
    event: (id) => call('GET', `/events/${id}`),
    deliver: (id, options = {}) => call('POST', `/events/${id}/deliver`, options),
    signed: (id, sign = {}) => call('GET', `/events/${id}/signed${query(sign)}`),
    rotateSigningKey: () => call('POST', '/signature-keys/rotate', {}),
    requests: async (filter = {}) =>
      (await call<{ requests: RequestEntry[] }>('GET', `/requests${query(filter)}`)).requests,
    decisions: async () => (await call<{ decisions: DecisionEntry[] }>('GET', '/decisions')).decisions,
    clock: () => call('GET', '/clock'),
    setClock: (to) => call('POST', '/clock', { set: at(to) }),
    advance: (ms) => call('POST', '/clock', { advance_ms: ms }),
    fault: (fault) => call('POST', '/faults', fault),
    clearFaults: () => call('DELETE', '/faults'),
    holds: () => call('GET', '/holds'),
    release: (id) => call('POST', `/holds/${id}/release`, {}),
    switches: (changes) => (changes === undefined ? call('GET', '/switches') : call('PATCH', '/switches', changes)),
    secrets: async () => (await call<{ secrets: string[] }>('GET', '/secrets')).secrets,
  };
}
