import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { ApplicationFailure } from '@temporalio/activity';
import type { WorkflowHandle } from '@temporalio/client';
import type { TestWorkflowEnvironment } from '@temporalio/testing';
import type { ActivityInterceptorsFactory } from '@temporalio/worker';
import type { LifecycleResult } from '../../contracts/messages.js';
import { eventually } from '../support/eventually.js';
import { startTestService, type TestService } from '../support/service.js';
import type { CreatedInstallation } from '../support/simulator.js';
import { createSurroundings, type Surroundings } from '../support/stack.js';
import { createTimeSkipping } from '../support/temporal.js';

const MINUTE_MS = 60_000;

let env: TestWorkflowEnvironment;
let surroundings: Surroundings;
let service: TestService;
/** Business time of the service: the time-skipping server's. */
let nowMs: number;
/** Called with the time at the begin of each attempt of an activity. */
let atAttempt: (timeMs: number) => Promise<void>;

/** Before an activity acts, the days that the server skipped have passed for the service and the simulator, too. */
const movingClocks: ActivityInterceptorsFactory = () => ({
  inbound: {
    async execute(input, next) {
      const serverMs = await env.currentTimeMs();
      if (serverMs > nowMs) {
        nowMs = serverMs;
        await surroundings.simulator.control.setClock(new Date(nowMs));
      }
      await atAttempt(nowMs);
      try {
        return await next(input);
      } catch (error) {
        throw lessOften(error);
      }
    },
  },
});

/** Hundreds of attempts instead of thousands: an hour between two of them instead of five minutes. */
function lessOften(error: unknown): unknown {
  if (!(error instanceof ApplicationFailure) || error.nextRetryDelay === undefined) return error;
  const { message, type } = error;
  return ApplicationFailure.create({ message, type: type as string, nonRetryable: false, nextRetryDelay: '1h' });
}

beforeEach(async () => {
  env = await createTimeSkipping();
  nowMs = await env.currentTimeMs();
  atAttempt = async () => undefined;
  surroundings = await createSurroundings({ temporalAddress: env.address });
  service = await startTestService(surroundings, {
    now: () => new Date(nowMs),
    activityInterceptors: [movingClocks],
  });
});
afterEach(async () => {
  await service?.stop();
  await surroundings?.stop();
  await env?.teardown();
});

/** An installation whose run has begun while the product is down. */
async function installWithoutProduct(
  accountName: string,
): Promise<{ installed: CreatedInstallation; closeMs: number; handle: WorkflowHandle }> {
  await surroundings.product.down();
  await surroundings.simulator.control.setClock(new Date(nowMs));
  const installed = await surroundings.simulator.control.createInstallation({
    app_id: surroundings.appId,
    account_name: accountName,
  });
  const { deadline } = await surroundings.simulator.control.installation(installed.installation_id);
  const handle = env.client.workflow.getHandle(`${installed.app_id}/${installed.account_id}`);
  await eventually('the run has begun', async () => (await handle.describe()).status.name === 'RUNNING');
  return { installed, closeMs: Date.parse(deadline), handle };
}

describe('the seven-day window, with every part real but the passing of the days', () => {
  it('closes on a product that fails all along: expired, compensated, nothing approved', async () => {
    const { installed, closeMs, handle } = await installWithoutProduct('never-back');
    // The product comes back after the close only: what it must do then is undo.
    atAttempt = async (timeMs) => {
      if (timeMs > closeMs + MINUTE_MS) await surroundings.product.up();
    };
    const result = (await handle.result()) as LifecycleResult;
    assert.deepEqual(result.outcomes, [{ eventId: installed.event_id, outcome: 'expired' }]);

    const { control } = surroundings.simulator;
    const view = await control.installation(installed.installation_id);
    assert.equal(view.state, 'timeout');
    assert.deepEqual(view.decisions, []);

    const calls = await surroundings.product.query<{ idempotency_key: string }>(
      'SELECT idempotency_key FROM call_ledger WHERE idempotency_key LIKE $1',
      [`install:${installed.event_id}:%`],
    );
    assert.deepEqual(
      calls.map((call) => call.idempotency_key),
      [`install:${installed.event_id}:deprovision`],
    );

    const reads = await control.requests({ installation_id: installed.installation_id, route: 'installation' });
    const beforeClose = reads.filter(
      (read) => Date.parse(read.at) >= closeMs - MINUTE_MS && Date.parse(read.at) < closeMs,
    );
    assert.equal(beforeClose.length, 1, 'the state is read shortly before the close');
    assert.equal(beforeClose[0]?.status, 200, 'with credentials that still work');
    const [row] = await surroundings.database.query<{ outcome: string; undo: string }>(
      'SELECT outcome, undo FROM process WHERE event_id = $1',
      [installed.event_id],
    );
    assert.deepEqual(row, { outcome: 'expired', undo: 'done' });
  });

  it('is still met by a product that comes back one minute before the close', async () => {
    const { installed, closeMs, handle } = await installWithoutProduct('just-in-time');
    let upAtMs: number | null = null;
    atAttempt = async (timeMs) => {
      if (timeMs < closeMs - MINUTE_MS || upAtMs !== null) return;
      upAtMs = timeMs;
      await surroundings.product.up();
    };
    const result = (await handle.result()) as LifecycleResult;
    assert.deepEqual(result.outcomes, [{ eventId: installed.event_id, outcome: 'approved' }]);
    const view = await surroundings.simulator.control.installation(installed.installation_id);
    assert.equal(view.state, 'completed');
    const [decision] = view.decisions;
    assert.equal(decision?.effective, true);
    const decidedMs = Date.parse(decision?.at ?? '');
    assert.ok(decidedMs >= closeMs - MINUTE_MS && decidedMs < closeMs, `decided at ${decision?.at}`);
  });
});
