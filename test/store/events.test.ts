import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, it } from 'node:test';
import { NotFoundError, type Trial } from '../../store/index.js';
import { ACME, actionsOf, at, delivery, end, install, openStore, type TestStore } from './fixtures.js';

let t: TestStore;
before(async () => {
  t = await openStore();
});
beforeEach(async () => {
  await t.clear();
});
after(() => t.end());

describe('quarantining after the acknowledgement', () => {
  it('settles the event and leaves its body where it is, sealed', async () => {
    const event = delivery({ eventId: 'unusable' });
    await t.store.inbox.accept(event);
    const quarantine = { eventId: 'unusable', reason: 'The event has no private key.', at: at('10:00:03.000') };
    await t.store.processes.quarantineTaken(quarantine);
    await t.store.processes.quarantineTaken({ ...quarantine, reason: 'again', at: at('11:00:00.000') });

    assert.deepEqual(await t.database.query('SELECT status, outcome, settled_at FROM inbox_event'), [
      { status: 'settled', outcome: 'quarantined', settled_at: at('10:00:03.000') },
    ]);
    const rows = await t.database.query('SELECT event_id, reason, body FROM quarantine');
    assert.deepEqual(rows, [{ event_id: 'unusable', reason: 'The event has no private key.', body: null }]);
    assert.deepEqual(await t.store.processes.untaken(ACME), []);
  });

  it('leaves an event alone that has its process', async () => {
    await install(t.store, { eventId: 'e1' });
    await t.store.processes.quarantineTaken({ eventId: 'e1', reason: 'too late', at: at('10:00:03.000') });
    assert.deepEqual(await t.database.query('SELECT status FROM inbox_event'), [{ status: 'taken' }]);
  });
});

describe('settling an event that has no process', () => {
  const settle = (eventId: string, outcome: 'recorded' | 'credentials-gone' | 'quarantined', time = '10:30:00.000') =>
    t.store.processes.settleEvent({ eventId, outcome, reason: 'why', at: at(time) });

  it('is done once, untaken or taken', async () => {
    await t.store.inbox.accept(delivery({ eventId: 'u', type: 'app.uninstalled' }));
    await settle('u', 'credentials-gone');
    await settle('u', 'recorded', '11:00:00.000');
    await settle('nowhere', 'recorded');
    const [row] = await t.database.query('SELECT status, outcome, settled_at FROM inbox_event');
    assert.deepEqual(row, { status: 'settled', outcome: 'credentials-gone', settled_at: at('10:30:00.000') });
    assert.deepEqual(await t.database.query('SELECT id FROM quarantine'), []);
    // Nothing of the tenant was taken, so it has no chain yet.
    assert.deepEqual(await actionsOf(t.database), []);
  });

  it('is audited for a tenant that is known', async () => {
    await install(t.store, { eventId: 'e1' });
    await t.store.inbox.accept(delivery({ eventId: 'l', type: 'user.logout' }));
    await settle('l', 'recorded');
    await settle('e1', 'recorded');
    assert.deepEqual(await actionsOf(t.database), ['taken', 'settled']);
    const [row] = await t.database.query(
      `SELECT process_id, entry::jsonb AS entry FROM audit_entry WHERE action = 'settled'`,
    );
    assert.deepEqual(row, {
      process_id: null,
      entry: {
        action: 'settled',
        at: '2026-01-05T10:30:00.000Z',
        process: null,
        event: 'l',
        installation: 'installation-1',
        detail: { outcome: 'recorded', reason: 'why' },
      },
    });
  });
});

describe('a trial or logout event', () => {
  it('is read with its installation, or without one that is not known', async () => {
    const event = delivery({ eventId: 't1', type: 'app.trial_started', rawBody: Buffer.from('{"id":"t1"}') });
    await t.store.inbox.accept(event);
    const alone = {
      eventId: 't1',
      type: 'app.trial_started',
      tenant: ACME,
      installationId: 'installation-1',
      createdAt: at('10:00:00.000'),
      settled: false,
      installation: null,
      productAccountId: null,
      body: event.rawBody,
    };
    assert.deepEqual(await t.store.processes.readEvent('t1'), alone);
    await install(t.store, { eventId: 'other', accountId: 'account-2', installationId: 'installation-1' });
    assert.deepEqual(await t.store.processes.readEvent('t1'), alone);

    await t.clear();
    await t.store.inbox.accept(event);
    const processId = await install(t.store, { eventId: 'e1' });
    await t.store.processes.recordProvisioned({
      processId,
      attemptToken: 'one',
      productAccountId: 'product-1',
      users: [],
      stepResult: {},
      at: at('10:00:04.000'),
    });
    const { credential } = await t.store.processes.read(processId);
    const read = await t.store.processes.readEvent('t1');
    assert.deepEqual(read, {
      ...alone,
      productAccountId: 'product-1',
      installation: {
        generation: 1,
        state: 'pending',
        newestOfTenant: true,
        apiRoot: 'https://api.talkdeskapp.com',
        tokenUrl: 'https://acme.talkdeskid.com/oauth/token',
        planType: null,
        trial: null,
        suspended: false,
        credential,
      },
    });
    await install(t.store, { eventId: 'e2', installationId: 'installation-2', createdAt: at('11:00:00.000') });
    assert.equal((await t.store.processes.readEvent('t1')).installation?.newestOfTenant, false);
  });

  it('is the only kind that is read: other bodies may hold secrets', async () => {
    await t.store.inbox.accept(delivery({ eventId: 'e1' }));
    await assert.rejects(t.store.processes.readEvent('e1'), NotFoundError);
  });
});

describe('recording a trial', () => {
  const trial = (changes: Partial<Trial> = {}): Trial => ({
    state: 'active',
    expiresAt: at('23:00:00.000'),
    endedReason: null,
    eventCreatedAt: at('11:00:00.000'),
    ...changes,
  });
  const record = async (eventId: string, given: Trial | null, suspended: boolean) => {
    await t.store.inbox.accept(delivery({ eventId, type: 'app.trial_started' }));
    await t.store.processes.recordTrial({ eventId, trial: given, suspended, at: at('12:00:00.000') });
  };
  const known = async () => {
    const { installation } = await t.store.processes.read('install:e1');
    return [installation.trial, installation.suspended];
  };

  it('keeps where it is and settles the event, once', async () => {
    await install(t.store, { eventId: 'e1' });
    await record('t1', trial(), false);
    assert.deepEqual(await known(), [trial(), false]);
    const ended = trial({
      state: 'ended',
      expiresAt: null,
      endedReason: 'trial_expired',
      eventCreatedAt: at('12:00:00.000'),
    });
    await record('t2', ended, true);
    await record('t2', trial({ eventCreatedAt: at('13:00:00.000') }), false);
    assert.deepEqual(await known(), [ended, true]);
    assert.equal((await t.store.processes.readEvent('t2')).settled, true);
    assert.deepEqual(await actionsOf(t.database), ['taken', 'trial', 'trial']);
  });

  it('does not go back behind a newer event, nor forget with none', async () => {
    await install(t.store, { eventId: 'e1' });
    await record('t2', trial({ state: 'ended', eventCreatedAt: at('12:00:00.000') }), true);
    await record('t1', trial(), true);
    await record('t0', null, false);
    assert.deepEqual(await known(), [trial({ state: 'ended', eventCreatedAt: at('12:00:00.000') }), false]);
  });

  it('leaves another tenant’s installation alone, and refuses an event that is not there', async () => {
    await install(t.store, { eventId: 'e1' });
    await t.store.inbox.accept(delivery({ eventId: 't1', type: 'app.trial_ended', accountId: 'account-2' }));
    await t.store.processes.recordTrial({ eventId: 't1', trial: trial(), suspended: true, at: at('12:00:00.000') });
    assert.deepEqual(await known(), [null, false]);
    await end(t.store, 'install:e1', 'expired');
    const nowhere = { eventId: 'nowhere', trial: null, suspended: false, at: at('12:00:00.000') };
    await assert.rejects(t.store.processes.recordTrial(nowhere), NotFoundError);
  });
});

describe('an installation without an event', () => {
  it('is read with the credentials to use', async () => {
    const processId = await install(t.store, { eventId: 'e1' });
    const { credential } = await t.store.processes.read(processId);
    assert.deepEqual(await t.store.processes.readInstallation('installation-1'), {
      tenant: ACME,
      state: 'pending',
      apiRoot: 'https://api.talkdeskapp.com',
      tokenUrl: 'https://acme.talkdeskid.com/oauth/token',
      credential,
    });
  });
});
