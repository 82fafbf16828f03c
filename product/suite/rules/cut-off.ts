import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { createTenant } from '../tenant.js';
import type { Rule } from '../types.js';

/** A call that is cut off has to come back within this time. */
const CUT_OFF_MS = 2_000;
/** How long a call must go on before it counts as hanging. */
const HANGING_MS = 100;
/** When calls are cut off, milliseconds after they began: before, in and after what a product does. */
const CUT_AFTER_MS = [0, 1, 3, 8, 20];

/** Rules about calls that are cut off on their way. */
export const cutOffRules = {
  'cut-off-comes-back': {
    demands: "A call that hangs comes back soon after its signal aborts, with the signal's reason.",
    needs: 'whileHanging',
    async check({ product, harness, signal }) {
      const cutting = new AbortController();
      const reason = new Error('cut off');
      const call = { ...createTenant(signal).provision('p1'), signal: cutting.signal };
      await harness.whileHanging?.(async () => {
        const hanging = product.provision(call);
        hanging.catch(() => undefined);
        assert.equal(await settledWithin(hanging, HANGING_MS), false, 'the product did not hang');
        cutting.abort(reason);
        assert.equal(await settledWithin(hanging, CUT_OFF_MS), true, `the call went on for ${CUT_OFF_MS} ms`);
        await assert.rejects(hanging, reason);
      });
    },
  },

  'cut-off-then-same-key': {
    demands: 'After a call was cut off, lookup tells what it did, and the same key completes it once.',
    async check({ product, otherWorker, signal }) {
      for (const cutAfterMs of CUT_AFTER_MS) {
        const cutting = new AbortController();
        const tenant = createTenant(signal);
        const provision = tenant.provision('p1');
        const maybe = product.provision({ ...provision, signal: cutting.signal }).catch(() => null);
        if (cutAfterMs > 0) await sleep(cutAfterMs);
        cutting.abort(new Error('cut off'));
        await maybe;
        const found = await product.lookup(tenant.lookup);
        const answer = await otherWorker.provision(provision);
        if (answer.status !== 'done') assert.fail(`the same key was refused: ${answer.reason}`);
        if (found !== null) assert.equal(answer.productAccountId, found.productAccountId, 'a second account was made');
        assert.equal((await product.lookup(tenant.lookup))?.productAccountId, answer.productAccountId);
        assert.deepEqual(await product.provision(provision), answer);
      }
    },
  },
} satisfies Record<string, Rule>;

async function settledWithin(promise: Promise<unknown>, limitMs: number): Promise<boolean> {
  const stop = new AbortController();
  const settled = promise.then(
    () => true,
    () => true,
  );
  const late = sleep(limitMs, false, { signal: stop.signal }).catch(() => false);
  try {
    return await Promise.race([settled, late]);
  } finally {
    stop.abort();
  }
}
