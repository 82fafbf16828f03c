import assert from 'node:assert/strict';
import type { Pending, Product, ProvisionAnswer } from '../../port.js';
import { createPatientProduct, settle } from '../patient.js';
import { assertRefused, createTenant, provisioned } from '../tenant.js';
import type { ProductHarness, Rule } from '../types.js';

/** Longest name of work under way (product/port.ts). */
const MAX_OPERATION_LENGTH = 2_000;

/** Rules about the kinds of answers: refused, failed, pending. */
export const answerRules = {
  'refusal-carries-reason': {
    demands:
      'A refusal is an answer with a reason that a customer can read, the same for the same key; nothing is made.',
    needs: 'refusedAccountName',
    async check({ product, otherWorker, harness, signal }) {
      const tenant = createTenant(signal);
      const provision = tenant.provision('p1', { accountName: harness.refusedAccountName ?? '' });
      const answer = await product.provision(provision);
      assertRefused(answer, `provision for the account name ${harness.refusedAccountName}`);
      assert.ok(answer.status === 'refused');
      assert.equal(typeof answer.reason, 'string');
      assert.notEqual(answer.reason.trim(), '', 'the refusal carries no reason');
      assert.deepEqual(await otherWorker.provision(provision), answer);
      assert.equal(await product.lookup(tenant.lookup), null, 'a refused account was made');
    },
  },

  'failure-is-no-refusal': {
    demands: 'While the product is down a call throws; it is not refused, and the same key works afterwards.',
    needs: 'whileFailing',
    async check({ product, harness, signal }) {
      const tenant = createTenant(signal);
      const provision = tenant.provision('p1');
      await harness.whileFailing?.(async () => {
        await assert.rejects(product.provision(provision), (error) => error instanceof Error);
      });
      assert.equal((await product.provision(provision)).status, 'done');
    },
  },

  'pending-then-done': {
    demands: 'Pending work goes on: asked with the same key it ends in one effect, and the answer stays.',
    needs: 'openPending',
    check: ({ harness, signal }) =>
      withPending(harness, async (product, otherWorker) => {
        const tenant = createTenant(signal);
        const provision = tenant.provision('p1');
        const first = await product.provision(provision);
        assertPending(first);
        const answer = await settle(withOperation(provision, first), (call) => product.provision(call));
        const found = await product.lookup(tenant.lookup);
        assert.ok(found, 'there is no account');
        const done = { status: 'done', productAccountId: found.productAccountId };
        assert.deepEqual(answer, done);
        assert.deepEqual(await otherWorker.provision(provision), done, 'the work began again');
        assert.deepEqual(await product.provision(withOperation(provision, first)), done, 'the work began again');
      }),
  },

  'pending-then-undone': {
    demands: 'Pending work ends without effect when its process is undone.',
    needs: 'openPending',
    check: ({ harness, signal }) =>
      withPending(harness, async (product, otherWorker) => {
        const tenant = createTenant(signal);
        const provision = tenant.provision('p1');
        const first = await product.provision(provision);
        assertPending(first);
        await createPatientProduct(otherWorker).deprovision(tenant.call('p1'));
        const answer = await settle(withOperation(provision, first), (call) => product.provision(call));
        assertRefused(answer, 'pending work of an undone process');
        assert.equal(await product.lookup(tenant.lookup), null, 'an account was opened');
      }),
  },

  'aborted-signal-does-nothing': {
    demands: "A call whose signal has aborted before throws the signal's reason and does nothing.",
    async check(context) {
      const reason = new Error('cut off before');
      const aborted = { signal: AbortSignal.abort(reason) };
      const { product } = context;
      const tenant = createTenant(context.signal);
      await assert.rejects(product.provision({ ...tenant.provision('p1'), ...aborted }), reason);
      await assert.rejects(product.lookup({ ...tenant.lookup, ...aborted }), reason);
      assert.equal(await product.lookup(tenant.lookup), null, 'the call had an effect');
      const productAccountId = await provisioned(context, tenant, 'p2');
      const suspend = { ...tenant.call('p3'), ...aborted, productAccountId };
      await assert.rejects(product.suspend(suspend), reason);
      assert.equal((await product.lookup(tenant.lookup))?.status, 'active', 'the call had an effect');
    },
  },
} satisfies Record<string, Rule>;

async function withPending(
  { openPending }: ProductHarness,
  check: (product: Product, otherWorker: Product) => Promise<void>,
): Promise<void> {
  if (openPending === null) return;
  const opened: Product[] = [];
  try {
    for (let worker = 0; worker < 2; worker += 1) opened.push(await openPending());
    const [product, otherWorker] = opened as [Product, Product];
    await check(product, otherWorker);
  } finally {
    for (const product of opened) await product.close();
  }
}

function assertPending(answer: ProvisionAnswer): asserts answer is Pending {
  assert.equal(answer.status, 'pending', 'provision did not answer pending');
  const { operation } = answer as Pending;
  if (operation !== undefined) assert.ok(operation.length <= MAX_OPERATION_LENGTH, 'the operation is too long');
}

function withOperation<Call extends object>(call: Call, { operation }: Pending): Call & { operation?: string } {
  return operation === undefined ? call : { ...call, operation };
}
