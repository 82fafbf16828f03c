import { createCall, queryOf } from './call.js';
import type * as t from './types.js';

/** What a list is narrowed to. */
export interface Filter {
  installation_id?: string;
  app_id?: string;
}

/**
 * The control API of a running simulator as functions, one request each. Each throws Refused with the simulator's own sentence,
 * or NotRunning when nothing that is a simulator answers.
 */
export interface SimulatorClient {
  health(): Promise<t.Health>;
  apps(): Promise<t.App[]>;
  /** Another `version_name` than before is another app version. */
  registerApp(appId: string, app: t.AppInput): Promise<t.App>;
  install(input: t.InstallationInput): Promise<t.Created>;
  installations(): Promise<t.Installation[]>;
  installation(installationId: string): Promise<t.Installation>;
  /** Users and plan in force, and those that an update waits for. */
  settings(installationId: string): Promise<t.Settings>;
  update(installationId: string, input?: t.UpdateInput): Promise<t.Made>;
  uninstall(installationId: string, input?: t.UninstallInput): Promise<t.Made>;
  rotate(installationId: string, input?: t.RotateInput): Promise<t.Rotated>;
  startTrial(installationId: string, input?: t.TrialExpiryInput): Promise<t.Made>;
  extendTrial(installationId: string, input?: t.TrialExpiryInput): Promise<t.Made>;
  endTrial(installationId: string, input?: t.TrialEndInput): Promise<t.Made>;
  logout(installationId: string, input?: t.LogoutInput): Promise<t.Made>;
  /** An event of any type in the usual envelope. */
  sendEvent(installationId: string, input: t.OtherEventInput): Promise<t.Made>;
  /** Bytes as they are, signed and sent once. */
  sendRaw(input: t.RawEventInput): Promise<t.RawSent>;
  accounts(): Promise<t.Account[]>;
  accountUsers(accountId: string): Promise<t.User[]>;
  /** Changes a user everywhere, without an event; an unknown id makes a user who is not licensed yet. */
  changeUser(accountId: string, userId: string, user: t.UserInput): Promise<t.User>;
  event(eventId: string): Promise<t.Event>;
  /** In the order in which they were made. */
  events(filter?: { installation_id?: string; type?: string }): Promise<t.Event[]>;
  /** One delivery now, outside the schedule. */
  deliver(eventId: string, options?: { sign?: t.SignRequest; callback_url?: string }): Promise<t.Delivery>;
  /** Starts the schedule, at once or at a time of the simulator's clock. */
  deliverBySchedule(eventId: string, at?: Date): Promise<t.Event>;
  /** Headers and bytes of one delivery, not sent. */
  signed(eventId: string, sign?: t.SignRequest): Promise<t.Signed>;
  rotateSigningKey(): Promise<{ key_id: string }>;
  requests(filter?: { installation_id?: string; route?: string }): Promise<t.RequestEntry[]>;
  decisions(): Promise<t.Decision[]>;
  secrets(): Promise<string[]>;
  clock(): Promise<t.Clock>;
  /** Moves the clock; resolves when everything that fell due on the way has happened. */
  /** `now`: to the machine's time. */
  setClock(to: Date | 'now'): Promise<t.Clock>;
  advance(ms: number): Promise<t.Clock>;
  clockMode(mode: t.ClockMode): Promise<t.Clock>;
  faults(): Promise<t.Fault[]>;
  /** A fault as data; the simulator says what is allowed. */
  addFault(fault: object): Promise<{ id: string }>;
  removeFault(faultId: string): Promise<void>;
  clearFaults(): Promise<void>;
  holds(): Promise<t.Hold[]>;
  release(holdId: string): Promise<void>;
  scenarios(): Promise<t.Scenario[]>;
  /** The text of a scenario file, YAML or JSON; mistakes in it are told with the name of the file. */
  loadScenario(text: string, file?: string): Promise<t.Scenario>;
  removeScenario(scenarioId: string): Promise<void>;
  switches(): Promise<t.Switches>;
  changeSwitches(changes: t.SwitchesInput): Promise<t.Switches>;
  verdicts(filter?: Filter): Promise<t.Verdicts>;
  /** What the page shows. */
  overview(filter?: Record<string, string>): Promise<t.Overview>;
  /** The whole state, with every secret in it. */
  snapshot(): Promise<Record<string, unknown>>;
  /** In the place of everything; gives what to know about it, in sentences. */
  loadSnapshot(snapshot: object): Promise<{ notes: string[] }>;
  openapi(): Promise<Record<string, unknown>>;
}

/** The control API of the simulator at this URL; nothing is asked yet. */
export function createClient(url: string): SimulatorClient {
  const call = createCall(url);
  const id = encodeURIComponent;
  const act = <T = t.Made>(installationId: string, what: string, input: object = {}) =>
    call<T>('POST', `/installations/${id(installationId)}/${what}`, input);
  /** A list that comes under its name. */
  const list = async <T>(path: string, name: string) => (await call<Record<string, T[]>>('GET', path))[name] ?? [];

  return {
    health: () => call('GET', '/health'),
    apps: () => list('/apps', 'apps'),
    registerApp: (appId, app) => call('PUT', `/apps/${id(appId)}`, app),
    install: (input) => call('POST', '/installations', input),
    installations: () => list('/installations', 'installations'),
    installation: (installationId) => call('GET', `/installations/${id(installationId)}`),
    settings: (installationId) => call('GET', `/installations/${id(installationId)}/settings`),
    update: (installationId, input) => act(installationId, 'update', input),
    uninstall: (installationId, input) => act(installationId, 'uninstall', input),
    rotate: (installationId, input) => act(installationId, 'rotate', input),
    startTrial: (installationId, input) => act(installationId, 'trial/start', input),
    extendTrial: (installationId, input) => act(installationId, 'trial/extend', input),
    endTrial: (installationId, input) => act(installationId, 'trial/end', input),
    logout: (installationId, input) => act(installationId, 'logout', input),
    sendEvent: (installationId, input) => act(installationId, 'events', input),
    sendRaw: (input) => call('POST', '/events', input),
    accounts: () => list('/accounts', 'accounts'),
    accountUsers: (accountId) => list(`/accounts/${id(accountId)}/users`, 'users'),
    changeUser: (accountId, userId, user) => call('PUT', `/accounts/${id(accountId)}/users/${id(userId)}`, user),
    event: (eventId) => call('GET', `/events/${id(eventId)}`),
    events: (filter = {}) => list(`/events${queryOf(filter)}`, 'events'),
    deliver: (eventId, options = {}) => call('POST', `/events/${id(eventId)}/deliver`, options),
    deliverBySchedule: (eventId, at) =>
      call('POST', `/events/${id(eventId)}/deliver`, { schedule: true, at: at?.toISOString() }),
    signed: (eventId, sign = {}) => call('GET', `/events/${id(eventId)}/signed${queryOf(sign)}`),
    rotateSigningKey: () => call('POST', '/signature-keys/rotate', {}),
    requests: (filter = {}) => list(`/requests${queryOf(filter)}`, 'requests'),
    decisions: () => list('/decisions', 'decisions'),
    secrets: () => list('/secrets', 'secrets'),
    clock: () => call('GET', '/clock'),
    setClock: (to) => call('POST', '/clock', { set: to === 'now' ? to : to.toISOString() }),
    advance: (ms) => call('POST', '/clock', { advance_ms: ms }),
    clockMode: (mode) => call('POST', '/clock', { mode }),
    faults: () => list('/faults', 'faults'),
    addFault: (fault) => call('POST', '/faults', fault),
    removeFault: (faultId) => call('DELETE', `/faults/${id(faultId)}`),
    clearFaults: () => call('DELETE', '/faults'),
    holds: () => call('GET', '/holds'),
    release: (holdId) => call('POST', `/holds/${id(holdId)}/release`, {}),
    scenarios: () => list('/scenarios', 'scenarios'),
    loadScenario: (text, file) => call('POST', `/scenarios${queryOf({ file })}`, text),
    removeScenario: (scenarioId) => call('DELETE', `/scenarios/${id(scenarioId)}`),
    switches: () => call('GET', '/switches'),
    changeSwitches: (changes) => call('PATCH', '/switches', changes),
    verdicts: (filter = {}) => call('GET', `/verdicts${queryOf(filter)}`),
    overview: (filter = {}) => call('GET', `/overview${queryOf(filter)}`),
    snapshot: () => call('GET', '/snapshot'),
    loadSnapshot: (snapshot) => call('PUT', '/snapshot', snapshot),
    openapi: () => call('GET', '/openapi.json'),
  };
}
