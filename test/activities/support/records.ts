import type {
  EventContext,
  InstallationContext,
  ProcessKind,
  ProcessRecord,
  SealedCredential,
  SettingsBefore,
  UserRow,
} from '../../../store/types.js';

export const PROCESS_ID = 'install:event-1';

export const CREDENTIAL: SealedCredential = {
  credentialId: 'event-1',
  clientId: 'client-1',
  sealedClientSecret: 'sealed client secret',
  sealedPrivateKey: 'sealed private key',
  publicKey: null,
  keyId: 'key-1',
  keyAlgorithm: 'ES256',
};

/** The set that a rotation delivers. */
export const NEW_CREDENTIAL: SealedCredential = {
  ...CREDENTIAL,
  credentialId: 'event-2',
  clientId: 'client-2',
  keyId: 'key-2',
};

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
    takenAt: new Date('2026-01-05T10:00:01Z'),
    announced: null,
    stepResults: {},
    undo: 'none',
    decision: null,
    decisionReason: null,
    decisionAttemptedAt: null,
    personDecision: null,
    outcome: null,
    parkedReason: null,
    earlierApprovalAt: null,
    approvalTried: false,
    accountIsNewer: false,
    installation: installationPart(),
    credential: CREDENTIAL,
    ownCredential: null,
    productAccountId: null,
    keptAccountId: null,
    ...changes,
  };
}

/** The installation as a process row shows it. */
export function installationPart(changes: Partial<ProcessRecord['installation']> = {}): ProcessRecord['installation'] {
  return {
    state: 'pending',
    accountName: 'acme',
    appVersionId: 'version-1',
    appVersionName: '1.4.0',
    planType: 'paid',
    trial: null,
    suspended: false,
    companyName: 'Acme Inc.',
    planName: 'Paid Plus',
    licenses: 10,
    adminUserId: 'user-1',
    apiRoot: 'https://api.talkdeskapp.com',
    tokenUrl: 'https://acme.talkdeskid.com/oauth/token',
    authorizationUrl: 'https://acme.talkdeskid.com/oauth/authorize',
    userinfoUrl: 'https://api.talkdeskapp.com/users/me',
    ...changes,
  };
}

/** A process of an installation that was approved on the first of January, and is in use. */
export function laterRecord(
  kind: Exclude<ProcessKind, 'install'>,
  changes: Partial<ProcessRecord> = {},
): ProcessRecord {
  return installRecord({
    processId: `${kind}:event-1`,
    kind,
    earlierApprovalAt: new Date('2026-01-01T08:00:00Z'),
    approvalTried: true,
    installation: installationPart({ state: 'active' }),
    productAccountId: 'product-1',
    keptAccountId: 'product-1',
    ownCredential: kind === 'rotation' ? { state: 'pending', set: NEW_CREDENTIAL } : null,
    ...changes,
  });
}

/** A licensed user whom the product knows and has seated. */
export function userRow(talkdeskUserId: string, changes: Partial<UserRow> = {}): UserRow {
  return {
    talkdeskUserId,
    email: null,
    name: null,
    admin: false,
    active: true,
    productUserId: `p-${talkdeskUserId}`,
    seat: 'active',
    assignedAt: new Date('2026-01-01T08:00:00Z'),
    ...changes,
  };
}

/** The mapping after the first sync of an install: an admin and a user about whom nothing else is known. */
export function firstUsers(): UserRow[] {
  const fresh = { productUserId: null, seat: null, assignedAt: new Date('2026-01-05T10:00:02Z') };
  return [
    userRow('user-1', { email: 'one@acme.test', name: 'One', admin: true, ...fresh }),
    userRow('user-2', { active: null, ...fresh }),
  ];
}

/** What was in force before an update. */
export function settingsBefore(): SettingsBefore {
  return {
    accountName: 'acme-old',
    planName: 'Paid',
    licenses: 2,
    users: [userRow('user-1', { admin: true, name: 'One' }), userRow('user-3', { seat: 'suspended' })],
  };
}

/** An event of an active installation, without a process of its own. */
export function eventContext(changes: Partial<EventContext> = {}): EventContext {
  return {
    eventId: 'event-1',
    type: 'app.trial_ended',
    tenant: { appId: 'app-1', accountId: 'account-1' },
    installationId: 'installation-1',
    createdAt: new Date('2026-01-05T10:00:00Z'),
    settled: false,
    installation: eventInstallation(),
    productAccountId: 'product-1',
    body: Buffer.from('{}'),
    ...changes,
  };
}

/** Its installation, on a plan that nobody has paid for as far as we know. */
export function eventInstallation(
  changes: Partial<NonNullable<EventContext['installation']>> = {},
): NonNullable<EventContext['installation']> {
  return {
    generation: 2,
    state: 'active',
    newestOfTenant: true,
    apiRoot: 'https://api.talkdeskapp.com',
    tokenUrl: 'https://acme.talkdeskid.com/oauth/token',
    planType: 'trial',
    trial: null,
    suspended: false,
    credential: CREDENTIAL,
    ...changes,
  };
}

/** An installation, as operations without an event read it. */
export function installationContext(changes: Partial<InstallationContext> = {}): InstallationContext {
  return {
    tenant: { appId: 'app-1', accountId: 'account-1' },
    state: 'active',
    apiRoot: 'https://api.talkdeskapp.com',
    tokenUrl: 'https://acme.talkdeskid.com/oauth/token',
    credential: CREDENTIAL,
    ...changes,
  };
}
