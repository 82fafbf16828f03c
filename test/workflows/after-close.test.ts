import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { TestWorkflowEnvironment } from '@temporalio/testing';
import type { Activities } from '../../activities/index.js';
import { FAILURE_TYPES } from '../../contracts/failures.js';
import { type FinalStateResult, wakeSignal } from '../../contracts/messages.js';
import { createTimeSkipping } from '../support/temporal.js';
import { DAY_MS, endedMs, failing, HOUR_MS, outcomeOf, outcomesOf, processAged, running } from './support/runs.js';

let env: TestWorkflowEnvironment;
before(async () => {
  env = await createTimeSkipping();
});
after(async () => {
  await env?.teardown();
});

const showing = (found: FinalStateResult): Partial<Activities> => ({ readFinalState: async () => found });
const IN_USE = showing({ finalState: 'accepted', attempted: 'approve' });
/** An install that restored tables hold open, a day after its close. */
const forgotten = () => processAged(env, 'install', 8 * DAY_MS);

describe('an install that is over at Talkdesk, in tables that do not know it', () => {
  const known = ['syncFromTalkdesk', 'provisionAccount'];
  const table: [FinalStateResult, outcome: string, between: string[]][] = [
    [{ finalState: 'accepted', attempted: 'approve' }, 'approved', known],
    [{ finalState: 'suspended', attempted: 'approve' }, 'approved', known],
    [{ finalState: 'accepted', attempted: 'reject' }, 'contradicted', []],
    [{ finalState: 'refused', attempted: 'reject' }, 'rejected', ['undoProvisioning']],
    [{ finalState: 'refused', attempted: 'approve' }, 'contradicted', ['undoProvisioning']],
  ];
  for (const [found, outcome, between] of table) {
    it(`${found.finalState}, by our ${found.attempted}: ${outcome}`, async () => {
      const install = await processAged(env, 'install', 8 * DAY_MS, { needsUndo: true });
      await running(env, install, showing(found), async ({ handle, names, input }) => {
        assert.equal(await outcomeOf(handle), outcome);
        assert.deepEqual(names(), ['takeEvents', 'readFinalState', ...between, 'recordOutcome']);
        assert.equal((input('recordOutcome') as { remoteState: string }).remoteState, found.finalState);
      });
    });
  }
});

describe('an install that is in use, and whose account the tables do not know', () => {
  it('is approved once product and tables know it, and nothing is decided again', async () => {
    let failures = 3;
    const provisionAccount: Activities['provisionAccount'] = async () => {
      if (failures-- > 0) failing(FAILURE_TYPES.retryable, 'the product is down');
      return { productAccountId: 'account-1', users: 3 };
    };
    await running(env, await forgotten(), { ...IN_USE, provisionAccount }, async ({ handle, names }) => {
      assert.equal(await outcomeOf(handle), 'approved');
      assert.deepEqual(names().slice(-2), ['provisionAccount', 'recordOutcome']);
      for (const name of ['postDecision', 'undoProvisioning']) assert.equal(names().includes(name), false, name);
    });
  });

  it('is approved after a day of a product that is down, and nothing is undone', async () => {
    const provisionAccount = async () => failing(FAILURE_TYPES.retryable, 'the product is down');
    const beganMs = await env.currentTimeMs();
    await running(env, await forgotten(), { ...IN_USE, provisionAccount }, async ({ handle, names }) => {
      assert.equal(await outcomeOf(handle), 'approved');
      assert.equal(names().includes('undoProvisioning'), false);
      const tookMs = (await endedMs(handle)) - beganMs;
      assert.ok(tookMs >= DAY_MS && tookMs < DAY_MS + HOUR_MS, `${tookMs} ms`);
    });
  });

  it('stays approved whatever the product, or a state that comes after, says', async () => {
    const refusing = async () => failing(FAILURE_TYPES.refused, 'too many users');
    const undone = async () => failing(FAILURE_TYPES.preEmpted, 'what it had begun was undone already');
    const dead: Activities['syncFromTalkdesk'] = async () => ({ remoteState: 'dead', users: 3 });
    for (const override of [
      { provisionAccount: refusing },
      { provisionAccount: undone },
      { syncFromTalkdesk: dead, provisionAccount: refusing },
    ]) {
      await running(env, await forgotten(), { ...IN_USE, ...override }, async ({ handle, names }) => {
        assert.equal(await outcomeOf(handle), 'approved');
        assert.equal(names().includes('undoProvisioning'), false);
        assert.equal(names().includes('provisionAccount'), !('syncFromTalkdesk' in override));
      });
    }
  });

  it('is overtaken by its uninstall, which finds nothing left open', async () => {
    const provisionAccount = async () => failing(FAILURE_TYPES.retryable, 'the product is down');
    await running(env, await forgotten(), { ...IN_USE, provisionAccount }, async ({ handle, names, tenant }) => {
      await env.sleep('90 minutes');
      tenant.processes.push(await processAged(env, 'uninstall', 0));
      await handle.signal(wakeSignal);
      assert.deepEqual(await outcomesOf(handle), ['superseded', 'approved']);
      assert.equal(names().filter((name) => name === 'undoProvisioning').length, 1);
      assert.ok(names().indexOf('undoProvisioning') < names().indexOf('endAccess'));
    });
  });
});
