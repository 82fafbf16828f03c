import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, it } from 'node:test';
import { install, openStore, type TestStore } from '../store/fixtures.js';
import { type Bench, createBench } from './support/bench.js';

let store: TestStore;
let bench: Bench;
let processId: string;
before(async () => {
  store = await openStore();
});
beforeEach(async () => {
  await store.clear();
  processId = await install(store.store, { eventId: 'event-1' });
  bench = createBench({ processes: store.store.processes });
});
after(() => store.end());

/** Runs a step once more and gives what was asked of Talkdesk and the product meanwhile. */
async function askedBy(again: () => Promise<unknown>): Promise<string[]> {
  const before = bench.journal.length;
  await again();
  return bench.journal.slice(before);
}

describe('a step that runs again on the real store', () => {
  it('finds its result and asks nobody: sync', async () => {
    const sync = () => bench.run('syncFromTalkdesk', { processId });
    assert.deepEqual(await sync(), { remoteState: 'waiting', users: 2 });
    assert.deepEqual(
      await askedBy(async () => assert.deepEqual(await sync(), { remoteState: 'waiting', users: 2 })),
      [],
    );
  });

  it('finds its result and keeps nobody waiting: provisioning, then the approve', async () => {
    await bench.run('syncFromTalkdesk', { processId });
    const provision = () => bench.run('provisionAccount', { processId });
    const done = { productAccountId: 'product-1', users: 2 };
    assert.deepEqual(await provision(), done);
    assert.deepEqual(await askedBy(async () => assert.deepEqual(await provision(), done)), []);

    const approve = () => bench.run('postDecision', { processId, decision: 'approve', reason: 'provisioned' });
    assert.deepEqual(await approve(), { result: 'approved' });
    assert.deepEqual(await askedBy(approve), []);
    assert.deepEqual(await askedBy(async () => assert.deepEqual(await provision(), done)), []);
  });

  it('finds its result and keeps nobody waiting: the reject, then the undo', async () => {
    bench.product.answers.provision = () => ({ status: 'refused', reason: 'no' });
    await assert.rejects(bench.run('provisionAccount', { processId }), { type: 'Refused' });
    const reject = () => bench.run('postDecision', { processId, decision: 'reject', reason: 'no' });
    assert.deepEqual(await reject(), { result: 'rejected' });
    assert.deepEqual(await askedBy(async () => assert.deepEqual(await reject(), { result: 'rejected' })), []);

    const undo = () => bench.run('undoProvisioning', { processId });
    assert.deepEqual(await askedBy(undo), ['product.deprovision']);
    assert.deepEqual(await askedBy(undo), []);
  });
});

describe('two attempts of a step at a time, on the real store', () => {
  it('leaves Talkdesk to the attempt that is at work', async () => {
    await bench.run('syncFromTalkdesk', { processId });
    const approve = () => bench.run('postDecision', { processId, decision: 'approve', reason: 'provisioned' });
    const { readInstallation } = bench.talkdesk;
    const others: PromiseSettledResult<unknown>[] = [];
    // The other one comes when the first has read that Talkdesk waits, and goes as far as it can.
    bench.talkdesk.readInstallation = async (access, limits) => {
      bench.talkdesk.readInstallation = readInstallation;
      const seen = await readInstallation(access, limits);
      others.push(...(await Promise.allSettled([approve()])));
      return seen;
    };
    await Promise.allSettled([approve()]);
    assert.equal(bench.talkdesk.posts.length, 1);
    const [other] = others;
    assert.ok(other?.status === 'rejected');
    assert.match(String(other.reason), /Another attempt of this process is still at work/);
  });
});
