import assert from 'node:assert/strict';
import { beforeEach, describe, it } from 'node:test';
import type { FinalStateResult } from '../../contracts/messages.js';
import type { FinalState } from '../../contracts/outcomes.js';
import type { ProcessRecord } from '../../store/types.js';
import type { StateMeaning } from '../../talkdesk/types.js';
import { type AttemptKind, type Bench, createBench } from './support/bench.js';
import { failureOf } from './support/failure.js';
import { installRecord, laterRecord } from './support/records.js';
import { talkdeskError } from './support/talkdesk.js';

/** Every process here was created on the fifth at ten, so that its window closed on the twelfth. */
const BEFORE_CLOSE = new Date('2026-01-12T09:59:59Z');
const AT_CLOSE = new Date('2026-01-12T10:00:00Z');
const ATTEMPTED_AT = new Date('2026-01-06T10:00:00Z');
const EARLIER = new Date('2026-01-05T09:59:59Z');
const SAME_SECOND = new Date('2026-01-05T10:00:00.999Z');
const LATER = new Date('2026-01-05T10:00:01Z');

let bench: Bench;
beforeEach(() => {
  bench = createBench();
  bench.talkdesk.state = 'accepted';
});

async function finalState(record: ProcessRecord, as?: AttemptKind): Promise<FinalStateResult> {
  bench.processes.record = record;
  return await bench.run('readFinalState', { processId: record.processId }, as);
}
const sent = (decision: 'approve' | 'reject') => ({ decision, decisionAttemptedAt: ATTEMPTED_AT });

describe('an update found accepted after its close', () => {
  const table: [what: string, Partial<ProcessRecord>, updatedAt: Date | null, FinalStateResult['attempted']][] = [
    ['without an answer of ours', {}, ATTEMPTED_AT, null],
    ['after our approve', sent('approve'), ATTEMPTED_AT, 'approve'],
    ['after our reject', sent('reject'), ATTEMPTED_AT, 'reject'],
    ['after our approve, at a time that Talkdesk does not tell', sent('approve'), null, 'approve'],
    ['up to the close', sent('approve'), BEFORE_CLOSE, 'approve'],
    // It ran out then: the old settings are in force.
    ['only as of the close, after our approve', sent('approve'), AT_CLOSE, null],
    ['only as of the close, after our reject', sent('reject'), AT_CLOSE, null],
    ['after an approval that is older than the event', { earlierApprovalAt: EARLIER }, ATTEMPTED_AT, null],
    ['after an approval in the second of the event', { earlierApprovalAt: SAME_SECOND }, ATTEMPTED_AT, null],
    ['after an approval that is younger than the event', { earlierApprovalAt: LATER }, ATTEMPTED_AT, 'approve'],
    ['after a later approval, as of the close', { earlierApprovalAt: LATER, ...sent('reject') }, AT_CLOSE, 'approve'],
  ];
  for (const [what, changes, updatedAt, attempted] of table) {
    it(`${what}: ${attempted ?? 'nobody'} did it`, async () => {
      bench.talkdesk.stateUpdatedAt = updatedAt;
      const found = await finalState(laterRecord('update', changes));
      assert.deepEqual(found, { finalState: 'accepted', attempted });
    });
  }
});

describe('an install after its close', () => {
  type Row = [FinalState & StateMeaning, what: string, Partial<ProcessRecord>, FinalStateResult['attempted']];
  const table: Row[] = [
    // Nothing but this service approves or rejects one: restored tables may not know of it.
    ['accepted', 'without an answer of ours that the tables know of', {}, 'approve'],
    ['accepted', 'after our approve', sent('approve'), 'approve'],
    ['accepted', 'after our reject', sent('reject'), 'reject'],
    ['accepted', 'after another process of it tried to approve', { approvalTried: true }, 'approve'],
    ['accepted', 'after our reject, and an approve of another', { approvalTried: true, ...sent('reject') }, 'reject'],
    ['accepted', 'with a decision that was not on its way yet', { decision: 'reject' }, 'approve'],
    ['suspended', 'without an answer of ours that the tables know of', {}, 'approve'],
    ['suspended', 'after our reject', sent('reject'), 'reject'],
    ['refused', 'without an answer of ours that the tables know of', {}, 'reject'],
    ['refused', 'after our approve', sent('approve'), 'approve'],
    ['refused', 'after our reject', sent('reject'), 'reject'],
    ['refused', 'after another process of it tried to approve', { approvalTried: true }, 'reject'],
    ['waiting', 'without an answer of ours', {}, null],
    ['waiting', 'after our approve', sent('approve'), 'approve'],
    ['dead', 'without an answer of ours', {}, null],
    ['gone', 'without an answer of ours', {}, null],
  ];
  for (const [state, what, changes, attempted] of table) {
    it(`${state}, ${what}: ${attempted ?? 'nothing'} is behind it, whatever the times`, async () => {
      bench.talkdesk.state = state;
      for (const updatedAt of [BEFORE_CLOSE, AT_CLOSE, null]) {
        bench.talkdesk.stateUpdatedAt = updatedAt;
        assert.deepEqual(await finalState(installRecord(changes)), { finalState: state, attempted });
      }
    });
  }

  it('that shows an update waiting was accepted', async () => {
    Object.assign(bench.talkdesk, { state: 'waiting', stateWord: 'updating' });
    assert.deepEqual(await finalState(installRecord()), { finalState: 'accepted', attempted: 'approve' });
  });
});

describe('an update found refused after its close', () => {
  it('is due to what the tables know of, and to nothing else', async () => {
    bench.talkdesk.state = 'refused';
    assert.deepEqual(await finalState(laterRecord('update')), { finalState: 'refused', attempted: null });
    const rejected = await finalState(laterRecord('update', sent('reject')));
    assert.deepEqual(rejected, { finalState: 'refused', attempted: 'reject' });
  });
});

describe('a Talkdesk that says nothing after the close', () => {
  it('because the credentials died with the window: told at once, for both kinds', async () => {
    bench.talkdesk.failing.readInstallation = talkdeskError('credentials', { status: 401 });
    for (const record of [installRecord(sent('approve')), laterRecord('update', sent('approve'))]) {
      const found = await finalState(record, { isLocal: true });
      assert.deepEqual(found, { finalState: 'credentials-dead', attempted: 'approve' });
    }
  });

  it('because it does not know the installation: the end of an install, a person’s matter for an update', async () => {
    bench.talkdesk.failing.readInstallation = talkdeskError('gone', { status: 404 });
    assert.deepEqual(await finalState(installRecord()), { finalState: 'gone', attempted: null });
    const types: string[] = [];
    for (const attempt of [1, 2, 3]) types.push((await failureOf(finalState(laterRecord('update'), { attempt }))).type);
    assert.deepEqual(types, ['Retryable', 'Retryable', 'NeedsPerson']);
  });

  it('because nobody is reached: parked in the end, and nothing is guessed', async () => {
    bench.talkdesk.failing.readInstallation = talkdeskError('retryable');
    assert.equal((await failureOf(finalState(laterRecord('update'), { attempt: 5 }))).type, 'Retryable');
    const { type, message } = await failureOf(finalState(laterRecord('update'), { attempt: 6 }));
    assert.equal(type, 'NeedsPerson');
    assert.match(message, /^The window closed and Talkdesk cannot be asked how it ended: /);
  });
});
