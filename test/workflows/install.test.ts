import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { ApplicationFailure } from '@temporalio/activity';
import type { TestWorkflowEnvironment } from '@temporalio/testing';
import type { Activities } from '../../activities/index.js';
import { FAILURE_TYPES } from '../../contracts/failures.js';
import { type ProcessRef, wakeSignal } from '../../contracts/messages.js';
import { createTimeSkipping } from '../support/temporal.js';
import {
  DAY_MS,
  endedMs,
  eventCount,
  failing,
  MINUTE_MS,
  outcomeOf,
  outcomesOf,
  processAged,
  type Run,
  running,
} from './support/runs.js';

let env: TestWorkflowEnvironment;
before(async () => {
  env = await createTimeSkipping();
});
after(async () => {
  await env?.teardown();
});

const installAged = (ageMs: number): Promise<ProcessRef> => processAged(env, 'install', ageMs);

describe('an install', () => {
  it('is approved in one workflow task, without a trace of its window timer', async () => {
    const process = await installAged(0);
    await running(env, process, {}, async ({ handle, names }) => {
      assert.equal(await outcomeOf(handle), 'approved');
      assert.deepEqual(names(), ['takeEvents', 'syncFromTalkdesk', 'provisionAccount', 'postDecision']);
      assert.equal(await eventCount(handle, 'timerStartedEventAttributes'), 0);
      assert.equal(await eventCount(handle, 'workflowTaskCompletedEventAttributes'), 1);
    });
  });

  it('that the product refuses is rejected with the reason, undone, and recorded after that', async () => {
    const process = await installAged(0);
    const provisionAccount = async () => failing(FAILURE_TYPES.refused, 'the account is blocked');
    await running(env, process, { provisionAccount }, async ({ handle, names, input }) => {
      assert.equal(await outcomeOf(handle), 'rejected');
      assert.deepEqual(names(), [
        'takeEvents',
        'syncFromTalkdesk',
        'provisionAccount',
        'postDecision',
        'undoProvisioning',
        'recordOutcome',
      ]);
      assert.deepEqual(input('postDecision'), {
        processId: process.processId,
        decision: 'reject',
        reason: 'the account is blocked',
      });
      assert.deepEqual(input('recordOutcome'), {
        processId: process.processId,
        outcome: 'rejected',
        reason: 'the account is blocked',
        remoteState: 'refused',
      });
    });
  });

  it('whose product fails for seven days expires: state read before the close, undone, nothing approved', async () => {
    const process = await installAged(MINUTE_MS);
    const provisionAccount = async () => failing(FAILURE_TYPES.retryable, 'the product is down');
    const readAtMs: number[] = [];
    const readRemoteState = async () => {
      readAtMs.push(await env.currentTimeMs());
      return { remoteState: 'waiting' as const };
    };
    await running(env, process, { provisionAccount, readRemoteState }, async ({ handle, names, input }) => {
      assert.equal(await outcomeOf(handle), 'expired');
      assert.equal(names().includes('postDecision'), false);
      assert.deepEqual(names().slice(-3), ['readFinalState', 'undoProvisioning', 'recordOutcome']);
      assert.equal((input('recordOutcome') as { outcome: string }).outcome, 'expired');
      const closeMs = process.createdAtMs + 7 * DAY_MS;
      assert.equal(readAtMs.length, 1);
      assert.ok((readAtMs[0] ?? 0) < closeMs, 'the state is read before the close');
      const ended = await endedMs(handle);
      assert.ok(ended >= closeMs && ended < closeMs + MINUTE_MS, 'the window ends seven days after the event');
    });
  });

  it('whose product comes back one minute before the close is approved', async () => {
    const process = await installAged(0);
    const backMs = process.createdAtMs + 7 * DAY_MS - MINUTE_MS;
    const provisionAccount = async () => {
      if ((await env.currentTimeMs()) < backMs) failing(FAILURE_TYPES.retryable, 'the product is down');
      return { productAccountId: 'account-1', users: 3 };
    };
    await running(env, process, { provisionAccount }, async ({ handle }) => {
      assert.equal(await outcomeOf(handle), 'approved');
      assert.ok((await endedMs(handle)) < process.createdAtMs + 7 * DAY_MS, 'approved inside the window');
    });
  });

  it('compensates outside the window, for as long as it takes', async () => {
    const process = await installAged(0);
    let failures = 4;
    const undoProvisioning = async () => {
      if (failures-- > 0) failing(FAILURE_TYPES.retryable, 'the product is down', DAY_MS);
    };
    const provisionAccount = async () => failing(FAILURE_TYPES.retryable, 'the product is down');
    await running(env, process, { provisionAccount, undoProvisioning }, async ({ handle, names }) => {
      assert.equal(await outcomeOf(handle), 'expired');
      assert.equal(names().filter((name) => name === 'undoProvisioning').length, 5);
      assert.ok((await endedMs(handle)) > process.createdAtMs + 9 * DAY_MS, 'undone days after the close');
    });
  });

  it('that an uninstall overtakes while the product is down is superseded and undone, and the uninstall carried out', async () => {
    const process = await installAged(0);
    const provisionAccount = async () => failing(FAILURE_TYPES.retryable, 'the product is down');
    await running(env, process, { provisionAccount }, async ({ handle, names, input, inputs, tenant }) => {
      await env.sleep('90 minutes');
      const uninstall = await processAged(env, 'uninstall', 0);
      tenant.processes.push(uninstall);
      await handle.signal(wakeSignal);
      assert.deepEqual(await outcomesOf(handle), ['superseded', 'approved']);
      assert.equal(names().filter((name) => name === 'undoProvisioning').length, 1);
      assert.equal((input('recordOutcome') as { reason: string }).reason, `overtaken by event ${uninstall.eventId}`);
      assert.deepEqual(
        inputs('postDecision').map((decision) => (decision as { processId: string }).processId),
        [uninstall.processId],
        'nothing is decided for the install',
      );
      assert.ok(names().indexOf('undoProvisioning') < names().indexOf('endAccess'));
    });
  });

  it('that Talkdesk asks to come back later makes no regular attempt before that', async () => {
    const process = await installAged(0);
    const attemptsMs: number[] = [];
    const syncFromTalkdesk: Activities['syncFromTalkdesk'] = async () => {
      attemptsMs.push(await env.currentTimeMs());
      if (attemptsMs.length > 1) return { remoteState: 'waiting', users: 3 };
      const details = [{ retryAfterMs: MINUTE_MS }];
      throw ApplicationFailure.create({ type: FAILURE_TYPES.retryable, message: 'too many requests', details });
    };
    await running(env, process, { syncFromTalkdesk }, async ({ handle }) => {
      assert.equal(await outcomeOf(handle), 'approved');
      const [first = 0, second = 0, ...more] = attemptsMs;
      assert.ok(second - first >= MINUTE_MS, `it came after ${second - first} ms`);
      assert.deepEqual(more, []);
    });
  });

  it('that needs a person goes on at a wake-up, without growing its history meanwhile', async () => {
    const process = await installAged(0);
    let mended = false;
    const syncFromTalkdesk: Activities['syncFromTalkdesk'] = async () =>
      mended ? { remoteState: 'waiting', users: 3 } : failing(FAILURE_TYPES.needsPerson, 'the host is not listed');
    await running(env, process, { syncFromTalkdesk }, async ({ handle, count }) => {
      await env.sleep('10 minutes');
      const events = await eventCount(handle);
      await env.sleep('2 hours');
      assert.ok(count('syncFromTalkdesk') >= 4, 'it is tried again hourly');
      assert.equal(await eventCount(handle), events);
      mended = true;
      const wokenMs = await env.currentTimeMs();
      await handle.signal(wakeSignal);
      assert.equal(await outcomeOf(handle), 'approved');
      assert.ok((await endedMs(handle)) - wokenMs < MINUTE_MS, 'not after the hourly retry');
    });
  });

  it('is parked by a cancel request, not lost, and goes on at a wake-up', async () => {
    const process = await installAged(0);
    let mended = false;
    const provisionAccount = async () => {
      if (!mended) failing(FAILURE_TYPES.retryable, 'the product is down');
      return { productAccountId: 'account-1', users: 3 };
    };
    await running(env, process, { provisionAccount }, async ({ handle, names }) => {
      await env.sleep('10 minutes');
      await handle.cancel();
      await env.sleep('10 minutes');
      assert.ok(names().includes('parkProcess'));
      mended = true;
      await env.sleep('1 day');
      assert.equal((await handle.describe()).status.name, 'RUNNING', 'nothing but a wake-up ends a stop');
      assert.equal(names().includes('postDecision'), false);
      await handle.signal(wakeSignal);
      assert.equal(await outcomeOf(handle), 'approved');
    });
  });

  it('that arrives after its window is answered when Talkdesk still waits, else recorded as expired', async () => {
    const waiting = await installAged(8 * DAY_MS);
    await running(
      env,
      waiting,
      { readFinalState: async () => ({ finalState: 'waiting', attempted: null }) },
      async ({ handle }) => assert.equal(await outcomeOf(handle), 'approved'),
    );
    const dead = await installAged(8 * DAY_MS);
    await running(env, dead, {}, async ({ handle, names }) => {
      assert.equal(await outcomeOf(handle), 'expired');
      assert.deepEqual(names(), ['takeEvents', 'readFinalState', 'recordOutcome']);
    });
  });

  it('whose approval was applied but never confirmed counts as approved when Talkdesk says so at the close', async () => {
    const process = await installAged(0);
    const overrides: Partial<Activities> = {
      postDecision: async () => failing(FAILURE_TYPES.retryable, 'no answer'),
      readFinalState: async () => ({ finalState: 'accepted', attempted: 'approve' }),
    };
    await running(env, process, overrides, async ({ handle, names }) => {
      assert.equal(await outcomeOf(handle), 'approved');
      assert.equal(names().includes('undoProvisioning'), false);
    });
  });

  it('that Talkdesk shows as rejected is rejected: nothing is asked or sent, what was begun is undone once', async () => {
    const recorded = { outcome: 'rejected', reason: 'Talkdesk reports the installation as refused' };
    for (const needsUndo of [true, false]) {
      const process = await processAged(env, 'install', 0, { needsUndo });
      const policy = { mode: 'manual', atDue: 'approve' } as const;
      const refused = { remoteState: 'refused', users: 3, policy } as const;
      await running(env, process, { syncFromTalkdesk: async () => refused }, async ({ handle, names, input }) => {
        assert.equal(await outcomeOf(handle), 'rejected');
        const undoing = needsUndo ? ['undoProvisioning'] : [];
        assert.deepEqual(names(), ['takeEvents', 'syncFromTalkdesk', ...undoing, 'recordOutcome']);
        const { processId } = process;
        assert.deepEqual(input('recordOutcome'), { processId, ...recorded, remoteState: 'refused' });
      });
    }
  });

  it('found rejected where it was to be approved is undone, and not rejected for the reason of an approve', async () => {
    const process = await installAged(0);
    const postDecision = async () => ({ result: 'rejected' as const });
    await running(env, process, { postDecision }, async ({ handle, names, input }) => {
      assert.equal(await outcomeOf(handle), 'rejected');
      assert.deepEqual(names().slice(-3), ['postDecision', 'undoProvisioning', 'recordOutcome']);
      const { reason } = input('recordOutcome') as { reason: string };
      assert.equal(reason, 'Talkdesk reports the installation as refused');
    });
  });

  it('goes the durable way at once when the run comes out of a backlog', async () => {
    const process = await installAged(0);
    const watch = async ({ handle }: Run) => {
      assert.equal(await outcomeOf(handle), 'approved');
      assert.equal(await eventCount(handle, 'markerRecordedEventAttributes'), 0);
      assert.equal(await eventCount(handle, 'activityTaskScheduledEventAttributes'), 4);
    };
    await running(env, process, {}, watch, { durableFirst: true });
  });
});
