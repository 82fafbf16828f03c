import assert from 'node:assert/strict';
import { beforeEach, describe, it } from 'node:test';
import type { DecisionInput, DecisionResult } from '../../contracts/messages.js';
import { OutcomeConflictError, StoreUnavailableError } from '../../store/errors.js';
import type { ProcessRecord } from '../../store/types.js';
import type { StateMeaning } from '../../talkdesk/types.js';
import { type AttemptKind, type Bench, createBench, NOW } from './support/bench.js';
import { failureOf } from './support/failure.js';
import { installRecord, PROCESS_ID } from './support/records.js';
import { talkdeskError } from './support/talkdesk.js';

const APPROVE: DecisionInput = { processId: PROCESS_ID, decision: 'approve', reason: 'provisioned' };
const REJECT: DecisionInput = { processId: PROCESS_ID, decision: 'reject', reason: 'Too many users.' };

let bench: Bench;
beforeEach(() => {
  bench = createBench();
});

const decide = (input: DecisionInput, as?: AttemptKind) => bench.run('postDecision', input, as);

/** A process of which an earlier attempt was about to send this decision. */
function attempted(decision: 'approve' | 'reject', changes: Partial<ProcessRecord> = {}): ProcessRecord {
  return installRecord({ decision, decisionAttemptedAt: new Date('2026-01-05T10:00:01Z'), ...changes });
}

describe('approving', () => {
  it('claims, reads, sends, reads back, and records the outcome', async () => {
    assert.deepEqual(await decide(APPROVE), { result: 'approved' });
    assert.deepEqual(bench.journal, [
      'claim: to approve',
      'readInstallation',
      'postState: approve',
      'readInstallation',
      'recordOutcome: approved',
    ]);
    assert.deepEqual(bench.talkdesk.posts, [{ verb: 'approve', reason: 'provisioned' }]);
    assert.deepEqual(bench.processes.calls.recordOutcome, [
      { processId: PROCESS_ID, outcome: 'approved', reason: 'provisioned', remoteState: 'accepted', at: NOW },
    ]);
    assert.deepEqual(bench.facts, [
      { name: 'approved', atMs: 1_767_607_202_000, installationId: 'installation-1', eventId: 'event-1' },
    ]);
  });

  it('waits for a state that Talkdesk changes a moment after its answer', async () => {
    bench.talkdesk.readings = ['waiting', 'waiting', 'waiting'];
    assert.deepEqual(await decide(APPROVE), { result: 'approved' });
    assert.deepEqual(bench.journal.slice(2), [
      'postState: approve',
      'readInstallation',
      'readInstallation',
      'readInstallation',
      'recordOutcome: approved',
    ]);
  });

  it('takes an update that waits for the acceptance before it: another approve would answer the update, unread', async () => {
    bench.talkdesk.onPost = () => {
      bench.talkdesk.state = 'waiting';
      bench.talkdesk.stateWord = 'updating';
    };
    assert.deepEqual(await decide(APPROVE), { result: 'approved' });
    assert.equal(bench.talkdesk.posts.length, 1);
    bench.processes.record = attempted('approve');
    assert.deepEqual(await decide(APPROVE), { result: 'approved' });
    assert.equal(bench.talkdesk.posts.length, 1, 'nor after an attempt whose answer was lost');
  });

  it('is not sent again when it ended as approved before', async () => {
    bench.processes.record = attempted('approve', { outcome: 'approved' });
    assert.deepEqual(await decide(APPROVE), { result: 'approved' });
    assert.deepEqual(bench.journal, ['claim: to approve']);
  });

  it('is pre-empted when the process ended otherwise', async () => {
    bench.processes.record = installRecord({ outcome: 'expired' });
    assert.equal((await failureOf(decide(APPROVE))).type, 'PreEmpted');
    assert.deepEqual(bench.talkdesk.posts, []);
  });

  it('is tried again when another outcome was recorded meanwhile, and then finds it', async () => {
    bench.processes.failing.recordOutcome = new OutcomeConflictError(PROCESS_ID, 'superseded', 'approved');
    assert.equal((await failureOf(decide(APPROVE))).type, 'Retryable');
    bench.processes.record.outcome = 'superseded';
    assert.equal((await failureOf(decide(APPROVE))).type, 'PreEmpted');
    assert.equal(bench.talkdesk.posts.length, 1);
  });
});

describe('rejecting', () => {
  it('is kept as decided, not yet as the outcome: its undo comes first', async () => {
    assert.deepEqual(await decide(REJECT), { result: 'rejected' });
    assert.deepEqual(bench.journal, [
      'claim: to reject',
      'readInstallation',
      'postState: reject',
      'readInstallation',
      'recordDecided',
    ]);
    assert.deepEqual(bench.talkdesk.posts, [{ verb: 'reject', reason: 'Too many users.' }]);
    assert.deepEqual(bench.processes.calls.recordDecided, [
      {
        processId: PROCESS_ID,
        attemptToken: bench.processes.calls.claim[0]?.attemptToken,
        remoteState: 'refused',
        stepResult: { result: 'rejected' },
        at: NOW,
      },
    ]);
    assert.deepEqual([bench.processes.record.outcome, bench.facts, bench.processes.holder], [null, [], null]);
  });

  it('asks nothing when it was confirmed before, and lets the undo act at once', async () => {
    bench.processes.record = attempted('reject', { stepResults: { decide: { result: 'rejected' } } });
    assert.deepEqual(await decide(REJECT), { result: 'rejected' });
    assert.deepEqual(bench.journal, ['claim: to reject', 'release']);
    assert.equal(bench.processes.holder, null);
  });

  it('is not sent again after the process ended as rejected', async () => {
    bench.processes.record = attempted('reject', { outcome: 'rejected' });
    assert.deepEqual(await decide(REJECT), { result: 'rejected' });
    assert.deepEqual(bench.talkdesk.posts, []);
  });
});

describe('a state other than waiting, found before sending', () => {
  type Row = [StateMeaning, before: 'none' | 'approve' | 'reject', DecisionInput, DecisionResult];
  const table: Row[] = [
    ['accepted', 'none', APPROVE, { result: 'approved' }],
    ['accepted', 'approve', APPROVE, { result: 'approved' }],
    ['accepted', 'reject', APPROVE, { result: 'ended', remoteState: 'accepted' }],
    ['accepted', 'none', REJECT, { result: 'ended', remoteState: 'accepted' }],
    ['accepted', 'reject', REJECT, { result: 'ended', remoteState: 'accepted' }],
    ['refused', 'none', APPROVE, { result: 'rejected' }],
    ['refused', 'none', REJECT, { result: 'rejected' }],
    ['refused', 'reject', REJECT, { result: 'rejected' }],
    ['refused', 'approve', REJECT, { result: 'ended', remoteState: 'refused' }],
    ['refused', 'approve', APPROVE, { result: 'ended', remoteState: 'refused' }],
    ['dead', 'approve', APPROVE, { result: 'ended', remoteState: 'dead' }],
    ['dead', 'none', REJECT, { result: 'ended', remoteState: 'dead' }],
    ['gone', 'approve', APPROVE, { result: 'ended', remoteState: 'gone' }],
    ['gone', 'reject', REJECT, { result: 'ended', remoteState: 'gone' }],
  ];
  for (const [state, before, input, expected] of table) {
    const outcome = expected.result;
    it(`${state}, ${before} sent before, to ${input.decision}: ${outcome}, and nothing is sent`, async () => {
      bench.talkdesk.state = state;
      if (before !== 'none') bench.processes.record = attempted(before);
      assert.deepEqual(await decide(input), expected);
      assert.deepEqual(bench.talkdesk.posts, []);
      const record = outcome === 'approved' ? 'recordOutcome: approved' : 'recordDecided';
      assert.deepEqual(bench.journal.slice(1), ['readInstallation', record]);
      if (outcome !== 'approved') {
        const [decided] = bench.processes.calls.recordDecided;
        assert.deepEqual([decided?.remoteState, decided?.stepResult], [state, expected]);
      }
    });
  }

  for (const state of ['suspended', 'unknown'] as const) {
    it(`${state}: needs a person, nothing is sent, the claim is given back`, async () => {
      bench.talkdesk.state = state;
      assert.equal((await failureOf(decide(APPROVE))).type, 'NeedsPerson');
      assert.deepEqual(bench.journal, ['claim: to approve', 'readInstallation', 'release', 'recordParked']);
    });
  }
});

describe('an answer that says no', () => {
  const NO = [
    talkdeskError('conflict', { status: 409 }),
    talkdeskError('gone', { status: 404 }),
    talkdeskError('needs-person', { status: 403 }),
  ];
  for (const error of NO) {
    for (const [state, expected] of [
      ['accepted', { result: 'approved' }],
      ['refused', { result: 'ended', remoteState: 'refused' }],
      ['dead', { result: 'ended', remoteState: 'dead' }],
      ['gone', { result: 'ended', remoteState: 'gone' }],
    ] as const) {
      it(`${error.status}: what holds is what is read back: ${state}`, async () => {
        bench.talkdesk.onPost = () => {
          bench.talkdesk.state = state;
          throw error;
        };
        assert.deepEqual(await decide(APPROVE), expected);
        assert.equal(bench.talkdesk.posts.length, 1);
      });
    }
  }

  it('and a state that still waits: 409 and 404 are tried again, also a third time; 403 needs a person', async () => {
    const types = await Promise.all(
      NO.map(async (error) => {
        const own = createBench();
        own.talkdesk.onPost = () => {
          throw error;
        };
        const { type } = await failureOf(own.run('postDecision', APPROVE, { attempt: 3 }));
        assert.equal(own.processes.holder, null);
        assert.deepEqual(own.processes.calls.recordDecided, []);
        return type;
      }),
    );
    assert.deepEqual(types, ['Retryable', 'Retryable', 'NeedsPerson']);
  });

  it('a yes and a state that still waits are tried again', async () => {
    bench.talkdesk.onPost = () => undefined;
    const { type, message, retried } = await failureOf(decide(APPROVE));
    assert.deepEqual({ type, retried }, { type: 'Retryable', retried: true });
    assert.equal(message, 'Talkdesk was told to approve but still reports the installation as waiting.');
    // Four readings after the one before: at once, and after 50, 150 and 300 ms.
    assert.equal(bench.journal.filter((call) => call === 'readInstallation').length, 5);
    assert.equal(bench.journal.at(-1), 'release');
  });

  it('a refused request needs a person, credentials that are not accepted wait for others', async () => {
    bench.talkdesk.failing.postState = talkdeskError('refused', { status: 422 });
    assert.equal((await failureOf(decide(APPROVE))).type, 'NeedsPerson');
    bench.talkdesk.failing.postState = talkdeskError('credentials', { status: 401 });
    assert.equal((await failureOf(decide(APPROVE))).type, 'Credentials');
    assert.deepEqual([bench.processes.holder, bench.processes.calls.recordOutcome], [null, []]);
  });
});

describe('an answer that never arrives', () => {
  const lost = () => talkdeskError('retryable');

  it('is tried again; what Talkdesk applied is not sent a second time', async () => {
    bench.talkdesk.onPost = () => {
      bench.talkdesk.state = 'accepted';
      throw lost();
    };
    assert.equal((await failureOf(decide(APPROVE, { isLocal: true }))).type, 'Retryable');
    assert.deepEqual(bench.journal, ['claim: to approve', 'readInstallation', 'postState: approve', 'release']);
    assert.deepEqual(await decide(APPROVE), { result: 'approved' });
    assert.equal(bench.talkdesk.posts.length, 1);
    assert.equal(bench.processes.calls.recordOutcome.length, 1);
  });

  it('is sent again, the same, when Talkdesk still waits', async () => {
    bench.talkdesk.onPost = () => {
      throw lost();
    };
    await failureOf(decide(REJECT, { isLocal: true }));
    bench.talkdesk.onPost = null;
    assert.deepEqual(await decide(REJECT), { result: 'rejected' });
    assert.deepEqual(bench.talkdesk.posts, [
      { verb: 'reject', reason: 'Too many users.' },
      { verb: 'reject', reason: 'Too many users.' },
    ]);
  });

  it('nor does the record of an approve: the next attempt finds it at Talkdesk', async () => {
    bench.processes.failing.recordOutcome = new StoreUnavailableError('The database is away.');
    assert.equal((await failureOf(decide(APPROVE))).type, 'Retryable');
    bench.processes.failing = {};
    assert.deepEqual(await decide(APPROVE), { result: 'approved' });
    assert.equal(bench.talkdesk.posts.length, 1);
  });
});

describe('a claim on a decision', () => {
  it('that another attempt holds: nothing is asked or sent', async () => {
    bench.processes.holder = 'another';
    const { type, delayMs } = await failureOf(decide(APPROVE));
    assert.deepEqual([type, delayMs], ['Retryable', 4_000]);
    assert.deepEqual(bench.journal, ['claim: to approve']);
    assert.deepEqual([bench.processes.holder, bench.processes.record.decision], ['another', null]);
  });

  for (const [how, lose, type] of [
    ['to another attempt', () => (bench.processes.holder = 'another'), 'Retryable'],
    ['to a newer event', () => (bench.processes.preemptedBy = 'event-9'), 'PreEmpted'],
  ] as const) {
    it(`that is lost ${how} while the state is read: nothing is sent`, async (t) => {
      let nowMs = 0;
      t.mock.method(performance, 'now', () => nowMs);
      const { readInstallation } = bench.talkdesk;
      bench.talkdesk.readInstallation = async (access, limits) => {
        nowMs = 5_000;
        lose();
        return await readInstallation(access, limits);
      };
      assert.equal((await failureOf(decide(APPROVE))).type, type);
      assert.deepEqual(bench.talkdesk.posts, []);
    });
  }
});
