import assert from 'node:assert/strict';
import { beforeEach, describe, it, type TestContext } from 'node:test';
import type { Attempt } from '../../activities/attempts.js';
import { type Claim, type ClaimRequest, claimProcess } from '../../activities/claims.js';
import { StepError } from '../../activities/failures.js';
import { type FakeProcesses, fakeProcesses } from './support/processes.js';
import { installRecord, PROCESS_ID } from './support/records.js';

const NOW = new Date('2026-01-05T10:00:02Z');
const ATTEMPT: Attempt = {
  isLocal: true,
  number: 1,
  token: 'mine',
  signal: new AbortController().signal,
  timeoutMs: 1_000,
  progress() {},
};

let processes: FakeProcesses;
beforeEach(() => {
  processes = fakeProcesses([]);
});

const claim = (request: Partial<ClaimRequest> = {}) =>
  claimProcess({ processes, now: () => NOW }, ATTEMPT, { processId: PROCESS_ID, ...request });

async function granted(request: Partial<ClaimRequest> = {}): Promise<Claim> {
  const result = await claim(request);
  assert.equal(result.kind, 'claimed');
  return result as Claim;
}

async function stepErrorOf(work: Promise<unknown>): Promise<Pick<StepError, 'type' | 'retryInMs' | 'message'>> {
  const error = await work.then(
    () => assert.fail('It was to fail.'),
    (thrown: unknown) => thrown,
  );
  assert.ok(error instanceof StepError, String(error));
  return { type: error.type, retryInMs: error.retryInMs, message: error.message };
}

/** Time for claims passes only as the test says. */
function stopMonotonicClock(t: TestContext): (ms: number) => void {
  let nowMs = 50_000;
  t.mock.method(performance, 'now', () => nowMs);
  return (ms) => {
    nowMs += ms;
  };
}

describe('claiming a process', () => {
  it('is granted for five seconds, with the process as it was just before', async () => {
    const { process } = await granted({ registerUndo: true });
    assert.deepEqual(process, installRecord());
    assert.equal(processes.record.undo, 'registered');
    assert.deepEqual(processes.calls.claim, [
      { processId: PROCESS_ID, registerUndo: true, attemptToken: 'mine', leaseMs: 5_000, at: NOW },
    ]);
  });

  it('says that the process has ended', async () => {
    processes.record = installRecord({ outcome: 'superseded' });
    assert.deepEqual(await claim(), { kind: 'finished', outcome: 'superseded' });
  });

  it('fails as retryable, for as long as another attempt holds it', async () => {
    processes.holder = 'another';
    processes.heldForMs = 3_210;
    const { type, retryInMs } = await stepErrorOf(claim());
    assert.deepEqual({ type, retryInMs }, { type: 'Retryable', retryInMs: 3_210 });
  });

  it('fails as pre-empted, naming the event', async () => {
    processes.preemptedBy = 'event-9';
    const { type, message } = await stepErrorOf(claim());
    assert.deepEqual({ type, message }, { type: 'PreEmpted', message: 'overtaken by event event-9' });
  });

  it('does not look at the inbox where it was told so', async () => {
    processes.preemptedBy = 'event-9';
    await granted({ ignorePreemption: true });
  });
});

describe('a claim, right before an effect', () => {
  it('counts for three seconds, then is renewed with the same request', async (t) => {
    const pass = stopMonotonicClock(t);
    const decision = { verb: 'approve', reason: 'provisioned' } as const;
    const { ensureFresh } = await granted({ decision });
    pass(2_999);
    await ensureFresh();
    assert.equal(processes.calls.claim.length, 1);
    pass(1);
    await ensureFresh();
    assert.deepEqual(processes.calls.claim[1], {
      processId: PROCESS_ID,
      decision,
      attemptToken: 'mine',
      leaseMs: 5_000,
      at: NOW,
    });
    pass(2_999);
    await ensureFresh();
    assert.equal(processes.calls.claim.length, 2);
    pass(1);
    await ensureFresh();
    assert.equal(processes.calls.claim.length, 3);
  });

  it('ages from the moment it is asked for: the lease begins somewhere on the way', async (t) => {
    const pass = stopMonotonicClock(t);
    processes.onClaim = () => pass(2_000);
    const { ensureFresh } = await granted();
    pass(1_000);
    await ensureFresh();
    assert.equal(processes.calls.claim.length, 2);
    pass(1_000);
    await ensureFresh();
    assert.equal(processes.calls.claim.length, 3);
  });

  it('fails as retryable when another attempt holds the process meanwhile', async (t) => {
    const pass = stopMonotonicClock(t);
    const { ensureFresh } = await granted();
    pass(5_000);
    processes.holder = 'another';
    assert.equal((await stepErrorOf(ensureFresh())).type, 'Retryable');
    assert.equal(processes.holder, 'another');
  });

  it('fails as retryable when the process has ended meanwhile', async (t) => {
    const pass = stopMonotonicClock(t);
    const { ensureFresh } = await granted();
    pass(3_000);
    processes.record = installRecord({ outcome: 'superseded' });
    assert.equal((await stepErrorOf(ensureFresh())).type, 'Retryable');
  });

  it('fails as pre-empted when an event ends the process meanwhile', async (t) => {
    const pass = stopMonotonicClock(t);
    const { ensureFresh } = await granted();
    pass(3_000);
    processes.preemptedBy = 'event-9';
    assert.deepEqual(await stepErrorOf(ensureFresh()), {
      type: 'PreEmpted',
      retryInMs: null,
      message: 'overtaken by event event-9',
    });
  });
});

describe('an effect that takes longer than a claim lasts', () => {
  it('is under a claim that is renewed, with the same token, and no longer than it takes', async (t: TestContext) => {
    const held = await granted();
    t.mock.timers.enable({ apis: ['setInterval'] });
    let end: (value: string) => void = () => undefined;
    const effect = held.holding(
      () =>
        new Promise<string>((resolve) => {
          end = resolve;
        }),
    );
    t.mock.timers.tick(9_000);
    const renewals = processes.calls.claim.slice(1);
    assert.equal(renewals.length, 4);
    assert.deepEqual([...new Set(renewals.map(({ attemptToken }) => attemptToken))], ['mine']);
    end('done');
    assert.equal(await effect, 'done');
    t.mock.timers.tick(9_000);
    assert.equal(processes.calls.claim.length, 5);
  });

  it('goes on when a renewal fails', async (t: TestContext) => {
    const held = await granted();
    t.mock.timers.enable({ apis: ['setInterval'] });
    processes.failing.claim = new Error('The database is away.');
    const effect = held.holding(async () => {
      t.mock.timers.tick(2_000);
      return 'done';
    });
    assert.equal(await effect, 'done');
  });
});
