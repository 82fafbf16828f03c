import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import type { Product, ProductUser, ProvisionCall, SyncUsersAnswer } from './port.js';

/** What the suite needs of the product that it tests. */
export interface ProductHarness {
  /** Opens the product. Called several times: all see the same accounts, as the workers of one service do. */
  open(): Promise<Product>;
  /** Makes the product refuse to provision accounts of this name, with a reason that holds this text. */
  refuseAccount(accountName: string, reason: string): Promise<void>;
  /**
   * Runs `work` while every changing call to the product hangs, and lets the product go on afterwards. Null: cannot be arranged, and the
   * cut-off of a call under way stays untested.
   */
  whileHanging: ((work: () => Promise<void>) => Promise<void>) | null;
}

/** The functions of `node:test` that the suite uses. */
export interface SuiteFunctions {
  describe: (name: string, define: () => void) => unknown;
  it: (name: string, run: () => Promise<void>) => unknown;
  before: (run: () => Promise<void>) => unknown;
  after: (run: () => Promise<void>) => unknown;
}

/** A call that is cut off has to come back within this time. */
const CUT_OFF_MS = 2_000;

/** One tenant of the suite: builds the calls of its processes. */
function createTenant(signal: AbortSignal = new AbortController().signal) {
  const appId = `app-${randomUUID()}`;
  const accountId = `acct-${randomUUID()}`;
  const accountName = `name-${randomUUID().slice(0, 8)}`;
  let calls = 0;
  const call = (processId: string, generation = 1, idempotencyKey = `${accountId}:${++calls}`) => ({
    appId,
    accountId,
    installationId: `inst-${accountId}-${generation}`,
    generation,
    processId: `${accountId}:${processId}`,
    idempotencyKey,
    signal,
  });
  const provision = (processId: string, generation?: number, key?: string): ProvisionCall => ({
    ...call(processId, generation, key),
    accountName,
    companyName: "O'Neil & Søns \u0000 GmbH",
    planName: 'pro',
    licenses: 25,
    adminUserId: 'admin-1',
    sso: { authorizationUrl: null, tokenUrl: 'https://acme.talkdeskid.com/oauth/token', userinfoUrl: null },
  });
  return { call, provision, accountName, lookup: { appId, accountId, signal } };
}

function usersOf(count: number, from = 1): ProductUser[] {
  return Array.from({ length: count }, (_, index) => ({
    talkdeskUserId: `user-${from + index}`,
    email: index % 7 === 0 ? null : `user${from + index}@example.com`,
    name: `User ${from + index}`,
    admin: index === 0,
  }));
}

function productIds(answer: SyncUsersAnswer): Map<string, string> {
  if (answer.status !== 'done') assert.fail(`syncUsers was refused: ${answer.reason}`);
  const ids = new Map(answer.users.map((user) => [user.talkdeskUserId, user.productUserId]));
  assert.equal(ids.size, answer.users.length, 'a Talkdesk user is listed twice');
  return ids;
}

/**
 * The rules of the `Product` port as tests. Every adapter passes them.
 *
 * @param name what is tested, for the report
 * @param functions `{ describe, it, before, after }` of `node:test`
 */
export function describeProduct(name: string, harness: ProductHarness, functions: SuiteFunctions): void {
  const { describe, it, before, after } = functions;

  describe(`${name} as a product`, () => {
    let product: Product;
    let otherWorker: Product;
    before(async () => {
      product = await harness.open();
      otherWorker = await harness.open();
    });
    after(async () => {
      await product.close();
      await otherWorker.close();
    });

    async function provisioned(tenant: ReturnType<typeof createTenant>, processId = 'p1', generation = 1) {
      const answer = await product.provision(tenant.provision(processId, generation));
      if (answer.status !== 'done') assert.fail(`provision was refused: ${answer.reason}`);
      return answer.productAccountId;
    }

    it('provisions an account that lookup finds', async () => {
      const tenant = createTenant();
      assert.equal(await product.lookup(tenant.lookup), null);
      const productAccountId = await provisioned(tenant);
      assert.ok(productAccountId.length > 0);
      const expected = {
        productAccountId,
        accountName: tenant.accountName,
        status: 'active',
        generation: 1,
        activeUsers: 0,
      };
      assert.deepEqual(await product.lookup(tenant.lookup), expected);
      assert.deepEqual(await otherWorker.lookup(tenant.lookup), expected);
      assert.equal(await product.lookup(createTenant().lookup), null);
    });

    it('answers the same key twice with the same answer', async () => {
      const tenant = createTenant();
      const first = await product.provision(tenant.provision('p1', 1, `${tenant.accountName}:k`));
      const second = await otherWorker.provision(tenant.provision('p1', 1, `${tenant.accountName}:k`));
      assert.equal(first.status, 'done');
      assert.deepEqual(second, first);
    });

    it('has one effect when the same key comes many times at once', async () => {
      const tenant = createTenant();
      const key = `${tenant.accountName}:k`;
      const answers = await Promise.all(
        Array.from({ length: 8 }, (_, index) =>
          (index % 2 === 0 ? product : otherWorker).provision(tenant.provision('p1', 1, key)),
        ),
      );
      const found = await product.lookup(tenant.lookup);
      assert.ok(found);
      for (const answer of answers) {
        assert.deepEqual(answer, { status: 'done', productAccountId: found.productAccountId });
      }
    });

    it('does not repeat the effect of an old key', async () => {
      const tenant = createTenant();
      const productAccountId = await provisioned(tenant);
      const suspend = { ...tenant.call('p2'), productAccountId };
      assert.deepEqual(await product.suspend(suspend), { status: 'done' });
      assert.deepEqual(await product.resume({ ...tenant.call('p3'), productAccountId }), { status: 'done' });
      assert.deepEqual(await product.suspend(suspend), { status: 'done' });
      assert.equal((await product.lookup(tenant.lookup))?.status, 'active');
    });

    it('finds the same account when another process provisions again', async () => {
      const tenant = createTenant();
      const productAccountId = await provisioned(tenant);
      assert.equal(await provisioned(tenant, 'p2'), productAccountId);
    });

    it('refuses to provision a process that was undone', async () => {
      const tenant = createTenant();
      await provisioned(tenant);
      assert.deepEqual(await product.deprovision(tenant.call('p1')), { status: 'done' });
      assert.equal(await product.lookup(tenant.lookup), null);
      assert.equal((await otherWorker.provision(tenant.provision('p1'))).status, 'refused');
      assert.equal(await product.lookup(tenant.lookup), null);
    });

    it('takes undoing before anything was provisioned, and remembers it', async () => {
      const tenant = createTenant();
      assert.deepEqual(await product.deprovision(tenant.call('p1')), { status: 'done' });
      assert.equal((await product.provision(tenant.provision('p1'))).status, 'refused');
      assert.equal(await product.lookup(tenant.lookup), null);
    });

    it('leaves no account when provisioning and its undoing race', async () => {
      for (let round = 0; round < 5; round += 1) {
        const tenant = createTenant();
        const [, undone] = await Promise.all([
          product.provision(tenant.provision('p1')),
          otherWorker.deprovision(tenant.call('p1')),
        ]);
        assert.deepEqual(undone, { status: 'done' });
        assert.equal(await product.lookup(tenant.lookup), null);
      }
    });

    it('keeps account and users over an uninstall and a reinstall', async () => {
      const tenant = createTenant();
      const productAccountId = await provisioned(tenant);
      const before = productIds(await product.syncUsers({ ...tenant.call('p1'), productAccountId, users: usersOf(3) }));
      await product.deprovision(tenant.call('p2'));
      assert.equal(await provisioned(tenant, 'p3', 2), productAccountId);
      const after = productIds(
        await product.syncUsers({ ...tenant.call('p3', 2), productAccountId, users: usersOf(3) }),
      );
      assert.deepEqual(after, before);
      const found = await product.lookup(tenant.lookup);
      assert.equal(found?.generation, 2);
      assert.equal(found?.activeUsers, 3);
    });

    it('refuses every call of an older generation and does nothing', async () => {
      const tenant = createTenant();
      const productAccountId = await provisioned(tenant, 'p1', 2);
      await product.syncUsers({ ...tenant.call('p1', 2), productAccountId, users: usersOf(2) });
      const before = await product.lookup(tenant.lookup);
      const old = () => ({ ...tenant.call('p0', 1), productAccountId });
      const answers = [
        await product.provision(tenant.provision('p0', 1)),
        await product.update({ ...old(), accountName: 'older', planName: null, licenses: null }),
        await product.suspend(old()),
        await product.resume(old()),
        await product.syncUsers({ ...old(), users: [] }),
        await product.onLogout({ ...old(), talkdeskUserId: 'user-1' }),
        await product.deprovision(tenant.call('p0', 1)),
      ];
      assert.deepEqual(
        answers.map(({ status }) => status),
        answers.map(() => 'refused'),
      );
      assert.deepEqual(await product.lookup(tenant.lookup), before);
    });

    it('answers with a refusal and its reason, the same for the same key, and makes no account', async () => {
      const tenant = createTenant();
      await harness.refuseAccount(tenant.accountName, 'unpaid invoices');
      const key = `${tenant.accountName}:k`;
      const answer = await product.provision(tenant.provision('p1', 1, key));
      assert.ok(answer.status === 'refused');
      assert.match(answer.reason, /unpaid invoices/);
      assert.deepEqual(await product.provision(tenant.provision('p1', 1, key)), answer);
      assert.equal(await product.lookup(tenant.lookup), null);
    });

    it('updates, suspends and resumes', async () => {
      const tenant = createTenant();
      const productAccountId = await provisioned(tenant);
      const account = () => ({ ...tenant.call('p2'), productAccountId });
      const renamed = { ...account(), accountName: 'renamed', planName: 'basic', licenses: 5 };
      assert.deepEqual(await product.update(renamed), { status: 'done' });
      assert.deepEqual(await product.suspend(account()), { status: 'done' });
      const suspended = await product.lookup(tenant.lookup);
      assert.equal(suspended?.accountName, 'renamed');
      assert.equal(suspended?.status, 'suspended');
      assert.deepEqual(await product.resume(account()), { status: 'done' });
      assert.equal((await product.lookup(tenant.lookup))?.status, 'active');
    });

    it("refuses another tenant's account, and one that is gone", async () => {
      const [tenant, stranger] = [createTenant(), createTenant()];
      const productAccountId = await provisioned(tenant);
      const strange = { ...stranger.call('p1'), productAccountId };
      assert.equal((await product.suspend(strange)).status, 'refused');
      assert.equal(
        (await product.syncUsers({ ...stranger.call('p1'), productAccountId, users: [] })).status,
        'refused',
      );
      assert.equal((await product.lookup(tenant.lookup))?.status, 'active');
      await product.deprovision(tenant.call('p1'));
      const gone = { ...tenant.call('p2'), productAccountId };
      assert.equal((await product.resume(gone)).status, 'refused');
      assert.equal(
        (await product.syncUsers({ ...tenant.call('p2'), productAccountId, users: usersOf(1) })).status,
        'refused',
      );
      assert.equal(await product.lookup(tenant.lookup), null);
    });

    it('makes thousands of users equal to the list, and keeps their ids', async () => {
      const tenant = createTenant();
      const productAccountId = await provisioned(tenant);
      const sync = (users: ProductUser[]) => product.syncUsers({ ...tenant.call('p1'), productAccountId, users });
      const first = productIds(await sync(usersOf(2_500)));
      assert.equal(first.size, 2_500);
      assert.equal(new Set(first.values()).size, 2_500, 'two users share a product id');

      const second = productIds(await sync(usersOf(2_000, 1_001)));
      assert.equal(second.size, 2_000);
      assert.equal(second.get('user-1001'), first.get('user-1001'));
      assert.equal((await product.lookup(tenant.lookup))?.activeUsers, 2_000);

      const changed = { talkdeskUserId: 'user-1', email: 'married@example.com', name: null, admin: false };
      const third = productIds(await sync([changed, changed]));
      assert.deepEqual([...third], [['user-1', first.get('user-1')]]);
      assert.equal((await product.lookup(tenant.lookup))?.activeUsers, 1);

      assert.equal(productIds(await sync([])).size, 0);
      assert.equal((await product.lookup(tenant.lookup))?.activeUsers, 0);
    });

    it('takes ids with any character', async () => {
      const tenant = createTenant();
      const productAccountId = await provisioned(tenant);
      const ids = ['__proto__', "o'neil", 'a/b?c#d', '{"x":1},{NULL}', 'ünï', ' ', 'NULL'];
      const users = ids.map((id) => ({ talkdeskUserId: id, email: null, name: id, admin: false }));
      const synced = productIds(await product.syncUsers({ ...tenant.call('p1'), productAccountId, users }));
      assert.deepEqual([...synced.keys()].sort(), [...ids].sort());
      const logout = { ...tenant.call('p2'), productAccountId, talkdeskUserId: '__proto__' };
      assert.deepEqual(await product.onLogout(logout), { status: 'done' });
    });

    it('takes the logout of a user it does not know', async () => {
      const tenant = createTenant();
      const productAccountId = await provisioned(tenant);
      const logout = { ...tenant.call('p2'), productAccountId, talkdeskUserId: 'nobody' };
      assert.deepEqual(await product.onLogout(logout), { status: 'done' });
    });

    it('does nothing for a call that was cut off before', async () => {
      const tenant = createTenant(AbortSignal.abort(new Error('cut off')));
      await assert.rejects(product.provision(tenant.provision('p1')), /cut off/);
      const lookup = { ...tenant.lookup, signal: new AbortController().signal };
      assert.equal(await product.lookup(lookup), null);
    });

    const { whileHanging } = harness;
    if (whileHanging === null) return;

    it('comes back soon when a call is cut off, and takes the same key again', async () => {
      const cutting = new AbortController();
      const tenant = createTenant(cutting.signal);
      const key = `${tenant.accountName}:k`;
      await whileHanging(async () => {
        const hanging = product.provision(tenant.provision('p1', 1, key));
        hanging.catch(() => undefined);
        assert.equal(await settledWithin(hanging, 100), false, 'the product did not hang');
        cutting.abort(new Error('cut off'));
        assert.equal(await settledWithin(hanging, CUT_OFF_MS), true, 'the call went on');
        await assert.rejects(hanging, /cut off/);
      });
      const again = { ...tenant.provision('p1', 1, key), signal: new AbortController().signal };
      const answer = await product.provision(again);
      assert.equal(answer.status, 'done');
      assert.deepEqual(await product.provision(again), answer);
    });
  });
}

async function settledWithin(promise: Promise<unknown>, limitMs: number): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const limit = new Promise<false>((resolve) => {
    timer = setTimeout(() => resolve(false), limitMs);
  });
  const settled = promise.then(
    () => true,
    () => true,
  );
  try {
    return await Promise.race([settled, limit]);
  } finally {
    clearTimeout(timer);
  }
}
