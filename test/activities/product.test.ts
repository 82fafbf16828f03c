import assert from 'node:assert/strict';
import { beforeEach, describe, it } from 'node:test';
import { ProductConfigurationError } from '../../product/errors.js';
import { StoreUnavailableError } from '../../store/errors.js';
import { type Bench, createBench, NOW } from './support/bench.js';
import { failureOf } from './support/failure.js';
import { installRecord, PROCESS_ID } from './support/records.js';

const INPUT = { processId: PROCESS_ID };
/** What needs a person is tried again hourly. */
const HOUR_MS = 3_600_000;
const DONE = { productAccountId: 'product-1', users: 2 };

let bench: Bench;
beforeEach(() => {
  bench = createBench();
});

/** What every call of the process carries, but its key. */
const CALL = {
  appId: 'app-1',
  accountId: 'account-1',
  installationId: 'installation-1',
  generation: 2,
  processId: PROCESS_ID,
};

function withoutSignal<T extends { signal: AbortSignal }>(call: T | undefined): Omit<T, 'signal'> {
  assert.ok(call !== undefined);
  const { signal, ...rest } = call;
  assert.ok(signal instanceof AbortSignal);
  return rest;
}

describe('provisioning', () => {
  it('registers its undo, then makes account and users, then stores what they are called', async () => {
    assert.deepEqual(await bench.run('provisionAccount', INPUT), DONE);
    assert.deepEqual(bench.journal, [
      'claim: undo registered',
      'product.provision',
      'product.syncUsers',
      'recordProvisioned',
    ]);
    const [recorded] = bench.processes.calls.recordProvisioned;
    assert.ok(recorded !== undefined);
    const { attemptToken, ...rest } = recorded;
    assert.equal(attemptToken, bench.processes.calls.claim[0]?.attemptToken);
    assert.deepEqual(rest, {
      processId: PROCESS_ID,
      productAccountId: 'product-1',
      users: [
        { talkdeskUserId: 'user-1', productUserId: 'p-user-1', seat: 'active' },
        { talkdeskUserId: 'user-2', productUserId: 'p-user-2', seat: 'active' },
      ],
      stepResult: DONE,
      at: NOW,
    });
    assert.equal(bench.processes.holder, null);
  });

  it('says who is installed, with what plan, and where to sign in; no secret', async () => {
    await bench.run('provisionAccount', INPUT);
    assert.deepEqual(withoutSignal(bench.product.calls.provision[0]), {
      ...CALL,
      idempotencyKey: 'install:event-1:provision',
      accountName: 'acme',
      companyName: 'Acme Inc.',
      planName: 'Paid Plus',
      licenses: 10,
      adminUserId: 'user-1',
      keptAccountId: null,
      sso: {
        authorizationUrl: 'https://acme.talkdeskid.com/oauth/authorize',
        tokenUrl: 'https://acme.talkdeskid.com/oauth/token',
        userinfoUrl: 'https://api.talkdeskapp.com/users/me',
      },
    });
    assert.deepEqual(withoutSignal(bench.product.calls.syncUsers[0]), {
      ...CALL,
      idempotencyKey: 'install:event-1:users',
      productAccountId: 'product-1',
      users: [
        { talkdeskUserId: 'user-1', email: 'one@acme.test', name: 'One', admin: true, seat: 'active' },
        { talkdeskUserId: 'user-2', email: null, name: null, admin: false, seat: 'active' },
      ],
      seats: 10,
      autoProvisionFilters: [],
    });
    assert.deepEqual(bench.facts, [
      {
        name: 'provisioned',
        atMs: 1_767_607_202_000,
        installationId: 'installation-1',
        eventId: 'event-1',
        note: 'product account product-1, 2 users',
      },
    ]);
  });

  it('has the account of an earlier installation opened again', async () => {
    bench.processes.record = installRecord({ productAccountId: 'product-1', keptAccountId: 'product-1' });
    assert.deepEqual(await bench.run('provisionAccount', INPUT), DONE);
    assert.deepEqual(bench.journal.slice(1, 3), ['product.provision', 'product.syncUsers']);
    assert.equal(bench.product.calls.provision[0]?.keptAccountId, 'product-1');
  });

  it('is not repeated when it was done before, and lets the next step act at once', async () => {
    bench.processes.record = installRecord({ undo: 'registered', stepResults: { provision: DONE } });
    assert.deepEqual(await bench.run('provisionAccount', INPUT), DONE);
    assert.deepEqual(bench.journal, ['claim: undo registered', 'release']);
    assert.equal(bench.processes.holder, null);
  });

  it('gives its result also after the process has its outcome, when its step runs again', async () => {
    bench.processes.record = installRecord({ outcome: 'approved', stepResults: { provision: DONE } });
    assert.deepEqual(await bench.run('provisionAccount', INPUT), DONE);
    assert.deepEqual(bench.product.calls.provision, []);
  });

  it('is not begun for a process that ended without it', async () => {
    bench.processes.record = installRecord({ outcome: 'superseded' });
    const { type, retried } = await failureOf(bench.run('provisionAccount', INPUT));
    assert.deepEqual({ type, retried }, { type: 'PreEmpted', retried: false });
    assert.deepEqual(bench.product.calls.provision, []);
  });

  it('fails as refused with the product’s reason, and lets the reject act at once', async () => {
    bench.product.answers.provision = () => ({ status: 'refused', reason: 'Plan "Trial" is not sold in your region.' });
    assert.deepEqual(await failureOf(bench.run('provisionAccount', INPUT)), {
      type: 'Refused',
      message: 'Plan "Trial" is not sold in your region.',
      retried: false,
      delayMs: null,
    });
    assert.deepEqual(bench.journal, ['claim: undo registered', 'product.provision', 'release']);
    assert.deepEqual([bench.processes.holder, bench.processes.record.undo], [null, 'registered']);
  });

  it('fails as refused also when the product refuses the users', async () => {
    bench.product.answers.syncUsers = () => ({ status: 'refused', reason: 'Too many users.' });
    const { type, message } = await failureOf(bench.run('provisionAccount', INPUT));
    assert.deepEqual([type, message], ['Refused', 'Too many users.']);
    assert.deepEqual(bench.processes.calls.recordProvisioned, []);
  });

  it('does not ask the product again once a reject was on its way', async () => {
    bench.processes.record = installRecord({ decision: 'reject', decisionReason: 'Too many users.' });
    const { type, message } = await failureOf(bench.run('provisionAccount', INPUT));
    assert.deepEqual([type, message], ['Refused', 'Too many users.']);
    assert.deepEqual(bench.journal, ['claim: undo registered', 'release']);
  });

  it('is tried again after the product failed, with the same key', async () => {
    bench.product.answers.provision = () => {
      throw Object.assign(new Error('socket hang up'), { code: 'ECONNRESET' });
    };
    assert.deepEqual(await failureOf(bench.run('provisionAccount', INPUT, { isLocal: true })), {
      type: 'Retryable',
      message: 'The product failed: socket hang up (ECONNRESET)',
      retried: true,
      delayMs: 500,
    });
    assert.equal(bench.processes.holder, null);

    bench.product.answers.provision = () => ({ status: 'done', productAccountId: 'product-1' });
    assert.deepEqual(await bench.run('provisionAccount', INPUT), DONE);
    assert.deepEqual(
      bench.product.calls.provision.map(({ idempotencyKey }) => idempotencyKey),
      ['install:event-1:provision', 'install:event-1:provision'],
    );
  });

  it('runs both calls again with their keys when only its result could not be stored', async () => {
    bench.processes.failing.recordProvisioned = new StoreUnavailableError('The database is away.');
    assert.equal((await failureOf(bench.run('provisionAccount', INPUT))).type, 'Retryable');
    bench.processes.failing = {};
    await bench.run('provisionAccount', INPUT, { attempt: 2 });
    assert.deepEqual(
      [...bench.product.calls.provision, ...bench.product.calls.syncUsers].map(({ idempotencyKey }) => idempotencyKey),
      ['install:event-1:provision', 'install:event-1:provision', 'install:event-1:users', 'install:event-1:users'],
    );
  });

  it('needs a person when the adapter is not set up', async () => {
    bench.product.answers.provision = () => {
      throw new ProductConfigurationError('The setting databaseUrl is missing.');
    };
    const { type, message, delayMs } = await failureOf(bench.run('provisionAccount', INPUT));
    assert.deepEqual([type, message, delayMs], ['NeedsPerson', 'The setting databaseUrl is missing.', HOUR_MS]);
    assert.equal(bench.processes.holder, null);
  });

  it('leaves the product alone while another attempt holds the process', async () => {
    bench.processes.holder = 'another';
    const { type, delayMs } = await failureOf(bench.run('provisionAccount', INPUT));
    assert.deepEqual([type, delayMs], ['Retryable', 4_000]);
    assert.deepEqual(bench.journal, ['claim: undo registered']);
    assert.deepEqual([bench.processes.holder, bench.processes.record.undo], ['another', 'none']);
  });

  it('stops between account and users when its claim was lost meanwhile', async (t) => {
    let nowMs = 0;
    t.mock.method(performance, 'now', () => nowMs);
    bench.product.answers.provision = () => {
      nowMs = 5_000;
      bench.processes.preemptedBy = 'event-9';
      return { status: 'done', productAccountId: 'product-1' };
    };
    const { type, message } = await failureOf(bench.run('provisionAccount', INPUT));
    assert.deepEqual([type, message], ['PreEmpted', 'overtaken by event event-9']);
    assert.deepEqual(bench.product.calls.syncUsers, []);
    assert.deepEqual(bench.processes.calls.recordProvisioned, []);
  });
});

describe('undoing what was provisioned', () => {
  it('deprovisions, although an event ends the process, and says so', async () => {
    bench.processes.record = installRecord({ undo: 'registered' });
    bench.processes.preemptedBy = 'event-9';
    await bench.run('undoProvisioning', INPUT);
    assert.deepEqual(bench.journal, ['claim', 'product.deprovision', 'recordUndone']);
    assert.deepEqual(withoutSignal(bench.product.calls.deprovision[0]), {
      ...CALL,
      idempotencyKey: 'install:event-1:deprovision',
    });
    assert.deepEqual([bench.processes.record.undo, bench.processes.holder], ['done', null]);
    assert.deepEqual(
      bench.facts.map(({ name }) => name),
      ['undone'],
    );
  });

  it('does not ask the product where nothing was begun, or where it is undone already', async () => {
    for (const undo of ['none', 'done'] as const) {
      bench.processes.record = installRecord({ undo });
      await bench.run('undoProvisioning', INPUT);
      assert.deepEqual([bench.processes.record.undo, bench.processes.holder], [undo, null]);
    }
    assert.deepEqual(bench.product.calls.deprovision, []);
    assert.deepEqual(bench.facts, []);
  });

  it('leaves a process alone that has its outcome', async () => {
    bench.processes.record = installRecord({ undo: 'registered', outcome: 'approved' });
    await bench.run('undoProvisioning', INPUT);
    assert.deepEqual(bench.journal, ['claim']);
  });

  it('needs a person when the product refuses', async () => {
    bench.processes.record = installRecord({ undo: 'registered' });
    bench.product.answers.deprovision = () => ({ status: 'refused', reason: 'The account has open invoices.' });
    assert.deepEqual(await failureOf(bench.run('undoProvisioning', INPUT)), {
      type: 'NeedsPerson',
      message: 'The product refuses what it must do (deprovision): The account has open invoices.',
      retried: true,
      delayMs: HOUR_MS,
    });
    assert.deepEqual(bench.journal, ['claim', 'product.deprovision', 'release', 'recordParked']);
    assert.equal(bench.processes.record.undo, 'registered');
  });

  it('is tried again after the product failed, with the same key', async () => {
    bench.processes.record = installRecord({ undo: 'registered' });
    bench.product.answers.deprovision = () => {
      throw new Error('no answer');
    };
    const { type, retried } = await failureOf(bench.run('undoProvisioning', INPUT, { attempt: 4 }));
    assert.deepEqual({ type, retried }, { type: 'Retryable', retried: true });
    bench.product.answers.deprovision = () => ({ status: 'done' });
    await bench.run('undoProvisioning', INPUT, { attempt: 5 });
    assert.deepEqual(
      bench.product.calls.deprovision.map(({ idempotencyKey }) => idempotencyKey),
      ['install:event-1:deprovision', 'install:event-1:deprovision'],
    );
    assert.equal(bench.processes.record.undo, 'done');
  });
});
