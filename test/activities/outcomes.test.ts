import assert from 'node:assert/strict';
import { beforeEach, describe, it } from 'node:test';
import { PROCESS_OUTCOMES } from '../../contracts/outcomes.js';
import { StoreUnavailableError } from '../../store/errors.js';
import { type Bench, createBench, NOW } from './support/bench.js';
import { failureOf } from './support/failure.js';
import { installRecord, PROCESS_ID } from './support/records.js';

const ABOUT = { atMs: 1_767_607_202_000, installationId: 'installation-1', eventId: 'event-1' };

let bench: Bench;
beforeEach(() => {
  bench = createBench();
});

describe('recording an outcome', () => {
  it('ends the process and says so', async () => {
    const input = {
      processId: PROCESS_ID,
      outcome: 'expired',
      reason: 'the window closed',
      remoteState: 'dead',
    } as const;
    assert.deepEqual(await bench.run('recordOutcome', input), { outcome: 'expired' });
    assert.deepEqual(bench.processes.calls.recordOutcome, [{ ...input, at: NOW }]);
    assert.deepEqual(bench.facts, [{ ...ABOUT, name: 'expired', note: 'the window closed' }]);
  });

  it('answers with the outcome that stands when there is one already', async () => {
    bench.processes.record = installRecord({ outcome: 'approved' });
    const input = { processId: PROCESS_ID, outcome: 'superseded', reason: 'overtaken' } as const;
    assert.deepEqual(await bench.run('recordOutcome', input), { outcome: 'approved' });
    assert.deepEqual(bench.facts, []);
  });

  it('is tried again when the database is away', async () => {
    bench.processes.failing.recordOutcome = new StoreUnavailableError('The database is away.');
    const input = { processId: PROCESS_ID, outcome: 'expired', reason: 'the window closed' } as const;
    const failure = await failureOf(bench.run('recordOutcome', input, { attempt: 3 }));
    assert.deepEqual(failure, { type: 'Retryable', message: 'The database is away.', retried: true, delayMs: 2_000 });
  });
});

describe('parking', () => {
  it('keeps what must be done, and says so', async () => {
    await bench.run('parkProcess', { processId: PROCESS_ID, reason: 'Add the gateway to the region file.' });
    assert.deepEqual(bench.processes.calls.recordParked, [
      { processId: PROCESS_ID, reason: 'Add the gateway to the region file.', at: NOW },
    ]);
    assert.deepEqual(bench.facts, [{ ...ABOUT, name: 'parked', note: 'Add the gateway to the region file.' }]);
  });

  it('ends without a word', async () => {
    bench.processes.record = installRecord({ parkedReason: 'Add the gateway to the region file.' });
    await bench.run('resumeProcess', { processId: PROCESS_ID });
    assert.deepEqual(bench.processes.calls.recordParked, [{ processId: PROCESS_ID, reason: null, at: NOW }]);
    assert.deepEqual(bench.facts, []);
  });

  it('that changes nothing is not said again', async () => {
    bench.processes.record = installRecord({ parkedReason: 'Stopped.' });
    await bench.run('parkProcess', { processId: PROCESS_ID, reason: 'Stopped.' });
    assert.deepEqual(bench.facts, []);
  });
});

describe('a person’s decision', () => {
  const ann = { processId: PROCESS_ID, decision: 'reject', reason: 'Not now.', by: 'ann' } as const;

  it('is recorded, with who took it, and answered without', async () => {
    assert.deepEqual(await bench.run('recordPersonDecision', ann), { decision: 'reject', reason: 'Not now.' });
    assert.deepEqual(bench.processes.calls.recordPersonDecision, [{ ...ann, at: NOW }]);
  });

  it('stands: a second one is answered with the first', async () => {
    await bench.run('recordPersonDecision', ann);
    const second = { ...ann, decision: 'approve', reason: 'Fine.', by: 'bob' } as const;
    assert.deepEqual(await bench.run('recordPersonDecision', second), { decision: 'reject', reason: 'Not now.' });
  });
});

describe('a warning', () => {
  it('is recorded and said', async () => {
    const input = { processId: PROCESS_ID, text: 'half of the time to the due answer has passed' };
    await bench.run('recordWarning', input);
    assert.deepEqual(bench.processes.calls.recordWarning, [{ ...input, at: NOW }]);
    assert.deepEqual(bench.facts, [{ ...ABOUT, name: 'warned', note: input.text }]);
  });
});

describe('the moment that an outcome is, for people who watch', () => {
  it('is one for each outcome but cancelled, which a person brought about', async () => {
    const facts: Record<string, string | undefined> = {};
    for (const outcome of PROCESS_OUTCOMES) {
      const own = createBench();
      await own.run('recordOutcome', { processId: PROCESS_ID, outcome, reason: 'x' });
      facts[outcome] = own.facts[0]?.name;
    }
    assert.deepEqual(facts, {
      approved: 'approved',
      rejected: 'rejected',
      acknowledged: 'credentials-acknowledged',
      expired: 'expired',
      superseded: 'superseded',
      'credentials-gone': 'credentials-gone',
      contradicted: 'contradicted',
      cancelled: undefined,
    });
  });
});
