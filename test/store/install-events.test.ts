import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, it } from 'node:test';
import { ForeignInstallationError, NotFoundError } from '../../store/index.js';
import { placeOf } from '../../store/sealing.js';
import { ACME, at, credentialOf, delivery, install, openStore, type TestStore, taking } from './fixtures.js';

let t: TestStore;
before(async () => {
  t = await openStore();
});
beforeEach(async () => {
  await t.clear();
});
after(() => t.end());

/** Every value of every row of every table, as one text. */
async function wholeDatabase(): Promise<string> {
  const tables = await t.database.query<{ name: string }>(
    `SELECT quote_ident(table_name) AS name FROM information_schema.tables WHERE table_schema = 'public'`,
  );
  const texts = await Promise.all(
    tables.map(({ name }) => t.database.query(`SELECT to_jsonb(x)::text AS row FROM ${name} x`)),
  );
  return texts
    .flat()
    .map((row) => String(row['row']))
    .join('\n');
}

const generations = () =>
  t.database.query(`SELECT id, generation FROM installation ORDER BY event_created_at, event_id`);

describe('taking an install', () => {
  it('lists what is untaken in the order of events, with the exact bytes', async () => {
    const later = delivery({ eventId: 'a', createdAt: at('10:00:01.000') });
    const earlier = delivery({ eventId: 'b' });
    const sameTime = delivery({ eventId: 'c' });
    for (const event of [later, sameTime, earlier]) await t.store.inbox.accept(event);
    await t.store.inbox.accept(delivery({ eventId: 'logout', type: 'user.logout' }));
    await t.store.inbox.accept(delivery({ eventId: 'elsewhere', accountId: 'account-2' }));

    const listed = { type: 'app.installed', receivedAt: at('10:00:01.250') };
    assert.deepEqual(await t.store.processes.untaken(ACME), [
      { ...listed, eventId: 'b', createdAt: at('10:00:00.000'), rawBody: earlier.rawBody },
      { ...listed, eventId: 'c', createdAt: at('10:00:00.000'), rawBody: sameTime.rawBody },
      { ...listed, eventId: 'a', createdAt: at('10:00:01.000'), rawBody: later.rawBody },
    ]);
  });

  it('makes tenant, installation, credentials and process, and the audit entry', async () => {
    const event = delivery({ eventId: 'e1' });
    await t.store.inbox.accept(event);
    await t.store.processes.takeInstall(taking(event));

    assert.deepEqual(await t.store.processes.untaken(ACME), []);
    const { credential: _, ...record } = await t.store.processes.read('install:e1');
    assert.deepEqual(record, {
      processId: 'install:e1',
      kind: 'install',
      eventId: 'e1',
      tenant: { appId: 'app-1', accountId: 'account-1' },
      installationId: 'installation-1',
      generation: 1,
      announced: null,
      eventCreatedAt: new Date('2026-01-05T10:00:00.000Z'),
      dueAt: new Date('2026-01-11T22:00:00.000Z'),
      closeAt: new Date('2026-01-12T10:00:00.000Z'),
      takenAt: new Date('2026-01-05T10:00:02.500Z'),
      stepResults: {},
      undo: 'none',
      decision: null,
      decisionReason: null,
      decisionAttemptedAt: null,
      personDecision: null,
      outcome: null,
      parkedReason: null,
      earlierApprovalAt: null,
      approvalTried: false,
      accountIsNewer: false,
      installation: {
        state: 'pending',
        appVersionId: 'version-1',
        appVersionName: '1.4.0',
        planType: null,
        trial: null,
        suspended: false,
        accountName: 'acme',
        companyName: null,
        planName: null,
        licenses: null,
        adminUserId: null,
        apiRoot: 'https://api.talkdeskapp.com',
        tokenUrl: 'https://acme.talkdeskid.com/oauth/token',
        authorizationUrl: 'https://acme.talkdeskid.com/oauth/authorize',
        userinfoUrl: 'https://api.talkdeskapp.com/users/me',
      },
      ownCredential: null,
      productAccountId: null,
      keptAccountId: null,
    });
    assert.deepEqual(await credentialOf(t.store, 'install:e1'), {
      clientId: 'client-1',
      clientSecret: 'SECRET-CLIENT',
      privateKey: 'SECRET-PRIVATE-KEY',
      publicKey: 'public-key-1',
      keyId: 'key-1',
      keyAlgorithm: 'ES256',
    });
    assert.deepEqual(await t.database.query('SELECT seq::int, action, process_id, at FROM audit_entry'), [
      { seq: 1, action: 'taken', process_id: 'install:e1', at: at('10:00:02.500') },
    ]);
  });

  it('changes nothing when it is done again', async () => {
    const event = delivery({ eventId: 'e1' });
    await t.store.inbox.accept(event);
    await t.store.processes.takeInstall(taking(event));
    const before = await wholeDatabase();
    await t.store.processes.takeInstall(taking(event, { accountName: 'other', takenAt: at('11:00:00.000') }));
    assert.equal(await wholeDatabase(), before);
  });

  it('is done once when several do it at the same time', async () => {
    const event = delivery({ eventId: 'e1' });
    await t.store.inbox.accept(event);
    await Promise.all(Array.from({ length: 12 }, () => t.store.processes.takeInstall(taking(event))));
    const [counts] = await t.database.query(`SELECT (SELECT count(*)::int FROM process) AS processes,
      (SELECT count(*)::int FROM credential) AS credentials, (SELECT count(*)::int FROM audit_entry) AS entries`);
    assert.deepEqual(counts, { processes: 1, credentials: 1, entries: 1 });
  });

  it('leaves no secret unsealed anywhere, and none at all in the body', async () => {
    const event = delivery({ eventId: 'e1', rawBody: Buffer.from('{"client_secret":"SECRET-IN-BODY"}') });
    await t.store.inbox.accept(event);
    assert.doesNotMatch(await wholeDatabase(), /SECRET/);
    await t.store.processes.takeInstall(taking(event, { bodyWithoutSecrets: '{"id":"e1"}' }));
    const dump = await wholeDatabase();
    assert.match(dump, /client-1/);
    assert.doesNotMatch(dump, /SECRET/);
    assert.doesNotMatch(dump, new RegExp(Buffer.from('SECRET-PRIVATE').toString('base64').slice(0, 12)));

    const [row] = await t.database.query(`SELECT body, body_hash FROM inbox_event`);
    assert.equal(t.sealer.open(row?.['body'], placeOf('inbox_event', 'body', 'e1')).toString(), '{"id":"e1"}');
    // The hash is still that of the original, so a repeat is known as one.
    assert.equal((await t.store.inbox.accept(event)).kind, 'duplicate');
  });

  it('numbers installations in the order of events, whatever the order of arrival', async () => {
    await install(t.store, { eventId: 'e3', installationId: 'third', createdAt: at('12:00:00.000') });
    assert.deepEqual(await generations(), [{ id: 'third', generation: 1 }]);
    await install(t.store, { eventId: 'e1', installationId: 'first', createdAt: at('10:00:00.000') });
    await install(t.store, { eventId: 'e2', installationId: 'second', createdAt: at('11:00:00.000') });
    await install(t.store, { eventId: 'e4', installationId: 'fourth', createdAt: at('12:00:00.000') });
    await install(t.store, {
      eventId: 'x',
      installationId: 'other tenant',
      accountId: 'account-2',
      createdAt: at('09:00:00.000'),
    });
    assert.deepEqual(await generations(), [
      { id: 'other tenant', generation: 1 },
      { id: 'first', generation: 1 },
      { id: 'second', generation: 2 },
      { id: 'third', generation: 3 },
      { id: 'fourth', generation: 4 },
    ]);
  });

  it('replaces credentials and links when a known installation is installed again', async () => {
    const first = delivery({ eventId: 'e1' });
    const again = delivery({ eventId: 'e2', createdAt: at('11:00:00.000') });
    for (const event of [first, again]) await t.store.inbox.accept(event);
    await t.store.processes.takeInstall(taking(first));
    const newer = { ...taking(again).credential, clientId: 'client-2', privateKey: 'KEY-2', clientSecret: null };
    await t.store.processes.takeInstall(taking(again, { credential: newer, apiRoot: 'https://api.talkdeskapp.eu' }));

    assert.deepEqual(await credentialOf(t.store, 'install:e2'), newer);
    assert.deepEqual(await t.database.query('SELECT id, version, state FROM credential ORDER BY version'), [
      { id: 'e1', version: 1, state: 'previous' },
      { id: 'e2', version: 2, state: 'current' },
    ]);
    const record = await t.store.processes.read('install:e2');
    assert.equal(record.installation.apiRoot, 'https://api.talkdeskapp.eu');
    assert.equal(record.generation, 2);
  });

  it('does not let an older set that arrives late replace a newer one', async () => {
    const newer = delivery({ eventId: 'e2', createdAt: at('11:00:00.000') });
    const late = delivery({ eventId: 'e1' });
    for (const event of [newer, late]) await t.store.inbox.accept(event);
    await t.store.processes.takeInstall(taking(newer, { accountName: 'new name' }));
    await t.store.processes.takeInstall(taking(late, { credential: { ...taking(late).credential, clientId: 'old' } }));
    assert.equal((await credentialOf(t.store, 'install:e1'))?.clientId, 'client-1');
    assert.equal((await t.store.processes.read('install:e1')).installation.accountName, 'new name');
  });

  it('refuses an installation that belongs to another tenant, and takes nothing', async () => {
    await install(t.store, { eventId: 'e1' });
    const stranger = delivery({ eventId: 'e2', accountId: 'account-2' });
    await t.store.inbox.accept(stranger);
    const before = await wholeDatabase();
    await assert.rejects(t.store.processes.takeInstall(taking(stranger)), ForeignInstallationError);
    assert.equal(await wholeDatabase(), before);
  });

  it('refuses an event that is not there', async () => {
    await assert.rejects(t.store.processes.takeInstall(taking(delivery({ eventId: 'nowhere' }))), NotFoundError);
  });

  it('keeps ids as they are', async () => {
    for (const id of [`o'brien"; --`, 'a/b\\c%d', '__proto__', 'x'.repeat(128)]) {
      const event = delivery({ eventId: id, appId: id, accountId: id, installationId: id });
      await t.store.inbox.accept(event);
      await t.store.processes.takeInstall(taking(event));
      assert.equal((await t.store.processes.read(`install:${id}`)).installationId, id);
      assert.equal((await credentialOf(t.store, `install:${id}`))?.privateKey, 'SECRET-PRIVATE-KEY');
      assert.equal((await t.store.processes.tenantState({ appId: id, accountId: id })).newestInstall?.eventId, id);
    }
  });
});
