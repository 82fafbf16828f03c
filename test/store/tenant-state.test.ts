import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, it } from 'node:test';
import { ACME, at, change, delivery, end, install, openStore, type TestStore } from './fixtures.js';

let t: TestStore;
before(async () => {
  t = await openStore();
});
beforeEach(async () => {
  await t.clear();
});
after(() => t.end());

describe('the state of a tenant', () => {
  it('is empty before anything happened', async () => {
    assert.deepEqual(await t.store.processes.tenantState(ACME), {
      newestInstall: null,
      rivals: [],
      events: [],
      processes: [],
    });
  });

  it('shows unsettled events and open processes in the order of events, and the newest install even when settled', async () => {
    await install(t.store, { eventId: 'e1', installationId: 'i1', createdAt: new Date('2026-07-05T10:00:00.001Z') });
    await install(t.store, { eventId: 'e2', installationId: 'i2', createdAt: new Date('2026-07-05T10:00:00.002Z') });
    const uninstall = delivery({ eventId: 'e0', type: 'app.uninstalled', installationId: null });
    await t.store.inbox.accept({ ...uninstall, createdAt: new Date('2026-07-05T10:00:00.002Z') });
    await t.store.processes.claim({
      processId: 'install:e1',
      attemptToken: 't',
      leaseMs: 1,
      at: at('10:00:00.000'),
      registerUndo: true,
      ignorePreemption: true,
    });
    await t.store.processes.recordOutcome({
      processId: 'install:e2',
      outcome: 'cancelled',
      reason: 'r',
      at: at('10:01:00.000'),
    });

    const event = { receivedAtMs: Date.UTC(2026, 0, 5, 10, 0, 1, 250), taken: false };
    assert.deepEqual(await t.store.processes.tenantState(ACME), {
      newestInstall: { eventId: 'e2', createdAtMs: 1_783_245_600_002, installationId: 'i2' },
      rivals: [],
      events: [
        {
          ...event,
          eventId: 'e1',
          type: 'app.installed',
          installationId: 'i1',
          createdAtMs: 1_783_245_600_001,
          taken: true,
        },
        { ...event, eventId: 'e0', type: 'app.uninstalled', installationId: null, createdAtMs: 1_783_245_600_002 },
      ],
      processes: [
        {
          processId: 'install:e1',
          kind: 'install',
          eventId: 'e1',
          installationId: 'i1',
          createdAtMs: 1_783_245_600_001,
          needsUndo: true,
        },
      ],
    });
  });

  it('shows for each open process the newest event of each type of its installation, whatever became of it', async () => {
    const accept = (eventId: string, type: string, time: string, more = {}) =>
      t.store.inbox.accept(delivery({ eventId, type, createdAt: at(time), ...more }));
    await install(t.store, { eventId: 'e1' });
    await install(t.store, { eventId: 'e2', createdAt: at('12:00:00.000') });
    await install(t.store, { eventId: 'x1', installationId: 'other', createdAt: at('09:00:00.000') });
    await end(t.store, 'install:x1', 'approved');
    await change(t.store, 'update', { eventId: 'u1', createdAt: at('12:00:00.000') });
    await end(t.store, 'update:u1', 'approved');
    await accept('u2', 'app.updated', '13:00:00.000');
    await accept('x2', 'app.uninstalled', '14:00:00.000', { installationId: 'other' });
    await accept('n1', 'app.uninstalled', '13:00:00.000');
    await accept('n2', 'app.uninstalled', '13:30:00.000');
    await t.store.processes.quarantineTaken({ eventId: 'n2', reason: 'r', at: at('13:30:01.000') });
    await accept('r1', 'app.credentials_rotated', '11:00:00.000');
    await accept('t1', 'app.trial_ended', '15:00:00.000');
    await accept('l1', 'user.logout', '15:00:00.000');
    await accept('y1', 'app.uninstalled', '15:00:00.000', { accountId: 'account-2' });

    const { rivals, events } = await t.store.processes.tenantState(ACME);
    assert.deepEqual(
      rivals.map(({ eventId, type, settled }) => [eventId, type, settled]),
      [
        ['e1', 'app.installed', false],
        ['r1', 'app.credentials_rotated', false],
        ['e2', 'app.installed', false],
        ['n1', 'app.uninstalled', false],
        ['u2', 'app.updated', false],
      ],
    );
    assert.deepEqual(
      events.map((event) => event.eventId),
      ['e1', 'r1', 'e2', 'n1', 'u2', 'x2', 't1'],
    );
    await end(t.store, 'install:e1', 'superseded');
    const after = await t.store.processes.tenantState(ACME);
    assert.deepEqual(
      after.rivals
        .map(({ eventId, settled, createdAtMs, installationId }) => [eventId, settled, createdAtMs, installationId])
        .at(0),
      ['e1', true, Date.UTC(2026, 0, 5, 10), 'installation-1'],
    );
  });
});
