import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, it } from 'node:test';
import { NotFoundError, OutcomeConflictError } from '../../store/index.js';
import { actionsOf, at, change, end, install, openStore, snapshot, type TestStore } from './fixtures.js';

let t: TestStore;
let processId: string;
before(async () => {
  t = await openStore({ poolMax: 12 });
});
beforeEach(async () => {
  await t.clear();
  processId = await install(t.store, { eventId: 'e1' });
});
after(() => t.end());

const one = async (sql: string) => (await t.database.query(sql))[0] ?? {};
const actions = () => actionsOf(t.database);
const provisioned = (more = {}) =>
  t.store.processes.recordProvisioned({
    processId,
    attemptToken: 'one',
    productAccountId: 'product-1',
    users: [{ talkdeskUserId: 'user-1', productUserId: 'p-1', seat: 'active' }],
    stepResult: { productAccountId: 'product-1', users: 1 },
    at: at('10:00:04.000'),
    ...more,
  });

const claimAs = (attemptToken: string, more = {}) =>
  t.store.processes.claim({ processId, attemptToken, leaseMs: 60_000, at: at('10:00:03.500'), ...more });

describe('recording a decision that Talkdesk confirmed', () => {
  it('stores the step and the remote state, once', async () => {
    await claimAs('one', { decision: { verb: 'reject', reason: 'blocked for unpaid invoices' } });
    const decided = {
      processId,
      attemptToken: 'one',
      remoteState: 'refused',
      stepResult: { result: 'rejected', remoteState: 'refused' },
      at: at('10:00:07.000'),
    };
    await t.store.processes.recordDecided(decided);
    await t.store.processes.recordDecided({ ...decided, at: at('11:00:00.000') });
    const record = await t.store.processes.read(processId);
    assert.deepEqual(record.stepResults, { decide: { result: 'rejected', remoteState: 'refused' } });
    assert.equal(record.outcome, null);
    assert.equal((await one('SELECT remote_state FROM installation'))['remote_state'], 'refused');
    assert.deepEqual(await actions(), ['taken', 'decided']);
    const entry = JSON.parse(String((await one(`SELECT entry FROM audit_entry WHERE action = 'decided'`))['entry']));
    assert.deepEqual(entry, {
      action: 'decided',
      at: '2026-01-05T10:00:07.000Z',
      process: 'install:e1',
      event: 'e1',
      installation: 'installation-1',
      detail: { decision: 'reject', reason: 'blocked for unpaid invoices', remoteState: 'refused' },
    });
    assert.equal((await claimAs('two')).kind, 'claimed');
  });
});

describe('a person’s decision', () => {
  const decide = (decision: 'approve' | 'reject', by: string, more = {}) =>
    t.store.processes.recordPersonDecision({
      processId,
      decision,
      reason: `${by} says so`,
      by,
      at: at('11:00:00.000'),
      ...more,
    });

  it('is the first one', async () => {
    const first = { decision: 'reject', reason: 'dana says so', by: 'dana' } as const;
    assert.deepEqual(await decide('reject', 'dana'), first);
    assert.deepEqual(await decide('approve', 'eve'), first);
    assert.deepEqual((await t.store.processes.read(processId)).personDecision, first);
    assert.deepEqual(await actions(), ['taken', 'decision']);
    await end(t.store, processId, 'rejected');
    assert.deepEqual(await decide('approve', 'eve'), first);
  });

  it('is one of several at the same time', async () => {
    const all = await Promise.all(
      Array.from({ length: 8 }, (_, n) => decide(n % 2 === 0 ? 'approve' : 'reject', `p${n}`)),
    );
    assert.equal(new Set(all.map(({ by }) => by)).size, 1);
    assert.deepEqual(await actions(), ['taken', 'decision']);
  });

  it('is refused when the process has ended without one', async () => {
    await end(t.store, processId, 'expired');
    await assert.rejects(decide('approve', 'eve'), OutcomeConflictError);
    assert.equal((await t.store.processes.read(processId)).personDecision, null);
  });
});

describe('approvals of other processes', () => {
  it('are known once they are tried, and when they became the outcome', async () => {
    const update = await change(t.store, 'update', { eventId: 'u', createdAt: at('11:00:00.000') });
    const known = async (id: string) => {
      const { approvalTried, earlierApprovalAt } = await t.store.processes.read(id);
      return [approvalTried, earlierApprovalAt];
    };
    assert.deepEqual(await known(update), [false, null]);
    await claimAs('one', { decision: { verb: 'reject', reason: 'no' }, at: at('10:00:05.000') });
    assert.deepEqual(await known(update), [false, null]);
    await claimAs('one', { decision: { verb: 'approve', reason: 'yes' }, at: at('10:00:06.000') });
    assert.deepEqual(await known(update), [true, null]);
    await end(t.store, processId, 'approved');
    assert.deepEqual(await known(update), [true, at('10:00:06.000')]);
    assert.deepEqual(await known(processId), [false, null]);
    const elsewhere = await install(t.store, {
      eventId: 'x',
      installationId: 'installation-2',
      createdAt: at('12:00:00.000'),
    });
    assert.deepEqual(await known(elsewhere), [false, null]);
  });
});

describe('a warning', () => {
  it('is audited once for each text, while the process is open', async () => {
    const warn = (text: string) => t.store.processes.recordWarning({ processId, text, at: at('11:00:00.000') });
    for (const text of ['half of the time', 'half of the time', 'four fifths of the time']) await warn(text);
    await Promise.all(Array.from({ length: 6 }, () => warn('nearly all of the time')));
    await end(t.store, processId, 'expired');
    await warn('too late');
    const rows = await t.database.query(
      `SELECT entry::jsonb #>> '{detail,text}' AS text FROM audit_entry WHERE action = 'warned' ORDER BY seq`,
    );
    assert.deepEqual(
      rows.map(({ text }) => text),
      ['half of the time', 'four fifths of the time', 'nearly all of the time'],
    );
  });
});

describe('the tenant of an open process', () => {
  it('is told until the process ends', async () => {
    const found = {
      tenant: { appId: 'app-1', accountId: 'account-1' },
      installationId: 'installation-1',
      eventId: 'e1',
    };
    assert.deepEqual(await t.store.inbox.tenantOfOpenProcess(processId), found);
    assert.equal(await t.store.inbox.tenantOfOpenProcess('install:nowhere'), null);
    await end(t.store, processId, 'expired');
    assert.equal(await t.store.inbox.tenantOfOpenProcess(processId), null);
  });
});

describe('parking', () => {
  it('keeps the reason until it is resumed; each change is audited once', async () => {
    const park = (reason: string | null) =>
      t.store.processes.recordParked({ processId, reason, at: at('10:00:09.000') });
    assert.equal(await park('Add the host to the region file.'), true);
    assert.equal(await park('Add the host to the region file.'), false);
    assert.equal((await t.store.processes.read(processId)).parkedReason, 'Add the host to the region file.');
    assert.equal(await park(null), true);
    assert.equal(await park(null), false);
    assert.equal((await t.store.processes.read(processId)).parkedReason, null);
    assert.deepEqual(await actions(), ['taken', 'parked', 'resumed']);
  });

  it('is not for a process that has its outcome', async () => {
    await t.store.processes.recordOutcome({ processId, outcome: 'expired', reason: 'r', at: at('10:00:08.000') });
    const late = { processId, reason: 'late', at: at('10:00:09.000') };
    assert.equal(await t.store.processes.recordParked(late), false);
    assert.equal((await t.store.processes.read(processId)).parkedReason, null);
  });
});

describe('a process that is not there', () => {
  it('is refused by every method', async () => {
    const nowhere = { processId: 'install:nowhere', attemptToken: 'one', at: at('10:00:00.000') };
    const { processes } = t.store;
    for (const attempt of [
      () => processes.read(nowhere.processId),
      () => provisioned(nowhere),
      () => processes.recordUndone(nowhere),
      () => processes.recordDecided({ ...nowhere, remoteState: 'refused', stepResult: {} }),
      () => processes.recordOutcome({ ...nowhere, outcome: 'approved', reason: 'r' }),
      () => processes.recordParked({ ...nowhere, reason: 'r' }),
      () => processes.recordWarning({ ...nowhere, text: 'r' }),
      () => processes.recordPersonDecision({ ...nowhere, decision: 'approve', reason: 'r', by: 'b' }),
      () => processes.readInstallation('nowhere'),
      () => processes.readEvent('nowhere'),
      () => processes.recordSync({ ...nowhere, snapshot: snapshot([]), stepResult: {} }),
    ]) {
      await assert.rejects(attempt, NotFoundError);
    }
    assert.deepEqual(await actions(), ['taken']);
  });
});
