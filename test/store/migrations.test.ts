import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { createConnection, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, beforeEach, describe, it } from 'node:test';
import { freePort } from '../../local/ports.js';
import { applyMigrations, assertMigrated, MigrationError, StoreUnavailableError } from '../../store/index.js';
import { createTestDatabase, type TestDatabase } from '../support/database.js';

const SHIPPED = new URL('../../prisma/migrations/', import.meta.url);
const folders: string[] = [];
let database: TestDatabase;

/** A folder of migrations by name. */
async function folderOf(migrations: Record<string, string>): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'migrations-'));
  folders.push(folder);
  for (const [name, sql] of Object.entries(migrations)) {
    await mkdir(join(folder, name));
    await writeFile(join(folder, name, 'migration.sql'), sql);
  }
  await writeFile(join(folder, 'migration_lock.toml'), 'provider = "postgresql"\n');
  return folder;
}

/** Names of the migrations of this version, in their order. */
async function shippedNames(): Promise<string[]> {
  const entries = await readdir(SHIPPED, { withFileTypes: true });
  return entries
    .filter((entry) => entry.isDirectory())
    .map((entry) => entry.name)
    .sort();
}

const tables = async (): Promise<string[]> =>
  (
    await database.query<{ name: string }>(
      `SELECT table_name AS name FROM information_schema.tables WHERE table_schema = 'public'`,
    )
  )
    .map((row) => row.name)
    .sort();

function isMigrationError(pattern: RegExp): (error: unknown) => boolean {
  return (error) => {
    assert.ok(error instanceof MigrationError, String(error));
    assert.match(error.message, pattern);
    return true;
  };
}

describe('migrations', () => {
  beforeEach(async () => {
    database = await createTestDatabase({ empty: true });
  });
  afterEach(() => database.drop());
  after(() => Promise.all(folders.map((folder) => rm(folder, { recursive: true }))));

  it('makes every table in an empty database, and nothing the second time', async () => {
    const lines: string[] = [];
    const names = await shippedNames();
    assert.deepEqual(await applyMigrations(database.url, { log: (line) => lines.push(line) }), names);
    assert.deepEqual(
      lines,
      names.map((name) => `applied: ${name}`),
    );
    assert.deepEqual(await tables(), [
      '_prisma_migrations',
      'audit_entry',
      'credential',
      'inbox_event',
      'installation',
      'process',
      'product_account',
      'quarantine',
      'refused_delivery',
      'signature_key',
      'tenant',
      'user_mapping',
    ]);

    lines.length = 0;
    assert.deepEqual(await applyMigrations(database.url, { log: (line) => lines.push(line) }), []);
    assert.deepEqual(
      lines,
      names.map((name) => `already applied: ${name}`),
    );
    await assertMigrated(database.url);
  });

  it('keeps Prisma’s books as Prisma would', async () => {
    await applyMigrations(database.url);
    const [row] = await database.query(`SELECT * FROM _prisma_migrations ORDER BY migration_name LIMIT 1`);
    const sql = await readFile(new URL('20261122220000_install_path/migration.sql', SHIPPED));
    assert.equal(row?.['migration_name'], '20261122220000_install_path');
    assert.equal(row?.['checksum'], createHash('sha256').update(sql).digest('hex'));
    assert.equal(row?.['applied_steps_count'], 1);
    assert.equal(row?.['rolled_back_at'], null);
    assert.equal(row?.['logs'], null);
    assert.ok(row?.['finished_at'] instanceof Date && row['started_at'] instanceof Date);
    assert.match(String(row['id']), /^[0-9a-f-]{36}$/);
  });

  it('refuses to go on when an applied migration was edited, and names it', async () => {
    await applyMigrations(database.url, { folder: await folderOf({ '1_a': 'CREATE TABLE a ()' }) });
    const edited = await folderOf({ '1_a': 'CREATE TABLE a (x int)', '2_b': 'CREATE TABLE b ()' });
    await assert.rejects(applyMigrations(database.url, { folder: edited }), isMigrationError(/1_a was edited/));
    await assert.rejects(assertMigrated(database.url, { folder: edited }), isMigrationError(/1_a was edited/));
    assert.deepEqual(await tables(), ['_prisma_migrations', 'a']);
  });

  it('undoes a migration that fails midway, keeps those before it, and goes on once it is mended', async () => {
    const broken = await folderOf({
      '1_a': 'CREATE TABLE a ()',
      '2_b': 'CREATE TABLE b (); SELECT 1 / 0',
      '3_c': 'CREATE TABLE c ()',
    });
    await assert.rejects(
      applyMigrations(database.url, { folder: broken }),
      isMigrationError(/2_b failed and was undone \(22012\)/),
    );
    assert.deepEqual(await tables(), ['_prisma_migrations', 'a']);
    await assert.rejects(assertMigrated(database.url, { folder: broken }), isMigrationError(/lacks 2_b, 3_c/));

    await writeFile(join(broken, '2_b', 'migration.sql'), 'CREATE TABLE b ()');
    assert.deepEqual(await applyMigrations(database.url, { folder: broken }), ['2_b', '3_c']);
    assert.deepEqual(await tables(), ['_prisma_migrations', 'a', 'b', 'c']);
  });

  it('undoes a migration that it cannot record', async () => {
    const folder = await folderOf({ '1_a': 'CREATE TABLE a (); ALTER TABLE _prisma_migrations RENAME TO elsewhere' });
    await assert.rejects(
      applyMigrations(database.url, { folder }),
      isMigrationError(/1_a failed and was undone \(42P01\)/),
    );
    assert.deepEqual(await tables(), ['_prisma_migrations']);
  });

  it('refuses a migration that another tool began and did not finish', async () => {
    const folder = await folderOf({ '1_a': 'CREATE TABLE a ()' });
    await applyMigrations(database.url, { folder });
    await database.query('UPDATE _prisma_migrations SET finished_at = NULL');
    await assert.rejects(
      applyMigrations(database.url, { folder }),
      isMigrationError(/1_a was begun and did not finish/),
    );
    await assert.rejects(assertMigrated(database.url, { folder }), isMigrationError(/1_a was begun/));
  });

  it('does not migrate a newer database, but lets an older service start on it', async () => {
    await applyMigrations(database.url, {
      folder: await folderOf({ '1_a': 'CREATE TABLE a ()', '2_b': 'CREATE TABLE b ()' }),
    });
    const older = await folderOf({ '1_a': 'CREATE TABLE a ()' });
    await assert.rejects(
      applyMigrations(database.url, { folder: older }),
      isMigrationError(/2_b, which this version does not know/),
    );
    await assertMigrated(database.url, { folder: older });
  });

  it('lets a service start only on a migrated database', async () => {
    await assert.rejects(
      assertMigrated(database.url),
      isMigrationError(/lacks 20261122220000_install_path.*db:migrate/),
    );
    await applyMigrations(database.url);
    await database.query('DELETE FROM _prisma_migrations');
    await assert.rejects(assertMigrated(database.url), isMigrationError(/lacks 20261122220000_install_path/));
  });

  it('lets one of two at the same time do the work', async () => {
    const both = await Promise.all([applyMigrations(database.url), applyMigrations(database.url)]);
    assert.deepEqual(both.map((applied) => applied.length).sort(), [0, (await shippedNames()).length]);
  });

  it('waits for a database that comes up later, and says so when it does not', async () => {
    const port = await freePort();
    const target = new URL(database.url);
    const later = new URL(database.url);
    later.host = `127.0.0.1:${port}`;
    await assert.rejects(applyMigrations(later.href, { waitMs: 300 }), StoreUnavailableError);

    const waiting = applyMigrations(later.href, { waitMs: 20_000 });
    const proxy = createServer((inner) => {
      const outer = createConnection(Number(target.port), target.hostname);
      inner.pipe(outer).pipe(inner);
      inner.on('error', () => outer.destroy());
      outer.on('error', () => inner.destroy());
    }).listen(port, '127.0.0.1');
    const applied = await waiting;
    proxy.close();
    assert.deepEqual(applied, await shippedNames());
  });

  it('tells wrong access from a database that is away', async () => {
    const nowhere = new URL(database.url);
    nowhere.pathname = '/there_is_no_such_database';
    await assert.rejects(applyMigrations(nowhere.href), isMigrationError(/refuses the connection \(3D000\)/));
  });
});
