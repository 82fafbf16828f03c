import assert from 'node:assert/strict';
import { assertRefused, createTenant, idsOf, provisioned, synced, usersOf } from '../tenant.js';
import type { Rule } from '../types.js';

/** Rules about the account of a tenant. */
export const accountRules = {
  'provision-and-lookup': {
    demands: 'A provisioned account is found by lookup, by every worker, and by no other tenant.',
    async check(context) {
      const tenant = createTenant(context.signal);
      assert.equal(await context.product.lookup(tenant.lookup), null);
      const productAccountId = await provisioned(context, tenant, 'p1', { generation: 3 });
      const expected = {
        productAccountId,
        accountName: tenant.accountName,
        status: 'active',
        generation: 3,
        activeUsers: 0,
      };
      assert.deepEqual(await context.product.lookup(tenant.lookup), expected);
      assert.deepEqual(await context.otherWorker.lookup(tenant.lookup), expected);
      assert.equal(await context.product.lookup(createTenant(context.signal).lookup), null);
    },
  },

  'another-process-same-account': {
    demands: 'A tenant that has an account gets the same one when another process provisions.',
    async check(context) {
      const tenant = createTenant(context.signal);
      const productAccountId = await provisioned(context, tenant);
      assert.equal(await provisioned(context, tenant, 'p2'), productAccountId);
    },
  },

  'update-takes-effect': {
    demands: 'After update the account has the name, plan and licences of the call.',
    async check(context) {
      const { product } = context;
      const tenant = createTenant(context.signal);
      const productAccountId = await provisioned(context, tenant);
      const account = { ...tenant.call('p2'), productAccountId };
      const renamed = { ...account, accountName: `new-${tenant.accountName}`, planName: 'basic', licenses: 5 };
      assert.deepEqual(await product.update(renamed), { status: 'done' });
      const found = await product.lookup(tenant.lookup);
      assert.equal(found?.accountName, renamed.accountName);
      assert.equal(found?.status, 'active');
    },
  },

  'suspend-keeps-everything': {
    demands: 'Suspend blocks the account, resume opens it again; users and their seats are kept.',
    async check(context) {
      const { product } = context;
      const tenant = createTenant(context.signal);
      const productAccountId = await provisioned(context, tenant);
      await synced(context, tenant.sync('p1', productAccountId, usersOf(3)));
      const account = () => ({ ...tenant.call('p2'), productAccountId });
      assert.deepEqual(await product.suspend(account()), { status: 'done' });
      const suspended = await product.lookup(tenant.lookup);
      assert.equal(suspended?.productAccountId, productAccountId);
      assert.equal(suspended?.status, 'suspended');
      assert.deepEqual(await product.resume(account()), { status: 'done' });
      const resumed = await product.lookup(tenant.lookup);
      assert.equal(resumed?.status, 'active');
      assert.equal(resumed?.activeUsers, 3);
    },
  },

  'strange-account-refused': {
    demands: "Calls that name another tenant's account are refused and leave it alone; provision never hands it out.",
    async check(context) {
      const { product } = context;
      const [tenant, stranger] = [createTenant(context.signal), createTenant(context.signal)];
      const productAccountId = await provisioned(context, tenant);
      const account = () => ({ ...stranger.call('p1'), productAccountId });
      const before = await product.lookup(tenant.lookup);
      const update = { ...account(), accountName: 'stolen', planName: null, licenses: null };
      assertRefused(await product.update(update), "update of another tenant's account");
      assertRefused(await product.suspend(account()), "suspend of another tenant's account");
      assertRefused(await product.resume(account()), "resume of another tenant's account");
      const sync = stranger.sync('p1', productAccountId, usersOf(2));
      assertRefused(await product.syncUsers(sync), "syncUsers of another tenant's account");
      assertRefused(await product.previewUsers(sync), "previewUsers of another tenant's account");
      const own = await product.provision(stranger.provision('p2', { keptAccountId: productAccountId }));
      if (own.status === 'done') assert.notEqual(own.productAccountId, productAccountId, "another tenant's account");
      assert.deepEqual(await product.lookup(tenant.lookup), before);
    },
  },

  'deprovision-ends-access': {
    demands: 'Deprovision is always possible and ends access: also of a suspended account, and of one that never was.',
    async check(context) {
      const { product } = context;
      const tenant = createTenant(context.signal);
      const productAccountId = await provisioned(context, tenant);
      await synced(context, tenant.sync('p1', productAccountId, usersOf(2)));
      assert.deepEqual(await product.suspend({ ...tenant.call('p2'), productAccountId }), { status: 'done' });
      assert.deepEqual(await product.deprovision(tenant.call('p3')), { status: 'done' });
      assert.equal(await product.lookup(tenant.lookup), null, 'the account is still open');
      const gone = () => ({ ...tenant.call('p4'), productAccountId });
      const update = { ...gone(), accountName: 'afterwards', planName: null, licenses: null };
      assertRefused(await product.update(update), 'update of an ended account');
      assertRefused(await product.resume(gone()), 'resume of an ended account');
      assertRefused(await product.suspend(gone()), 'suspend of an ended account');
      const sync = tenant.sync('p4', productAccountId, usersOf(1));
      assertRefused(await product.syncUsers(sync), 'syncUsers of an ended account');
      assertRefused(await product.previewUsers(sync), 'previewUsers of an ended account');
      assert.equal(await product.lookup(tenant.lookup), null, 'the account was opened again');

      assert.deepEqual(await product.deprovision(tenant.call('p5')), { status: 'done' }, 'ended a second time');
      const unknown = createTenant(context.signal);
      assert.deepEqual(await product.deprovision(unknown.call('p1')), { status: 'done' }, 'of an unknown account');
    },
  },

  'reinstall-keeps-ids': {
    demands: 'After an uninstall, the next installation gets the same account and the same user ids.',
    async check(context) {
      const tenant = createTenant(context.signal);
      const productAccountId = await provisioned(context, tenant);
      const before = idsOf(await synced(context, tenant.sync('p1', productAccountId, usersOf(3))));
      for (const generation of [2, 3]) {
        await context.product.deprovision(tenant.call(`out-${generation}`, generation - 1));
        const again = { generation, keptAccountId: productAccountId };
        assert.equal(await provisioned(context, tenant, `in-${generation}`, again), productAccountId);
        const sync = tenant.sync(`in-${generation}`, productAccountId, usersOf(3), { generation });
        assert.deepEqual(idsOf(await synced(context, sync)), before);
        assert.equal((await context.product.lookup(tenant.lookup))?.activeUsers, 3);
      }
    },
  },
} satisfies Record<string, Rule>;
