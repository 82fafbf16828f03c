import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { storiesOf } from './support/diagnosis.js';
import { violations } from './support/invariants.js';
import { type SettledWorld, startSettledWorld } from './support/settled-world.js';
import { type Find, rewriteTalkdesk } from './support/rewriting.js';

let world: SettledWorld;
before(async () => {
  world = await startSettledWorld();
});
after(() => world?.stop());

describe('a world in which everything is settled', () => {
  it('has no violation', async () => {
    assert.deepEqual(await violations(world.surroundings), []);
  });
});

describe('I1 is broken', () => {
  it('by an acknowledged event without its row', async () => {
    const { logoutId } = world;
    await world.brokenInTables('inbox_event', `DELETE FROM inbox_event WHERE id = '${logoutId}'`, [
      `I1: user.logout ${logoutId} was answered 2xx and is not in the inbox`,
    ]);
  });

  it('by one that went into quarantine', async () => {
    const { logoutId } = world;
    await world.brokenInTables(
      'inbox_event',
      `UPDATE inbox_event SET outcome = 'quarantined' WHERE id = '${logoutId}'`,
      [`I1: user.logout ${logoutId} was answered 2xx and is not in the inbox`],
    );
  });
});

describe('I2 is broken', () => {
  const updateId = () => world.updated.updateId;
  const update = (find: Find) => find({ kind: 'update', eventId: updateId() });

  it('by an event without an outcome', async () => {
    const { logoutId } = world;
    const unsettled = `status = 'taken', outcome = NULL, settled_at = NULL`;
    await world.brokenInTables('inbox_event', `UPDATE inbox_event SET ${unsettled} WHERE id = '${logoutId}'`, [
      `I2: user.logout ${logoutId} has no outcome, it is taken`,
    ]);
  });

  it('by an event whose process has another outcome', async () => {
    await world.brokenInTables(
      'inbox_event',
      `UPDATE inbox_event SET outcome = 'superseded' WHERE id = '${updateId()}'`,
      [`I2: event ${updateId()} is superseded, its process approved`],
    );
  });

  it('by an event whose process has none', async () => {
    const open = 'outcome = NULL, outcome_at = NULL';
    await world.brokenInTables('process', `UPDATE process SET ${open} WHERE event_id = '${updateId()}'`, [
      `I2: event ${updateId()} is approved, its process null`,
    ]);
  });

  it('by two outcomes of one process in the audit', async () => {
    const again = 'app_id, account_id, seq + 1000, at, action, process_id, entry, hash';
    const outcome = `process_id = 'update:${updateId()}' AND action = 'outcome'`;
    await world.brokenInTables(
      'audit_entry',
      `INSERT INTO audit_entry SELECT ${again} FROM audit_entry WHERE ${outcome}`,
      [`I2: process update:${updateId()} has 2 outcomes in the audit`],
    );
  });

  it('by a process that ended otherwise at Talkdesk', async () => {
    await world.brokenAtTalkdesk(
      (find) => update(find).part('ended').set('how', 'rejected'),
      [`I2: update ${updateId()} is approved here and rejected at Talkdesk`],
    );
  });

  it('by a process that still waits at Talkdesk', async () => {
    await world.brokenAtTalkdesk(
      (find) => update(find).set('ended', null),
      [`I2: update ${updateId()} is approved here and still waits at Talkdesk`],
    );
  });
});

describe('I2 and an uninstall that is said to have had dead credentials, and was approved', () => {
  const uninstallId = () => world.uninstalled.uninstallId;
  const deadHere = async (sentences: string[]) =>
    await world.brokenInTables(
      'process',
      `UPDATE process SET outcome = 'credentials-gone' WHERE event_id = '${uninstallId()}'`,
      [`I2: event ${uninstallId()} is approved, its process credentials-gone`, ...sentences],
    );

  it('is broken by its own approve', async () => {
    await deadHere([`I2: uninstall ${uninstallId()} is credentials-gone here and approved at Talkdesk`]);
  });

  it('holds where the approve was sent for an update', async () => {
    const { installation_id: installationId } = world.uninstalled;
    const mend = await rewriteTalkdesk(world.surroundings, (find) =>
      find({ installationId, verb: 'approve', reason: 'uninstalled' }).set('reason', 'updated'),
    );
    await deadHere([]).finally(mend);
  });
});

describe('I3 is broken', () => {
  const called = (processId: string, key: string) =>
    `INSERT INTO call_ledger (idempotency_key, operation, app_id, talkdesk_account_id, process_id, generation, first_at, last_at)
      VALUES ('${key}', 'provision', 'app', 'account', '${processId}', 1, now(), now())`;

  it('by a second key for one step', async () => {
    const processId = `install:${world.crowded.event_id}`;
    await world.brokenInProduct('call_ledger', called(processId, `${processId}:provision:2`), [
      `I3: a call for ${processId} has the idempotency key ${processId}:provision:2`,
    ]);
  });

  it('by the key of another process', async () => {
    const processId = `install:${world.crowded.event_id}`;
    const key = `install:${world.rotated.event_id}:more`;
    await world.brokenInProduct('call_ledger', called(processId, key), [
      `I3: a call for ${processId} has the idempotency key ${key}`,
    ]);
  });

  it('by a call for a process that nobody asked for', async () => {
    await world.brokenInProduct('call_ledger', called('update:nobody', 'update:nobody:users'), [
      `I3: the product was called for update:nobody, which is no event of Talkdesk's`,
    ]);
  });

  it('by a process that was decided twice', async () => {
    const { installation_id: id, event_id: eventId } = world.crowded;
    await world.brokenAtTalkdesk(
      (find) => find({ installationId: id, verb: 'approve', effect: 'took-effect' }).repeat(),
      [`I3: event ${eventId} of ${id} was decided more than once at Talkdesk`],
    );
  });
});

describe('I4 is broken', () => {
  it('by something that took effect after the uninstall was approved', async () => {
    const { installation_id: id } = world.uninstalled;
    await world.brokenAtTalkdesk(
      (find) => find({ installation_id: id, route: 'state', status: 200 }).set('after_uninstall', true),
      [`I4: a request on state took effect at ${id} after its uninstall was approved`],
    );
  });
});

describe('the story of a sentence', () => {
  it('is told of the account whose event, account or installation it names', async () => {
    const { updateId, account_id: accountId, installation_id: installationId } = world.updated;
    for (const named of [updateId, accountId, installationId]) {
      const lines = await storiesOf(world.surroundings, [`I2: update ${named} is approved here`]);
      assert.equal(lines[0], `account ${accountId}`);
      for (const told of [`"id":"${updateId}"`, `installation ${installationId} is completed`, `update:${updateId}`])
        assert.ok(lines.join('\n').includes(told), `${told} in\n${lines.join('\n')}`);
    }
  });
});
