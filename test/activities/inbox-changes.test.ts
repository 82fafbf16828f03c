import assert from 'node:assert/strict';
import { beforeEach, describe, it } from 'node:test';
import { ForeignInstallationError, StoreError, StoreUnavailableError } from '../../store/errors.js';
import type { UntakenEvent } from '../../store/types.js';
import { type Bench, createBench, NOW } from './support/bench.js';
import { failureOf } from './support/failure.js';
import { CLIENT_SECRET, PRIVATE_KEY } from './support/processes.js';
import { CREDENTIAL, installationContext } from './support/records.js';

const TENANT = { appId: 'app-1', accountId: 'account-1' };
const CHANGE = {
  installationId: 'installation-1',
  accountId: 'account-1',
  accountName: null,
  appVersionId: 'version-2',
  appVersionName: '2.0.0',
};
const NEW_SET = {
  clientId: 'client-2',
  clientSecret: CLIENT_SECRET,
  privateKey: PRIVATE_KEY,
  publicKey: null,
  keyId: 'key-2',
};
const TRIAL = { installationId: 'installation-1', accountId: 'account-1', expiresAt: null, endedReason: null };

let bench: Bench;
beforeEach(() => {
  bench = createBench();
});

function untaken(type: string, body: object | string, eventId = 'event-1'): UntakenEvent {
  return {
    eventId,
    type,
    createdAt: new Date('2026-01-05T10:00:00Z'),
    receivedAt: new Date('2026-01-05T10:00:01Z'),
    rawBody: Buffer.from(typeof body === 'string' ? body : JSON.stringify(body)),
  };
}
async function take(...events: UntakenEvent[]): Promise<void> {
  bench.processes.untakenEvents = events;
  await bench.run('takeEvents', { tenant: TENANT });
}
const rotated = (keyAlgorithm: string | null) =>
  untaken('app.credentials_rotated', { ...CHANGE, credentials: { ...NEW_SET, keyAlgorithm } });

/** What taking an event of the tests stores, but kind, process and credentials. */
const { accountId: _, ...KEPT } = CHANGE;
const TAKEN = {
  ...KEPT,
  eventId: 'event-1',
  tenant: TENANT,
  createdAt: new Date('2026-01-05T10:00:00Z'),
  bodyWithoutSecrets: '{"about":"installation-1"}',
  dueAt: new Date('2026-01-11T22:00:00Z'),
  closeAt: new Date('2026-01-12T10:00:00Z'),
  takenAt: NOW,
};

describe('taking a change', () => {
  for (const [type, kind] of [
    ['app.updated', 'update'],
    ['app.uninstalled', 'uninstall'],
  ] as const) {
    it(`makes an ${kind} of ${type}, without credentials`, async () => {
      await take(untaken(type, CHANGE));
      assert.deepEqual(bench.processes.calls.takeChange, [
        { ...TAKEN, kind, processId: `${kind}:event-1`, credential: null },
      ]);
    });
  }

  it('makes a rotation of app.credentials_rotated, with the set it delivers', async () => {
    await take(rotated('PS256'));
    const credential = { ...NEW_SET, keyAlgorithm: 'PS256' };
    assert.deepEqual(bench.processes.calls.takeChange, [
      { ...TAKEN, kind: 'rotation', processId: 'rotation:event-1', credential },
    ]);
  });

  it('takes a rotation that names no algorithm to mean the one in use', async () => {
    bench.processes.installation = installationContext({ credential: { ...CREDENTIAL, keyAlgorithm: 'ES384' } });
    await take(rotated(null));
    assert.equal(bench.processes.calls.takeChange[0]?.credential?.keyAlgorithm, 'ES384');
  });

  it('quarantines such a rotation when its key is of another kind', async () => {
    bench.processes.installation = installationContext({ credential: { ...CREDENTIAL, keyAlgorithm: 'PS512' } });
    await take(rotated(null));
    assert.deepEqual(bench.processes.calls.takeChange, []);
    assert.match(bench.processes.calls.quarantineTaken[0]?.reason ?? '', /does not fit/);
  });

  it('lets such a rotation wait while its installation is not known, or has no credentials', async () => {
    bench.processes.installation = null;
    await take(rotated(null));
    bench.processes.installation = installationContext({ credential: null });
    await take(rotated(null));
    assert.deepEqual(bench.journal, []);
  });

  it('takes the trial events', async () => {
    for (const type of ['app.trial_started', 'app.trial_extended', 'app.trial_ended']) {
      await take(untaken(type, { ...TRIAL, type }));
    }
    const { installationId } = TRIAL;
    const taken = { eventId: 'event-1', tenant: TENANT, installationId, takenAt: NOW };
    assert.deepEqual(bench.processes.calls.takeTrial, [taken, taken, taken]);
  });

  it('takes every one that can be taken, in the order given', async () => {
    await take(
      untaken('app.credentials_rotated', 'not an event', 'event-1'),
      untaken('app.trial_started', { ...TRIAL, type: 'app.trial_started' }, 'event-2'),
      untaken('app.updated', CHANGE, 'event-3'),
      untaken('app.something_new', CHANGE, 'event-4'),
      untaken('app.uninstalled', CHANGE, 'event-5'),
    );
    assert.deepEqual(bench.journal, [
      'quarantineTaken: event-1',
      'takeTrial: event-2',
      'takeChange: event-3',
      'quarantineTaken: event-4',
      'takeChange: event-5',
    ]);
  });

  it('leaves what waits for its install where it is', async () => {
    bench.processes.knowsInstallation = false;
    await take(
      untaken('app.uninstalled', CHANGE),
      untaken('app.trial_started', { ...TRIAL, type: 'app.trial_started' }),
    );
    assert.deepEqual(bench.journal, ['takeChange: event-1', 'takeTrial: event-1']);
  });

  for (const [what, error] of [
    ['of another account’s installation', new ForeignInstallationError('installation-1')],
    ['with a value that the database cannot hold', new StoreError('The database refused a value.', '22021')],
  ] as const) {
    it(`quarantines an event ${what}`, async () => {
      bench.processes.failing.takeChange = error;
      await take(untaken('app.updated', CHANGE));
      assert.deepEqual(bench.processes.calls.quarantineTaken, [{ eventId: 'event-1', reason: error.message, at: NOW }]);
    });
  }

  it('quarantines nothing because the database is away or refuses otherwise', async () => {
    for (const error of [
      new StoreUnavailableError('away'),
      new StoreError('refused', '23505'),
      new StoreError('x', null),
    ]) {
      for (const method of ['takeChange', 'readInstallation'] as const) {
        bench.processes.failing = { [method]: error };
        bench.processes.untakenEvents = [rotated(method === 'takeChange' ? 'ES256' : null)];
        assert.equal((await failureOf(bench.run('takeEvents', { tenant: TENANT }))).type, 'Retryable');
      }
    }
    assert.deepEqual(bench.processes.calls.quarantineTaken, []);
  });

  it('passes strange ids unchanged into rows and processes', async () => {
    const installationId = 'a/../b%2F__proto__';
    await take(untaken('app.updated', { ...CHANGE, installationId }, 'e/1%25:..'));
    const [change] = bench.processes.calls.takeChange;
    assert.deepEqual(
      [change?.eventId, change?.processId, change?.installationId],
      ['e/1%25:..', 'update:e/1%25:..', installationId],
    );
  });
});

describe('ending an event without a process', () => {
  it('records how and why', async () => {
    const input = { eventId: 'event-1', outcome: 'quarantined', reason: 'no install came' } as const;
    await bench.run('settleEvent', input);
    assert.deepEqual(bench.processes.calls.settleEvent, [{ ...input, at: NOW }]);
  });
});
