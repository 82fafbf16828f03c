import assert from 'node:assert/strict';
import { beforeEach, describe, it } from 'node:test';
import { ForeignInstallationError, StoreUnavailableError } from '../../store/errors.js';
import type { UntakenEvent } from '../../store/types.js';
import { type Bench, createBench, NOW } from './support/bench.js';
import { failureOf } from './support/failure.js';
import { CLIENT_SECRET, PRIVATE_KEY } from './support/processes.js';
import { PROCESS_ID } from './support/records.js';

const TENANT = { appId: 'app-1', accountId: 'account-1' };
const INSTALLED = {
  installationId: 'installation-1',
  accountId: 'account-1',
  accountName: 'acme',
  appVersionId: 'version-1',
  appVersionName: '1.4.0',
  credentials: {
    clientId: 'client-1',
    clientSecret: CLIENT_SECRET,
    privateKey: PRIVATE_KEY,
    publicKey: null,
    keyId: 'key-1',
    keyAlgorithm: 'ES256',
  },
  apiRoot: 'https://api.talkdeskapp.com',
  tokenUrl: 'https://acme.talkdeskid.com/oauth/token',
  authorizationUrl: null,
  userinfoUrl: null,
};

let bench: Bench;
beforeEach(() => {
  bench = createBench();
});

function untaken(eventId: string, body: string = JSON.stringify(INSTALLED)): UntakenEvent {
  return {
    eventId,
    type: 'app.installed',
    createdAt: new Date('2026-01-05T10:00:00Z'),
    receivedAt: new Date('2026-01-05T10:00:01Z'),
    rawBody: Buffer.from(body),
  };
}

describe('taking events from the inbox', () => {
  it('makes a process of an install, due after 6 d 12 h and closed after 7 d', async () => {
    bench.processes.untakenEvents = [untaken('event-1')];
    await bench.run('takeEvents', { tenant: TENANT });
    const { credentials, accountId: _, ...rest } = INSTALLED;
    assert.deepEqual(bench.processes.calls.takeInstall, [
      {
        ...rest,
        eventId: 'event-1',
        tenant: TENANT,
        createdAt: new Date('2026-01-05T10:00:00Z'),
        credential: credentials,
        bodyWithoutSecrets: '{"about":"installation-1"}',
        processId: 'install:event-1',
        dueAt: new Date('2026-01-11T22:00:00Z'),
        closeAt: new Date('2026-01-12T10:00:00Z'),
        takenAt: NOW,
      },
    ]);
  });

  it('answers with what the store knows of the tenant, and nothing else', async () => {
    const event = { eventId: 'event-1', installationId: 'installation-1', createdAtMs: 1_767_607_200_000 };
    const newestInstall = { ...event };
    const rivals = [{ ...event, eventId: 'event-2', type: 'app.uninstalled', settled: false }];
    const events = [{ ...event, type: 'app.installed', receivedAtMs: 1_767_607_201_000, taken: true }];
    const open = { ...event, processId: PROCESS_ID, kind: 'install' as const, needsUndo: true };
    bench.processes.tenant = { newestInstall, rivals, events, processes: [open] };
    bench.processes.untakenEvents = [untaken('event-1')];
    assert.deepEqual(await bench.run('takeEvents', { tenant: TENANT }), {
      record: { newestInstall, rivals },
      events,
      processes: [open],
    });
  });

  it('quarantines an unusable body and takes the others', async () => {
    bench.processes.untakenEvents = [untaken('event-1'), untaken('event-2', 'not an event'), untaken('event-3')];
    await bench.run('takeEvents', { tenant: TENANT });
    assert.deepEqual(bench.journal, ['takeInstall: event-1', 'quarantineTaken: event-2', 'takeInstall: event-3']);
    assert.deepEqual(bench.processes.calls.quarantineTaken, [
      { eventId: 'event-2', reason: 'The event lacks usable fields: private_key', at: NOW },
    ]);
  });

  it('quarantines an event of an installation that belongs to another account, and takes the others', async () => {
    bench.processes.untakenEvents = [untaken('event-1'), untaken('event-2')];
    const { takeInstall } = bench.processes;
    bench.processes.takeInstall = async (install) => {
      if (install.eventId === 'event-1') throw new ForeignInstallationError('installation-1');
      await takeInstall(install);
    };
    await bench.run('takeEvents', { tenant: TENANT });
    assert.deepEqual(bench.journal, ['quarantineTaken: event-1', 'takeInstall: event-2']);
    assert.deepEqual(bench.processes.calls.quarantineTaken, [
      {
        eventId: 'event-1',
        reason:
          'The installation installation-1 is already known under another app or account; its event was not taken.',
        at: NOW,
      },
    ]);
  });

  it('quarantines nothing because the database is away', async () => {
    bench.processes.untakenEvents = [untaken('event-1')];
    bench.processes.failing.takeInstall = new StoreUnavailableError('The database is away.');
    const failure = await failureOf(bench.run('takeEvents', { tenant: TENANT }));
    assert.deepEqual(failure, { type: 'Retryable', message: 'The database is away.', retried: true, delayMs: 500 });
    assert.deepEqual(bench.journal, ['takeInstall: event-1']);
  });
});
