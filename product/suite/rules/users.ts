import assert from 'node:assert/strict';
import type { PreviewAnswer, ProductUser, SyncedUser } from '../../port.js';
import { createTenant, idsOf, provisioned, seatedOf, synced, usersOf } from '../tenant.js';
import type { Rule } from '../types.js';

/** Ids and names that break careless code: object members, quotes, separators, other alphabets, blanks. */
const ODD_TEXTS = [
  '__proto__',
  'constructor',
  "o'neil",
  'a/b?c#d%2e',
  '{"x":1},{NULL}',
  'ünï',
  '日本',
  ' ',
  'NULL',
  '..',
];

const suspended = (user: ProductUser): ProductUser => ({ ...user, seat: 'suspended' });

/** Rules about the users of an account. */
export const userRules = {
  'users-equal-the-list': {
    demands:
      'syncUsers makes the active users equal to the list: also when it shrinks, names a user twice, or is empty.',
    async check(context) {
      const tenant = createTenant(context.signal);
      const productAccountId = await provisioned(context, tenant);
      const [one] = usersOf(1) as [ProductUser];
      const lists: [ProductUser[], number][] = [
        [usersOf(6), 6],
        [usersOf(4, 4), 4],
        [[one, { ...one, name: 'A second entry' }], 1],
        [[], 0],
        [usersOf(2), 2],
      ];
      for (const [users, active] of lists) {
        const answer = await synced(context, tenant.sync('p1', productAccountId, users));
        assert.equal(new Set(idsOf(answer).values()).size, answer.size, 'two users share a product user id');
        assert.equal((await context.product.lookup(tenant.lookup))?.activeUsers, active, 'active users');
      }
    },
  },

  'user-ids-stay': {
    demands: 'A user keeps the product user id: with a new e-mail address, and after an absence from the list.',
    async check(context) {
      const tenant = createTenant(context.signal);
      const productAccountId = await provisioned(context, tenant);
      const sync = (users: ProductUser[]) => synced(context, tenant.sync('p1', productAccountId, users));
      const users = usersOf(3);
      const before = idsOf(await sync(users));
      const moved = users.map((user, index) => ({ ...user, email: `married${index}@example.com`, name: null }));
      assert.deepEqual(idsOf(await sync(moved)), before);
      // An address that passes on to somebody else does not take the id with it.
      const swapped = users.map((user, index) => ({ ...user, email: `married${(index + 1) % 3}@example.com` }));
      assert.deepEqual(idsOf(await sync(swapped)), before);
      await sync(usersOf(1, 9));
      assert.deepEqual(idsOf(await sync(users)), before);
    },
  },

  'seat-of-the-list': {
    demands: 'A user who is listed without a seat is suspended, keeps the id, and is active again once seated.',
    async check(context) {
      const tenant = createTenant(context.signal);
      const productAccountId = await provisioned(context, tenant);
      const sync = (users: ProductUser[]) => synced(context, tenant.sync('p1', productAccountId, users));
      const activeUsers = async () => (await context.product.lookup(tenant.lookup))?.activeUsers;
      const users = usersOf(4);
      const firstTwo = users.map((user, index) => (index < 2 ? user : suspended(user)));
      const lastTwo = users.map((user, index) => (index < 2 ? suspended(user) : user));
      const before = await sync(firstTwo);
      assert.deepEqual(seatedOf(before), ['user-1', 'user-2']);
      assert.equal(await activeUsers(), 2);
      const after = await sync(lastTwo);
      assert.deepEqual(seatedOf(after), ['user-3', 'user-4']);
      assert.deepEqual(idsOf(after), idsOf(before));
      assert.equal(await activeUsers(), 2);
    },
  },

  'seats-are-the-limit': {
    demands: 'No more users are active than there are seats; the answer says whom the product chose.',
    async check(context) {
      const tenant = createTenant(context.signal);
      const productAccountId = await provisioned(context, tenant);
      const sync = (seats: number | null) =>
        synced(context, tenant.sync('p1', productAccountId, usersOf(6), { seats }));
      const ids = idsOf(await sync(10));
      for (const seats of [4, 0, 5]) {
        const answer = await sync(seats);
        const seated = seatedOf(answer).length;
        assert.ok(seated <= seats, `${seated} users are active in ${seats} seats`);
        assert.equal((await context.product.lookup(tenant.lookup))?.activeUsers, seated, 'active users');
        assert.deepEqual(idsOf(answer), ids);
      }
      assert.equal(seatedOf(await sync(null)).length, 6);
    },
  },

  'preview-agrees': {
    demands: 'previewUsers changes nothing, leaves the key unused, and tells what syncUsers then does.',
    async check(context) {
      const { product } = context;
      const tenant = createTenant(context.signal);
      const productAccountId = await provisioned(context, tenant);
      const first = await synced(context, tenant.sync('p1', productAccountId, usersOf(5)));
      const steps: { users: ProductUser[]; seats: number | null }[] = [
        { users: [...usersOf(3, 2), ...usersOf(2, 11)], seats: null },
        { users: usersOf(5), seats: null },
        { users: usersOf(5), seats: 2 },
        { users: usersOf(8).map((user, index) => (index === 2 ? suspended(user) : user)), seats: null },
        { users: [], seats: 1 },
      ];
      const known = new Map(first);
      for (const { users, seats } of steps) {
        const call = tenant.sync('p2', productAccountId, users, { seats });
        const before = await product.lookup(tenant.lookup);
        const preview = await product.previewUsers(call);
        assert.deepEqual(await product.lookup(tenant.lookup), before, 'the preview changed something');
        const after = await synced(context, call);
        assert.deepEqual(preview, changesOf(known, after), 'the preview differs from what syncUsers did');
        for (const [id, user] of known) if (!after.has(id)) known.set(id, { ...user, seat: 'suspended' });
        for (const [id, user] of after) known.set(id, user);
      }
    },
  },

  'ten-thousand-users': {
    demands: 'A list of 10,000 users is taken in one call.',
    async check(context) {
      const tenant = createTenant(context.signal);
      const productAccountId = await provisioned(context, tenant);
      const answer = await synced(context, tenant.sync('p1', productAccountId, usersOf(10_000)));
      assert.equal(new Set(idsOf(answer).values()).size, 10_000, 'two users share a product user id');
      assert.equal((await context.product.lookup(tenant.lookup))?.activeUsers, 10_000);
    },
  },

  'any-character': {
    demands: 'Ids and names may hold any character.',
    async check(context) {
      const tenant = createTenant(context.signal);
      const odd = {
        accountName: `${tenant.accountName} \u0000'"\\/ 日本`,
        idempotencyKey: `${tenant.accountName}:ü/"'% \\`,
      };
      const productAccountId = await provisioned(context, tenant, 'p/1?ü', odd);
      assert.equal(await provisioned(context, tenant, 'p/1?ü', odd), productAccountId);
      const users = ODD_TEXTS.map((text) => ({
        talkdeskUserId: text,
        email: null,
        name: `${text}\u0000`,
        admin: false,
        seat: 'active' as const,
      }));
      const answer = await synced(context, tenant.sync('p1', productAccountId, users));
      assert.deepEqual([...answer.keys()].sort(), [...ODD_TEXTS].sort());
      const logout = { ...tenant.call('p2'), productAccountId, talkdeskUserId: '__proto__' };
      assert.deepEqual(await context.product.onLogout(logout), { status: 'done' });
    },
  },

  'logout-of-anyone': {
    demands: 'The logout of a user is taken, also of one whom the product does not know.',
    async check(context) {
      const tenant = createTenant(context.signal);
      const productAccountId = await provisioned(context, tenant);
      await synced(context, tenant.sync('p1', productAccountId, usersOf(1)));
      for (const talkdeskUserId of ['user-1', 'nobody']) {
        const logout = { ...tenant.call('p2'), productAccountId, talkdeskUserId };
        assert.deepEqual(await context.product.onLogout(logout), { status: 'done' }, talkdeskUserId);
      }
    },
  },
} satisfies Record<string, Rule>;

/** What a preview must say when users were as in `known` and the sync answered `after`. */
function changesOf(known: Map<string, SyncedUser>, after: Map<string, SyncedUser>): PreviewAnswer {
  const changes = { status: 'done' as const, add: 0, resume: 0, suspend: 0 };
  for (const [id, { seat }] of after) {
    const before = known.get(id)?.seat;
    if (before === undefined) changes.add += 1;
    else if (before === 'suspended' && seat === 'active') changes.resume += 1;
    else if (before === 'active' && seat === 'suspended') changes.suspend += 1;
  }
  for (const [id, { seat }] of known) if (seat === 'active' && !after.has(id)) changes.suspend += 1;
  return changes;
}
