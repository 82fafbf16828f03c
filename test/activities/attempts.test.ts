import assert from 'node:assert/strict';
import { beforeEach, describe, it } from 'node:test';
import { CancelledFailure } from '@temporalio/activity';
import type { MockActivityEnvironment } from '@temporalio/testing';
import { type Bench, createBench } from './support/bench.js';
import { failureOf } from './support/failure.js';
import { PROCESS_ID } from './support/processes.js';

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
    assert.deepEqual(bench.processes.synced, []);
  });

  for (const [isLocal, limitMs] of [
    [true, 1_800],
    [false, 14_000],
  ] as const) {
    it(`cuts its requests off after ${limitMs} ms, below the workflow's limit, and may be tried again`, async (t) => {
      const outOfTime = new AbortController();
      const timeout = t.mock.method(AbortSignal, 'timeout', () => outOfTime.signal);
      const underWay = hang();
      const ended = failureOf(bench.run('syncFromTalkdesk', { processId: PROCESS_ID }, { isLocal }));
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
    const [first, second] = bench.processes.claims.map(({ attemptToken }) => attemptToken);
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
});
