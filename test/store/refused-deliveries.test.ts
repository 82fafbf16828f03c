import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { placeOf } from '../../store/sealing.js';
import { openStore, type TestStore } from './fixtures.js';

let t: TestStore;
before(async () => {
  t = await openStore();
});
after(() => t.end());

const refused = (body: string) => ({
  reason: 'The signature does not match.',
  headers: { 'x-hub-ecdsa-signature': 'SECRET-SIGNATURE' },
  rawBody: Buffer.from(body),
  receivedAt: new Date('2026-01-05T10:00:00.000Z'),
});

const count = async (): Promise<number> =>
  (await t.database.query<{ n: number }>('SELECT count(*)::int AS n FROM refused_delivery'))[0]?.n ?? -1;

/** Fills the table with rows of that size, the first the oldest. */
const fill = (rows: number, sizeBytes: number) =>
  t.database.query(
    `INSERT INTO refused_delivery (id, reason, headers, body, body_hash, size_bytes, received_at, stored_at)
     SELECT 'old-' || n, 'r', 'h', 'b', 'hash-' || n, $2::int, now(), now() - (1000 - n) * interval '1 minute' FROM generate_series(1, $1::int) n`,
    [rows, sizeBytes],
  );

describe('refused deliveries', () => {
  it('are kept sealed, a repeated body once', async () => {
    await t.store.inbox.keepRefused(refused('{"client_secret":"SECRET-IN-BODY"}'));
    await t.store.inbox.keepRefused(refused('{"client_secret":"SECRET-IN-BODY"}'));
    const rows = await t.database.query('SELECT * FROM refused_delivery');
    assert.equal(rows.length, 1);
    assert.doesNotMatch(JSON.stringify(rows), /SECRET/);
    const { id, headers, body, reason } = rows[0] as Record<string, string>;
    assert.equal(reason, 'The signature does not match.');
    assert.equal(
      t.sealer.open(headers ?? '', placeOf('refused_delivery', 'headers', id ?? '')).toString(),
      '{"x-hub-ecdsa-signature":"SECRET-SIGNATURE"}',
    );
    assert.equal(
      t.sealer.open(body ?? '', placeOf('refused_delivery', 'body', id ?? '')).toString(),
      '{"client_secret":"SECRET-IN-BODY"}',
    );
  });

  it('never pass 500 rows: the oldest go', async () => {
    await t.database.query('DELETE FROM refused_delivery');
    await fill(500, 100);
    await t.store.inbox.keepRefused(refused('newcomer'));
    assert.equal(await count(), 500);
    const gone = await t.database.query(`SELECT id FROM refused_delivery WHERE id IN ('old-1', 'old-2') ORDER BY id`);
    assert.deepEqual(gone, [{ id: 'old-2' }]);
  });

  it('never pass 32 MiB: the oldest go', async () => {
    await t.database.query('DELETE FROM refused_delivery');
    await fill(32, 1024 * 1024);
    await t.store.inbox.keepRefused(refused('newcomer'));
    const rows = await t.database.query<{ id: string }>(
      `SELECT id FROM refused_delivery WHERE id LIKE 'old-%' ORDER BY stored_at`,
    );
    assert.equal(rows.length, 31);
    assert.equal(rows[0]?.id, 'old-2');
    assert.equal(await count(), 32);
  });

  it('cost a flood nothing: most of it is let go', async () => {
    const startedMs = performance.now();
    const store = await openStore();
    await Promise.all(Array.from({ length: 2_000 }, (_, n) => store.store.inbox.keepRefused(refused(`flood ${n}`))));
    const [row] = await store.database.query<{ n: number }>('SELECT count(*)::int AS n FROM refused_delivery');
    assert.ok((row?.n ?? 0) >= 1 && (row?.n ?? 0) <= 2, `kept ${row?.n}`);
    for (let n = 0; n < 300; n += 1) await store.store.inbox.keepRefused(refused(`steady ${n}`));
    const [later] = await store.database.query<{ n: number }>('SELECT count(*)::int AS n FROM refused_delivery');
    const most = 100 + ((performance.now() - startedMs) / 1_000) * 10;
    assert.ok((later?.n ?? 0) >= 90 && (later?.n ?? 0) <= most, `kept ${later?.n}, ${most} at most`);
    await store.end();
  });

  it('never throw: what cannot be kept is said in the log', async () => {
    const broken = await openStore();
    await broken.database.query('DROP TABLE refused_delivery');
    await broken.store.inbox.keepRefused(refused('x'));
    assert.deepEqual(broken.warnings, ['a refused delivery could not be kept']);
    await broken.end();
  });
});
