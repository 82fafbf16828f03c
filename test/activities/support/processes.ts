import { NotFoundError, OutcomeConflictError } from '../../../store/errors.js';
import type {
  EventContext,
  InstallationContext,
  Processes,
  ProcessRecord,
  SettingsBefore,
  TenantState,
  UntakenEvent,
  UserRow,
} from '../../../store/types.js';
import { eventContext, firstUsers, installationContext, installRecord, settingsBefore } from './records.js';

export const CLIENT_SECRET = 'SECRET-OF-THE-CLIENT';
export const PRIVATE_KEY = 'SECRET-PRIVATE-KEY';

/** Methods whose calls matter as a whole. */
const WATCHED = [
  'claim',
  'takeInstall',
  'takeChange',
  'takeTrial',
  'quarantineTaken',
  'settleEvent',
  'recordTrial',
  'recordSync',
  'recordSending',
  'recordPersonDecision',
  'recordProvisioned',
  'recordPending',
  'recordAccessEnded',
  'promoteCredential',
  'recordDecided',
  'recordOutcome',
  'recordParked',
  'recordWarning',
] as const;
type Calls = { [M in (typeof WATCHED)[number]]: Parameters<Processes[M]>[0][] };

/** The store of one process and one event, in memory: rows as the real one keeps them, with its claims and its names of steps. */
export interface FakeProcesses extends Processes {
  record: ProcessRecord;
  event: EventContext;
  /** Null: nobody knows it. */
  installation: InstallationContext | null;
  before: SettingsBefore;
  tenant: TenantState;
  userRows: UserRow[];
  untakenEvents: UntakenEvent[];
  /** Other active installations of the app. */
  activeInstallations: number;
  /** The installation of an update, uninstall, rotation or trial event is known. */
  knowsInstallation: boolean;
  /** A newer set of credentials than the rotation's own is current. */
  newerIsCurrent: boolean;
  /** Token of the attempt that holds the claim. A lease does not run out by itself. */
  holder: string | null;
  /** How long another's claim still lasts, as `claim` answers it. */
  heldForMs: number;
  /** An event that ends the process, once the inbox has it. */
  preemptedBy: string | null;
  /** Called with each claim before it is judged: what happens meanwhile. */
  onClaim: (() => void) | null;
  failing: Partial<Record<keyof Processes, Error>>;
  /** What they were called with. */
  calls: Calls;
}

/** Writes each change, and nothing that merely reads, to the journal. */
export function fakeProcesses(journal: string[]): FakeProcesses {
  const note = (method: keyof Processes, words?: string) => {
    journal.push(words === undefined ? method : `${method}: ${words}`);
    fail(method);
  };
  const fail = (method: keyof Processes) => {
    const error = fake.failing[method];
    if (error !== undefined) throw error;
  };
  const requireRow = (processId: string) => {
    if (processId !== fake.record.processId) throw new NotFoundError('process', processId);
  };
  const letGo = (attemptToken: string) => {
    if (fake.holder === attemptToken) fake.holder = null;
  };
  const keep = (step: string, result: unknown) => {
    fake.record.stepResults = { ...fake.record.stepResults, [step]: structuredClone(result) };
  };

  const fake: FakeProcesses = {
    record: installRecord(),
    event: eventContext(),
    installation: installationContext(),
    before: settingsBefore(),
    tenant: { newestInstall: null, rivals: [], events: [], processes: [] },
    userRows: firstUsers(),
    untakenEvents: [],
    activeInstallations: 0,
    knowsInstallation: true,
    newerIsCurrent: false,
    holder: null,
    heldForMs: 4_000,
    preemptedBy: null,
    onClaim: null,
    failing: {},
    calls: Object.fromEntries(WATCHED.map((method) => [method, []])) as unknown as Calls,

    async untaken() {
      return fake.untakenEvents;
    },
    async takeInstall(install) {
      note('takeInstall', install.eventId);
      fake.calls.takeInstall.push(install);
    },
    async takeChange(change) {
      note('takeChange', change.eventId);
      fake.calls.takeChange.push(change);
      return fake.knowsInstallation ? 'taken' : 'waits';
    },
    async takeTrial(event) {
      note('takeTrial', event.eventId);
      fake.calls.takeTrial.push(event);
      return fake.knowsInstallation ? 'taken' : 'waits';
    },
    async quarantineTaken(event) {
      note('quarantineTaken', event.eventId);
      fake.calls.quarantineTaken.push(event);
    },
    async settleEvent(event) {
      note('settleEvent', event.outcome);
      fake.event.settled = true;
      fake.calls.settleEvent.push(event);
    },
    async readEvent(eventId) {
      if (eventId !== fake.event.eventId) throw new NotFoundError('event', eventId);
      return { ...fake.event };
    },
    async recordTrial(options) {
      note('recordTrial');
      fake.event.settled = true;
      if (fake.event.installation !== null) {
        const { trial, suspended } = options;
        fake.event.installation = { ...fake.event.installation, trial, suspended };
      }
      fake.calls.recordTrial.push(options);
    },
    async tenantState() {
      return fake.tenant;
    },
    async read(processId) {
      requireRow(processId);
      fail('read');
      return structuredClone(fake.record);
    },
    open({ clientId, publicKey, keyId, keyAlgorithm }) {
      fail('open');
      return { clientId, publicKey, keyId, keyAlgorithm, clientSecret: CLIENT_SECRET, privateKey: PRIVATE_KEY };
    },
    async users() {
      fail('users');
      return fake.userRows;
    },
    async countActive() {
      note('countActive');
      return fake.activeInstallations;
    },
    async readInstallation(installationId) {
      fail('readInstallation');
      if (fake.installation === null) throw new NotFoundError('installation', installationId);
      return fake.installation;
    },
    async claim(options) {
      requireRow(options.processId);
      fake.calls.claim.push(options);
      fake.onClaim?.();
      const { record } = fake;
      const { registerUndo, decision } = options;
      const verb = decision === undefined ? undefined : `to ${decision.verb}`;
      note('claim', registerUndo === true ? 'undo registered' : verb);
      if (record.outcome !== null) return { kind: 'finished', outcome: record.outcome };
      if (fake.preemptedBy !== null && options.ignorePreemption !== true) {
        return { kind: 'preempted', byEventId: fake.preemptedBy };
      }
      if (fake.holder !== null && fake.holder !== options.attemptToken) {
        return { kind: 'held', retryInMs: fake.heldForMs };
      }
      const before = structuredClone(record);
      fake.holder = options.attemptToken;
      if (registerUndo === true && record.undo !== 'done') record.undo = 'registered';
      if (decision !== undefined) decide(decision.verb, decision.reason, options.at);
      return { kind: 'claimed', process: before };
    },
    async release(_processId, attemptToken) {
      note('release');
      letGo(attemptToken);
    },
    async recordSending(options) {
      note('recordSending', options.verb);
      fake.calls.recordSending.push(options);
      if (fake.holder !== options.attemptToken) return false;
      decide(options.verb, options.reason, options.at);
      return true;
    },
    async recordPersonDecision(options) {
      note('recordPersonDecision', options.decision);
      fake.calls.recordPersonDecision.push(options);
      const { decision, reason, by } = options;
      fake.record.personDecision ??= { decision, reason, by };
      return fake.record.personDecision;
    },
    async recordSync(options) {
      note('recordSync');
      keep('sync', options.stepResult);
      fake.calls.recordSync.push(options);
    },
    async recordProvisioned(options) {
      note('recordProvisioned');
      keep('provision', options.stepResult);
      fake.record.productAccountId = options.productAccountId;
      letGo(options.attemptToken);
      fake.calls.recordProvisioned.push(options);
    },
    async recordPending(options) {
      note('recordPending', options.step);
      fake.calls.recordPending.push(options);
      const { [`pending:${options.step}`]: _, ...rest } = fake.record.stepResults;
      fake.record.stepResults = rest;
      if (options.operation !== null) keep(`pending:${options.step}`, options.operation);
    },
    async restoreSettings(processId) {
      requireRow(processId);
      note('restoreSettings');
      return fake.before;
    },
    async recordAccessEnded(options) {
      note('recordAccessEnded');
      keep('endAccess', options.stepResult);
      letGo(options.attemptToken);
      fake.calls.recordAccessEnded.push(options);
    },
    async promoteCredential(options) {
      note('promoteCredential');
      keep('prove', options.stepResult);
      fake.calls.promoteCredential.push(options);
      return !fake.newerIsCurrent;
    },
    async recordUndone({ attemptToken }) {
      note('recordUndone');
      if (fake.record.undo !== 'none') fake.record.undo = 'done';
      letGo(attemptToken);
    },
    async recordDecided(options) {
      note('recordDecided');
      keep('decide', options.stepResult);
      letGo(options.attemptToken);
      fake.calls.recordDecided.push(options);
    },
    async recordOutcome(options) {
      note('recordOutcome', options.outcome);
      const recorded = fake.record.outcome;
      if (recorded !== null && recorded !== options.outcome) {
        throw new OutcomeConflictError(options.processId, recorded, options.outcome);
      }
      fake.record.outcome = options.outcome;
      fake.holder = null;
      fake.calls.recordOutcome.push(options);
    },
    async recordParked(options) {
      const changed = fake.record.parkedReason !== options.reason;
      if (changed) note('recordParked');
      fail('recordParked');
      fake.record.parkedReason = options.reason;
      fake.calls.recordParked.push(options);
      return changed;
    },
    async recordWarning(options) {
      note('recordWarning');
      fake.calls.recordWarning.push(options);
    },
  };

  function decide(verb: 'approve' | 'reject', reason: string, at: Date): void {
    Object.assign(fake.record, { decision: verb, decisionReason: reason, decisionAttemptedAt: at });
  }
  return fake;
}
