import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { TestWorkflowEnvironment } from '@temporalio/testing';
import type { Activities } from '../../activities/index.js';
import { FAILURE_TYPES } from '../../contracts/failures.js';
import { wakeSignal } from '../../contracts/messages.js';
import { tenantWith } from '../support/fake-activities.js';
import { createTimeSkipping } from '../support/temporal.js';
import {
  DAY_MS,
  endedMs,
  eventCount,
  failing,
  HOUR_MS,
  MINUTE_MS,
  outcomeOf,
  outcomesOf,
  processAged,
  running,
} from './support/runs.js';

let env: TestWorkflowEnvironment;
before(async () => {
  env = await createTimeSkipping();
});
after(async () => {
  await env?.teardown();
});

describe('an update', () => {
  it('is synced, brought to the product and approved, in one workflow task', async () => {
    const update = await processAged(env, 'update', 0);
    await running(env, update, {}, async ({ handle, names }) => {
      assert.equal(await outcomeOf(handle), 'approved');
      assert.deepEqual(names(), ['takeEvents', 'syncFromTalkdesk', 'provisionAccount', 'postDecision']);
      assert.equal(await eventCount(handle, 'workflowTaskCompletedEventAttributes'), 1);
    });
  });

  it('that the product refuses is rejected with the reason, and the old settings restored', async () => {
    const update = await processAged(env, 'update', 0);
    const provisionAccount = async () => failing(FAILURE_TYPES.refused, 'too many users');
    await running(env, update, { provisionAccount }, async ({ handle, names, input }) => {
      assert.equal(await outcomeOf(handle), 'rejected');
      assert.deepEqual(names().slice(-3), ['postDecision', 'undoProvisioning', 'recordOutcome']);
      assert.equal((input('postDecision') as { reason: string }).reason, 'too many users');
      // An installation whose update was rejected is in use: it is not recorded as refused.
      assert.equal('remoteState' in (input('recordOutcome') as object), false);
    });
  });

  it('whose product fails for seven days expires, and the old settings are restored', async () => {
    const update = await processAged(env, 'update', MINUTE_MS);
    const overrides: Partial<Activities> = {
      provisionAccount: async () => failing(FAILURE_TYPES.retryable, 'the product is down'),
      readFinalState: async () => ({ finalState: 'accepted', attempted: null }),
    };
    await running(env, update, overrides, async ({ handle, names, input }) => {
      assert.equal(await outcomeOf(handle), 'expired');
      assert.deepEqual(names().slice(-3), ['readFinalState', 'undoProvisioning', 'recordOutcome']);
      assert.equal((input('recordOutcome') as { outcome: string }).outcome, 'expired');
      const closeMs = update.createdAtMs + 7 * DAY_MS;
      const ended = await endedMs(handle);
      assert.ok(ended >= closeMs && ended < closeMs + MINUTE_MS, 'the window ends seven days after the event');
      assert.ok((await eventCount(handle)) <= 80, `${await eventCount(handle)} events`);
    });
  });

  it('with nothing begun is not restored when it expires', async () => {
    const update = await processAged(env, 'update', 0);
    const syncFromTalkdesk = async () => failing(FAILURE_TYPES.retryable, 'Talkdesk is down');
    await running(env, update, { syncFromTalkdesk }, async ({ handle, names }) => {
      assert.equal(await outcomeOf(handle), 'expired');
      assert.equal(names().includes('undoProvisioning'), false);
    });
  });

  it('is ended by a newer update, which then says it all', async () => {
    const older = await processAged(env, 'update', HOUR_MS);
    const newer = await processAged(env, 'update', 0);
    await running(env, tenantWith(newer, older), {}, async ({ handle, inputs, input }) => {
      assert.deepEqual(await outcomesOf(handle), ['superseded', 'approved']);
      assert.deepEqual(input('recordOutcome'), {
        processId: older.processId,
        outcome: 'superseded',
        reason: `overtaken by event ${newer.eventId}`,
      });
      assert.deepEqual(
        inputs('syncFromTalkdesk').map((call) => (call as { processId: string }).processId),
        [newer.processId],
      );
    });
  });

  it('waits behind the install whose approval it follows', async () => {
    const install = await processAged(env, 'install', HOUR_MS);
    const update = await processAged(env, 'update', 0);
    await running(env, tenantWith(update, install), {}, async ({ handle, inputs }) => {
      assert.deepEqual(await outcomesOf(handle), ['approved', 'approved']);
      assert.deepEqual(
        inputs('postDecision').map((call) => (call as { processId: string }).processId),
        [install.processId, update.processId],
      );
    });
  });

  it('goes on at once when a claim was wrong about an event that ends it', async () => {
    const update = await processAged(env, 'update', 0);
    let claims = 0;
    const provisionAccount = async () => {
      claims += 1;
      if (claims === 1) failing(FAILURE_TYPES.preEmpted, 'overtaken by event nobody-opened');
      return { productAccountId: 'account-1', users: 3 };
    };
    await running(env, update, { provisionAccount }, async ({ handle, count }) => {
      assert.equal(await outcomeOf(handle), 'approved');
      assert.equal(count('takeEvents'), 2, 'the inbox was looked at again');
    });
  });

  it('whose product needs hours is polled without growing its history', async () => {
    const update = await processAged(env, 'update', 0);
    let done = false;
    const provisionAccount = async () => {
      if (!done) failing(FAILURE_TYPES.pending, 'the product has begun', 10 * MINUTE_MS);
      return { productAccountId: 'account-1', users: 3 };
    };
    await running(env, update, { provisionAccount }, async ({ handle, count }) => {
      await env.sleep('11 minutes');
      const events = await eventCount(handle);
      await env.sleep('5 hours');
      assert.ok(count('provisionAccount') > 25);
      assert.equal(await eventCount(handle), events);
      done = true;
      // The product called back.
      await handle.signal(wakeSignal);
      assert.equal(await outcomeOf(handle), 'approved');
    });
  });

  it('warns at 50, 80 and 95 % of the time to the due answer', async () => {
    const update = await processAged(env, 'update', 0);
    const warnedMs: number[] = [];
    const overrides: Partial<Activities> = {
      provisionAccount: async () => failing(FAILURE_TYPES.retryable, 'the product is down'),
      recordWarning: async () => {
        warnedMs.push(await env.currentTimeMs());
      },
    };
    await running(env, update, overrides, async ({ handle, inputs }) => {
      await handle.result();
      const dueAfterMs = 6.5 * DAY_MS;
      const expected = [0.5, 0.8, 0.95].map((share) => update.createdAtMs + dueAfterMs * share);
      assert.deepEqual(
        warnedMs.map((atMs, index) => Math.abs(atMs - (expected[index] ?? 0)) < MINUTE_MS),
        [true, true, true],
      );
      assert.match((inputs('recordWarning')[1] as { text: string }).text, /^80 % of the time to the due answer/);
    });
  });
});
