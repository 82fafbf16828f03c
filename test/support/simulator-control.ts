import type {
  AccountView,
  ClockView,
  CreatedInstallation,
  DecisionEntry,
  EventInput,
  EventView,
  FaultInput,
  FaultView,
  HoldView,
  InstallationInput,
  InstallationView,
  MadeEvents,
  RawEventInput,
  RequestEntry,
  RotateInput,
  ScenarioView,
  SettingsView,
  SignSwitches,
  TrialEndReason,
  UninstallInput,
  UpdateInput,
  UserInput,
  UserView,
  Verdicts,
} from './simulator-types.js';

/** The simulator's control API as functions, one request each; a refusal is thrown with the simulator's own sentence. */
export interface SimulatorControl {
  health(): Promise<{ ok: boolean; now: string; base_url: string; regions: Record<string, string> }>;
  /** Another `version_name` than before is another app version. */
  registerApp(
    appId: string,
    app: { callback_url: string; scopes?: string[]; version_name?: string },
  ): Promise<{ version_id: string; version_name: string }>;
  createInstallation(input: InstallationInput): Promise<CreatedInstallation>;
  /** Other settings, and their `app.updated`. What is left out stays as it is. */
  update(installationId: string, input?: UpdateInput): Promise<MadeEvents>;
  uninstall(installationId: string, input?: UninstallInput): Promise<MadeEvents>;
  rotate(installationId: string, input?: RotateInput): Promise<MadeEvents & { client_id: string }>;
  /** For thirty days from the event unless said. A first approval on a trial plan does it by itself. */
  startTrial(installationId: string, input?: EventInput & { expires_at?: string }): Promise<MadeEvents>;
  /** By fourteen days unless said. */
  extendTrial(installationId: string, input?: EventInput & { expires_at?: string }): Promise<MadeEvents>;
  /** At the time of the event; expired unless said. The clock, an upgrade and an uninstall do it by themselves. */
  endTrial(installationId: string, input?: EventInput & { reason?: TrialEndReason }): Promise<MadeEvents>;
  /** The installing admin unless said. */
  logout(installationId: string, input?: EventInput & { user_id?: string; user_email?: string }): Promise<MadeEvents>;
  /** An event of any type in the usual envelope. */
  sendEvent(installationId: string, input: EventInput & { type: string; data?: object }): Promise<MadeEvents>;
  /** Signs bytes and sends them once; the answer's `event_id` names them for `deliver` and `signed`. */
  sendRaw(input: RawEventInput): Promise<{ event_id: string; status?: number | null; ms?: number; error?: string }>;
  installation(installationId: string): Promise<InstallationView>;
  installations(): Promise<InstallationView[]>;
  /** Users and plan in force, and those that an update waits for. */
  settings(installationId: string): Promise<{ in_force: SettingsView; wanted: SettingsView | null }>;
  accounts(): Promise<AccountView[]>;
  accountUsers(accountId: string): Promise<UserView[]>;
  /** Changes a user everywhere, without an event; an unknown id makes a user who is not licensed yet. */
  changeUser(accountId: string, userId: string, user: Omit<Exclude<UserInput, string>, 'id'>): Promise<UserView>;
  /** Addresses and networks that may call the API for the account; none: all. */
  allowAddresses(accountId: string, addresses: string[]): Promise<AccountView>;
  event(eventId: string): Promise<EventView>;
  /** In the order in which they were made. */
  events(filter?: { installation_id?: string; type?: string }): Promise<EventView[]>;
  /** Starts the schedule of three, at once or at a time of the simulator's clock. */
  deliverBySchedule(eventId: string, at?: Date | string): Promise<EventView>;
  deliver(
    eventId: string,
    options?: { sign?: SignSwitches; callback_url?: string },
  ): Promise<{ status: number | null; ms: number; error?: string }>;
  signed(eventId: string, sign?: SignSwitches): Promise<{ headers: Record<string, string>; body_base64: string }>;
  /** Of the first region unless said. */
  rotateSigningKey(region?: string): Promise<{ region: string; key_id: string }>;
  requests(filter?: { installation_id?: string; route?: string }): Promise<RequestEntry[]>;
  decisions(): Promise<DecisionEntry[]>;
  clock(): Promise<ClockView>;
  /** Moves the simulator's clock; resolves when everything that fell due on the way has happened. */
  setClock(to: Date | string): Promise<ClockView>;
  advance(ms: number): Promise<ClockView>;
  clockMode(mode: ClockView['mode']): Promise<ClockView>;
  fault(fault: FaultInput): Promise<{ id: string }>;
  faults(): Promise<FaultView[]>;
  removeFault(faultId: string): Promise<unknown>;
  clearFaults(): Promise<unknown>;
  /** The text of a scenario file. */
  loadScenario(text: string): Promise<ScenarioView>;
  scenarios(): Promise<ScenarioView[]>;
  /** Takes its faults, switches and steps back. */
  removeScenario(scenarioId: string): Promise<unknown>;
  holds(): Promise<HoldView[]>;
  release(holdId: string): Promise<unknown>;
  /** Reads the switches, or changes the given ones; the names are those of `GET /_control/switches`. */
  switches(changes?: Record<string, unknown>): Promise<Record<string, unknown>>;
  secrets(): Promise<string[]>;
  /** How the backend of an app, or towards one installation, conducts itself. */
  verdicts(filter?: { app_id?: string; installation_id?: string }): Promise<Verdicts>;
}

/** The control API of the simulator at this URL. */
export function createControl(url: string): SimulatorControl {
  async function call<T>(method: string, path: string, body?: unknown): Promise<T> {
    const response = await fetch(`${url}/_control${path}`, {
      method,
      ...(body === undefined ? {} : content(body)),
    });
    const answer = (await response.json()) as T & { error?: string };
    if (!response.ok) throw new Error(`${method} /_control${path} answered ${response.status}: ${answer.error}`);
    return answer;
  }
  /** Text goes as YAML, anything else as JSON. */
  const content = (body: unknown) =>
    typeof body === 'string'
      ? { headers: { 'content-type': 'application/yaml' }, body }
      : { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) };
  const query = (values: object) => {
    const text = new URLSearchParams(values as Record<string, string>).toString();
    return text === '' ? '' : `?${text}`;
  };
  const id = encodeURIComponent;
  const act = <T = MadeEvents>(installationId: string, what: string, input: object = {}) =>
    call<T>('POST', `/installations/${id(installationId)}/${what}`, input);
  const at = (to: Date | string) => (to instanceof Date ? to.toISOString() : to);

  return {
    health: () => call('GET', '/health'),
    registerApp: (appId, app) => call('PUT', `/apps/${appId}`, app),
    createInstallation: (input) => call('POST', '/installations', input),
    update: (installationId, input) => act(installationId, 'update', input),
    uninstall: (installationId, input) => act(installationId, 'uninstall', input),
    rotate: (installationId, input) => act(installationId, 'rotate', input),
    startTrial: (installationId, input) => act(installationId, 'trial/start', input),
    extendTrial: (installationId, input) => act(installationId, 'trial/extend', input),
    endTrial: (installationId, input) => act(installationId, 'trial/end', input),
    logout: (installationId, input) => act(installationId, 'logout', input),
    sendEvent: (installationId, input) => act(installationId, 'events', input),
    sendRaw: (input) => call('POST', '/events', input),
    installation: (installationId) => call('GET', `/installations/${id(installationId)}`),
    installations: async () =>
      (await call<{ installations: InstallationView[] }>('GET', '/installations')).installations,
    settings: (installationId) => call('GET', `/installations/${id(installationId)}/settings`),
    accounts: async () => (await call<{ accounts: AccountView[] }>('GET', '/accounts')).accounts,
    accountUsers: async (accountId) =>
      (await call<{ users: UserView[] }>('GET', `/accounts/${id(accountId)}/users`)).users,
    changeUser: (accountId, userId, user) => call('PUT', `/accounts/${id(accountId)}/users/${id(userId)}`, user),
    allowAddresses: (accountId, addresses) => call('PUT', `/accounts/${id(accountId)}/ip-allow-list`, { addresses }),
    event: (eventId) => call('GET', `/events/${id(eventId)}`),
    events: async (filter = {}) => (await call<{ events: EventView[] }>('GET', `/events${query(filter)}`)).events,
    deliver: (eventId, options = {}) => call('POST', `/events/${id(eventId)}/deliver`, options),
    deliverBySchedule: (eventId, to) =>
      call('POST', `/events/${id(eventId)}/deliver`, { schedule: true, ...(to === undefined ? {} : { at: at(to) }) }),
    signed: (eventId, sign = {}) => call('GET', `/events/${id(eventId)}/signed${query(sign)}`),
    rotateSigningKey: (region) => call('POST', '/signature-keys/rotate', region === undefined ? {} : { region }),
    requests: async (filter = {}) =>
      (await call<{ requests: RequestEntry[] }>('GET', `/requests${query(filter)}`)).requests,
    decisions: async () => (await call<{ decisions: DecisionEntry[] }>('GET', '/decisions')).decisions,
    clock: () => call('GET', '/clock'),
    setClock: (to) => call('POST', '/clock', { set: at(to) }),
    advance: (ms) => call('POST', '/clock', { advance_ms: ms }),
    clockMode: (mode) => call('POST', '/clock', { mode }),
    fault: (fault) => call('POST', '/faults', fault),
    faults: async () => (await call<{ faults: FaultView[] }>('GET', '/faults')).faults,
    removeFault: (faultId) => call('DELETE', `/faults/${id(faultId)}`),
    clearFaults: () => call('DELETE', '/faults'),
    loadScenario: (text) => call('POST', '/scenarios', text),
    scenarios: async () => (await call<{ scenarios: ScenarioView[] }>('GET', '/scenarios')).scenarios,
    removeScenario: (scenarioId) => call('DELETE', `/scenarios/${id(scenarioId)}`),
    holds: () => call('GET', '/holds'),
    release: (holdId) => call('POST', `/holds/${id(holdId)}/release`, {}),
    switches: (changes) => (changes === undefined ? call('GET', '/switches') : call('PATCH', '/switches', changes)),
    verdicts: (filter = {}) => call('GET', `/verdicts${query(filter)}`),
    secrets: async () => (await call<{ secrets: string[] }>('GET', '/secrets')).secrets,
  };
}
