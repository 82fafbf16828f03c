import assert from 'node:assert/strict';
import { cp, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { after, before, describe, it } from 'node:test';
import { applyMigrations } from '../../store/index.js';
import { createTestDatabase, type TestDatabase } from '../support/database.js';

const SHIPPED = fileURLToPath(new URL('../../prisma/migrations/', import.meta.url));
const FIRST = '20261122220000_install_path';

/** Rows as the install path alone left them: two installations of one tenant, one of them installed twice, and kept events. */
const OLD_ROWS = `
  INSERT INTO inbox_event (id, type, app_id, account_id, installation_id, created_at, received_at, status, body, body_hash, outcome, settled_at)
  SELECT id, type, 'app', account, inst, day::timestamptz, '2026-01-09Z', status, 'sealed', repeat('a', 64),
    CASE WHEN status = 'settled' THEN 'approved' END, CASE WHEN status = 'settled' THEN '2026-01-09Z'::timestamptz END
  FROM (VALUES ('e1', 'app.installed', 'account', 'a', '2026-01-01Z', 'settled'), ('e2', 'app.installed', 'account', 'b', '2026-01-02Z', 'taken'),
    ('e3', 'app.installed', 'account', 'a', '2026-01-03Z', 'taken'), ('k1', 'app.updated', 'account', 'a', '2026-01-04Z', 'kept'),
    ('k2', 'app.updated', NULL, 'a', '2026-01-04Z', 'kept')) v (id, type, account, inst, day, status);
  INSERT INTO tenant (app_id, account_id, account_name, first_taken_at) VALUES ('app', 'account', 'acme', '2026-01-01Z');
  INSERT INTO installation (id, app_id, account_id, generation, event_id, event_created_at, account_name, api_root, token_url, state)
  VALUES ('a', 'app', 'account', 1, 'e1', '2026-01-01Z', 'acme', 'https://a', 'https://t', 'pending'),
    ('b', 'app', 'account', 2, 'e2', '2026-01-02Z', 'acme', 'https://a', 'https://t', 'pending');
  INSERT INTO process (id, kind, event_id, app_id, account_id, installation_id, event_created_at, due_at, close_at, taken_at)
  SELECT 'install:' || id, 'install', id, app_id, account_id, installation_id, created_at, created_at, created_at, created_at
  FROM inbox_event WHERE type = 'app.installed';
  INSERT INTO credential (id, installation_id, version, state, client_id, private_key, key_id, key_algorithm, event_created_at, taken_at)
  VALUES ('e1', 'a', 1, 'current', 'client', 'sealed', 'key', 'ES256', '2026-01-01Z', '2026-01-01Z'),
    ('e2', 'b', 1, 'gone', 'client', NULL, 'key', 'ES256', '2026-01-02Z', '2026-01-02Z');
  INSERT INTO user_mapping (app_id, account_id, talkdesk_user_id, product_user_id, started_at) VALUES ('app', 'account', 'u', 'p', '2026-01-01Z')`;

let database: TestDatabase;
let folder: string;
before(async () => {
  database = await createTestDatabase({ empty: true });
  folder = await mkdtemp(join(tmpdir(), 'migrations-'));
  await cp(join(SHIPPED, FIRST), join(folder, FIRST), { recursive: true });
});
after(async () => {
  await database.drop();
  await rm(folder, { recursive: true });
});

describe('the migration to the whole lifecycle', () => {
  it('keeps what is there, hands over what was kept, and numbers install events', async () => {
    assert.deepEqual(await applyMigrations(database.url, { folder }), [FIRST]);
    await database.query(OLD_ROWS);
    await applyMigrations(database.url);

    assert.deepEqual(await database.query('SELECT id, status, outcome, dispatched_at FROM inbox_event ORDER BY id'), [
      { id: 'e1', status: 'settled', outcome: 'approved', dispatched_at: null },
      { id: 'e2', status: 'taken', outcome: null, dispatched_at: null },
      { id: 'e3', status: 'taken', outcome: null, dispatched_at: null },
      { id: 'k1', status: 'received', outcome: null, dispatched_at: null },
      // Without an account there is no run that could take it.
      { id: 'k2', status: 'settled', outcome: 'recorded', dispatched_at: null },
    ]);
    assert.deepEqual(await database.query('SELECT id, generation FROM process ORDER BY id'), [
      { id: 'install:e1', generation: 1 },
      { id: 'install:e2', generation: 2 },
      { id: 'install:e3', generation: 3 },
    ]);
    assert.deepEqual(await database.query('SELECT id, generation, event_id, suspended FROM installation ORDER BY id'), [
      { id: 'a', generation: 3, event_id: 'e3', suspended: false },
      { id: 'b', generation: 2, event_id: 'e2', suspended: false },
    ]);
    assert.deepEqual(await database.query('SELECT id, state, delivered_by FROM credential ORDER BY id'), [
      { id: 'e1', state: 'current', delivered_by: 'install' },
      { id: 'e2', state: 'gone', delivered_by: 'install' },
    ]);
    assert.deepEqual(await database.query('SELECT talkdesk_user_id, product_user_id, seat FROM user_mapping'), [
      { talkdesk_user_id: 'u', product_user_id: 'p', seat: null },
    ]);
  });
});
