import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { TestWorkflowEnvironment } from '@temporalio/testing';
import type { Activities } from '../../activities/index.js';
import { FAILURE_TYPES } from '../../contracts/failures.js';
import type { ProcessRef } from '../../contracts/messages.js';
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

const deciding = (inputs: unknown[]) => inputs.map((input) => (input as { processId: string }).processId);

describe('an uninstall', () => {
  it('ends access, then approves, in one workflow task', async () => {
    const uninstall = await processAged(env, 'uninstall', 0);
    await running(env, uninstall, {}, async ({ handle, names, input }) => {
      assert.equal(await outcomeOf(handle), 'approved');
      assert.deepEqual(names(), ['takeEvents', 'endAccess', 'postDecision']);
      assert.equal((input('postDecision') as { decision: string }).decision, 'approve');
      assert.equal(await eventCount(handle, 'timerStartedEventAttributes'), 0);
      assert.equal(await eventCount(handle, 'workflowTaskCompletedEventAttributes'), 1);
    });
  });

  it('whose product does not end access is approved after an hour all the same, and recorded when access has ended', async () => {
    const uninstall = await processAged(env, 'uninstall', 0);
    let up = false;
    let approvedMs = 0;
    const overrides: Partial<Activities> = {
      endAccess: async () =>
        up ? { access: 'ended' } : failing(FAILURE_TYPES.retryable, 'the product is down', MINUTE_MS),
      postDecision: async () => {
        approvedMs = await env.currentTimeMs();
        return { result: 'approved' };
      },
    };
    await running(env, uninstall, overrides, async ({ handle, names }) => {
      await env.sleep('3 hours');
      assert.ok(
        approvedMs - uninstall.createdAtMs >= HOUR_MS && approvedMs - uninstall.createdAtMs < HOUR_MS + MINUTE_MS,
      );
      up = true;
      assert.equal(await outcomeOf(handle), 'approved');
      assert.equal(names().at(-1), 'recordOutcome');
    });
  });

  it('goes on beside the reinstallation once access has ended', async () => {
    const uninstall = await processAged(env, 'uninstall', HOUR_MS);
    const install = await processAged(env, 'install', 0, { installationId: 'i2' });
    let dead = true;
    const overrides: Partial<Activities> = {
      postDecision: async ({ processId }) => {
        if (processId === uninstall.processId && dead) failing(FAILURE_TYPES.credentials, '401', 5 * MINUTE_MS);
        return { result: processId === uninstall.processId ? 'credentials-gone' : 'approved' };
      },
    };
    await running(env, tenantWith(uninstall, install), overrides, async ({ handle, calls }) => {
      await env.sleep('10 minutes');
      const approvedInstall = calls.some(
        ({ name, input }) =>
          name === 'postDecision' && (input as { processId: string }).processId === install.processId,
      );
      assert.ok(approvedInstall, 'the customer who comes back does not wait for the old installation');
      const provisioned = calls.findIndex(({ name }) => name === 'provisionAccount');
      assert.ok(calls.findIndex(({ name }) => name === 'endAccess') < provisioned, 'access of the old one ends first');
      dead = false;
      assert.deepEqual(await outcomesOf(handle), ['approved', 'credentials-gone']);
    });
  });

  it('is ended by a later install of the same id: its approval would answer that', async () => {
    const uninstall = await processAged(env, 'uninstall', HOUR_MS);
    const install = await processAged(env, 'install', 0);
    await running(env, tenantWith(uninstall, install), {}, async ({ handle, inputs }) => {
      assert.deepEqual(await outcomesOf(handle), ['superseded', 'approved']);
      assert.deepEqual(deciding(inputs('postDecision')), [install.processId]);
    });
  });

  it('that arrives before its install waits for it, and both end: the install superseded, the uninstall approved', async () => {
    const install = await processAged(env, 'install', HOUR_MS);
    const uninstall = await processAged(env, 'uninstall', 0);
    const tenant = tenantWith();
    tenant.bareEvents.push({
      ...{ eventId: uninstall.eventId, installationId: 'i1', createdAtMs: uninstall.createdAtMs },
      ...{ type: 'app.uninstalled', receivedAtMs: await env.currentTimeMs(), taken: false },
    });
    await running(env, tenant, {}, async ({ handle, names }) => {
      await env.sleep('10 minutes');
      tenant.bareEvents = [];
      tenant.processes = [install, uninstall];
      await handle.signal(wakeSignal);
      assert.deepEqual(await outcomesOf(handle), ['superseded', 'approved']);
      assert.equal(names().includes('provisionAccount'), false);
    });
  });

  it('whose install never comes ends after twenty minutes as credentials-gone', async () => {
    const tenant = tenantWith();
    const receivedAtMs = await env.currentTimeMs();
    tenant.bareEvents.push({
      ...{ eventId: 'u1', installationId: 'i1', createdAtMs: receivedAtMs - DAY_MS, type: 'app.uninstalled' },
      ...{ receivedAtMs, taken: false },
    });
    await running(env, tenant, {}, async ({ handle, input }) => {
      assert.deepEqual(await outcomesOf(handle), ['credentials-gone']);
      assert.deepEqual(input('settleEvent'), {
        eventId: 'u1',
        outcome: 'credentials-gone',
        reason: 'its app.installed did not come within twenty minutes',
      });
      const waited = (await endedMs(handle)) - receivedAtMs;
      assert.ok(waited >= 20 * MINUTE_MS && waited < 21 * MINUTE_MS, `waited ${waited} ms`);
    });
  });
});

/** Steps of install and update, and how the product and Talkdesk stand when one of them hangs. */
const STEPS = ['syncFromTalkdesk', 'provisionAccount', 'postDecision'] as const;

describe('an uninstall that arrives during a step', () => {
  for (const kind of ['install', 'update'] as const) {
    for (const step of STEPS) {
      it(`${step} of an ${kind} ends it: compensated at most once, nothing decided for it afterwards`, async () => {
        const process: ProcessRef = await processAged(env, kind, 0);
        const hanging = async ({ processId }: { processId: string }) => {
          if (processId === process.processId) failing(FAILURE_TYPES.retryable, 'not now');
          return { result: 'approved' };
        };
        await running(env, process, { [step]: hanging } as Partial<Activities>, async (run) => {
          await env.sleep('30 minutes');
          const uninstall = await processAged(env, 'uninstall', 0);
          run.tenant.processes.push(uninstall);
          const before = run.inputs('postDecision').length;
          await run.handle.signal(wakeSignal);
          assert.deepEqual(await outcomesOf(run.handle), ['superseded', 'approved']);
          const begun = step !== 'syncFromTalkdesk';
          assert.equal(run.count('undoProvisioning'), begun ? 1 : 0);
          const afterwards = deciding(run.inputs('postDecision')).slice(before);
          assert.equal(afterwards.includes(process.processId), false);
          assert.deepEqual(run.input('recordOutcome'), {
            processId: process.processId,
            outcome: 'superseded',
            reason: `overtaken by event ${uninstall.eventId}`,
          });
          assert.equal(run.count('endAccess'), 1);
        });
      });
    }
  }

  it('while a person is to decide, and while what was begun is undone, ends both the same way', async () => {
    const policy = { mode: 'manual', atDue: 'approve' } as const;
    const waiting = await processAged(env, 'install', 0);
    const overrides: Partial<Activities> = {
      syncFromTalkdesk: async () => ({ remoteState: 'waiting', users: 3, policy }),
    };
    await running(env, waiting, overrides, async ({ handle, tenant, inputs, count }) => {
      await env.sleep('1 day');
      const uninstall = await processAged(env, 'uninstall', 0);
      tenant.processes.push(uninstall);
      await handle.signal(wakeSignal);
      assert.deepEqual(await outcomesOf(handle), ['superseded', 'approved']);
      assert.deepEqual(deciding(inputs('postDecision')), [uninstall.processId]);
      assert.equal(count('provisionAccount'), 0);
    });

    const undoing = await processAged(env, 'install', 0);
    let up = false;
    const failingUndo: Partial<Activities> = {
      provisionAccount: async () => failing(FAILURE_TYPES.refused, 'unpaid invoices'),
      undoProvisioning: async () => {
        if (!up) failing(FAILURE_TYPES.retryable, 'the product is down', MINUTE_MS);
      },
    };
    await running(env, undoing, failingUndo, async ({ handle, tenant, inputs }) => {
      await env.sleep('10 minutes');
      const uninstall = await processAged(env, 'uninstall', 0);
      tenant.processes.push(uninstall);
      await handle.signal(wakeSignal);
      up = true;
      // The customer was told of the reject already: that stays the outcome.
      assert.deepEqual(await outcomesOf(handle), ['rejected', 'approved']);
      assert.deepEqual(deciding(inputs('postDecision')), [undoing.processId, uninstall.processId]);
    });
  });
});
