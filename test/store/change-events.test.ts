import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, it } from 'node:test';
import { ForeignInstallationError, NotFoundError } from '../../store/index.js';
import {
  ACME,
  actionsOf,
  at,
  change,
  changing,
  delivery,
  install,
  openStore,
  sets,
  type TestStore,
} from './fixtures.js';

let t: TestStore;
before(async () => {
  t = await openStore();
});
beforeEach(async () => {
  await t.clear();
});
after(() => t.end());

const update = (eventId: string, more = {}) =>
  delivery({ eventId, type: 'app.updated', createdAt: at('11:00:00.000'), ...more });
const status = async (eventId: string) =>
  (await t.database.query('SELECT status FROM inbox_event WHERE id = $1', [eventId]))[0]?.['status'];

describe('taking an update, an uninstall or a rotation', () => {
  it('waits while the installation is not known, and changes nothing', async () => {
    const event = update('u1');
    await t.store.inbox.accept(event);
    for (let times = 0; times < 2; times += 1) {
      assert.equal(await t.store.processes.takeChange(changing('update', event)), 'waits');
    }
    assert.equal(await status('u1'), 'received');
    assert.deepEqual(
      (await t.store.processes.untaken(ACME)).map((row) => row.eventId),
      ['u1'],
    );
    assert.deepEqual(await t.database.query('SELECT id FROM process'), []);

    await install(t.store, { eventId: 'e1' });
    assert.equal(await t.store.processes.takeChange(changing('update', event)), 'taken');
    assert.equal(await status('u1'), 'taken');
  });

  it('makes a process of its kind, once', async () => {
    await install(t.store, { eventId: 'e1' });
    for (const kind of ['update', 'uninstall', 'rotation'] as const) {
      const event = update(kind);
      await t.store.inbox.accept(event);
      const taking = changing(kind, event);
      assert.equal(await t.store.processes.takeChange(taking), 'taken');
      assert.equal(await t.store.processes.takeChange({ ...taking, processId: 'another' }), 'taken');
      const record = await t.store.processes.read(`${kind}:${kind}`);
      assert.deepEqual(
        [record.kind, record.eventId, record.installationId, record.generation, record.dueAt, record.closeAt],
        [kind, kind, 'installation-1', 1, new Date('2026-01-11T23:00:00.000Z'), new Date('2026-01-12T11:00:00.000Z')],
      );
    }
    assert.deepEqual(await actionsOf(t.database), ['taken', 'taken', 'taken', 'taken']);
    assert.equal((await t.database.query('SELECT id FROM process')).length, 4);
  });

  it('is done once when several do it at the same time', async () => {
    await install(t.store, { eventId: 'e1' });
    const event = update('r1');
    await t.store.inbox.accept(event);
    const results = await Promise.all(
      Array.from({ length: 8 }, () => t.store.processes.takeChange(changing('rotation', event))),
    );
    assert.deepEqual(new Set(results), new Set(['taken']));
    assert.deepEqual(await sets(t.database), { e1: 'current', r1: 'pending' });
  });

  it('refuses another tenant’s installation, and an event that is not there', async () => {
    await install(t.store, { eventId: 'e1' });
    const foreign = update('u1', { accountId: 'account-2' });
    await t.store.inbox.accept(foreign);
    await assert.rejects(t.store.processes.takeChange(changing('update', foreign)), ForeignInstallationError);
    await assert.rejects(
      t.store.processes.takeTrial({
        eventId: 'u1',
        tenant: { appId: 'app-1', accountId: 'account-2' },
        installationId: 'installation-1',
        takenAt: at('11:00:01.000'),
      }),
      ForeignInstallationError,
    );
    assert.equal(await status('u1'), 'received');
    await assert.rejects(t.store.processes.takeChange(changing('update', update('nowhere'))), NotFoundError);
  });

  it('keeps what an uninstall or a rotation says of the account, unless something newer said it', async () => {
    await install(t.store, { eventId: 'e1' });
    const name = async () => (await t.store.processes.read('install:e1')).installation.accountName;
    await change(t.store, 'rotation', { eventId: 'r2', createdAt: at('12:00:00.000') }, { accountName: 'second' });
    await change(t.store, 'rotation', { eventId: 'r1', createdAt: at('11:00:00.000') }, { accountName: 'first' });
    assert.equal(await name(), 'second');
    await change(t.store, 'uninstall', { eventId: 'u', createdAt: at('13:00:00.000') });
    assert.equal(await name(), 'second');
    // An update says it when its settings are read, so that it can be taken back.
    await change(t.store, 'update', { eventId: 'u4', createdAt: at('14:00:00.000') }, { accountName: 'fourth' });
    assert.equal(await name(), 'second');
  });

  it('leaves no secret unsealed, and none in the body', async () => {
    await install(t.store, { eventId: 'e1' });
    const event = update('r1', { rawBody: Buffer.from('{"client_secret":"SECRET"}') });
    await t.store.inbox.accept(event);
    await t.store.processes.takeChange(changing('rotation', event, { bodyWithoutSecrets: '{"id":"r1"}' }));
    const rows = await t.database.query(`SELECT to_jsonb(c)::text AS row FROM credential c
      UNION ALL SELECT to_jsonb(p)::text FROM process p UNION ALL SELECT to_jsonb(a)::text FROM audit_entry a`);
    assert.doesNotMatch(JSON.stringify(rows), /SECRET/);
    const record = await t.store.processes.read('rotation:r1');
    assert.doesNotMatch(JSON.stringify(record), /SECRET/);
    assert.ok(record.ownCredential !== null);
    assert.equal(t.store.processes.open(record.ownCredential.set).privateKey, 'SECRET-r1');
  });
});

describe('taking a trial event', () => {
  const take = (event = { eventId: 't1' }) =>
    t.store.processes.takeTrial({
      ...event,
      tenant: ACME,
      installationId: 'installation-1',
      takenAt: at('11:00:01.000'),
    });

  it('waits for its installation, then is taken, once', async () => {
    await t.store.inbox.accept(delivery({ eventId: 't1', type: 'app.trial_started' }));
    assert.equal(await take(), 'waits');
    await install(t.store, { eventId: 'e1' });
    assert.equal(await take(), 'taken');
    assert.equal(await take(), 'taken');
    assert.equal(await status('t1'), 'taken');
    assert.deepEqual(await actionsOf(t.database), ['taken', 'taken']);
    await assert.rejects(take({ eventId: 'nowhere' }), NotFoundError);
  });
});
