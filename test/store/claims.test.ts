import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, it } from 'node:test';
import { type ClaimResult, NotFoundError } from '../../store/index.js';
import { at, delivery, install, openStore, type TestStore } from './fixtures.js';

let t: TestStore;
let processId: string;
before(async () => {
  t = await openStore({ poolMax: 12 });
});
beforeEach(async () => {
  await t.clear();
  processId = await install(t.store, { eventId: 'e5' });
});
after(() => t.end());

const claim = (
  attemptToken: string,
  more: Partial<Parameters<typeof t.store.processes.claim>[0]> = {},
): Promise<ClaimResult> =>
  t.store.processes.claim({ processId, attemptToken, leaseMs: 60_000, at: at('10:05:00.000'), ...more });

const row = async () => (await t.database.query('SELECT * FROM process WHERE id = $1', [processId]))[0] ?? {};

/** Lets the lease of the claim run out. */
const expire = () => t.database.query(`UPDATE process SET claim_expires_at = now() - interval '1 ms'`);

describe('a claim', () => {
  it('is given to exactly one of many at the same time', async () => {
    const results = await Promise.all(Array.from({ length: 24 }, (_, n) => claim(`token-${n}`)));
    const winners = results.flatMap((result, n) => (result.kind === 'claimed' ? [`token-${n}`] : []));
    assert.equal(winners.length, 1);
    assert.equal(results.filter((result) => result.kind === 'held').length, 23);
    assert.equal((await row())['claim_token'], winners[0]);
  });

  it('tells how long it is held, and ends with its lease', async () => {
    await claim('one');
    const held = await claim('two');
    assert.ok(held.kind === 'held' && held.retryInMs > 50_000 && held.retryInMs <= 60_000, JSON.stringify(held));
    await expire();
    assert.equal((await claim('two')).kind, 'claimed');
    assert.equal((await claim('one')).kind, 'held');
  });

  it('is given to one only when it ran out', async () => {
    await claim('gone');
    await expire();
    const results = await Promise.all(Array.from({ length: 24 }, (_, n) => claim(`token-${n}`)));
    assert.equal(results.filter((result) => result.kind === 'claimed').length, 1);
  });

  it('can be made again by the same attempt, and released by it alone', async () => {
    await claim('one');
    assert.equal((await claim('one')).kind, 'claimed');
    await t.store.processes.release(processId, 'two');
    assert.equal((await claim('two')).kind, 'held');
    await t.store.processes.release(processId, 'one');
    assert.equal((await claim('two')).kind, 'claimed');
  });

  it('registers the undo and gives the process as it was before', async () => {
    const first = await claim('one', { registerUndo: true });
    assert.ok(first.kind === 'claimed' && first.process.undo === 'none');
    assert.equal((await row())['undo'], 'registered');
    const second = await claim('one', { registerUndo: true });
    assert.ok(second.kind === 'claimed' && second.process.undo === 'registered');
    await t.store.processes.recordUndone({ processId, attemptToken: 'one', at: at('10:06:00.000') });
    await claim('two', { registerUndo: true });
    assert.equal((await row())['undo'], 'done');
  });

  it('records that a decision is about to be sent, and tells of the attempt before', async () => {
    const first = await claim('one', { decision: { verb: 'approve', reason: 'provisioned' }, at: at('10:05:00.250') });
    assert.ok(
      first.kind === 'claimed' && first.process.decisionAttemptedAt === null && first.process.decision === null,
    );
    const second = await claim('one', { decision: { verb: 'approve', reason: 'again' }, at: at('10:09:00.000') });
    assert.ok(second.kind === 'claimed');
    assert.deepEqual(second.process.decisionAttemptedAt, at('10:05:00.250'));
    assert.equal(second.process.decision, 'approve');
    assert.equal(second.process.decisionReason, 'provisioned');
    await claim('one');
    const { decision, decision_reason, decision_attempted_at } = await row();
    assert.deepEqual([decision, decision_reason, decision_attempted_at], ['approve', 'again', at('10:09:00.000')]);
  });

  it('records nothing when it is not given', async () => {
    await claim('one');
    await claim('two', { registerUndo: true, decision: { verb: 'reject', reason: 'no' } });
    const { decision, decision_attempted_at, undo, claim_token } = await row();
    assert.deepEqual([decision, decision_attempted_at, undo, claim_token], [null, null, 'none', 'one']);
  });

  it('lets its holder alone record that a decision is about to be sent', async () => {
    const send = (attemptToken: string, time: string) =>
      t.store.processes.recordSending({ processId, attemptToken, verb: 'approve', reason: 'ready', at: at(time) });
    assert.equal(await send('one', '10:05:00.000'), false);
    await claim('one');
    assert.equal(await send('two', '10:05:00.000'), false);
    assert.equal((await row())['decision_attempted_at'], null);
    assert.equal(await send('one', '10:05:01.000'), true);
    const { decision, decision_reason, decision_attempted_at } = await row();
    assert.deepEqual([decision, decision_reason, decision_attempted_at], ['approve', 'ready', at('10:05:01.000')]);
    await expire();
    assert.equal(await send('one', '10:06:00.000'), false);
    await claim('one');
    await t.store.processes.recordOutcome({ processId, outcome: 'expired', reason: 'r', at: at('10:06:00.000') });
    assert.equal(await send('one', '10:06:00.000'), false);
  });

  it('is refused once the process has its outcome', async () => {
    await t.store.processes.recordOutcome({ processId, outcome: 'expired', reason: 'r', at: at('10:06:00.000') });
    assert.deepEqual(await claim('one'), { kind: 'finished', outcome: 'expired' });
    assert.deepEqual(await claim('one', { ignorePreemption: true }), { kind: 'finished', outcome: 'expired' });
  });

  it('is refused for a process that is not there', async () => {
    await assert.rejects(claim('one', { processId: 'install:nowhere' }), NotFoundError);
  });
});

// Which event ends which process: claims-table.test.ts.
describe('pre-emption', () => {
  it('names the first of several, and nothing is recorded', async () => {
    await t.store.inbox.accept(delivery({ eventId: 'later', createdAt: at('12:00:00.000') }));
    await t.store.inbox.accept(delivery({ eventId: 'sooner', createdAt: at('11:00:00.000') }));
    const result = await claim('one', { registerUndo: true, decision: { verb: 'approve', reason: 'r' } });
    assert.deepEqual(result, { kind: 'preempted', byEventId: 'sooner' });
    const { claim_token, undo, decision } = await row();
    assert.deepEqual([claim_token, undo, decision], [null, 'none', null]);
  });

  it('is not looked at for an undo', async () => {
    await t.store.inbox.accept(delivery({ eventId: 'later', createdAt: at('12:00:00.000') }));
    assert.equal((await claim('one', { ignorePreemption: true })).kind, 'claimed');
  });
});
