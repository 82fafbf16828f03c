import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { ApplicationFailure } from '@temporalio/activity';
import { createLifecycleStarter, type LifecycleStarter } from '../../api/temporal.js';
import { FAILURE_TYPES } from '../../contracts/failures.js';
import type { ProcessKind } from '../../contracts/ids.js';
import type { LifecycleResult, ProcessRef } from '../../contracts/messages.js';
import { listLost } from '../../ops/lost.js';
import { createWorker } from '../../worker/create-worker.js';
import { eventually } from '../support/eventually.js';
import { type FakeTenant, fakeActivities, tenantWith } from '../support/fake-activities.js';
import { connectTemporal, type TestTemporal, testWorkflowBundle, uniqueName } from '../support/temporal.js';

const SINCE = new Date(Date.now() - 60_000);
const LIMITS = { callMs: 10_000, allMs: 60_000, sayEveryMs: 60_000 };
const NOW = { durableFirst: false };

describe('what a restored database lost, as runs tell it', () => {
  let temporal: TestTemporal;
  before(async () => {
    temporal = await connectTemporal();
  });
  after(() => temporal?.close());

  function processOf(kind: ProcessKind, eventId: string): ProcessRef {
    const processId = `${kind}:${eventId}`;
    return { processId, kind, eventId, installationId: 'i1', createdAtMs: Date.now(), needsUndo: false };
  }

  /** A worker over that tenant, with a task queue and a starter of its own, while `work` lasts. */
  async function withWorker(
    tenant: FakeTenant,
    overrides: (starter: LifecycleStarter) => Parameters<typeof fakeActivities>[1],
    work: (world: { starter: LifecycleStarter; taskQueue: string; calls: { input: unknown }[] }) => Promise<void>,
  ): Promise<void> {
    const taskQueue = uniqueName('lost');
    const { client, namespace } = temporal;
    const starter = createLifecycleStarter({ client, taskQueue, namespace, deadlineMs: 5_000 });
    await starter.ensureSearchAttributes();
    const { activities, calls } = fakeActivities(tenant, overrides(starter));
    const worker = await createWorker({
      ...{ connection: temporal.nativeConnection, namespace, taskQueue, activities },
      workflowBundle: testWorkflowBundle(),
      warn: () => undefined,
    });
    await worker.runUntil(() => work({ starter, taskQueue, calls }));
  }

  /** The lines, once Temporal lists so many runs, with tables that have these ids. */
  async function lost(taskQueue: string, runs: number, has: { events?: string[]; installations?: string[] } = {}) {
    const known = async () => ({
      eventIds: new Set(has.events ?? []),
      installationIds: new Set(has.installations ?? []),
    });
    const { client } = temporal;
    return await eventually('Temporal lists every run', async () => {
      const lines = await listLost({ client, taskQueue, known, limits: LIMITS, say: () => undefined }, SINCE);
      return lines.at(-1)?.includes(` ${runs} runs since`) && lines;
    });
  }

  /** A run that has ended is listed as open for a moment. */
  const endIsListed = (taskQueue: string, runs: number) =>
    eventually('Temporal lists the runs as ended', async () => {
      const query = `TaskQueue = '${taskQueue}' AND ExecutionStatus != 'Running'`;
      return (await temporal.client.workflow.count(query)).count === runs;
    });

  const reasonOf = (type: string, eventId: string, accountId: string) => ({
    ...{ eventId, type, tenant: { appId: 'app', accountId } },
    installationId: 'i1',
  });

  async function placeOf(workflowId: string): Promise<string> {
    return `(workflow ${workflowId}, run ${(await temporal.client.workflow.getHandle(workflowId).describe()).runId})`;
  }

  it('names what an open run has handled, beside the event that it works on', async () => {
    const [installed, updated, account] = [uniqueName('installed'), uniqueName('updated'), uniqueName('account')];
    const tenant = tenantWith(processOf('install', installed), processOf('update', updated));
    const down = async ({ processId }: { processId: string }) => {
      if (processId !== `update:${updated}`) return { remoteState: 'waiting', users: 1 } as const;
      throw ApplicationFailure.create({ type: FAILURE_TYPES.retryable, message: 'down' });
    };
    await withWorker(
      tenant,
      () => ({ syncFromTalkdesk: down }),
      async ({ starter, taskQueue, calls }) => {
        assert.equal(await starter.startOrWake(reasonOf('app.installed', installed, account), NOW), 'started');
        const attempts = () => calls.filter(({ input }) => JSON.stringify(input).includes(`update:${updated}`));
        // Two attempts of the update: the second one is a regular one, so the first task is over.
        await eventually('the install is over and the update waits', async () => attempts().length >= 2);
        const place = await placeOf(`app/${account}`);
        assert.deepEqual(await lost(taskQueue, 1, { events: [updated], installations: ['i1'] }), [
          `Lost: event ${installed} app.installed of installation i1, in a run that is still open ${place}.`,
          `1 missing, of 1 runs since ${SINCE.toISOString()}. See docs/restore.md.`,
        ]);
        assert.deepEqual(await lost(taskQueue, 1, { events: [updated, installed], installations: ['i1'] }), [
          `Nothing is missing: the tables have every event of 1 runs since ${SINCE.toISOString()}.`,
        ]);
        await temporal.client.workflow.getHandle(`app/${account}`).terminate();
        await endIsListed(taskQueue, 1);
        assert.deepEqual(await lost(taskQueue, 1, { events: [installed] }), [
          `Lost: event ${updated} app.updated of installation i1, with an outcome that is not told ${place}; ` +
            'installation i1 is not in the tables: its credentials are lost.',
          `1 missing, of 1 runs since ${SINCE.toISOString()}. See docs/restore.md.`,
        ]);
      },
    );
  });

  it('names the event that began a run whose first task a signal interrupted, and says that there may be more', async () => {
    const [rotated, trial, account] = [uniqueName('rotated'), uniqueName('trial'), uniqueName('account')];
    const tenant = tenantWith(processOf('rotation', rotated));
    const opened = { eventId: trial, type: 'app.trial_started', installationId: 'i1', createdAtMs: Date.now() };
    tenant.bareEvents.push({ ...opened, receivedAtMs: Date.now(), taken: true });
    const reason = reasonOf('app.credentials_rotated', rotated, account);
    const wokenMeanwhile = (starter: LifecycleStarter) => ({
      async proveCredentials() {
        assert.equal(await starter.startOrWake(reason, NOW), 'woken');
        return { current: true };
      },
    });
    await withWorker(tenant, wokenMeanwhile, async ({ starter, taskQueue }) => {
      assert.equal(await starter.startOrWake(reason, NOW), 'started');
      const workflowId = `app/${account}`;
      const result = (await temporal.client.workflow.getHandle(workflowId).result()) as LifecycleResult;
      assert.deepEqual(result.outcomes, [], 'the first task counted');
      await endIsListed(taskQueue, 1);
      const place = await placeOf(workflowId);
      const unsure = `Unsure: a task was interrupted, and may have handled more than is told ${place}.`;
      const extent = `1 runs since ${SINCE.toISOString()}; 1 of them may have handled more than they tell.`;
      assert.deepEqual(await lost(taskQueue, 1, { installations: ['i1'] }), [
        `Lost: event ${rotated} app.credentials_rotated of installation i1, with an outcome that is not told ${place}; ` +
          'installation i1 has credentials of before: the new ones are lost.',
        unsure,
        `1 missing, of ${extent} See docs/restore.md.`,
      ]);
      assert.deepEqual(await lost(taskQueue, 1, { events: [rotated] }), [
        unsure,
        `Nothing is missing: the tables have every event of ${extent} See docs/restore.md.`,
      ]);
    });
  });

  it('names an event of several runs once, with the run that tells its outcome; logouts, too', async () => {
    const [installed, logout, account] = [uniqueName('installed'), uniqueName('logout'), uniqueName('account')];
    const tenant = tenantWith(processOf('install', installed));
    await withWorker(
      tenant,
      () => ({}),
      async ({ starter, taskQueue }) => {
        const run = temporal.client.workflow.getHandle(`app/${account}`);
        const places: string[] = [];
        // The second run is the one that a sweeper starts for an event whose first one was not seen to end.
        for (const outcomes of [[{ eventId: installed, outcome: 'approved' }], []]) {
          assert.equal(await starter.startOrWake(reasonOf('app.installed', installed, account), NOW), 'started');
          assert.deepEqual(await run.result(), { outcomes });
          places.push(await placeOf(`app/${account}`));
        }
        assert.equal(await starter.startOrWake(reasonOf('user.logout', logout, account), NOW), 'started');
        const workflowId = `app/${account}/logout/${logout}`;
        await temporal.client.workflow.getHandle(workflowId).result();
        await endIsListed(taskQueue, 3);
        assert.deepEqual(await lost(taskQueue, 3, { installations: ['i1'] }), [
          `Lost: event ${installed} app.installed of installation i1, approved ${places[0]}.`,
          `Lost: event ${logout} user.logout of installation i1, recorded ${await placeOf(workflowId)}.`,
          `2 missing, of 3 runs since ${SINCE.toISOString()}. See docs/restore.md.`,
        ]);
      },
    );
  });
});
