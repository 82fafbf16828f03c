import assert from 'node:assert/strict';
import { beforeEach, describe, it } from 'node:test';
import type { DecisionInput } from '../../contracts/messages.js';
import { StoreUnavailableError } from '../../store/errors.js';
import type { ProcessRecord } from '../../store/types.js';
import type { StateMeaning } from '../../talkdesk/types.js';
import { type AttemptKind, type Bench, createBench, NOW } from './support/bench.js';
import { failureOf } from './support/failure.js';
import { laterRecord } from './support/records.js';
import { talkdeskError } from './support/talkdesk.js';

const APPROVE: DecisionInput = { processId: 'uninstall:event-1', decision: 'approve', reason: 'uninstalled' };
const ACCESS_ENDED = { endAccess: { access: 'ended' } };
const DAY_MS = 24 * 60 * 60 * 1_000;
const AFTER_CLOSE = new Date('2026-01-13T10:00:00Z');

let bench: Bench;
beforeEach(() => {
  bench = createBench();
  given();
  bench.talkdesk.stateWord = 'uninstalled';
  bench.talkdesk.onPost = () => undefined;
});

/** An uninstall whose access has ended. */
function given(changes: Partial<ProcessRecord> = {}): void {
  bench.processes.record = laterRecord('uninstall', { stepResults: ACCESS_ENDED, ...changes });
}

const attempted = { decision: 'approve', decisionAttemptedAt: new Date('2026-01-05T10:00:01Z') } as const;
const approve = (as?: AttemptKind) => bench.run('postDecision', APPROVE, as);
const outcomes = () => bench.processes.calls.recordOutcome.map(({ outcome }) => outcome);

describe('approving an uninstall', () => {
  it('reads, records that it sends, sends, and records the outcome: nothing can be read afterwards', async () => {
    assert.deepEqual(await approve(), { result: 'approved' });
    assert.deepEqual(bench.journal, [
      'claim',
      'readInstallation',
      'recordSending: approve',
      'postState: approve',
      'recordOutcome: approved',
    ]);
    assert.deepEqual(bench.talkdesk.posts, [{ verb: 'approve', reason: 'uninstalled' }]);
    assert.deepEqual(bench.processes.calls.recordOutcome, [
      { processId: APPROVE.processId, outcome: 'approved', reason: 'uninstalled', remoteState: 'gone', at: NOW },
    ]);
    assert.deepEqual(
      bench.facts.map(({ name }) => name),
      ['approved'],
    );
  });

  const STATES: [StateMeaning, word: string][] = [
    ['waiting', 'pending'],
    ['accepted', 'completed'],
    ['refused', 'rejected'],
    ['dead', 'timeout'],
    ['suspended', 'suspended'],
    ['gone', 'uninstalled'],
    ['unknown', 'hibernating'],
  ];
  for (const [state, word] of STATES) {
    for (const before of ['nothing', 'an approve'] as const) {
      it(`in the state ${word}, ${before} sent before: it is sent`, async () => {
        if (before === 'an approve') given({ stepResults: ACCESS_ENDED, ...attempted });
        Object.assign(bench.talkdesk, { state, stateWord: word });
        assert.deepEqual(await approve(), { result: 'approved' });
        assert.equal(bench.talkdesk.posts.length, 1);
      });
    }
  }

  it('in the state installing: it is sent where nothing was approved before', async () => {
    given({ approvalTried: false });
    Object.assign(bench.talkdesk, { state: 'waiting', stateWord: 'installing' });
    assert.deepEqual(await approve(), { result: 'approved' });
  });

  it('in the state installing after an approve of ours: that is a new installation, and is not answered', async () => {
    given({ approvalTried: true, takenAt: new Date(NOW.getTime() - 19 * 60_000) });
    Object.assign(bench.talkdesk, { state: 'waiting', stateWord: 'installing' });
    assert.deepEqual((await failureOf(approve())).type, 'Retryable');
    given({ approvalTried: true, takenAt: new Date(NOW.getTime() - 20 * 60_000) });
    assert.deepEqual((await failureOf(approve())).type, 'NeedsPerson');
    assert.deepEqual(bench.talkdesk.posts, []);
  });

  it('is sent again after an answer that never arrived', async () => {
    bench.talkdesk.failing.postState = talkdeskError('retryable');
    assert.equal((await failureOf(approve({ isLocal: true }))).type, 'Retryable');
    bench.talkdesk.failing = {};
    assert.deepEqual(await approve(), { result: 'approved' });
    assert.deepEqual([bench.talkdesk.posts.length, outcomes()], [2, ['approved']]);
  });

  it('is not sent by an attempt that lost its claim', async () => {
    const { recordSending } = bench.processes;
    bench.processes.recordSending = async (sending) => {
      bench.processes.holder = 'another';
      return await recordSending(sending);
    };
    assert.equal((await failureOf(approve())).type, 'Retryable');
    assert.deepEqual([bench.talkdesk.posts, bench.processes.record.decision], [[], null]);
  });

  it('is not sent where an install of the same installation ends it', async () => {
    bench.processes.preemptedBy = 'event-9';
    assert.equal((await failureOf(approve())).type, 'PreEmpted');
    assert.deepEqual(bench.talkdesk.posts, []);
  });
});

describe('an installation that needs no approval any more', () => {
  const revoke = () => Object.assign(bench.talkdesk, { state: 'gone', stateWord: 'Revoked' });
  const unknown = () => {
    bench.talkdesk.failing.readInstallation = talkdeskError('gone', { status: 404 });
  };
  for (const [what, happen] of [
    ['revoked', revoke],
    ['not known any more', unknown],
  ] as const) {
    it(`${what}: credentials-gone where nothing was sent, approved where an approve was`, async () => {
      happen();
      assert.deepEqual(await approve(), { result: 'credentials-gone' });
      given({ stepResults: ACCESS_ENDED, ...attempted });
      assert.deepEqual(await approve(), { result: 'approved' });
      assert.deepEqual(bench.talkdesk.posts, []);
      assert.deepEqual(outcomes(), ['credentials-gone', 'approved']);
    });
  }

  it('without credentials: credentials-gone, and nobody is asked', async () => {
    given({ stepResults: ACCESS_ENDED, credential: null });
    assert.deepEqual(await approve(), { result: 'credentials-gone' });
    assert.deepEqual(bench.journal, ['claim', 'recordOutcome: credentials-gone']);
    assert.deepEqual(
      bench.facts.map(({ name }) => name),
      ['credentials-gone'],
    );
  });
});

describe('an answer to the approve that says no', () => {
  const answer = (failureClass: 'conflict' | 'gone' | 'needs-person', meanwhile: () => void = () => undefined) => {
    bench.talkdesk.onPost = () => {
      meanwhile();
      throw talkdeskError(failureClass);
    };
  };

  for (const failureClass of ['conflict', 'gone', 'needs-person'] as const) {
    it(`${failureClass}, and then revoked: approved`, async () => {
      answer(failureClass, () => Object.assign(bench.talkdesk, { state: 'gone', stateWord: 'revoked' }));
      assert.deepEqual(await approve(), { result: 'approved' });
    });

    it(`${failureClass}, and then not known any more: approved, because an approve was sent`, async () => {
      answer(failureClass, () => {
        bench.talkdesk.failing.readInstallation = talkdeskError('gone', { status: 404 });
      });
      assert.deepEqual(await approve(), { result: 'approved' });
      assert.deepEqual(outcomes(), ['approved']);
    });
  }

  it('and an installation that is still there: a conflict is tried again, a 403 needs a person', async () => {
    answer('conflict');
    assert.equal((await failureOf(approve())).type, 'Retryable');
    answer('needs-person');
    assert.equal((await failureOf(approve())).type, 'NeedsPerson');
    assert.deepEqual([outcomes(), bench.processes.holder], [[], null]);
  });
});

describe('credentials that are not accepted', () => {
  const TAKEN_AT = new Date('2026-01-05T10:00:01Z');
  const afterTaking = (ms: number) => bench.setNow(new Date(TAKEN_AT.getTime() + ms));
  beforeEach(() => {
    bench.talkdesk.failing.readInstallation = talkdeskError('credentials', { status: 401 });
  });

  it('are not believed to be dead for twenty minutes: a rotation may be on its way', async () => {
    afterTaking(20 * 60_000 - 1);
    const { type, delayMs } = await failureOf(approve());
    assert.deepEqual([type, delayMs], ['Credentials', 30_000]);
    assert.deepEqual([outcomes(), bench.processes.holder], [[], null]);
  });

  it('are dead after twenty minutes: credentials-gone', async () => {
    afterTaking(20 * 60_000);
    assert.deepEqual(await approve(), { result: 'credentials-gone' });
    assert.deepEqual(outcomes(), ['credentials-gone']);
  });

  it('died of our approve, where one was sent: approved at once', async () => {
    given({ stepResults: ACCESS_ENDED, ...attempted });
    assert.deepEqual(await approve(), { result: 'approved' });
  });

  it('that fail the approve itself wait for others: it did not get through', async () => {
    bench.talkdesk.failing = { postState: talkdeskError('credentials', { status: 401 }) };
    assert.equal((await failureOf(approve())).type, 'Credentials');
    assert.deepEqual(outcomes(), []);
  });

  it('are tried slowly, not daily, for an uninstall that arrives after its own window', async () => {
    given({ stepResults: ACCESS_ENDED, takenAt: AFTER_CLOSE });
    bench.setNow(AFTER_CLOSE);
    const { type, delayMs } = await failureOf(approve());
    assert.deepEqual([type, delayMs], ['Credentials', 30_000]);
  });
});

describe('an uninstall after the close', () => {
  beforeEach(() => bench.setNow(AFTER_CLOSE));

  it('is approved as ever', async () => {
    assert.deepEqual(await approve(), { result: 'approved' });
  });

  for (const failureClass of ['retryable', 'needs-person', 'conflict'] as const) {
    it(`is tried again in a day, whatever is in the way: ${failureClass}`, async () => {
      bench.talkdesk.failing.postState = talkdeskError(failureClass);
      const { type, delayMs, retried } = await failureOf(approve());
      assert.deepEqual({ type, delayMs, retried }, { type: 'Retryable', delayMs: DAY_MS, retried: true });
    });
  }

  it('does not wait a day for a claim', async () => {
    bench.processes.holder = 'another';
    assert.equal((await failureOf(approve())).delayMs, 4_000);
    bench.processes.holder = null;
    bench.processes.recordSending = async () => false;
    assert.equal((await failureOf(approve())).delayMs, 500);
  });

  it('needs a person for a 403 before the close', async () => {
    bench.setNow(new Date('2026-01-12T10:00:00Z'));
    bench.talkdesk.failing.readInstallation = talkdeskError('needs-person', { status: 403 });
    assert.equal((await failureOf(approve())).type, 'NeedsPerson');
  });
});

describe('an approval while access has not ended', () => {
  it('is kept as decided, and becomes the outcome once access has ended', async () => {
    given({ stepResults: {} });
    assert.deepEqual(await approve(), { result: 'approved' });
    assert.deepEqual(outcomes(), []);
    assert.deepEqual(
      bench.processes.calls.recordDecided.map(({ remoteState, stepResult }) => [remoteState, stepResult]),
      [['gone', { result: 'approved' }]],
    );
    await bench.run('endAccess', { processId: APPROVE.processId });
    assert.deepEqual(await approve(), { result: 'approved' });
    assert.deepEqual([outcomes(), bench.talkdesk.posts.length], [['approved'], 1]);
  });

  it('is not sent again by a step that runs again', async () => {
    given({ stepResults: { decide: { result: 'credentials-gone' } } });
    assert.deepEqual(await approve(), { result: 'credentials-gone' });
    assert.deepEqual(bench.journal, ['claim', 'release']);
  });

  it('is found at Talkdesk when only its record failed', async () => {
    bench.processes.failing.recordOutcome = new StoreUnavailableError('The database is away.');
    assert.equal((await failureOf(approve())).type, 'Retryable');
    bench.processes.failing = {};
    bench.talkdesk.failing.readInstallation = talkdeskError('credentials', { status: 401 });
    assert.deepEqual(await approve(), { result: 'approved' });
    assert.equal(bench.talkdesk.posts.length, 1);
  });
});
