import assert from 'node:assert/strict';
import { beforeEach, describe, it } from 'node:test';
import type { ProcessRecord } from '../../store/types.js';
import { type Bench, createBench } from './support/bench.js';
import { failureOf } from './support/failure.js';
import { installationPart, installRecord, laterRecord, userRow } from './support/records.js';

const INPUT = { processId: 'update:event-1' };
const DONE = { productAccountId: 'product-1', users: 2 };

let bench: Bench;
beforeEach(() => {
  bench = createBench();
  given();
  bench.processes.userRows = [userRow('user-1', { admin: true }), userRow('user-2', { seat: 'suspended' })];
});

function given(changes: Partial<ProcessRecord> = {}): void {
  bench.processes.record = laterRecord('update', changes);
}
const suspendedWith = (planType: string | null) =>
  given({ installation: installationPart({ state: 'active', suspended: true, planType }) });

const update = () => bench.run('provisionAccount', INPUT);
const undo = () => bench.run('undoProvisioning', INPUT);
const seatsOf = (users: { talkdeskUserId: string; seat: string }[] = []) =>
  users.map(({ talkdeskUserId, seat }) => [talkdeskUserId, seat]);

describe('an update', () => {
  it('registers its undo, changes the account there is, brings the users, and provisions nothing', async () => {
    assert.deepEqual(await update(), DONE);
    assert.deepEqual(bench.journal, [
      'claim: undo registered',
      'product.update',
      'product.syncUsers',
      'recordProvisioned',
    ]);
    const [call] = bench.product.calls.update;
    assert.ok(call !== undefined);
    const { signal: _, ...rest } = call;
    assert.deepEqual(rest, {
      appId: 'app-1',
      accountId: 'account-1',
      installationId: 'installation-1',
      generation: 2,
      processId: 'update:event-1',
      idempotencyKey: 'update:event-1:update',
      productAccountId: 'product-1',
      accountName: 'acme',
      planName: 'Paid Plus',
      licenses: 10,
    });
    assert.equal(bench.product.calls.syncUsers[0]?.idempotencyKey, 'update:event-1:users');
    assert.equal(bench.processes.calls.recordProvisioned[0]?.suspended, undefined);
    assert.deepEqual(
      bench.facts.map(({ name, note }) => [name, note]),
      [['updated', 'product account product-1, 2 users']],
    );
  });

  it('opens the account where there is none', async () => {
    given({ productAccountId: null, keptAccountId: 'product-0' });
    assert.deepEqual(await update(), DONE);
    assert.deepEqual(bench.journal.slice(1, 3), ['product.provision', 'product.syncUsers']);
    const [call] = bench.product.calls.provision;
    assert.deepEqual([call?.keptAccountId, call?.idempotencyKey], ['product-0', 'update:event-1:provision']);
  });

  it('resumes a suspended account when it finds a paid plan', async () => {
    suspendedWith('paid');
    assert.deepEqual(await update(), DONE);
    assert.deepEqual(bench.journal.slice(1, 4), ['product.update', 'product.resume', 'product.syncUsers']);
    const [call] = bench.product.calls.resume;
    assert.deepEqual([call?.productAccountId, call?.idempotencyKey], ['product-1', 'update:event-1:resume']);
    assert.equal(bench.processes.calls.recordProvisioned[0]?.suspended, false);
  });

  it('leaves it suspended on another plan', async () => {
    for (const planType of ['trial', null]) {
      suspendedWith(planType);
      await update();
    }
    assert.deepEqual(bench.product.calls.resume, []);
    assert.deepEqual(
      bench.processes.calls.recordProvisioned.map(({ suspended }) => suspended),
      [undefined, undefined],
    );
  });

  it('gives seats by the app’s policy, and tells the product of the licences and filters', async () => {
    const filters = [{ filter: 'role_id', match: 'a/b' }];
    given({
      installation: installationPart({ licenses: 1 }),
      stepResults: { sync: { remoteState: 'waiting', users: 2, autoProvisionFilters: filters } },
    });
    await update();
    const [call] = bench.product.calls.syncUsers;
    assert.deepEqual(seatsOf(call?.users), [
      ['user-1', 'active'],
      ['user-2', 'suspended'],
    ]);
    assert.deepEqual([call?.seats, call?.autoProvisionFilters], [1, filters]);
  });

  it('is refused by the seat policy before the product is asked anything', async () => {
    bench.rules = { policy: [], seats: 'refuse' };
    given({ installation: installationPart({ licenses: 1 }) });
    const { type, message, retried } = await failureOf(update());
    assert.deepEqual([type, retried], ['Refused', false]);
    assert.match(message, /^2 users are licensed, and the plan has 1 licences/);
    assert.deepEqual(bench.journal, ['claim: undo registered', 'release']);
  });

  it('hands everybody over as active where the product chooses, and stores whom it chose', async () => {
    bench.rules = { policy: [], seats: 'product' };
    given({ installation: installationPart({ licenses: 1 }) });
    const chosen = [
      { talkdeskUserId: 'user-1', productUserId: 'p-user-1', seat: 'suspended' as const },
      { talkdeskUserId: 'user-2', productUserId: 'p-user-2', seat: 'active' as const },
    ];
    bench.product.answers.syncUsers = () => ({ status: 'done', users: chosen });
    await update();
    assert.deepEqual(seatsOf(bench.product.calls.syncUsers[0]?.users), [
      ['user-1', 'active'],
      ['user-2', 'active'],
    ]);
    assert.deepEqual(bench.processes.calls.recordProvisioned[0]?.users, chosen);
  });

  it('fails as refused with the product’s reason', async () => {
    bench.product.answers.update = () => ({ status: 'refused', reason: 'No such plan.' });
    const { type, message } = await failureOf(update());
    assert.deepEqual([type, message], ['Refused', 'No such plan.']);
  });

  it('is not done again after its restoring', async () => {
    given({ undo: 'done', stepResults: { provision: DONE } });
    assert.equal((await failureOf(update())).type, 'PreEmpted');
    assert.deepEqual(bench.journal, ['claim: undo registered', 'release']);
  });
});

describe('undoing an update', () => {
  it('restores our tables, then the product’s settings and users, and deprovisions nothing', async () => {
    given({ undo: 'registered' });
    bench.processes.preemptedBy = 'event-9';
    await undo();
    assert.deepEqual(bench.journal, [
      'claim',
      'restoreSettings',
      'product.update',
      'product.syncUsers',
      'recordUndone',
    ]);
    const [settings] = bench.product.calls.update;
    assert.deepEqual(
      [settings?.accountName, settings?.planName, settings?.licenses, settings?.idempotencyKey],
      ['acme-old', 'Paid', 2, 'update:event-1:restore'],
    );
    const [users] = bench.product.calls.syncUsers;
    assert.deepEqual([users?.seats, users?.idempotencyKey], [2, 'update:event-1:restore-users']);
    assert.deepEqual(users?.users, [
      { talkdeskUserId: 'user-1', email: null, name: 'One', admin: true, seat: 'active' },
      { talkdeskUserId: 'user-3', email: null, name: null, admin: false, seat: 'suspended' },
    ]);
    assert.deepEqual([bench.processes.record.undo, bench.facts.map(({ name }) => name)], ['done', ['undone']]);
  });

  it('closes what it may have opened where no account is known', async () => {
    given({ undo: 'registered', productAccountId: null });
    await undo();
    assert.deepEqual(bench.journal, ['claim', 'restoreSettings', 'product.deprovision', 'recordUndone']);
  });

  it('restores our tables alone where the product was never called', async () => {
    given({ undo: 'tables' });
    await undo();
    assert.deepEqual(bench.journal, ['claim', 'restoreSettings', 'recordUndone']);
  });

  it('needs a person when the product refuses to restore', async () => {
    given({ undo: 'registered' });
    bench.product.answers.update = () => ({ status: 'refused', reason: 'Closed for holidays.' });
    const { type, message } = await failureOf(undo());
    assert.deepEqual(
      [type, message],
      ['NeedsPerson', 'The product refuses what it must do (restore): Closed for holidays.'],
    );
    assert.deepEqual([bench.processes.record.undo, bench.processes.holder], ['registered', null]);
  });

  it('does nothing where nothing was begun', async () => {
    await undo();
    assert.deepEqual(bench.journal, ['claim', 'recordUndone']);
  });
});

describe('ids with slashes, dots and percent signs', () => {
  it('pass unchanged into keys and calls', async () => {
    const processId = 'install:a/b%2F..__proto__';
    bench.processes.record = installRecord({
      processId,
      installationId: '../x%2Fy',
      tenant: { appId: 'app-1', accountId: '__proto__' },
    });
    bench.processes.userRows = [userRow('__proto__'), userRow('a/b')];
    await bench.run('provisionAccount', { processId });
    const [call] = bench.product.calls.provision;
    assert.deepEqual(
      [call?.processId, call?.idempotencyKey, call?.installationId, call?.accountId],
      [processId, `${processId}:provision`, '../x%2Fy', '__proto__'],
    );
    assert.deepEqual(seatsOf(bench.product.calls.syncUsers[0]?.users), [
      ['__proto__', 'active'],
      ['a/b', 'active'],
    ]);
  });
});
