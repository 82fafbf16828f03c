import assert from 'node:assert/strict';
import { beforeEach, describe, it } from 'node:test';
import { CancelledFailure } from '@temporalio/activity';
import type { MockActivityEnvironment } from '@temporalio/testing';
import { StoreUnavailableError } from '../../store/errors.js';
import { type Bench, createBench, NOW } from './support/bench.js';
import { failureOf } from './support/failure.js';
import { installationContext, installRecord, PROCESS_ID } from './support/records.js';
import { talkdeskError } from './support/talkdesk.js';

const INPUT = { processId: PROCESS_ID };
const MESSAGE = 'Could not ask: Talkdesk was not pleased.';

let bench: Bench;
beforeEach(() => {
  bench = createBench();
});

const needsPerson = () => {
  bench.talkdesk.failing.ensureToken = talkdeskError('needs-person', { status: 403 });
};

describe('a step that needs a person', () => {
  it('parks its process in a durable attempt, with what must be done, and says so', async () => {
    needsPerson();
    assert.equal((await failureOf(bench.run('syncFromTalkdesk', INPUT))).type, 'NeedsPerson');
    assert.deepEqual(bench.processes.calls.recordParked, [{ ...INPUT, reason: MESSAGE, at: NOW }]);
    assert.deepEqual(bench.facts, [
      {
        name: 'parked',
        atMs: 1_767_607_202_000,
        installationId: 'installation-1',
        eventId: 'event-1',
        note: MESSAGE,
      },
    ]);
  });

  it('says so once, however often it is tried', async () => {
    needsPerson();
    for (const attempt of [1, 2, 3]) await failureOf(bench.run('syncFromTalkdesk', INPUT, { attempt }));
    assert.equal(bench.processes.record.parkedReason, MESSAGE);
    assert.equal(bench.facts.length, 1);
  });

  it('does not park in a quick attempt: the durable one follows at once', async () => {
    needsPerson();
    assert.equal((await failureOf(bench.run('syncFromTalkdesk', INPUT, { isLocal: true }))).type, 'NeedsPerson');
    assert.deepEqual([bench.processes.calls.recordParked, bench.facts], [[], []]);
  });

  it('is no longer parked after an attempt that succeeds', async () => {
    bench.processes.record = installRecord({ parkedReason: MESSAGE });
    await bench.run('syncFromTalkdesk', INPUT);
    assert.equal(bench.processes.record.parkedReason, null);
    assert.deepEqual(bench.processes.calls.recordParked, [{ ...INPUT, reason: null, at: NOW }]);
  });

  for (const failureClass of ['retryable', 'credentials', 'gone'] as const) {
    it(`is no longer parked after one that fails otherwise: ${failureClass}`, async () => {
      bench.processes.record = installRecord({ parkedReason: MESSAGE });
      bench.talkdesk.failing.ensureToken = talkdeskError(failureClass);
      await failureOf(bench.run('syncFromTalkdesk', INPUT, { attempt: 3 }));
      assert.equal(bench.processes.record.parkedReason, null);
      assert.deepEqual(bench.facts, []);
    });
  }

  it('stays parked through quick attempts, whatever becomes of them', async () => {
    bench.processes.record = installRecord({ parkedReason: MESSAGE });
    bench.talkdesk.failing.ensureToken = talkdeskError('retryable');
    await failureOf(bench.run('syncFromTalkdesk', INPUT, { isLocal: true }));
    bench.talkdesk.failing = {};
    await bench.run('syncFromTalkdesk', INPUT, { isLocal: true });
    assert.equal(bench.processes.record.parkedReason, MESSAGE);
  });

  it('stays parked when the attempt is cut off by a cancellation', async () => {
    bench.processes.record = installRecord({ parkedReason: MESSAGE });
    let cancel = (): void => assert.fail('There was no environment.');
    bench.talkdesk.ensureToken = async () => {
      cancel();
      throw new Error('cut off');
    };
    const within = (environment: MockActivityEnvironment) => {
      cancel = () => environment.cancel();
    };
    await assert.rejects(bench.run('syncFromTalkdesk', INPUT, { within }), CancelledFailure);
    assert.equal(bench.processes.record.parkedReason, MESSAGE);
  });

  it('fails of what it failed of when the parking cannot be recorded', async () => {
    needsPerson();
    bench.processes.failing.recordParked = new StoreUnavailableError('The database is away.');
    const { type, message } = await failureOf(bench.run('syncFromTalkdesk', INPUT));
    assert.deepEqual([type, message], ['NeedsPerson', MESSAGE]);
  });

  it('that has no process row is not parked, and still says what must be done', async () => {
    bench.processes.installation = installationContext({ credential: null });
    const { type, message } = await failureOf(bench.run('requestRotation', { installationId: 'installation-1' }));
    assert.deepEqual([type, message], ['NeedsPerson', 'No credentials are stored for installation installation-1.']);
    assert.deepEqual(bench.errors, ['a person must act: No credentials are stored for installation installation-1.']);
    assert.deepEqual(bench.processes.calls.recordParked, []);
  });
});
