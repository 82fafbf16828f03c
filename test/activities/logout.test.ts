import assert from 'node:assert/strict';
import { beforeEach, describe, it } from 'node:test';
import type { EventContext } from '../../store/types.js';
import { type Bench, createBench, NOW } from './support/bench.js';
import { failureOf } from './support/failure.js';
import { eventContext, eventInstallation } from './support/records.js';

let bench: Bench;
beforeEach(() => {
  bench = createBench();
  given();
});

function given(changes: Partial<EventContext> = {}, userId = 'user-7'): void {
  const body = Buffer.from(JSON.stringify({ installationId: 'installation-1', accountId: 'account-1', userId }));
  bench.processes.event = eventContext({ type: 'user.logout', body, ...changes });
}

const handOver = () => bench.run('handOverLogout', { eventId: 'event-1' });

describe('a logout', () => {
  it('is handed to the product and recorded', async () => {
    await handOver();
    assert.deepEqual(bench.journal, ['product.onLogout', 'settleEvent: recorded']);
    const [call] = bench.product.calls.onLogout;
    assert.ok(call !== undefined);
    const { signal, ...rest } = call;
    assert.ok(signal instanceof AbortSignal);
    assert.deepEqual(rest, {
      appId: 'app-1',
      accountId: 'account-1',
      installationId: 'installation-1',
      generation: 2,
      processId: 'event-1',
      idempotencyKey: 'event-1:logout',
      productAccountId: 'product-1',
      talkdeskUserId: 'user-7',
    });
    const reason = 'handed to the product';
    assert.deepEqual(bench.processes.calls.settleEvent, [{ eventId: 'event-1', outcome: 'recorded', reason, at: NOW }]);
    assert.deepEqual(bench.facts, [
      {
        name: 'logout',
        atMs: 1_767_607_202_000,
        installationId: 'installation-1',
        eventId: 'event-1',
        note: reason,
      },
    ]);
  });

  it('passes a strange user id on unchanged', async () => {
    given({}, 'a/b%2F..?#__proto__');
    await handOver();
    assert.equal(bench.product.calls.onLogout[0]?.talkdeskUserId, 'a/b%2F..?#__proto__');
  });

  for (const [what, changes] of [
    ['without a product account', { productAccountId: null }],
    ['of an installation that nobody knows', { installation: null }],
    ['of an installation that a newer one replaced', { installation: eventInstallation({ newestOfTenant: false }) }],
  ] as const) {
    it(`${what} is recorded, and nobody is told`, async () => {
      given(changes);
      await handOver();
      assert.deepEqual(bench.journal, ['settleEvent: recorded']);
      assert.equal(bench.processes.calls.settleEvent[0]?.reason, 'there is no product account to tell');
    });
  }

  it('that does not say who logged out is quarantined at once', async () => {
    given({ body: Buffer.from('not an event') });
    await handOver();
    assert.equal(bench.processes.calls.settleEvent[0]?.outcome, 'quarantined');
    assert.equal(bench.product.calls.onLogout.length, 0);
  });

  it('is not handed over a second time once it is recorded', async () => {
    await handOver();
    await handOver();
    assert.equal(bench.product.calls.onLogout.length, 1);
    assert.equal(bench.facts.length, 1);
  });

  it('is not recorded as handed over when the product fails, needs time or refuses', async () => {
    const types: string[] = [];
    bench.product.answers.onLogout = () => {
      throw new Error('no answer');
    };
    types.push((await failureOf(handOver())).type);
    bench.product.answers.onLogout = () => ({ status: 'pending' });
    types.push((await failureOf(handOver())).type);
    bench.product.answers.onLogout = () => ({ status: 'refused', reason: 'Nobody is logged in.' });
    types.push((await failureOf(handOver())).type);
    assert.deepEqual(types, ['Retryable', 'Pending', 'Refused']);
    assert.deepEqual(bench.processes.calls.settleEvent, []);
  });
});
