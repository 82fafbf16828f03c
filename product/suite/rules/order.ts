import assert from 'node:assert/strict';
import type { Pending, SyncUsersAnswer } from '../../port.js';
import { assertRefused, createTenant, provisioned, synced, usersOf } from '../tenant.js';
import type { Rule } from '../types.js';

/** As many calls of one key at once as a bad day brings. */
const CALLS_AT_ONCE = 8;
/** Who is first is chance: several rounds make it likely that both orders come up. */
const RACES = 5;

/** Rules about calls that come twice, late, or in the wrong order. */
export const orderRules = {
  'same-key-twice': {
    demands: 'The same idempotency key again gives the same answer and does nothing, however late it comes.',
    async check(context) {
      const { product, otherWorker } = context;
      const tenant = createTenant(context.signal);
      const provision = tenant.provision('p1');
      const first = await product.provision(provision);
      assert.equal(first.status, 'done');
      assert.deepEqual(await otherWorker.provision(provision), first);
      assert.ok(first.status === 'done');
      const { productAccountId } = first;
      const suspend = { ...tenant.call('p2'), productAccountId };
      assert.deepEqual(await product.suspend(suspend), { status: 'done' });
      assert.deepEqual(await product.resume({ ...tenant.call('p3'), productAccountId }), { status: 'done' });
      assert.deepEqual(await otherWorker.suspend(suspend), { status: 'done' });
      assert.equal((await product.lookup(tenant.lookup))?.status, 'active', 'an old key had its effect again');

      const sync = tenant.sync('p4', productAccountId, usersOf(3));
      const synced = await product.syncUsers(sync);
      const { status } = await product.syncUsers(tenant.sync('p5', productAccountId, usersOf(1)));
      assert.equal(status, 'done');
      assert.deepEqual(sorted(await otherWorker.syncUsers(sync)), sorted(synced));
      assert.equal((await product.lookup(tenant.lookup))?.activeUsers, 1, 'an old list had its effect again');

      const deprovision = tenant.call('out');
      assert.deepEqual(await product.deprovision(deprovision), { status: 'done' });
      await provisioned(context, tenant, 'in', { generation: 2, keptAccountId: productAccountId });
      assert.deepEqual(await otherWorker.deprovision(deprovision), { status: 'done' });
      assert.ok(await product.lookup(tenant.lookup), 'an old uninstall ended the next installation');
    },
  },

  'same-key-at-once': {
    demands: 'The same idempotency key many times at once has one effect, and all get its answer.',
    async check({ product, otherWorker, signal }) {
      const tenant = createTenant(signal);
      const provision = tenant.provision('p1');
      const answers = await Promise.all(
        Array.from({ length: CALLS_AT_ONCE }, (_, index) =>
          (index % 2 === 0 ? product : otherWorker).provision(provision),
        ),
      );
      const found = await product.lookup(tenant.lookup);
      assert.ok(found, 'there is no account');
      for (const answer of answers) {
        assert.deepEqual(answer, { status: 'done', productAccountId: found.productAccountId });
      }
    },
  },

  'undone-process-refused': {
    demands: "Provision of a process is refused once the process's deprovision came, before it, after it or beside it.",
    async check(context) {
      const { product, otherWorker } = context;
      const tenant = createTenant(context.signal);
      await provisioned(context, tenant);
      await product.deprovision(tenant.call('p1'));
      const before = await product.lookup(tenant.lookup);
      assertRefused(await otherWorker.provision(tenant.provision('p1')), 'provision of an undone process');
      assert.deepEqual(await product.lookup(tenant.lookup), before, 'a refused call had an effect');

      const early = createTenant(context.signal);
      await product.deprovision(early.call('p1'));
      assertRefused(await product.provision(early.provision('p1')), 'provision of a process that was undone before');
      assert.equal(await product.lookup(early.lookup), null, 'a refused call had an effect');

      for (let round = 0; round < RACES; round += 1) {
        const raced = createTenant(context.signal);
        await Promise.all([product.provision(raced.provision('p1')), otherWorker.deprovision(raced.call('p1'))]);
        assert.equal(await product.lookup(raced.lookup), null, 'an account is open though its process was undone');
      }
    },
  },

  'older-generation-refused': {
    demands: 'Every call of an older generation than the newest one seen is refused and does nothing.',
    async check(context) {
      const { product } = context;
      const tenant = createTenant(context.signal);
      const productAccountId = await provisioned(context, tenant, 'p1', { generation: 2 });
      await synced(context, tenant.sync('p1', productAccountId, usersOf(2), { generation: 2 }));
      const before = await product.lookup(tenant.lookup);
      const old = () => ({ ...tenant.call('p0', 1), productAccountId });
      const sync = () => tenant.sync('p0', productAccountId, usersOf(1), { generation: 1 });
      assertRefused(await product.provision(tenant.provision('p0', { generation: 1 })), 'an older provision');
      assertRefused(
        await product.update({ ...old(), accountName: 'older', planName: null, licenses: null }),
        'an older update',
      );
      assertRefused(await product.suspend(old()), 'an older suspend');
      assertRefused(await product.resume(old()), 'an older resume');
      assertRefused(await product.syncUsers(sync()), 'an older syncUsers');
      assertRefused(await product.previewUsers(sync()), 'an older previewUsers');
      assertRefused(await product.onLogout({ ...old(), talkdeskUserId: 'user-1' }), 'an older onLogout');
      assertRefused(await product.deprovision(tenant.call('p0', 1)), 'an older deprovision');
      assert.deepEqual(await product.lookup(tenant.lookup), before, 'a refused call had an effect');
    },
  },
} satisfies Record<string, Rule>;

/** The answer with its users in one order: a list is the same in any. */
function sorted(answer: Exclude<SyncUsersAnswer, Pending>) {
  if (answer.status !== 'done') return answer;
  return { ...answer, users: [...answer.users].sort((a, b) => (a.talkdeskUserId < b.talkdeskUserId ? -1 : 1)) };
}
