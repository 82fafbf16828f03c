import { NotFoundError, OutcomeConflictError } from '../../../store/errors.js';
import type { Processes, ProcessRecord, TakeInstall, UntakenEvent } from '../../../store/types.js';

export const PROCESS_ID = 'install:event-1';
export const CLIENT_SECRET = 'SECRET-OF-THE-CLIENT';
export const PRIVATE_KEY = 'SECRET-PRIVATE-KEY';

/** The store of one process, in memory: rows as the real one keeps them, with its claims and under its names of steps. */
export interface FakeProcesses extends Processes {
  record: ProcessRecord;
  /** Token of the attempt that holds the claim. A lease does not run out by itself. */
  holder: string | null;
  /** How long another's claim still lasts, as `claim` answers it. */
  heldForMs: number;
  /** An event that ends the process, once the inbox has it. */
  preemptedBy: string | null;
  /** Called with each claim before it is judged: what happens meanwhile. */
  onClaim: (() => void) | null;
  claims: Parameters<Processes['claim']>[0][];
  failing: Partial<Record<keyof Processes, Error>>;
  userRows: Awaited<ReturnType<Processes['users']>>;
  untakenEvents: UntakenEvent[];
  taken: TakeInstall[];
  quarantined: Parameters<Processes['quarantineTaken']>[0][];
  synced: Parameters<Processes['recordSync']>[0][];
  provisioned: Parameters<Processes['recordProvisioned']>[0][];
  decided: Parameters<Processes['recordDecided']>[0][];
  outcomes: Parameters<Processes['recordOutcome']>[0][];
  parked: Parameters<Processes['recordParked']>[0][];
}

/** An install that was just taken, of an installation that Talkdesk was not yet asked about. */
export function installRecord(changes: Partial<ProcessRecord> = {}): ProcessRecord {
  return {
    processId: PROCESS_ID,
    kind: 'install',
    eventId: 'event-1',
    tenant: { appId: 'app-1', accountId: 'account-1' },
    installationId: 'installation-1',
    generation: 2,
    eventCreatedAt: new Date('2026-01-05T10:00:00Z'),
    dueAt: new Date('2026-01-11T22:00:00Z'),
    closeAt: new Date('2026-01-12T10:00:00Z'),
    stepResults: {},
    undo: 'none',
    decision: null,
    decisionReason: null,
    decisionAttemptedAt: null,
    outcome: null,
    parkedReason: null,
    installation: {
      accountName: 'acme',
      companyName: 'Acme Inc.',
      planName: 'Paid Plus',
      licenses: 10,
      adminUserId: 'user-1',
      apiRoot: 'https://api.talkdeskapp.com',
      tokenUrl: 'https://acme.talkdeskid.com/oauth/token',
      authorizationUrl: 'https://acme.talkdeskid.com/oauth/authorize',
      userinfoUrl: 'https://api.talkdeskapp.com/users/me',
    },
    credential: {
      credentialId: 'event-1',
      clientId: 'client-1',
      sealedClientSecret: 'sealed client secret',
      sealedPrivateKey: 'sealed private key',
      publicKey: null,
      keyId: 'key-1',
      keyAlgorithm: 'ES256',
    },
    productAccountId: null,
    ...changes,
  };
}

/** Writes each change, and nothing that merely reads, to the journal. */
export function fakeProcesses(journal: string[]): FakeProcesses {
  const note = (method: keyof Processes, words?: string) => {
    journal.push(words === undefined ? method : `${method}: ${words}`);
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
    holder: null,
    heldForMs: 4_000,
    preemptedBy: null,
    onClaim: null,
    claims: [],
    failing: {},
    userRows: [
      { talkdeskUserId: 'user-1', email: 'one@acme.test', name: 'One', admin: true },
      { talkdeskUserId: 'user-2', email: null, name: null, admin: false },
    ],
    untakenEvents: [],
    taken: [],
    quarantined: [],
    synced: [],
    provisioned: [],
    decided: [],
    outcomes: [],
    parked: [],

    async untaken() {
      return fake.untakenEvents;
    },
    async takeInstall(install) {
      note('takeInstall', install.eventId);
      fake.taken.push(install);
    },
    async quarantineTaken(event) {
      note('quarantineTaken', event.eventId);
      fake.quarantined.push(event);
    },
    async tenantState() {
      return {
        newestInstall: { eventId: 'event-1', createdAtMs: 1_767_607_200_000, installationId: 'installation-1' },
        events: [
          {
            eventId: 'event-1',
            type: 'app.installed',
            installationId: 'installation-1',
            createdAtMs: 1_767_607_200_000,
          },
        ],
        processes: [],
      };
    },
    async read(processId) {
      requireRow(processId);
      if (fake.failing.read !== undefined) throw fake.failing.read;
      return structuredClone(fake.record);
    },
    open({ clientId, publicKey, keyId, keyAlgorithm }) {
      if (fake.failing.open !== undefined) throw fake.failing.open;
      return { clientId, publicKey, keyId, keyAlgorithm, clientSecret: CLIENT_SECRET, privateKey: PRIVATE_KEY };
    },
    async users() {
      return fake.userRows;
    },
    async claim(options) {
      requireRow(options.processId);
      fake.claims.push(options);
      fake.onClaim?.();
      const { record } = fake;
      const { registerUndo, decision } = options;
      note(
        'claim',
        registerUndo === true ? 'undo registered' : decision === undefined ? undefined : `to ${decision.verb}`,
      );
      if (record.outcome !== null) return { kind: 'finished', outcome: record.outcome };
      if (fake.preemptedBy !== null && options.ignorePreemption !== true) {
        return { kind: 'preempted', byEventId: fake.preemptedBy };
      }
      if (fake.holder !== null && fake.holder !== options.attemptToken) {
        return { kind: 'held', retryInMs: fake.heldForMs };
      }
      const before = structuredClone(record);
      fake.holder = options.attemptToken;
      if (registerUndo === true && record.undo === 'none') record.undo = 'registered';
      if (decision !== undefined) {
        Object.assign(record, {
          decision: decision.verb,
          decisionReason: decision.reason,
          decisionAttemptedAt: options.at,
        });
      }
      return { kind: 'claimed', process: before };
    },
    async release(_processId, attemptToken) {
      note('release');
      letGo(attemptToken);
    },
    async recordSync(options) {
      note('recordSync');
      keep('sync', options.stepResult);
      fake.synced.push(options);
    },
    async recordProvisioned(options) {
      note('recordProvisioned');
      keep('provision', options.stepResult);
      fake.record.productAccountId = options.productAccountId;
      letGo(options.attemptToken);
      fake.provisioned.push(options);
    },
    async recordUndone({ attemptToken }) {
      note('recordUndone');
      if (fake.record.undo === 'registered') fake.record.undo = 'done';
      letGo(attemptToken);
    },
    async recordDecided(options) {
      note('recordDecided');
      keep('decide', options.stepResult);
      letGo(options.attemptToken);
      fake.decided.push(options);
    },
    async recordOutcome(options) {
      note('recordOutcome', options.outcome);
      const recorded = fake.record.outcome;
      if (recorded !== null && recorded !== options.outcome) {
        throw new OutcomeConflictError(options.processId, recorded, options.outcome);
      }
      fake.record.outcome = options.outcome;
      fake.holder = null;
      fake.outcomes.push(options);
    },
    async recordParked(options) {
      note('recordParked');
      fake.record.parkedReason = options.reason;
      fake.parked.push(options);
    },
  };
  return fake;
}
