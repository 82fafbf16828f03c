import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { after, before, beforeEach, describe, it } from 'node:test';
import { NotFoundError, OutcomeConflictError } from '../../store/index.js';
import { at, install, openStore, snapshot, type TestStore } from './fixtures.js';

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
const actions = async () =>
  (await t.database.query('SELECT action FROM audit_entry ORDER BY seq')).map((row) => row['action']);
const users = (...ids: string[]) =>
  ids.map((id) => ({ talkdeskUserId: id, email: `${id}@acme.test`, name: id, active: true }));

const provisioned = (more = {}) =>
  t.store.processes.recordProvisioned({
    processId,
    attemptToken: 'one',
    productAccountId: 'product-1',
    users: [{ talkdeskUserId: 'user-1', productUserId: 'p-1' }],
    stepResult: { productAccountId: 'product-1', users: 1 },
    at: at('10:00:04.000'),
    ...more,
  });

const claimAs = (attemptToken: string, more = {}) =>
  t.store.processes.claim({ processId, attemptToken, leaseMs: 60_000, at: at('10:00:03.500'), ...more });

describe('recording that the product has the account', () => {
  it('stores account, user ids and the step, ends the claim, and is not repeated', async () => {
    await t.store.processes.recordSync({ processId, snapshot: snapshot(users('user-1', 'user-2')), stepResult: {} });
    await claimAs('one', { registerUndo: true });
    await provisioned();
    await provisioned({ at: at('11:00:00.000') });

    const record = await t.store.processes.read(processId);
    assert.equal(record.productAccountId, 'product-1');
    assert.deepEqual(record.stepResults, { sync: {}, provision: { productAccountId: 'product-1', users: 1 } });
    assert.deepEqual(await t.database.query('SELECT talkdesk_user_id, product_user_id FROM user_mapping ORDER BY 1'), [
      { talkdesk_user_id: 'user-1', product_user_id: 'p-1' },
      { talkdesk_user_id: 'user-2', product_user_id: null },
    ]);
    assert.deepEqual((await one('SELECT provisioned_at FROM product_account'))['provisioned_at'], at('10:00:04.000'));
    assert.deepEqual(await actions(), ['taken', 'provisioned']);
    assert.equal((await claimAs('two')).kind, 'claimed');
  });

  it('leaves the claim of another attempt alone', async () => {
    await claimAs('two');
    await provisioned();
    assert.equal((await claimAs('one')).kind, 'held');
    assert.equal((await t.store.processes.read(processId)).productAccountId, 'product-1');
  });

  it('does not bring back what was undone', async () => {
    await claimAs('one', { registerUndo: true });
    await t.store.processes.recordUndone({ processId, attemptToken: 'one', at: at('10:00:05.000') });
    await provisioned();
    const record = await t.store.processes.read(processId);
    assert.equal(record.productAccountId, null);
    assert.deepEqual(record.stepResults, {});
    assert.deepEqual(await actions(), ['taken', 'undone']);
  });

  it('writes ten thousand users in one go', async () => {
    const ids = Array.from({ length: 10_000 }, (_, n) => `user-${n}`);
    await t.store.processes.recordSync({ processId, snapshot: snapshot(users(...ids)), stepResult: { users: 10_000 } });
    await provisioned({ users: ids.map((id) => ({ talkdeskUserId: id, productUserId: `p-${id}` })) });
    const counted = await one(
      'SELECT count(*)::int AS n FROM user_mapping WHERE product_user_id = $$p-$$ || talkdesk_user_id',
    );
    assert.equal(counted['n'], 10_000);
    assert.equal((await t.store.processes.users('installation-1')).length, 10_000);
  });
});

describe('recording an undo', () => {
  it('marks process and account, once', async () => {
    await claimAs('one', { registerUndo: true });
    await provisioned();
    await claimAs('one');
    for (const time of ['10:00:06.000', '11:00:00.000']) {
      await t.store.processes.recordUndone({ processId, attemptToken: 'one', at: at(time) });
    }
    const record = await t.store.processes.read(processId);
    assert.equal(record.undo, 'done');
    assert.equal(record.productAccountId, null);
    assert.deepEqual(await one('SELECT status, undone_at FROM product_account'), {
      status: 'undone',
      undone_at: at('10:00:06.000'),
    });
    assert.deepEqual(await actions(), ['taken', 'provisioned', 'undone']);
    assert.equal((await claimAs('two')).kind, 'claimed');
  });

  it('leaves the account alone that a later installation provisioned', async () => {
    await claimAs('one', { registerUndo: true });
    await provisioned();
    const next = await install(t.store, {
      eventId: 'e2',
      installationId: 'installation-2',
      createdAt: at('11:00:00.000'),
    });
    await provisioned({ processId: next, productAccountId: 'product-1' });
    await t.store.processes.recordUndone({ processId, attemptToken: 'one', at: at('11:00:06.000') });
    assert.equal((await t.store.processes.read(next)).productAccountId, 'product-1');
  });

  it('does nothing where nothing was registered', async () => {
    await t.store.processes.recordUndone({ processId, attemptToken: 'one', at: at('10:00:06.000') });
    assert.equal((await t.store.processes.read(processId)).undo, 'none');
    assert.deepEqual(await actions(), ['taken']);
  });
});

describe('recording a decision that Talkdesk confirmed', () => {
  it('stores the step and the remote state, once', async () => {
    await claimAs('one', { decision: { verb: 'reject', reason: 'blocked for unpaid invoices' } });
    const decided = {
      processId,
      attemptToken: 'one',
      remoteState: 'refused',
      stepResult: { result: 'rejected', remoteState: 'refused' },
      at: at('10:00:07.000'),
    };
    await t.store.processes.recordDecided(decided);
    await t.store.processes.recordDecided({ ...decided, at: at('11:00:00.000') });
    const record = await t.store.processes.read(processId);
    assert.deepEqual(record.stepResults, { decide: { result: 'rejected', remoteState: 'refused' } });
    assert.equal(record.outcome, null);
    assert.equal((await one('SELECT remote_state FROM installation'))['remote_state'], 'refused');
    assert.deepEqual(await actions(), ['taken', 'decided']);
    const entry = JSON.parse(String((await one(`SELECT entry FROM audit_entry WHERE action = 'decided'`))['entry']));
    assert.deepEqual(entry, {
      action: 'decided',
      at: '2026-01-05T10:00:07.000Z',
      process: 'install:e1',
      event: 'e1',
      installation: 'installation-1',
      detail: { decision: 'reject', reason: 'blocked for unpaid invoices', remoteState: 'refused' },
    });
    assert.equal((await claimAs('two')).kind, 'claimed');
  });
});

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

describe('parking', () => {
  it('keeps the reason until it is resumed; each change is audited once', async () => {
    const park = (reason: string | null) =>
      t.store.processes.recordParked({ processId, reason, at: at('10:00:09.000') });
    await park('Add the host to the region file.');
    await park('Add the host to the region file.');
    assert.equal((await t.store.processes.read(processId)).parkedReason, 'Add the host to the region file.');
    await park(null);
    await park(null);
    assert.equal((await t.store.processes.read(processId)).parkedReason, null);
    assert.deepEqual(await actions(), ['taken', 'parked', 'resumed']);
  });

  it('is not for a process that has its outcome', async () => {
    await t.store.processes.recordOutcome({ processId, outcome: 'expired', reason: 'r', at: at('10:00:08.000') });
    await t.store.processes.recordParked({ processId, reason: 'late', at: at('10:00:09.000') });
    assert.equal((await t.store.processes.read(processId)).parkedReason, null);
  });
});

describe('a process that is not there', () => {
  it('is refused by every method', async () => {
    const nowhere = { processId: 'install:nowhere', attemptToken: 'one', at: at('10:00:00.000') };
    const { processes } = t.store;
    for (const attempt of [
      () => processes.read(nowhere.processId),
      () => provisioned(nowhere),
      () => processes.recordUndone(nowhere),
      () => processes.recordDecided({ ...nowhere, remoteState: 'refused', stepResult: {} }),
      () => processes.recordOutcome({ ...nowhere, outcome: 'approved', reason: 'r' }),
      () => processes.recordParked({ ...nowhere, reason: 'r' }),
      () => processes.recordSync({ ...nowhere, snapshot: snapshot([]), stepResult: {} }),
    ]) {
      await assert.rejects(attempt, NotFoundError);
    }
    assert.deepEqual(await actions(), ['taken']);
  });
});

describe('the audit chain', () => {
  const verify = async () => {
    const rows = await t.database.query(
      `SELECT app_id, account_id, seq::int, entry, hash FROM audit_entry ORDER BY app_id, account_id, seq`,
    );
    const heads = new Map<string, { seq: number; hash: string }>();
    for (const row of rows) {
      const key = `${row['app_id']}/${row['account_id']}`;
      const head = heads.get(key) ?? { seq: 0, hash: '' };
      assert.equal(row['seq'], head.seq + 1, key);
      assert.equal(
        row['hash'],
        createHash('sha256').update(`${head.hash}\n${row['seq']}\n${row['entry']}`).digest('hex'),
        key,
      );
      heads.set(key, { seq: row['seq'], hash: row['hash'] });
    }
    for (const tenant of await t.database.query('SELECT app_id, account_id, audit_seq::int, audit_hash FROM tenant')) {
      const head = heads.get(`${tenant['app_id']}/${tenant['account_id']}`);
      assert.deepEqual({ seq: tenant['audit_seq'], hash: tenant['audit_hash'] }, head);
    }
    return rows.length;
  };

  it('holds over every kind of entry, tenants apart, also when many write at the same time', async () => {
    const ids = Array.from({ length: 10 }, (_, n) => `m${n}`);
    for (const eventId of ids)
      await install(t.store, { eventId, installationId: eventId, createdAt: at(`11:00:0${eventId.slice(1)}.000`) });
    await install(t.store, { eventId: 'other', accountId: 'account-2', installationId: 'i2' });
    await claimAs('one', { registerUndo: true });
    await provisioned();
    await Promise.all(
      ids.map((eventId) =>
        t.store.processes.recordParked({
          processId: `install:${eventId}`,
          reason: `wait "é" ${eventId}`,
          at: at('12:00:00.000'),
        }),
      ),
    );
    await Promise.all(
      ids.map((eventId) =>
        t.store.processes.recordOutcome({
          processId: `install:${eventId}`,
          outcome: 'cancelled',
          reason: 'r',
          at: at('12:00:00.000'),
        }),
      ),
    );
    assert.equal(await verify(), 33);
  });

  it('cannot be changed or shortened, and shows it when the owner of the table does so all the same', async () => {
    for (const attack of [`UPDATE audit_entry SET entry = '{}'`, 'DELETE FROM audit_entry', 'TRUNCATE audit_entry']) {
      await assert.rejects(t.database.query(attack), /append-only/);
    }
    await verify();
    await t.database.query(`ALTER TABLE audit_entry DISABLE TRIGGER audit_entry_append_only;
      UPDATE audit_entry SET entry = replace(entry, 'installation-1', 'installation-9');
      ALTER TABLE audit_entry ENABLE TRIGGER audit_entry_append_only`);
    await assert.rejects(verify(), assert.AssertionError);
  });
});
