import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { WorkflowUpdateFailedError } from '@temporalio/client';
import type { TestWorkflowEnvironment } from '@temporalio/testing';
import type { Activities } from '../../activities/index.js';
import { type DecideInput, decideUpdate, wakeSignal } from '../../contracts/messages.js';
import { tenantWith } from '../support/fake-activities.js';
import { createTimeSkipping } from '../support/temporal.js';
import { DAY_MS, endedMs, MINUTE_MS, outcomeOf, outcomesOf, processAged, type Run, running } from './support/runs.js';

let env: TestWorkflowEnvironment;
before(async () => {
  env = await createTimeSkipping();
});
after(async () => {
  await env?.teardown();
});

const DUE_MS = 6.5 * DAY_MS;

/** The policy wants a person; without one, `atDue` happens. */
function manual(atDue: 'approve' | 'reject' | 'lapse'): Partial<Activities> {
  return {
    syncFromTalkdesk: async () => ({ remoteState: 'waiting', users: 3, policy: { mode: 'manual', atDue } }),
  };
}

function decide({ handle }: Pick<Run, 'handle'>, input: Partial<DecideInput>) {
  const args: [DecideInput] = [{ decision: 'approve', reason: 'looks good', by: 'pat', ...input }];
  return handle.executeUpdate(decideUpdate, { args });
}

/** The sentence with which an update was refused. */
async function refusalOf(update: Promise<unknown>): Promise<string> {
  try {
    await update;
  } catch (error) {
    assert.ok(error instanceof WorkflowUpdateFailedError);
    return error.cause?.message ?? '';
  }
  assert.fail('the decision was taken');
}

describe('a manual decision', () => {
  it('approves: nothing is provisioned before it, and it is recorded with who decided', async () => {
    const install = await processAged(env, 'install', 0);
    await running(env, install, manual('reject'), async (run) => {
      await env.sleep('1 day');
      assert.equal(run.count('provisionAccount'), 0);
      const result = await decide(run, {});
      assert.deepEqual(result, { processId: install.processId, installationId: 'i1' });
      assert.equal(await outcomeOf(run.handle), 'approved');
      assert.deepEqual(run.input('recordPersonDecision'), {
        processId: install.processId,
        decision: 'approve',
        reason: 'looks good',
        by: 'pat',
      });
      assert.equal((run.input('postDecision') as { reason: string }).reason, 'looks good');
    });
  });

  it('rejects without touching the product', async () => {
    const update = await processAged(env, 'update', 0);
    await running(env, update, manual('approve'), async (run) => {
      await env.sleep('1 hour');
      await decide(run, { decision: 'reject', reason: 'not yet', processId: update.processId });
      assert.equal(await outcomeOf(run.handle), 'rejected');
      assert.equal(run.count('provisionAccount'), 0);
      assert.equal(run.count('undoProvisioning'), 1, 'what its reading changed in our tables is taken back');
    });
  });

  for (const [atDue, outcome, provisions] of [
    ['approve', 'approved', 1],
    ['reject', 'rejected', 0],
    ['lapse', 'expired', 0],
  ] as const) {
    it(`that nobody takes is ${outcome} when the default is ${atDue}`, async () => {
      const install = await processAged(env, 'install', 0);
      await running(env, install, manual(atDue), async ({ handle, count }) => {
        assert.equal(await outcomeOf(handle), outcome);
        assert.equal(count('provisionAccount'), provisions);
        const afterMs = (await endedMs(handle)) - install.createdAtMs;
        const expectedMs = atDue === 'lapse' ? 7 * DAY_MS : DUE_MS;
        assert.ok(afterMs >= expectedMs && afterMs < expectedMs + MINUTE_MS, `after ${afterMs / DAY_MS} days`);
      });
    });
  }

  it('is not asked for again in a later run', async () => {
    const install = await processAged(env, 'install', 0);
    const policy = { mode: 'manual', atDue: 'lapse' } as const;
    const decided = { decision: 'reject', reason: 'no' } as const;
    const overrides: Partial<Activities> = {
      syncFromTalkdesk: async () => ({ remoteState: 'waiting', users: 3, policy, decided }),
    };
    await running(env, install, overrides, async ({ handle, count }) => {
      assert.equal(await outcomeOf(handle), 'rejected');
      assert.equal(count('recordPersonDecision'), 0);
    });
  });

  it('is refused with a sentence when it is late, wrong, second, or for nothing that waits', async () => {
    const install = await processAged(env, 'install', 0);
    await running(env, install, manual('lapse'), async (run) => {
      await env.sleep('1 hour');
      assert.equal(
        await refusalOf(decide(run, { processId: 'update:else' })),
        'The process update:else does not wait for a decision, or no longer.',
      );
      assert.equal(
        await refusalOf(decide(run, { decision: 'maybe' as 'approve' })),
        'A decision is approve or reject.',
      );
      assert.equal(
        await refusalOf(decide(run, { reason: 'x'.repeat(501) })),
        'A reason is a line of at most 500 characters.',
      );
      assert.match(await refusalOf(decide(run, { reason: 'two\nlines' })), /^A reason is a line/);
      assert.equal(await refusalOf(decide(run, { by: '' })), 'Say who decides (by).');
      await env.sleep(6.5 * DAY_MS);
      assert.equal(await refusalOf(decide(run, {})), 'Nothing of this account waits for a decision.');
      assert.equal(await outcomeOf(run.handle), 'expired');
    });
  });

  it('of an overtaken process is refused; the newer one waits for its own', async () => {
    const older = await processAged(env, 'update', MINUTE_MS);
    await running(env, older, manual('lapse'), async (run) => {
      await env.sleep('1 hour');
      const newer = await processAged(env, 'update', 0);
      run.tenant.processes = [older, newer];
      await run.handle.signal(wakeSignal);
      await env.sleep('1 minute');
      assert.match(await refusalOf(decide(run, { processId: older.processId })), /does not wait for a decision/);
      await decide(run, {});
      assert.deepEqual(await outcomesOf(run.handle), ['superseded', 'approved']);
    });
  });
});

describe('a guard of the policy', () => {
  it('that does not hold rejects with its reason, and provisions nothing', async () => {
    const install = await processAged(env, 'install', 0);
    const overrides: Partial<Activities> = {
      syncFromTalkdesk: async () => ({
        remoteState: 'waiting',
        users: 3,
        policy: { mode: 'reject', reason: 'The app is not available in this region.' },
      }),
    };
    await running(env, tenantWith(install), overrides, async ({ handle, count, input }) => {
      assert.equal(await outcomeOf(handle), 'rejected');
      assert.equal(count('provisionAccount'), 0);
      assert.equal((input('postDecision') as { reason: string }).reason, 'The app is not available in this region.');
    });
  });
});
