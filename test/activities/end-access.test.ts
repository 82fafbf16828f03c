import assert from 'node:assert/strict';
import { beforeEach, describe, it } from 'node:test';
import { StoreUnavailableError } from '../../store/errors.js';
import type { ProcessRecord } from '../../store/types.js';
import { type Bench, createBench, NOW } from './support/bench.js';
import { failureOf } from './support/failure.js';
import { laterRecord } from './support/records.js';

const INPUT = { processId: 'uninstall:event-1' };

let bench: Bench;
beforeEach(() => {
  bench = createBench();
  given();
});

function given(changes: Partial<ProcessRecord> = {}): void {
  bench.processes.record = laterRecord('uninstall', changes);
}
const endAccess = () => bench.run('endAccess', INPUT);

describe('ending access for an uninstall', () => {
  it('closes the account, and keeps that it did', async () => {
    assert.deepEqual(await endAccess(), { access: 'ended' });
    assert.deepEqual(bench.journal, ['claim', 'product.deprovision', 'recordAccessEnded']);
    const [call] = bench.product.calls.deprovision;
    assert.deepEqual([call?.processId, call?.idempotencyKey], [INPUT.processId, 'uninstall:event-1:deprovision']);
    const attemptToken = bench.processes.calls.claim[0]?.attemptToken;
    assert.deepEqual(bench.processes.calls.recordAccessEnded, [
      { ...INPUT, attemptToken, stepResult: { access: 'ended' }, at: NOW },
    ]);
    assert.deepEqual([bench.facts.map(({ name }) => name), bench.processes.holder], [['access-ended'], null]);
  });

  for (const [what, changes] of [
    ['that a later installation has opened', { accountIsNewer: true }],
    ['that is not there', { productAccountId: null }],
  ] as const) {
    it(`leaves an account alone ${what}`, async () => {
      given(changes);
      assert.deepEqual(await endAccess(), { access: 'other' });
      assert.deepEqual(bench.journal, ['claim', 'recordAccessEnded']);
      assert.deepEqual(
        [bench.processes.calls.recordAccessEnded[0]?.stepResult, bench.facts],
        [{ access: 'other' }, []],
      );
    });
  }

  it('is not repeated, and gives its result also after the process has its outcome', async () => {
    await endAccess();
    assert.deepEqual(await endAccess(), { access: 'ended' });
    bench.processes.record.outcome = 'approved';
    assert.deepEqual(await endAccess(), { access: 'ended' });
    assert.equal(bench.product.calls.deprovision.length, 1);
    assert.equal(bench.processes.holder, null);
  });

  it('is done although an install of the same installation ends the process: that one may never come to be', async () => {
    bench.processes.preemptedBy = 'event-9';
    assert.deepEqual(await endAccess(), { access: 'ended' });
    assert.equal(bench.product.calls.deprovision.length, 1);
  });

  it('is tried again with the same key after the product or our database failed', async () => {
    bench.product.answers.deprovision = () => {
      throw new Error('no answer');
    };
    assert.equal((await failureOf(endAccess())).type, 'Retryable');
    bench.product.answers.deprovision = () => ({ status: 'done' });
    bench.processes.failing.recordAccessEnded = new StoreUnavailableError('The database is away.');
    assert.equal((await failureOf(endAccess())).type, 'Retryable');
    assert.equal(bench.processes.holder, null);
    bench.processes.failing = {};
    assert.deepEqual(await endAccess(), { access: 'ended' });
    assert.deepEqual(new Set(bench.product.calls.deprovision.map(({ idempotencyKey }) => idempotencyKey)).size, 1);
  });

  it('needs a person when the product refuses: it has no right to', async () => {
    bench.product.answers.deprovision = () => ({ status: 'refused', reason: 'Open invoices.' });
    const { type, message } = await failureOf(endAccess());
    assert.deepEqual(
      [type, message],
      ['NeedsPerson', 'The product refuses what it must do (deprovision): Open invoices.'],
    );
    assert.deepEqual(bench.processes.calls.recordAccessEnded, []);
  });
});
