import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, it } from 'node:test';
import {
  ACME,
  at,
  change,
  delivery,
  end,
  install,
  openStore,
  sets,
  type TestStore,
  whileUncommitted,
} from './fixtures.js';

let t: TestStore;
let installed: string;
before(async () => {
  t = await openStore();
});
beforeEach(async () => {
  await t.clear();
  installed = await install(t.store, { eventId: 'e1' });
});
after(() => t.end());

const rotate = (eventId: string, time: string) => change(t.store, 'rotation', { eventId, createdAt: at(time) });
const promote = (processId: string) =>
  t.store.processes.promoteCredential({ processId, stepResult: {}, at: at('11:30:00.000') });

describe('credentials', () => {
  it('before an acknowledged set are wiped with that outcome; newer ones are not', async () => {
    await end(t.store, installed, 'approved');
    const second = await rotate('r2', '12:00:00.000');
    const first = await rotate('r1', '11:00:00.000');
    await promote(first);
    await end(t.store, first, 'acknowledged');
    assert.deepEqual(await sets(t.database), { e1: 'gone', r1: 'current', r2: 'pending' });
    await promote(second);
    await end(t.store, second, 'acknowledged');
    assert.deepEqual(await sets(t.database), { e1: 'gone', r1: 'gone', r2: 'current' });
  });

  it('of a rotation that expires become current, unless newer ones are', async () => {
    await end(t.store, installed, 'approved');
    const [second, first] = [await rotate('r2', '12:00:00.000'), await rotate('r1', '11:00:00.000')];
    await promote(second);
    await end(t.store, first, 'expired');
    assert.deepEqual(await sets(t.database), { e1: 'previous', r1: 'pending', r2: 'current' });
    const third = await rotate('r3', '13:00:00.000');
    await end(t.store, third, 'expired');
    assert.deepEqual(await sets(t.database), { e1: 'previous', r1: 'pending', r2: 'previous', r3: 'current' });
  });

  it('of a rotation that ends otherwise stay where they are', async () => {
    await end(t.store, installed, 'approved');
    await end(t.store, await rotate('r1', '11:00:00.000'), 'superseded');
    assert.deepEqual(await sets(t.database), { e1: 'current', r1: 'pending' });
  });

  it('of an ended installation are wiped when its last process ends', async () => {
    await end(t.store, installed, 'approved');
    const rotation = await rotate('r1', '11:00:00.000');
    const uninstall = await change(t.store, 'uninstall', { eventId: 'u', createdAt: at('12:00:00.000') });
    await end(t.store, uninstall, 'approved');
    assert.deepEqual(await sets(t.database), { e1: 'current', r1: 'pending' });
    await end(t.store, rotation, 'expired');
    assert.deepEqual(await sets(t.database), { e1: 'gone', r1: 'gone' });
  });

  it('are kept for a process of the installation that is open, and for an event that is not settled', async () => {
    const uninstall = await change(t.store, 'uninstall', { eventId: 'u', createdAt: at('12:00:00.000') });
    await end(t.store, installed, 'superseded');
    assert.deepEqual(await sets(t.database), { e1: 'current' });
    await t.store.inbox.accept(delivery({ eventId: 't1', type: 'app.trial_ended' }));
    await end(t.store, uninstall, 'approved');
    assert.deepEqual(await sets(t.database), { e1: 'current' });
    await t.store.processes.recordTrial({ eventId: 't1', trial: null, suspended: false, at: at('13:00:00.000') });
    assert.deepEqual(await sets(t.database), { e1: 'gone' });
  });

  it('are kept for an open process whose event was filed under another installation', async () => {
    const rotation = await change(
      t.store,
      'rotation',
      { eventId: 'r1', installationId: 'as in the envelope', createdAt: at('11:00:00.000') },
      { installationId: 'installation-1' },
    );
    await end(t.store, installed, 'expired');
    assert.deepEqual(await sets(t.database), { e1: 'current', r1: 'pending' });
    await end(t.store, rotation, 'superseded');
    assert.deepEqual(await sets(t.database), { e1: 'gone', r1: 'gone' });
  });

  for (const outcome of ['recorded', 'quarantined'] as const) {
    it(`are wiped when the last event of an ended installation is ${outcome}`, async () => {
      await t.store.inbox.accept(delivery({ eventId: 'r1', type: 'app.credentials_rotated' }));
      await end(t.store, installed, 'expired');
      assert.deepEqual(await sets(t.database), { e1: 'current' });
      await t.store.processes.settleEvent({ eventId: 'r1', outcome, reason: 'r', at: at('13:00:00.000') });
      assert.deepEqual(await sets(t.database), { e1: 'gone' });
      // What is in quarantine keeps its body, sealed.
      const [row] = await t.database.query(`SELECT body FROM inbox_event WHERE id = 'r1'`);
      assert.match(t.sealer.open(String(row?.['body']), 'inbox_event:body:r1').toString(), /SECRET-IN-BODY/);
    });
  }

  it('are not kept for a logout, nor for another installation', async () => {
    await t.store.inbox.accept(delivery({ eventId: 'l', type: 'user.logout' }));
    await t.store.inbox.accept(delivery({ eventId: 'x', installationId: 'installation-2' }));
    await end(t.store, installed, 'expired');
    assert.deepEqual(await sets(t.database), { e1: 'gone' });
  });

  for (const outcome of ['approved', 'superseded'] as const) {
    it(`of an install that was ${outcome} and made way for another one are kept until its uninstall has ended`, async () => {
      if (outcome === 'approved') await end(t.store, installed, outcome);
      const newer = await install(t.store, {
        eventId: 'e2',
        installationId: 'installation-2',
        createdAt: at('12:00:00.000'),
      });
      if (outcome === 'superseded') await end(t.store, installed, outcome);
      await end(t.store, newer, 'approved');
      assert.deepEqual(await sets(t.database), { e1: 'current', e2: 'current' });
      const uninstall = await change(t.store, 'uninstall', { eventId: 'u', createdAt: at('11:00:00.000') });
      await end(t.store, uninstall, 'approved');
      assert.deepEqual(await sets(t.database), { e1: 'gone', e2: 'current' });
    });
  }

  it('are not touched while the installation is in use or was installed again', async () => {
    await end(t.store, installed, 'approved');
    assert.deepEqual(await sets(t.database), { e1: 'current' });
    const uninstall = await change(t.store, 'uninstall', { eventId: 'u', createdAt: at('11:00:00.000') });
    const again = await install(t.store, { eventId: 'e2', createdAt: at('12:00:00.000') });
    await end(t.store, uninstall, 'superseded');
    assert.deepEqual(await sets(t.database), { e1: 'previous', e2: 'current' });
    await end(t.store, again, 'approved');
    assert.deepEqual(await sets(t.database), { e1: 'previous', e2: 'current' });
  });

  it('are wiped by the last of two outcomes that are recorded at the same moment', async () => {
    await end(t.store, installed, 'approved');
    const rotation = await rotate('r1', '11:00:00.000');
    const uninstall = await change(t.store, 'uninstall', { eventId: 'u', createdAt: at('12:00:00.000') });
    await end(t.store, uninstall, 'approved');
    // As another worker would: the event and the process end while the rotation's outcome has begun and waits.
    await t.store.inbox.accept(delivery({ eventId: 't1', type: 'app.trial_ended' }));
    const settle = `UPDATE inbox_event SET status = 'settled', outcome = 'recorded', settled_at = received_at WHERE id = 't1';
      UPDATE tenant SET audit_seq = audit_seq + 1`;
    await whileUncommitted(t.database, settle, () => end(t.store, rotation, 'superseded'));
    assert.deepEqual(await sets(t.database), { e1: 'gone', r1: 'gone' });
  });

  it('are wiped when an outcome is recorded again after a crash', async () => {
    await end(t.store, installed, 'expired');
    await t.database.query(`UPDATE credential SET state = 'current', private_key = 'left'`);
    await end(t.store, installed, 'expired');
    assert.deepEqual(await sets(t.database), { e1: 'gone' });
    assert.deepEqual(await t.store.processes.untaken(ACME), []);
  });
});
