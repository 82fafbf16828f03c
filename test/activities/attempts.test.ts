import assert from 'node:assert/strict';
import { beforeEach, describe, it } from 'node:test';
import { CancelledFailure } from '@temporalio/activity';
import type { MockActivityEnvironment } from '@temporalio/testing';
import { type Bench, createBench } from './support/bench.js';
import { failureOf } from './support/failure.js';
import { laterRecord, PROCESS_ID } from './support/records.js';

let bench: Bench;
beforeEach(() => {
  bench = createBench();
});

/** Lets the next call hang for as long as it is not cut off, and then fail as such a call does. Resolves when it is under way. */
function hang(): Promise<void> {
  return new Promise((underWay) => {
    bench.talkdesk.ensureToken = (_access, { signal }) =>
      new Promise((_, reject) => {
        assert.equal(signal.aborted, false);
        signal.addEventListener('abort', () => reject(new Error('cut off')), { once: true });
        underWay();
      });
  });
}

describe('an attempt', () => {
  it('cuts its requests off when it is cancelled, and ends as cancelled', async () => {
    const underWay = hang();
    let cancel = (): void => assert.fail('There was no environment.');
    const within = (environment: MockActivityEnvironment) => {
      cancel = () => environment.cancel();
    };
    const ended = bench.run('syncFromTalkdesk', { processId: PROCESS_ID }, { within });
    await underWay;
    cancel();
    await assert.rejects(ended, (error) => error instanceof CancelledFailure && error.cause === undefined);
    assert.deepEqual(bench.processes.calls.recordSync, []);
  });

  for (const [what, isLocal, activity, limitMs] of [
    ['a quick attempt', true, 'syncFromTalkdesk', 1_800],
    ['a regular one', false, 'proveCredentials', 14_000],
    ['a regular one that moves lists of users', false, 'syncFromTalkdesk', 170_000],
  ] as const) {
    it(`cuts the requests of ${what} off after ${limitMs} ms, below the workflow's limit, and may be tried again`, async (t) => {
      bench.processes.record = { ...laterRecord('rotation'), processId: PROCESS_ID };
      const outOfTime = new AbortController();
      const timeout = t.mock.method(AbortSignal, 'timeout', () => outOfTime.signal);
      const underWay = hang();
      const ended = failureOf(bench.run(activity, { processId: PROCESS_ID }, { isLocal }));
      await underWay;
      outOfTime.abort();
      const { type, message, retried } = await ended;
      assert.deepEqual([type, message, retried], ['Retryable', 'cut off', true]);
      assert.deepEqual(
        timeout.mock.calls.map((call) => call.arguments),
        [[limitMs]],
      );
    });
  }

  it('bounds a request: shortly in a quick attempt, with patience in a regular one', async () => {
    await bench.run('readRemoteState', { processId: PROCESS_ID }, { isLocal: true });
    await bench.run('readRemoteState', { processId: PROCESS_ID });
    assert.deepEqual(
      bench.talkdesk.seenLimits.map(({ timeoutMs }) => timeoutMs),
      [1_500, 8_000],
    );
  });

  it('claims under a name of its own', async () => {
    bench.processes.preemptedBy = 'event-9';
    for (const attempt of [1, 2]) {
      await failureOf(bench.run('provisionAccount', { processId: PROCESS_ID }, { attempt }));
    }
    const [first, second] = bench.processes.calls.claim.map(({ attemptToken }) => attemptToken);
    assert.ok(first !== undefined && first.length >= 32);
    assert.notEqual(first, second);
  });

  it('tells Temporal every 1.5 s that it lives, unless it is a quick one, and stops when it ends', async (t) => {
    t.mock.timers.enable({ apis: ['setInterval'] });
    for (const [isLocal, expected] of [
      [false, 2],
      [true, 0],
    ] as const) {
      let beats = 0;
      bench.talkdesk.ensureToken = async () => {
        t.mock.timers.tick(3_000);
        throw new Error('no answer');
      };
      const within = (environment: MockActivityEnvironment) => environment.on('heartbeat', () => (beats += 1));
      await failureOf(bench.run('syncFromTalkdesk', { processId: PROCESS_ID }, { isLocal, within }));
      t.mock.timers.tick(10_000);
      assert.equal(beats, expected, `local: ${isLocal}`);
    }
  });

  it('tells with them how far a long step is', async (t) => {
    t.mock.timers.enable({ apis: ['setInterval'] });
    const beats: unknown[] = [];
    const within = (environment: MockActivityEnvironment) =>
      environment.on('heartbeat', (reached: unknown) => beats.push(reached));
    const { readAccount, readUsers } = bench.talkdesk;
    bench.talkdesk.readAccount = async (access, limits) => {
      t.mock.timers.tick(1_500);
      return await readAccount(access, limits);
    };
    bench.talkdesk.readUsers = async (access, limits, onPage) => {
      onPage?.({ read: 200, total: 10_000 });
      t.mock.timers.tick(1_500);
      onPage?.({ read: 400, total: null });
      t.mock.timers.tick(1_500);
      return await readUsers(access, limits);
    };
    await bench.run('syncFromTalkdesk', { processId: PROCESS_ID }, { within });
    assert.deepEqual(beats, [undefined, '200 of 10000 users read', '400 of ? users read']);

    beats.length = 0;
    bench.product.answers.syncUsers = () => {
      t.mock.timers.tick(1_500);
      return { status: 'done', users: [] };
    };
    await bench.run('provisionAccount', { processId: PROCESS_ID }, { within });
    assert.deepEqual(beats, ['bringing 2 users to the product']);
  });
});
