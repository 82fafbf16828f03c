import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { describeProduct } from '../../product/suite/describe.js';
import { RULE_NAMES, type RuleName, runSuite } from '../../product/suite/run.js';
import type { ProductHarness } from '../../product/suite/types.js';
import { brokenAccounts } from './broken/accounts.js';
import { brokenAnswers } from './broken/answers.js';
import { brokenOrder } from './broken/order.js';
import { brokenUsers } from './broken/users.js';
import { createReference, REFUSED_ACCOUNT, type Wrap } from './reference.js';

/** The type keeps it complete: a rule without an adapter that breaks it is not known to find anything. */
const BROKEN: Record<RuleName, Record<string, Wrap>> = {
  ...brokenAccounts,
  ...brokenOrder,
  ...brokenAnswers,
  ...brokenUsers,
};

describeProduct('the reference', await createReference(), { describe, it, before, after });

describe('the suite', () => {
  it('waits for a product that answers pending every time it provisions', async () => {
    const reference = await createReference();
    assert.ok(reference.openPending);
    const always: ProductHarness = { ...reference, open: reference.openPending };
    const results = await runSuite(always, {
      only: ['provision-and-lookup', 'same-key-at-once', 'reinstall-keeps-ids'],
    });
    assert.deepEqual(
      results.map(({ rule, status, reason }) => [rule, status, reason]),
      [
        ['provision-and-lookup', 'passed', null],
        ['same-key-at-once', 'passed', null],
        ['reinstall-keeps-ids', 'passed', null],
      ],
    );
  });

  it('skips what the harness cannot arrange, and says what is missing', async () => {
    const reference = await createReference();
    const bare: ProductHarness = {
      open: reference.open,
      openPending: null,
      refusedAccountName: null,
      whileHanging: null,
      whileFailing: null,
    };
    const results = await runSuite(bare);
    assert.deepEqual(
      results.filter(({ status }) => status !== 'passed').map(({ rule, status, reason }) => [rule, status, reason]),
      [
        ['refusal-carries-reason', 'skipped', 'no account is named that the product refuses'],
        ['failure-is-no-refusal', 'skipped', 'the product cannot be made to fail'],
        ['pending-then-done', 'skipped', 'the product never answers pending'],
        ['pending-then-undone', 'skipped', 'the product never answers pending'],
        ['cut-off-comes-back', 'skipped', 'the product cannot be made to hang'],
      ],
    );
  });

  it('gives up on a product that does not answer', async () => {
    const deaf = await createReference((product) => ({
      ...product,
      lookup: () => new Promise<never>(() => undefined),
    }));
    const [result] = await runSuite(deaf, { only: ['provision-and-lookup'], limitMs: 50 });
    assert.equal(result?.status, 'failed');
    assert.equal(result?.reason, 'took longer than 50 ms');
  });

  it('tells a product that refuses too little from one that refuses', async () => {
    const welcoming = await createReference((product) => ({
      ...product,
      provision: (call) =>
        product.provision({
          ...call,
          accountName: call.accountName === REFUSED_ACCOUNT ? 'anybody' : call.accountName,
        }),
    }));
    const results = await runSuite(welcoming, { only: ['refusal-carries-reason'] });
    assert.deepEqual(
      results.map(({ status }) => status),
      ['failed'],
    );
  });
});

describe('an adapter that breaks one rule fails that rule and no other', { concurrency: 4 }, () => {
  for (const rule of RULE_NAMES) {
    for (const [flaw, wrap] of Object.entries(BROKEN[rule])) {
      it(`${rule}: ${flaw}`, async () => {
        const results = await runSuite(await createReference(wrap));
        assert.deepEqual(
          results.filter(({ status }) => status !== 'passed').map(({ rule: name, status }) => [name, status]),
          [[rule, 'failed']],
          JSON.stringify(
            results.filter(({ status }) => status !== 'passed'),
            null,
            2,
          ),
        );
      });
    }
  }
});
