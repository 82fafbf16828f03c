import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { after, before, beforeEach, describe, it } from 'node:test';
import { at, change, delivery, end, install, openStore, snapshot, type TestStore } from './fixtures.js';

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

const provisioned = (more = {}) =>
  t.store.processes.recordProvisioned({
    processId,
    attemptToken: 'one',
    productAccountId: 'product-1',
    users: [{ talkdeskUserId: 'user-1', productUserId: 'p-1', seat: 'active' }],
    stepResult: { productAccountId: 'product-1', users: 1 },
    at: at('10:00:04.000'),
    ...more,
  });

const claimAs = (attemptToken: string, more = {}) =>
  t.store.processes.claim({ processId, attemptToken, leaseMs: 60_000, at: at('10:00:03.500'), ...more });

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
    // What the rest of the lifecycle leaves: nine more.
    const rotation = await change(t.store, 'rotation', { eventId: 'r', createdAt: at('12:00:00.000') });
    await t.store.processes.promoteCredential({ processId: rotation, stepResult: {}, at: at('12:00:00.000') });
    const update = await change(t.store, 'update', { eventId: 'u', createdAt: at('12:00:00.000') });
    await t.store.processes.recordSync({ processId: update, snapshot: snapshot([]), stepResult: {} });
    await t.store.processes.restoreSettings(update, at('12:00:00.000'));
    await t.store.processes.recordWarning({ processId: update, text: 'half', at: at('12:00:00.000') });
    await t.store.processes.recordPersonDecision({
      processId: update,
      decision: 'reject',
      reason: 'r',
      by: 'dana',
      at: at('12:00:00.000'),
    });
    await end(t.store, update, 'rejected');
    await t.store.inbox.accept(delivery({ eventId: 't', type: 'app.trial_started' }));
    await t.store.processes.recordTrial({ eventId: 't', trial: null, suspended: false, at: at('12:00:00.000') });
    await t.store.inbox.accept(delivery({ eventId: 's', type: 'user.logout' }));
    await t.store.processes.settleEvent({ eventId: 's', outcome: 'recorded', reason: 'r', at: at('12:00:00.000') });
    assert.equal(await verify(), 42);
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
