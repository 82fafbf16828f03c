import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { after, before, describe, it } from 'node:test';
import { placeOf } from '../../store/sealing.js';
import { delivery, openStore, type TestStore, whileUncommitted } from './fixtures.js';

let t: TestStore;
before(async () => {
  t = await openStore();
});
after(() => t.end());

const sha256 = (body: Buffer): string => createHash('sha256').update(body).digest('hex');

describe('accept', () => {
  it('commits the event sealed, with its times to the millisecond', async () => {
    const event = delivery({ eventId: 'plain', createdAt: new Date('2026-07-05T10:00:00.123Z') });
    assert.deepEqual(await t.store.inbox.accept(event), { kind: 'stored' });

    const [row] = await t.database.query(`SELECT * FROM inbox_event WHERE id = 'plain'`);
    assert.equal(row?.['type'], 'app.installed');
    assert.equal(row?.['app_id'], 'app-1');
    assert.equal(row?.['account_id'], 'account-1');
    assert.equal(row?.['installation_id'], 'installation-1');
    assert.equal(row?.['status'], 'received');
    assert.equal(row?.['created_at'].toISOString(), '2026-07-05T10:00:00.123Z');
    assert.equal(row?.['received_at'].toISOString(), '2026-01-05T10:00:01.250Z');
    assert.equal(row?.['body_hash'], sha256(event.rawBody));
    assert.deepEqual(t.sealer.open(row?.['body'], placeOf('inbox_event', 'body', 'plain')), event.rawBody);
    assert.equal(row?.['outcome'], null);
    assert.equal(row?.['dispatched_at'], null);
  });

  it('tells a repeat, and whether it was handed over', async () => {
    const event = delivery({ eventId: 'repeat' });
    await t.store.inbox.accept(event);
    assert.deepEqual(await t.store.inbox.accept(event), { kind: 'duplicate', dispatched: false });
    await t.store.inbox.markDispatched('repeat', 'namespace-1');
    assert.deepEqual(await t.store.inbox.accept(event), { kind: 'duplicate', dispatched: true });
  });

  it('puts another body of the same event into quarantine, once', async () => {
    await t.store.inbox.accept(delivery({ eventId: 'forged' }));
    const newcomer = delivery({ eventId: 'forged', rawBody: Buffer.from('{"id":"forged","x":1}') });
    assert.deepEqual(await t.store.inbox.accept(newcomer), { kind: 'conflict' });
    assert.deepEqual(await t.store.inbox.accept(newcomer), { kind: 'conflict' });

    const rows = await t.database.query(`SELECT * FROM quarantine WHERE event_id = 'forged'`);
    assert.equal(rows.length, 1);
    assert.equal(rows[0]?.['reason'], 'The event forged was delivered before with another body.');
    const place = placeOf('quarantine', 'body', sha256(newcomer.rawBody));
    assert.equal(t.sealer.open(rows[0]?.['body'], place).toString(), '{"id":"forged","x":1}');
    const [first] = await t.database.query(`SELECT body_hash FROM inbox_event WHERE id = 'forged'`);
    assert.equal(first?.['body_hash'], sha256(delivery({ eventId: 'forged' }).rawBody));
  });

  it('stores exactly one of a hundred at the same time', async () => {
    const event = delivery({ eventId: 'hundredfold' });
    const results = await Promise.all(Array.from({ length: 100 }, () => t.store.inbox.accept(event)));
    assert.equal(results.filter((result) => result.kind === 'stored').length, 1);
    assert.equal(results.filter((result) => result.kind === 'duplicate').length, 99);
    const rows = await t.database.query(`SELECT 1 FROM inbox_event WHERE id = 'hundredfold'`);
    assert.equal(rows.length, 1);
  });

  it('tells a repeat that another connection commits at the same moment', async () => {
    const event = delivery({ eventId: 'meanwhile' });
    const insert = `INSERT INTO inbox_event (id, type, app_id, account_id, created_at, received_at, status, body, body_hash)
      VALUES ('meanwhile', 'app.installed', 'app-1', 'account-1', now(), now(), 'received', '', '${sha256(event.rawBody)}')`;
    const result = await whileUncommitted(t.database, insert, () => t.store.inbox.accept(event));
    assert.deepEqual(result, { kind: 'duplicate', dispatched: false });
  });

  it('settles at once what is only recorded', async () => {
    const recorded = delivery({
      eventId: 'recorded',
      type: 'app.new_kind',
      accountId: null,
      installationId: null,
      disposition: 'record',
    });
    await t.store.inbox.accept(recorded);
    const rows = await t.database.query(
      `SELECT id, status, outcome, settled_at FROM inbox_event WHERE id = 'recorded'`,
    );
    assert.deepEqual(rows, [
      { id: 'recorded', status: 'settled', outcome: 'recorded', settled_at: new Date('2026-01-05T10:00:01.250Z') },
    ]);
    // A repeat needs no hand-over.
    assert.deepEqual(await t.store.inbox.accept(recorded), { kind: 'duplicate', dispatched: true });
  });

  it('keeps ids as they are', async () => {
    for (const eventId of [
      `o'brien"; DROP TABLE inbox_event; --`,
      'a/b\\c%d',
      '__proto__',
      'é'.repeat(128),
      ' ',
      '${x}',
      '$1',
    ]) {
      const event = delivery({ eventId, installationId: eventId, accountId: eventId, appId: eventId });
      assert.deepEqual(await t.store.inbox.accept(event), { kind: 'stored' }, eventId);
      assert.deepEqual(await t.store.inbox.accept(event), { kind: 'duplicate', dispatched: false }, eventId);
      const [untaken] = await t.store.processes.untaken({ appId: eventId, accountId: eventId });
      assert.equal(untaken?.eventId, eventId);
      assert.deepEqual(untaken?.rawBody, event.rawBody);
    }
  });

  it('refuses an id the database cannot hold with an error that holds no value', async () => {
    await assert.rejects(t.store.inbox.accept(delivery({ eventId: 'nul\0SECRET' })), (error: Error) => {
      assert.equal(error.name, 'StoreError');
      assert.doesNotMatch(String(error.stack) + JSON.stringify(error), /SECRET/);
      return true;
    });
  });
});

describe('quarantine', () => {
  it('keeps a body once, sealed, with the reason', async () => {
    const item = {
      eventId: null,
      reason: 'The body is not JSON.',
      rawBody: Buffer.from('not json \0 SECRET'),
      receivedAt: new Date('2026-01-05T11:00:00.000Z'),
    };
    await t.store.inbox.quarantine(item);
    await t.store.inbox.quarantine({ ...item, receivedAt: new Date('2026-01-05T12:00:00.000Z') });
    const rows = await t.database.query(`SELECT * FROM quarantine WHERE event_id IS NULL`);
    assert.equal(rows.length, 1);
    assert.equal(rows[0]?.['reason'], 'The body is not JSON.');
    assert.equal(rows[0]?.['received_at'].toISOString(), '2026-01-05T11:00:00.000Z');
    assert.deepEqual(t.sealer.open(rows[0]?.['body'], placeOf('quarantine', 'body', rows[0]?.['id'])), item.rawBody);
  });
});

describe('probe', () => {
  it('passes where the inbox can be written', async () => {
    await t.store.inbox.probe();
  });

  it('fails where it cannot', async () => {
    const readOnly = await openStore({ poolMax: 1 });
    const name = new URL(readOnly.database.url).pathname.slice(1);
    await readOnly.database.query(`ALTER DATABASE ${name} SET default_transaction_read_only = on`);
    await assert.rejects(readOnly.store.inbox.probe(), { name: 'StoreUnavailableError', message: /25006/ });
    await assert.rejects(readOnly.store.inbox.accept(delivery()), { name: 'StoreUnavailableError' });
    await readOnly.database.query('SET default_transaction_read_only = off');
    await readOnly.end();
  });
});
