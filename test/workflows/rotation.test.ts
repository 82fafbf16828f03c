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

describe('a rotation', () => {
  it('is proved, then acknowledged, in one workflow task', async () => {
    const rotation = await processAged(env, 'rotation', 0);
    await running(env, rotation, {}, async ({ handle, names }) => {
      assert.equal(await outcomeOf(handle), 'acknowledged');
      assert.deepEqual(names(), ['takeEvents', 'proveCredentials', 'acknowledgeCredentials']);
      assert.equal(await eventCount(handle, 'workflowTaskCompletedEventAttributes'), 1);
    });
  });

  it('that finds newer credentials current is superseded', async () => {
    const rotation = await processAged(env, 'rotation', 0);
    await running(env, rotation, { proveCredentials: async () => ({ current: false }) }, async ({ handle, names }) => {
      assert.equal(await outcomeOf(handle), 'superseded');
      assert.equal(names().includes('acknowledgeCredentials'), false);
    });
  });

  it('that is not accepted for seven days warns on day five and expires at the close', async () => {
    const rotation = await processAged(env, 'rotation', 0);
    const warnedMs: number[] = [];
    const overrides: Partial<Activities> = {
      proveCredentials: async () => failing(FAILURE_TYPES.credentials, '401'),
      recordWarning: async () => {
        warnedMs.push(await env.currentTimeMs());
      },
    };
    await running(env, rotation, overrides, async ({ handle, input }) => {
      assert.equal(await outcomeOf(handle), 'expired');
      assert.equal((input('recordOutcome') as { outcome: string }).outcome, 'expired');
      assert.equal(warnedMs.length, 1);
      assert.ok(Math.abs((warnedMs[0] ?? 0) - rotation.createdAtMs - 5 * DAY_MS) < MINUTE_MS);
      const late = (await endedMs(handle)) - rotation.createdAtMs - 7 * DAY_MS;
      assert.ok(late >= 0 && late < MINUTE_MS);
      assert.ok((await eventCount(handle)) <= 80);
    });
  });

  it('that arrives eight days late is tried all the same', async () => {
    const rotation = await processAged(env, 'rotation', 8 * DAY_MS);
    await running(env, rotation, {}, async ({ handle }) => assert.equal(await outcomeOf(handle), 'acknowledged'));
  });

  it('is ended by a newer one, and only the newest is acknowledged', async () => {
    const older = await processAged(env, 'rotation', HOUR_MS);
    const newer = await processAged(env, 'rotation', 0);
    await running(env, tenantWith(newer, older), {}, async ({ handle, inputs }) => {
      assert.deepEqual((await outcomesOf(handle)).sort(), ['acknowledged', 'superseded']);
      assert.deepEqual(inputs('acknowledgeCredentials'), [{ processId: newer.processId }]);
    });
  });

  it('goes on while its installation is uninstalled, and ends once that has', async () => {
    const uninstall = await processAged(env, 'uninstall', 0);
    const rotation = await processAged(env, 'rotation', MINUTE_MS);
    let proved = false;
    const overrides: Partial<Activities> = {
      // The old credentials are dead: only the new ones can approve.
      postDecision: async () => (proved ? { result: 'approved' } : failing(FAILURE_TYPES.credentials, '401')),
      proveCredentials: async () => {
        proved = true;
        return { current: true };
      },
      acknowledgeCredentials: async () => failing(FAILURE_TYPES.credentials, '401'),
    };
    const tenant = tenantWith(uninstall, rotation);
    await running(env, tenant, overrides, async ({ handle, count }) => {
      await env.sleep('2 minutes');
      assert.equal(tenant.processes.length, 1, 'the uninstall is approved with the new credentials');
      tenant.rivals.push({
        ...{ eventId: uninstall.eventId, installationId: 'i1', createdAtMs: uninstall.createdAtMs },
        ...{ type: 'app.uninstalled', settled: true },
      });
      await handle.signal(wakeSignal);
      assert.deepEqual(await outcomesOf(handle), ['approved', 'superseded']);
      assert.ok(count('acknowledgeCredentials') >= 1);
    });
  });
});

describe('a rotation that arrives during a step whose credentials are not accepted', () => {
  for (const kind of ['install', 'update', 'uninstall'] as const) {
    for (const step of stepsOf(kind)) {
      it(`${step} of an ${kind} lets it go on at once`, async () => {
        const process = await processAged(env, kind, 0);
        let rotated = false;
        const unless = async () => {
          if (!rotated) failing(FAILURE_TYPES.credentials, '401');
          return RESULTS[step];
        };
        const proveCredentials = async () => {
          rotated = true;
          return { current: true };
        };
        const overrides = { [step]: unless, proveCredentials } as Partial<Activities>;
        await running(env, process, overrides, async ({ handle, tenant }) => {
          await env.sleep('90 minutes');
          const rotation = await processAged(env, 'rotation', 0);
          tenant.processes.push(rotation);
          await handle.signal(wakeSignal);
          const wokenMs = await env.currentTimeMs();
          assert.deepEqual((await outcomesOf(handle)).sort(), ['acknowledged', 'approved']);
          assert.ok((await endedMs(handle)) - wokenMs < MINUTE_MS, 'not at the next slow attempt');
        });
      });
    }
  }
});

type Step = 'syncFromTalkdesk' | 'provisionAccount' | 'endAccess' | 'postDecision';

const RESULTS: Readonly<Record<Step, unknown>> = {
  syncFromTalkdesk: { remoteState: 'waiting', users: 3 },
  provisionAccount: { productAccountId: 'account-1', users: 3 },
  endAccess: { access: 'ended' },
  postDecision: { result: 'approved' },
};

function stepsOf(kind: 'install' | 'update' | 'uninstall'): Step[] {
  return kind === 'uninstall'
    ? ['endAccess', 'postDecision']
    : ['syncFromTalkdesk', 'provisionAccount', 'postDecision'];
}
