import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, it } from 'node:test';
import { OutcomeConflictError } from '../../store/index.js';
import { actionsOf, at, change, end, install, openStore, type TestStore } from './fixtures.js';

let t: TestStore;
let processId: string;
before(async () => {
  t = await openStore({ poolMax: 12 });
});
beforeEach(async () => {
  await t.clear();
  processId = await install(t.store, { eventId: 'e1' });
});
after(() => t.end());

const one = async (sql: string) => (await t.database.query(sql))[0] ?? {};
const actions = () => actionsOf(t.database);
const claimAs = (attemptToken: string) =>
  t.store.processes.claim({ processId, attemptToken, leaseMs: 60_000, at: at('10:00:03.500') });

describe('recording the outcome', () => {
  const outcome = (value: 'approved' | 'rejected' | 'superseded', more = {}) =>
    t.store.processes.recordOutcome({ processId, outcome: value, reason: 'why', at: at('10:00:08.000'), ...more });

  it('ends process, event and claim, and sets the installation', async () => {
    await claimAs('one');
    await t.store.processes.recordParked({ processId, reason: 'look', at: at('10:00:07.000') });
    await outcome('approved', { remoteState: 'accepted' });
    assert.deepEqual(
      await one(
        'SELECT outcome, outcome_reason, outcome_at, claim_token, claim_expires_at, parked_reason FROM process',
      ),
      {
        outcome: 'approved',
        outcome_reason: 'why',
        outcome_at: at('10:00:08.000'),
        claim_token: null,
        claim_expires_at: null,
        parked_reason: null,
      },
    );
    assert.deepEqual(await one('SELECT status, outcome, settled_at FROM inbox_event'), {
      status: 'settled',
      outcome: 'approved',
      settled_at: at('10:00:08.000'),
    });
    assert.deepEqual(await one('SELECT state, remote_state FROM installation'), {
      state: 'active',
      remote_state: 'accepted',
    });
    assert.deepEqual(await actions(), ['taken', 'parked', 'outcome']);
  });

  it('changes nothing when it is recorded again, and refuses another one', async () => {
    await outcome('approved');
    await outcome('approved', { reason: 'again', at: at('12:00:00.000') });
    assert.equal((await one('SELECT outcome_reason FROM process'))['outcome_reason'], 'why');
    await assert.rejects(outcome('rejected'), (error) => {
      assert.ok(error instanceof OutcomeConflictError);
      assert.deepEqual([error.processId, error.recorded, error.refused], ['install:e1', 'approved', 'rejected']);
      return true;
    });
    assert.deepEqual(await actions(), ['taken', 'outcome']);
  });

  it('is one of two that race', async () => {
    const results = await Promise.allSettled(
      Array.from({ length: 20 }, (_, n) => outcome(n % 2 === 0 ? 'approved' : 'rejected')),
    );
    const failed = results.filter((result) => result.status === 'rejected');
    assert.equal(failed.length, 10);
    assert.ok(failed.every((result) => result.status === 'rejected' && result.reason instanceof OutcomeConflictError));
    assert.deepEqual(await actions(), ['taken', 'outcome']);
  });

  it('makes the approved installation the only active one', async () => {
    await outcome('approved');
    const next = await install(t.store, {
      eventId: 'e2',
      installationId: 'installation-2',
      createdAt: at('11:00:00.000'),
    });
    await outcome('approved', { processId: next });
    assert.deepEqual(await t.database.query('SELECT id, state FROM installation ORDER BY id'), [
      { id: 'installation-1', state: 'ended' },
      { id: 'installation-2', state: 'active' },
    ]);
  });

  it('leaves the installation to a later process of it', async () => {
    const again = await install(t.store, { eventId: 'e2', createdAt: at('11:00:00.000') });
    await outcome('superseded');
    assert.equal((await one('SELECT state FROM installation'))['state'], 'pending');
    await outcome('approved', { processId: again });
    assert.equal((await one('SELECT state FROM installation'))['state'], 'active');
  });
});

describe('the installation after an outcome', () => {
  const state = async (installationId = 'installation-1') =>
    (await t.store.processes.readInstallation(installationId)).state;

  const OTHERS = ['rejected', 'expired', 'superseded', 'contradicted', 'cancelled'] as const;
  for (const outcome of OTHERS) {
    it(`is ended by an install that ends ${outcome}, and not while an approval of ours stands`, async () => {
      await end(t.store, processId, outcome);
      assert.equal(await state(), 'ended');

      await end(t.store, await install(t.store, { eventId: 'e2', createdAt: at('11:00:00.000') }), 'approved');
      const repeat = await install(t.store, { eventId: 'e3', createdAt: at('12:00:00.000') });
      assert.equal(await state(), 'pending');
      await end(t.store, repeat, outcome);
      assert.equal(await state(), 'active');

      const uninstall = await change(t.store, 'uninstall', { eventId: 'u', createdAt: at('13:00:00.000') });
      await end(t.store, uninstall, 'approved');
      await end(t.store, await install(t.store, { eventId: 'e4', createdAt: at('14:00:00.000') }), outcome);
      assert.equal(await state(), 'ended');
    });
  }

  it('is as it was for updates and rotations', async () => {
    await end(t.store, processId, 'approved');
    for (const [n, outcome] of (['approved', 'rejected', 'expired', 'superseded', 'acknowledged'] as const).entries()) {
      for (const kind of ['update', 'rotation'] as const) {
        const id = await change(t.store, kind, { eventId: `${kind}-${n}`, createdAt: at(`11:00:0${n}.000`) });
        await end(t.store, id, outcome);
        assert.equal(await state(), 'active', `${kind} ${outcome}`);
      }
    }
  });

  it('is ended by an uninstall that is approved or without credentials, unless it was installed again', async () => {
    for (const outcome of ['approved', 'credentials-gone'] as const) {
      await t.clear();
      await end(t.store, await install(t.store, { eventId: 'e1' }), 'approved');
      const cancelled = await change(t.store, 'uninstall', { eventId: 'u1', createdAt: at('11:00:00.000') });
      await end(t.store, cancelled, 'cancelled');
      assert.equal(await state(), 'active');
      // The smaller id in the same second: what is uninstalled was installed.
      await end(t.store, await install(t.store, { eventId: 'z', createdAt: at('12:00:00.000') }), 'approved');
      await end(t.store, await change(t.store, 'uninstall', { eventId: 'a', createdAt: at('12:00:00.000') }), outcome);
      assert.equal(await state(), 'ended');

      const old = await change(t.store, 'uninstall', { eventId: 'u2', createdAt: at('12:30:00.000') });
      await install(t.store, { eventId: 'e2', createdAt: at('13:00:00.000') });
      await end(t.store, old, outcome);
      assert.equal(await state(), 'pending');
    }
  });

  it('is ended by the approved install of another one, but not by its approved update', async () => {
    await end(t.store, processId, 'approved');
    const other = { installationId: 'installation-2' };
    const second = await install(t.store, { eventId: 'e2', createdAt: at('11:00:00.000'), ...other });
    await end(
      t.store,
      await change(t.store, 'update', { eventId: 'u', createdAt: at('11:30:00.000'), ...other }),
      'approved',
    );
    assert.equal(await state(), 'active');
    await end(t.store, second, 'approved');
    assert.deepEqual([await state(), await state('installation-2')], ['ended', 'active']);
  });

  it('is counted for its app while it is active', async () => {
    const count = (accountId: string) => t.store.processes.countActive({ appId: 'app-1', accountId });
    assert.equal(await count('account-2'), 0);
    await end(t.store, processId, 'approved');
    const elsewhere = await install(t.store, { eventId: 'x', appId: 'app-2', installationId: 'x' });
    await end(t.store, elsewhere, 'approved');
    assert.deepEqual([await count('account-2'), await count('account-1')], [1, 0]);
  });

  it('keeps the last state read', async () => {
    const update = await change(t.store, 'update', { eventId: 'u', createdAt: at('11:00:00.000') });
    const options = { processId: update, outcome: 'expired', reason: 'r', at: at('12:00:00.000') } as const;
    await t.store.processes.recordOutcome({ ...options, remoteState: 'dead' });
    assert.equal((await one('SELECT remote_state FROM installation'))['remote_state'], 'dead');
  });
});
