import assert from 'node:assert/strict';
import { beforeEach, describe, it } from 'node:test';
import { ProductConfigurationError } from '../../product/errors.js';
import { StoreUnavailableError } from '../../store/errors.js';
import { type Bench, createBench, NOW } from './support/bench.js';
import { failureOf } from './support/failure.js';
import { installRecord, PROCESS_ID } from './support/processes.js';

const INPUT = { processId: PROCESS_ID };
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
    const [recorded] = bench.processes.provisioned;
    assert.ok(recorded !== undefined);
    const { attemptToken, ...rest } = recorded;
    assert.equal(attemptToken, bench.processes.claims[0]?.attemptToken);
    assert.deepEqual(rest, {
      processId: PROCESS_ID,
      productAccountId: 'product-1',
      users: [
        { talkdeskUserId: 'user-1', productUserId: 'p-user-1' },
        { talkdeskUserId: 'user-2', productUserId: 'p-user-2' },
      ],
      stepResult: DONE,
      at: NOW,
    });
    assert.equal(bench.processes.holder, null);
  });

  it('says who is installed, with what plan, and where to sign in; no secret', async () => {
    await bench.run('provisionAccount', INPUT);
    assert.deepEqual(withoutSignal(bench.product.provisions[0]), {
      ...CALL,
      idempotencyKey: 'install:event-1:provision',
      accountName: 'acme',
      companyName: 'Acme Inc.',
      planName: 'Paid Plus',
      licenses: 10,
      adminUserId: 'user-1',
      sso: {
        authorizationUrl: 'https://acme.talkdeskid.com/oauth/authorize',
        tokenUrl: 'https://acme.talkdeskid.com/oauth/token',
        userinfoUrl: 'https://api.talkdeskapp.com/users/me',
      },
    });
    assert.deepEqual(withoutSignal(bench.product.syncs[0]), {
      ...CALL,
      idempotencyKey: 'install:event-1:users',
      productAccountId: 'product-1',
      users: [
        { talkdeskUserId: 'user-1', email: 'one@acme.test', name: 'One', admin: true },
        { talkdeskUserId: 'user-2', email: null, name: null, admin: false },
      ],
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

  it('is not repeated when it was done before, and lets the next step act at once', async () => {
    bench.processes.record = installRecord({ undo: 'registered', stepResults: { provision: DONE } });
    assert.deepEqual(await bench.run('provisionAccount', INPUT), DONE);
    assert.deepEqual(bench.journal, ['claim: undo registered', 'release']);
    assert.equal(bench.processes.holder, null);
  });

  it('gives its result also after the process has its outcome, when its step runs again', async () => {
    bench.processes.record = installRecord({ outcome: 'approved', stepResults: { provision: DONE } });
    assert.deepEqual(await bench.run('provisionAccount', INPUT), DONE);
    assert.deepEqual(bench.product.provisions, []);
  });

  it('is not begun for a process that ended without it', async () => {
    bench.processes.record = installRecord({ outcome: 'superseded' });
    const { type, retried } = await failureOf(bench.run('provisionAccount', INPUT));
    assert.deepEqual({ type, retried }, { type: 'PreEmpted', retried: false });
    assert.deepEqual(bench.product.provisions, []);
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
    assert.deepEqual(bench.processes.provisioned, []);
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
      bench.product.provisions.map(({ idempotencyKey }) => idempotencyKey),
      ['install:event-1:provision', 'install:event-1:provision'],
    );
  });

  it('runs both calls again with their keys when only its result could not be stored', async () => {
    bench.processes.failing.recordProvisioned = new StoreUnavailableError('The database is away.');
    assert.equal((await failureOf(bench.run('provisionAccount', INPUT))).type, 'Retryable');
    bench.processes.failing = {};
    await bench.run('provisionAccount', INPUT, { attempt: 2 });
    assert.deepEqual(
      [...bench.product.provisions, ...bench.product.syncs].map(({ idempotencyKey }) => idempotencyKey),
      ['install:event-1:provision', 'install:event-1:provision', 'install:event-1:users', 'install:event-1:users'],
    );
  });

  it('needs a person when the adapter is not set up', async () => {
    bench.product.answers.provision = () => {
      throw new ProductConfigurationError('The setting databaseUrl is missing.');
    };
    const { type, message, retried } = await failureOf(bench.run('provisionAccount', INPUT));
    assert.deepEqual([type, message, retried], ['NeedsPerson', 'The setting databaseUrl is missing.', false]);
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
    assert.deepEqual(bench.product.syncs, []);
    assert.deepEqual(bench.processes.provisioned, []);
  });
});

describe('undoing what was provisioned', () => {
  it('deprovisions, although an event ends the process, and says so', async () => {
    bench.processes.record = installRecord({ undo: 'registered' });
    bench.processes.preemptedBy = 'event-9';
    await bench.run('undoProvisioning', INPUT);
    assert.deepEqual(bench.journal, ['claim', 'product.deprovision', 'recordUndone']);
    assert.deepEqual(withoutSignal(bench.product.deprovisions[0]), {
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
    assert.deepEqual(bench.product.deprovisions, []);
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
      message:
        'The product refuses to undo what was provisioned for process install:event-1: The account has open invoices.',
      retried: false,
      delayMs: null,
    });
    assert.deepEqual(bench.journal, ['claim', 'product.deprovision', 'release']);
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
      bench.product.deprovisions.map(({ idempotencyKey }) => idempotencyKey),
      ['install:event-1:deprovision', 'install:event-1:deprovision'],
    );
    assert.equal(bench.processes.record.undo, 'done');
  });
});
