import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, describe, it } from 'node:test';
import { ApplicationFailure } from '@temporalio/activity';
import type { WorkflowHandle } from '@temporalio/client';
import type { TestWorkflowEnvironment } from '@temporalio/testing';
import type { Activities } from '../../activities/index.js';
import { FAILURE_TYPES, type FailureType } from '../../contracts/failures.js';
import {
  LIFECYCLE_WORKFLOW,
  type LifecycleInput,
  type LifecycleResult,
  type ProcessRef,
  wakeSignal,
} from '../../contracts/messages.js';
import { createWorker } from '../../worker/create-worker.js';
import { type Call, fakeActivities, viewOf } from '../support/fake-activities.js';
import { createTimeSkipping, testWorkflowBundle } from '../support/temporal.js';

const MINUTE_MS = 60_000;
const DAY_MS = 24 * 60 * MINUTE_MS;

let env: TestWorkflowEnvironment;
before(async () => {
  env = await createTimeSkipping();
});
after(async () => {
  await env?.teardown();
});

/** An install whose event is `ageMs` old on the server's clock. */
async function installAged(ageMs: number): Promise<ProcessRef> {
  const eventId = randomUUID();
  return {
    processId: `install:${eventId}`,
    kind: 'install',
    eventId,
    installationId: 'i1',
    createdAtMs: (await env.currentTimeMs()) - ageMs,
    needsUndo: false,
  };
}

/** Fails as a classed activity failure does; the next durable attempt comes after `retryInMs`. */
function failing(type: FailureType, message: string, retryInMs = 60 * MINUTE_MS): never {
  const retryable = type === FAILURE_TYPES.retryable || type === FAILURE_TYPES.credentials;
  throw ApplicationFailure.create({
    type,
    message,
    nonRetryable: !retryable,
    ...(retryable ? { nextRetryDelay: retryInMs } : {}),
  });
}

interface Run {
  handle: WorkflowHandle;
  calls: Call[];
  names(): string[];
  input(name: keyof Activities): unknown;
}

/** Runs the lifecycle workflow over these activities until `watch` is done. */
async function running(
  process: ProcessRef,
  overrides: Partial<Activities>,
  watch: (run: Run) => Promise<void>,
  input: Partial<LifecycleInput> = {},
): Promise<void> {
  const { activities, calls } = fakeActivities(process, overrides);
  const taskQueue = randomUUID();
  const worker = await createWorker({
    connection: env.nativeConnection,
    namespace: 'default',
    taskQueue,
    workflowBundle: testWorkflowBundle(),
    activities,
    warn: () => undefined,
    maxCachedWorkflows: 0,
  });
  await worker.runUntil(async () => {
    const handle = await env.client.workflow.start(LIFECYCLE_WORKFLOW, {
      workflowId: `app/${randomUUID()}`,
      taskQueue,
      args: [{ tenant: { appId: 'app', accountId: 'account' }, ...input }],
    });
    await watch({
      handle,
      calls,
      names: () => calls.map((call) => call.name),
      input: (name) => calls.find((call) => call.name === name)?.input,
    });
  });
}

/** When the run ended, on the server's clock. */
async function endedMs(handle: WorkflowHandle): Promise<number> {
  const { closeTime } = await handle.describe();
  assert.ok(closeTime, 'the run has ended');
  return closeTime.getTime();
}

async function outcomeOf(handle: WorkflowHandle): Promise<string | undefined> {
  const result = (await handle.result()) as LifecycleResult;
  return result.outcomes[0]?.outcome;
}

describe('an install', () => {
  it('is approved in one workflow task, without a trace of its window timer', async () => {
    const process = await installAged(0);
    await running(process, {}, async ({ handle, names }) => {
      assert.equal(await outcomeOf(handle), 'approved');
      assert.deepEqual(names(), ['takeEvents', 'syncFromTalkdesk', 'provisionAccount', 'postDecision']);
      const { events } = await handle.fetchHistory();
      assert.equal(events?.filter((event) => event.timerStartedEventAttributes != null).length, 0);
      assert.equal(events?.filter((event) => event.workflowTaskCompletedEventAttributes != null).length, 1);
    });
  });

  it('that the product refuses is rejected with the reason, undone, and recorded after that', async () => {
    const process = await installAged(0);
    const provisionAccount = async () => failing(FAILURE_TYPES.refused, 'the account is blocked');
    await running(process, { provisionAccount }, async ({ handle, names, input }) => {
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
    await running(process, { provisionAccount, readRemoteState }, async ({ handle, names, input }) => {
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
    await running(process, { provisionAccount }, async ({ handle }) => {
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
    await running(process, { provisionAccount, undoProvisioning }, async ({ handle, names }) => {
      assert.equal(await outcomeOf(handle), 'expired');
      assert.equal(names().filter((name) => name === 'undoProvisioning').length, 5);
      assert.ok((await endedMs(handle)) > process.createdAtMs + 9 * DAY_MS, 'undone days after the close');
    });
  });

  it('that an uninstall overtakes while the product is down is superseded and undone', async () => {
    const process = await installAged(0);
    let uninstalled = false;
    const takeEvents = async () => {
      const view = viewOf([process]);
      const uninstall = {
        eventId: 'u1',
        type: 'app.uninstalled',
        installationId: 'i1',
        createdAtMs: process.createdAtMs,
      };
      return uninstalled ? { ...view, events: [...view.events, uninstall] } : view;
    };
    const provisionAccount = async () => failing(FAILURE_TYPES.retryable, 'the product is down');
    const recordOutcome: Activities['recordOutcome'] = async ({ outcome }) => ({ outcome });
    let ended = false;
    const overrides = {
      takeEvents: async () => (ended ? viewOf([]) : await takeEvents()),
      provisionAccount,
      recordOutcome: async (input: Parameters<Activities['recordOutcome']>[0]) => {
        ended = true;
        return await recordOutcome(input);
      },
    };
    await running(process, overrides, async ({ handle, names, input }) => {
      await env.sleep('90 minutes');
      uninstalled = true;
      await handle.signal(wakeSignal);
      assert.equal(await outcomeOf(handle), 'superseded');
      assert.equal(names().includes('postDecision'), false);
      assert.equal(names().filter((name) => name === 'undoProvisioning').length, 1);
      assert.equal((input('recordOutcome') as { reason: string }).reason, 'overtaken by event u1');
    });
  });

  it('that needs a person is parked, and goes on at a wake-up', async () => {
    const process = await installAged(0);
    let mended = false;
    const syncFromTalkdesk: Activities['syncFromTalkdesk'] = async () =>
      mended ? { remoteState: 'waiting', users: 3 } : failing(FAILURE_TYPES.needsPerson, 'the host is not listed');
    await running(process, { syncFromTalkdesk }, async ({ handle, names, input }) => {
      await env.sleep('10 minutes');
      assert.deepEqual(input('parkProcess'), { processId: process.processId, reason: 'the host is not listed' });
      mended = true;
      const wokenMs = await env.currentTimeMs();
      await handle.signal(wakeSignal);
      assert.equal(await outcomeOf(handle), 'approved');
      assert.ok((await endedMs(handle)) - wokenMs < MINUTE_MS, 'not after the hourly retry');
      assert.ok(names().includes('resumeProcess'));
    });
  });

  it('is parked by a cancel request, not lost, and goes on at a wake-up', async () => {
    const process = await installAged(0);
    let mended = false;
    const provisionAccount = async () => {
      if (!mended) failing(FAILURE_TYPES.retryable, 'the product is down');
      return { productAccountId: 'account-1', users: 3 };
    };
    await running(process, { provisionAccount }, async ({ handle, names }) => {
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
      waiting,
      { readFinalState: async () => ({ finalState: 'waiting', attempted: null }) },
      async ({ handle }) => assert.equal(await outcomeOf(handle), 'approved'),
    );
    const dead = await installAged(8 * DAY_MS);
    await running(dead, {}, async ({ handle, names }) => {
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
    await running(process, overrides, async ({ handle, names }) => {
      assert.equal(await outcomeOf(handle), 'approved');
      assert.equal(names().includes('undoProvisioning'), false);
    });
  });

  it('goes the durable way at once when the run comes out of a backlog', async () => {
    const process = await installAged(0);
    const watch = async ({ handle }: Run) => {
      assert.equal(await outcomeOf(handle), 'approved');
      const { events } = await handle.fetchHistory();
      assert.equal(events?.filter((event) => event.markerRecordedEventAttributes != null).length, 0);
      assert.equal(events?.filter((event) => event.activityTaskScheduledEventAttributes != null).length, 4);
    };
    await running(process, {}, watch, { durableFirst: true });
  });
});
