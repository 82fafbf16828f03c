import assert from 'node:assert/strict';
import { beforeEach, describe, it, type TestContext } from 'node:test';
import type { Rule } from '../../activities/policy.js';
import { StoreUnavailableError } from '../../store/errors.js';
import { type Bench, createBench } from './support/bench.js';
import { failureOf } from './support/failure.js';
import { installationPart, installRecord, laterRecord, PROCESS_ID, userRow } from './support/records.js';

const INSTALL = { processId: PROCESS_ID };
const UPDATE = { processId: 'update:event-1' };

let bench: Bench;
beforeEach(() => {
  bench = createBench();
});

const rule = (changes: Partial<Rule>): Rule => ({
  match: {},
  mode: 'automatic',
  atDue: 'lapse',
  guards: {},
  ...changes,
});
const govern = (...policy: Rule[]) => {
  bench.rules = { policy, seats: 'assignment-order' };
};
const sync = (input: { processId: string } = INSTALL) => bench.run('syncFromTalkdesk', input);
const facts = () => bench.facts.map(({ name }) => name);

describe('what the policy makes of what Talkdesk says', () => {
  it('is left out where it is automatic', async () => {
    govern(rule({ guards: { maxUsers: 2, plans: ['Paid Plus'], regions: ['us'] } }));
    assert.deepEqual(await sync(), { remoteState: 'waiting', users: 2 });
  });

  for (const [what, guards] of [
    ['users', { maxUsers: 1 }],
    ['plan', { plans: ['Paid'] }],
    ['region', { regions: ['eu'] }],
    ['account id', { blockedAccounts: ['account-1'] }],
    ['account name', { blockedAccounts: ['acme'] }],
  ] as const) {
    it(`is a reject by its ${what}, and stays that when the step runs again`, async () => {
      govern(rule({ guards }));
      const { policy } = await sync();
      assert.equal(policy?.mode, 'reject');
      govern();
      assert.deepEqual((await sync()).policy, policy);
    });
  }

  it('counts other installations for an install, and only where a rule limits them', async () => {
    bench.processes.activeInstallations = 5;
    govern(rule({ guards: { maxUsers: 10 } }));
    await sync();
    assert.equal(bench.journal.includes('countActive'), false);
    bench.processes.record = installRecord();
    govern(rule({ guards: { maxInstallations: 5 } }));
    assert.equal((await sync()).policy?.mode, 'reject');
    bench.processes.record = laterRecord('update');
    bench.journal.length = 0;
    assert.equal((await sync(UPDATE)).policy, undefined);
    assert.equal(bench.journal.includes('countActive'), false);
  });

  it('is left to a person, which is said', async () => {
    govern(rule({ mode: 'manual', atDue: 'reject' }));
    assert.deepEqual((await sync()).policy, { mode: 'manual', atDue: 'reject' });
    const [fact] = bench.facts.filter(({ name }) => name === 'decision-awaited');
    assert.equal(fact?.note, 'install of acme');
  });
});

describe('a person’s decision', () => {
  it('comes along when it was taken before, and is not awaited again', async () => {
    govern(rule({ mode: 'manual', atDue: 'lapse' }));
    const personDecision = { decision: 'reject', reason: 'Not now.', by: 'ann' } as const;
    bench.processes.record = installRecord({ personDecision });
    const decided = { decision: 'reject', reason: 'Not now.' };
    assert.deepEqual((await sync()).decided, decided);
    assert.equal(facts().includes('decision-awaited'), false);
    // Also to a step that finds its result, which was stored without it.
    assert.deepEqual((await sync()).decided, decided);
    const stored = bench.processes.calls.recordSync[0]?.stepResult as { decided?: unknown };
    assert.equal(stored.decided, undefined);
  });
});

describe('auto-provision filters', () => {
  it('are kept for the product and not told to Temporal', async () => {
    bench.talkdesk.autoProvisionFilters = [{ filter: 'role_id', match: 'role-1' }];
    assert.deepEqual(await sync(), { remoteState: 'waiting', users: 2 });
    assert.deepEqual(await sync(), { remoteState: 'waiting', users: 2 });
    await bench.run('provisionAccount', INSTALL);
    assert.deepEqual(bench.product.calls.syncUsers[0]?.autoProvisionFilters, [{ filter: 'role_id', match: 'role-1' }]);
  });
});

describe('the preview of an update', () => {
  const CHANGES = { add: 1, resume: 2, suspend: 3 };
  beforeEach(() => {
    bench.processes.record = laterRecord('update');
    bench.product.answers.previewUsers = () => ({ status: 'done', ...CHANGES });
  });

  it('is asked of the product, with the users as they would be, and comes along', async () => {
    bench.talkdesk.subscription.totalLicenses = 1;
    bench.processes.userRows = [userRow('user-2', { assignedAt: new Date('2025-12-01T00:00:00Z') })];
    bench.talkdesk.autoProvisionFilters = [{ filter: 'all', match: null }];
    assert.deepEqual(await sync(UPDATE), { remoteState: 'waiting', users: 2, changes: CHANGES });
    const [call] = bench.product.calls.previewUsers;
    assert.deepEqual(
      call?.users.map(({ talkdeskUserId, admin, seat }) => [talkdeskUserId, admin, seat]),
      [
        ['user-1', true, 'active'],
        ['user-2', false, 'suspended'],
      ],
    );
    assert.deepEqual([call?.productAccountId, call?.seats], ['product-1', 1]);
    assert.deepEqual(call?.autoProvisionFilters, [{ filter: 'all', match: null }]);
    assert.equal(call?.idempotencyKey, 'update:event-1:preview');
    assert.deepEqual(bench.product.calls.syncUsers, []);
  });

  it('gives the seats of users it knows by when they became licensed, of new ones by now', async () => {
    bench.talkdesk.subscription.totalLicenses = 1;
    bench.processes.userRows = [userRow('user-3')];
    const user = { email: null, name: null, active: true };
    bench.talkdesk.readUsers = async () => ['user-2', 'user-3'].map((id) => ({ ...user, id }));
    await sync(UPDATE);
    assert.deepEqual(
      bench.product.calls.previewUsers[0]?.users.map(({ talkdeskUserId, seat }) => [talkdeskUserId, seat]),
      [
        ['user-2', 'suspended'],
        ['user-3', 'active'],
      ],
    );
  });

  it('is not asked of an install, nor without an account', async () => {
    bench.processes.record = laterRecord('update', { productAccountId: null });
    assert.equal((await sync(UPDATE)).changes, undefined);
    bench.processes.record = installRecord({ installation: installationPart() });
    assert.equal((await sync()).changes, undefined);
    assert.deepEqual(bench.product.calls.previewUsers, []);
  });

  it('is not asked where the seat policy refuses: the update will be rejected', async () => {
    bench.rules = { policy: [], seats: 'refuse' };
    bench.talkdesk.subscription.totalLicenses = 1;
    assert.deepEqual(await sync(UPDATE), { remoteState: 'waiting', users: 2 });
    assert.deepEqual(bench.product.calls.previewUsers, []);
  });

  it('is a courtesy: what the product refuses or fails holds nothing up', async () => {
    bench.product.answers.previewUsers = () => ({ status: 'refused', reason: 'no' });
    assert.deepEqual(await sync(UPDATE), { remoteState: 'waiting', users: 2 });
    bench.processes.record = laterRecord('update');
    bench.product.answers.previewUsers = () => {
      throw new Error('no answer');
    };
    assert.deepEqual(await sync(UPDATE), { remoteState: 'waiting', users: 2 });
  });

  it('is waited for a second at most', async (t: TestContext) => {
    const outOfTime = new AbortController();
    const { timeout } = AbortSignal;
    t.mock.method(AbortSignal, 'timeout', (ms: number) => (ms === 1_000 ? outOfTime.signal : timeout(ms)));
    bench.product.answers.previewUsers = ({ signal }) =>
      new Promise((_, reject) => {
        signal.addEventListener('abort', () => reject(new Error('cut off')), { once: true });
        outOfTime.abort();
      });
    assert.deepEqual(await sync(UPDATE), { remoteState: 'waiting', users: 2 });
  });

  it('does not hide that our database is away', async () => {
    bench.processes.failing.users = new StoreUnavailableError('The database is away.');
    assert.equal((await failureOf(sync(UPDATE))).type, 'Retryable');
    assert.deepEqual(bench.processes.calls.recordSync, []);
  });
});

describe('an update that brings another version of the app', () => {
  const announced = { appVersionId: 'version-2', appVersionName: '2.0.0' };

  it('is noticed, by the names of the versions', async () => {
    bench.processes.record = laterRecord('update', { announced });
    const { upgrade } = await sync(UPDATE);
    assert.deepEqual(upgrade, { from: '1.4.0', to: '2.0.0' });
    assert.deepEqual((await sync(UPDATE)).upgrade, upgrade, 'and stays so when the step runs again');
  });

  it('is none where the version stays the same, or the event names none', async () => {
    for (const same of [{ appVersionId: 'version-1', appVersionName: '1.4.0' }, null]) {
      bench = createBench();
      bench.processes.record = laterRecord('update', { announced: same });
      assert.equal('upgrade' in (await sync(UPDATE)), false);
    }
  });
});
