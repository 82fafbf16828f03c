import assert from 'node:assert/strict';
import { beforeEach, describe, it } from 'node:test';
import type { Pending } from '../../product/port.js';
import { StoreUnavailableError } from '../../store/errors.js';
import { type Bench, createBench } from './support/bench.js';
import { failureOf } from './support/failure.js';
import { installRecord, laterRecord, PROCESS_ID } from './support/records.js';

const INPUT = { processId: PROCESS_ID };
const pending = (more: Partial<Pending> = {}): Pending => ({ status: 'pending', ...more });

let bench: Bench;
beforeEach(() => {
  bench = createBench();
});

const provision = (attempt = 1) => bench.run('provisionAccount', INPUT, { attempt });
const asked = () =>
  bench.product.calls.provision.map(({ idempotencyKey, operation }) => [idempotencyKey, operation ?? null]);

describe('a product that needs time', () => {
  it('is asked again with the same key and what it named, until it is done', async () => {
    bench.product.answers.provision = () =>
      pending({ operation: 'https://acme.test/jobs/7?x=%2F', retryAfterMs: 60_000 });
    assert.deepEqual(await failureOf(provision()), {
      type: 'Pending',
      message: 'The product has begun and needs more time. It is asked again until it is done.',
      retried: true,
      delayMs: 60_000,
    });
    assert.equal(bench.processes.holder, null);
    bench.product.answers.provision = () => ({ status: 'done', productAccountId: 'product-1' });
    assert.deepEqual(await provision(2), { productAccountId: 'product-1', users: 2 });
    assert.deepEqual(asked(), [
      ['install:event-1:provision', null],
      ['install:event-1:provision', 'https://acme.test/jobs/7?x=%2F'],
    ]);
  });

  it('is asked at growing intervals where it does not say when', async () => {
    bench.product.answers.provision = () => pending();
    const delays: (number | null)[] = [];
    for (const attempt of [1, 2, 3, 8]) delays.push((await failureOf(provision(attempt))).delayMs);
    assert.deepEqual(delays, [2_500, 5_000, 10_000, 150_000]);
  });

  it('may name another operation, or none: the last word counts', async () => {
    for (const operation of ['job-1', 'job-1', 'job-2', undefined, 'job-3']) {
      bench.product.answers.provision = () => pending(operation === undefined ? {} : { operation });
      await failureOf(provision());
    }
    assert.deepEqual(
      asked().map(([, operation]) => operation),
      [null, 'job-1', 'job-1', 'job-2', null],
    );
    // What has not changed is not written again.
    assert.deepEqual(
      bench.processes.calls.recordPending.map(({ step, operation }) => [step, operation]),
      [
        ['provision', 'job-1'],
        ['provision', 'job-2'],
        ['provision', null],
        ['provision', 'job-3'],
      ],
    );
  });

  it('keeps one operation for each step', async () => {
    bench.product.answers.syncUsers = () => pending({ operation: 'users-1' });
    await failureOf(provision());
    await failureOf(provision());
    const { provision: accounts, syncUsers } = bench.product.calls;
    assert.deepEqual(
      [accounts, syncUsers].map((calls) => calls.map(({ operation }) => operation)),
      [
        [undefined, undefined],
        [undefined, 'users-1'],
      ],
    );
  });

  it('is asked again, the same, when what it named could not be stored', async () => {
    bench.product.answers.provision = () => pending({ operation: 'job-1' });
    bench.processes.failing.recordPending = new StoreUnavailableError('The database is away.');
    assert.equal((await failureOf(provision())).type, 'Retryable');
    assert.equal(bench.processes.holder, null);
  });

  for (const [activity, kind, undo] of [
    ['undoProvisioning', 'install', 'registered'],
    ['endAccess', 'uninstall', 'none'],
  ] as const) {
    it(`is waited for by ${activity}, too`, async () => {
      const processId = `${kind}:event-1`;
      bench.processes.record = kind === 'install' ? installRecord({ undo }) : laterRecord(kind);
      bench.product.answers.deprovision = () => pending({ operation: 'closing-1' });
      assert.equal((await failureOf(bench.run(activity, { processId }))).type, 'Pending');
      bench.product.answers.deprovision = () => ({ status: 'done' });
      await bench.run(activity, { processId });
      assert.deepEqual(
        bench.product.calls.deprovision.map(({ operation }) => operation),
        [undefined, 'closing-1'],
      );
    });
  }

  for (const retryAfterMs of [0, -5, Number.NaN, 1]) {
    it(`that asks for ${retryAfterMs} ms causes no storm`, async () => {
      bench.product.answers.provision = () => pending({ retryAfterMs });
      const { type, delayMs } = await failureOf(provision());
      assert.equal(type, 'Pending');
      assert.ok(delayMs !== null && delayMs >= 500, String(delayMs));
    });
  }

  for (const retryAfterMs of [Number.POSITIVE_INFINITY, 1e15]) {
    it(`that asks for ${retryAfterMs} ms is asked within a day all the same`, async () => {
      bench.product.answers.provision = () => pending({ retryAfterMs });
      const { type, delayMs } = await failureOf(provision());
      assert.equal(type, 'Pending');
      assert.ok(delayMs !== null && delayMs <= 86_400_000, String(delayMs));
    });
  }
});

describe('the address for asking again at once', () => {
  it('goes along where the service has one', async () => {
    bench.publicUrl = 'https://service.test/callbacks/product';
    await provision();
    const { provision: accounts, syncUsers } = bench.product.calls;
    for (const call of [accounts[0], syncUsers[0]]) {
      assert.equal(call?.callbackUrl, 'https://service.test/callbacks/product/install:event-1');
    }
  });

  it('is left out where it has none', async () => {
    await provision();
    assert.equal('callbackUrl' in (bench.product.calls.provision[0] ?? {}), false);
  });
});
