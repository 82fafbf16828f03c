import assert from 'node:assert/strict';
import { beforeEach, describe, it } from 'node:test';
import type { DecisionInput } from '../../contracts/messages.js';
import type { ProcessRecord } from '../../store/types.js';
import { type AttemptKind, type Bench, createBench, NOW } from './support/bench.js';
import { failureOf } from './support/failure.js';
import { laterRecord } from './support/records.js';
import { talkdeskError } from './support/talkdesk.js';

const processId = 'update:event-1';
const APPROVE: DecisionInput = { processId, decision: 'approve', reason: 'updated' };
const REJECT: DecisionInput = { processId, decision: 'reject', reason: 'Too few licences.' };
const SENT = [
  'claim',
  'readInstallation',
  'recordSending: approve',
  'postState: approve',
  'readInstallation',
  'recordOutcome: approved',
];

let bench: Bench;
beforeEach(() => {
  bench = createBench();
  given();
});

function given(changes: Partial<ProcessRecord> = {}): void {
  bench.processes.record = laterRecord('update', changes);
}
const decide = (input: DecisionInput, as?: AttemptKind) => bench.run('postDecision', input, as);

/** Talkdesk leaves an installation accepted, and says when that changed. */
function acceptedSince(time: string): void {
  bench.talkdesk.state = 'accepted';
  bench.talkdesk.stateUpdatedAt = new Date(time);
}

describe('approving an update', () => {
  it('is recorded as being sent only after Talkdesk was seen waiting, right before it is sent', async () => {
    assert.deepEqual(await decide(APPROVE), { result: 'approved' });
    assert.deepEqual(bench.journal, SENT);
    const [claim] = bench.processes.calls.claim;
    assert.equal(claim?.decision, undefined);
    const sending = { processId, attemptToken: claim?.attemptToken, verb: 'approve', reason: 'updated', at: NOW };
    assert.deepEqual(bench.processes.calls.recordSending, [sending]);
    assert.deepEqual(bench.processes.calls.recordOutcome, [
      { processId, outcome: 'approved', reason: 'updated', remoteState: 'accepted', at: NOW },
    ]);
  });

  it('is sent to a Talkdesk that does not show that it waits: the install’s approval is not mistaken for it', async () => {
    acceptedSince('2026-01-01T08:00:00Z');
    assert.deepEqual(await decide(APPROVE), { result: 'approved' });
    assert.deepEqual(bench.journal, SENT);
  });

  it('is not sent again when an answer was lost and Talkdesk shows that it took it', async () => {
    bench.talkdesk.onPost = () => {
      acceptedSince('2026-01-05T10:00:02Z');
      throw talkdeskError('retryable');
    };
    assert.equal((await failureOf(decide(APPROVE, { isLocal: true }))).type, 'Retryable');
    assert.deepEqual(await decide(APPROVE), { result: 'approved' });
    assert.equal(bench.talkdesk.posts.length, 1);
  });

  it('is sent again when Talkdesk shows that it did not', async () => {
    acceptedSince('2026-01-05T10:00:01Z');
    bench.talkdesk.failing.postState = talkdeskError('retryable');
    assert.equal((await failureOf(decide(APPROVE, { isLocal: true }))).type, 'Retryable');
    bench.talkdesk.failing = {};
    assert.deepEqual(await decide(APPROVE), { result: 'approved' });
    assert.equal(bench.talkdesk.posts.length, 2);
  });

  it('is answered by an approval that was sent after its own time: the call applies to whatever is pending', async () => {
    given({ earlierApprovalAt: new Date('2026-01-05T10:00:01Z') });
    acceptedSince('2026-01-05T10:00:01Z');
    assert.deepEqual(await decide(APPROVE), { result: 'approved' });
    assert.deepEqual(bench.journal, ['claim', 'readInstallation', 'recordOutcome: approved']);
  });

  it('is not sent by an attempt that lost its claim while it read', async () => {
    const { readInstallation } = bench.talkdesk;
    bench.talkdesk.readInstallation = async (access, limits) => {
      bench.processes.holder = 'another';
      return await readInstallation(access, limits);
    };
    const { type, message } = await failureOf(decide(APPROVE));
    assert.deepEqual([type, message], ['Retryable', 'This attempt was too slow and lost its claim on the process.']);
    assert.deepEqual([bench.talkdesk.posts, bench.processes.record.decision], [[], null]);
    assert.equal(bench.processes.holder, 'another');
  });

  it('that is forbidden needs a person, although the installation is accepted, as before', async () => {
    acceptedSince('2026-01-01T08:00:00Z');
    bench.talkdesk.failing.postState = talkdeskError('needs-person', { status: 403 });
    assert.equal((await failureOf(decide(APPROVE))).type, 'NeedsPerson');
    assert.deepEqual(bench.processes.calls.recordOutcome, []);
  });

  it('that meets a conflict and an accepted state was taken before', async () => {
    acceptedSince('2026-01-01T08:00:00Z');
    bench.talkdesk.failing.postState = talkdeskError('conflict', { status: 409 });
    assert.deepEqual(await decide(APPROVE), { result: 'approved' });
  });

  for (const state of ['refused', 'dead', 'gone'] as const) {
    it(`has no place in the state ${state}: nothing is sent`, async () => {
      bench.talkdesk.state = state;
      assert.deepEqual(await decide(APPROVE), { result: 'ended', remoteState: state });
      assert.deepEqual(bench.journal, ['claim', 'readInstallation', 'recordDecided']);
    });
  }
});

describe('an update whose installation Talkdesk does not know', () => {
  beforeEach(() => {
    bench.talkdesk.failing.readInstallation = talkdeskError('gone', { status: 404 });
  });

  it('is parked once that is believed: no paying customer is cut off on it', async () => {
    const types: string[] = [];
    for (const as of [{ isLocal: true }, { attempt: 1 }, { attempt: 2 }, { attempt: 3 }]) {
      types.push((await failureOf(decide(APPROVE, as))).type);
    }
    assert.deepEqual(types, ['Retryable', 'Retryable', 'Retryable', 'NeedsPerson']);
    assert.match(bench.processes.record.parkedReason ?? '', /ask Talkdesk what became of it/);
    assert.deepEqual([bench.processes.calls.recordDecided, bench.processes.holder], [[], null]);
  });

  it('is parked by reading and by its close likewise', async () => {
    for (const step of ['syncFromTalkdesk', 'readFinalState'] as const) {
      assert.equal((await failureOf(bench.run(step, { processId }, { attempt: 3 }))).type, 'NeedsPerson', step);
    }
  });
});

describe('rejecting an update', () => {
  it('is confirmed by an installation that goes on as it was, and kept until the old settings are restored', async () => {
    bench.talkdesk.onPost = () => acceptedSince('2026-01-05T10:00:02Z');
    assert.deepEqual(await decide(REJECT), { result: 'rejected' });
    assert.deepEqual(bench.journal, [
      'claim',
      'readInstallation',
      'recordSending: reject',
      'postState: reject',
      'readInstallation',
      'recordDecided',
    ]);
    const [decided] = bench.processes.calls.recordDecided;
    assert.deepEqual([decided?.remoteState, decided?.stepResult], ['accepted', { result: 'rejected' }]);
    assert.deepEqual(bench.facts, []);
  });

  it('is not sent again when its answer was lost and Talkdesk took it', async () => {
    bench.talkdesk.onPost = () => {
      acceptedSince('2026-01-05T10:00:02Z');
      throw talkdeskError('retryable');
    };
    assert.equal((await failureOf(decide(REJECT, { isLocal: true }))).type, 'Retryable');
    assert.deepEqual(await decide(REJECT), { result: 'rejected' });
    assert.equal(bench.talkdesk.posts.length, 1);
  });

  it('is contradicted where Talkdesk says no to it and has accepted', async () => {
    acceptedSince('2026-01-01T08:00:00Z');
    bench.talkdesk.failing.postState = talkdeskError('conflict', { status: 409 });
    assert.deepEqual(await decide(REJECT), { result: 'ended', remoteState: 'accepted' });
  });
});
