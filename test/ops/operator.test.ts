import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { Worker } from '@temporalio/worker';
import type { DecideInput } from '../../contracts/messages.js';
import { createOperator, type Operator } from '../../ops/operator.js';
import { connectTemporal, type TestTemporal, uniqueName } from '../support/temporal.js';

const APPROVE: DecideInput = { decision: 'approve', reason: 'fine', by: 'Ada' };

describe('what an operator can do', () => {
  let temporal: TestTemporal;
  let worker: Worker;
  let running: Promise<void>;
  let operator: Operator;

  before(async () => {
    temporal = await connectTemporal();
    const { client, taskQueue } = temporal;
    worker = await Worker.create({
      connection: temporal.nativeConnection,
      taskQueue,
      workflowsPath: fileURLToPath(new URL('./support/waiting-workflows.ts', import.meta.url)),
    });
    running = worker.run();
    operator = createOperator({ client, taskQueue, limitMs: 10_000 });
  });
  after(async () => {
    worker?.shutdown();
    await running;
    await temporal?.close();
  });

  /** A run of a tenant of its own that waits for a decision. */
  async function waitingTenant(taskQueue = temporal.taskQueue) {
    const tenant = { appId: 'app/1', accountId: uniqueName('account') };
    const workflowId = `app%2F1/${tenant.accountId}`;
    await temporal.client.workflow.start('lifecycleWorkflow', { workflowId, taskQueue });
    return { tenant, result: () => temporal.client.workflow.getHandle(workflowId).result() };
  }

  it('decides, and says what was decided', async () => {
    const { tenant, result } = await waitingTenant();
    assert.equal(
      await operator.decide(tenant, APPROVE),
      'Recorded: approve, by Ada, for process install:event-1 of installation installation-1.',
    );
    assert.deepEqual(await result(), APPROVE);
    const other = await waitingTenant();
    const reject: DecideInput = { decision: 'reject', reason: 'no', by: 'Bo', processId: 'install:event-1' };
    assert.match(await operator.decide(other.tenant, reject), /^Recorded: reject, by Bo, for process install:event-1/);
    assert.deepEqual(await other.result(), reject);
  });

  it('passes on why a decision is refused', async () => {
    const { tenant } = await waitingTenant();
    await assert.rejects(operator.decide(tenant, { ...APPROVE, processId: 'install:event-2' }), {
      name: 'OperatorError',
      message: 'The process install:event-2\n does not wait for a decision, or no longer.',
    });
    await operator.decide(tenant, APPROVE);
    await assert.rejects(operator.decide(tenant, APPROVE), {
      name: 'OperatorError',
      message: `Nothing of account ${tenant.accountId} (app app/1) is under way now, so there is nothing to decide.`,
    });
  });

  it('does not wait for ever when no worker is up', async () => {
    const { tenant } = await waitingTenant(uniqueName('nobody'));
    const { client, taskQueue } = temporal;
    const impatient = createOperator({ client, taskQueue, limitMs: 500 });
    await assert.rejects(impatient.decide(tenant, APPROVE), {
      name: 'OperatorError',
      message:
        'The run did not answer within 0.5 s: are Temporal and a worker up? Send the decision again once they are; a second one does no harm.',
    });
  });

  it('wakes an open run', async () => {
    const { tenant, result } = await waitingTenant();
    assert.match(await operator.wake(tenant), /^The run of account \S+ was woken/);
    assert.equal(await result(), 'woken');
    await assert.rejects(operator.wake(tenant), {
      name: 'OperatorError',
      message: `Nothing of account ${tenant.accountId} (app app/1) is under way now, so there is nothing to wake.`,
    });
  });

  it('asks for new credentials, again and again', async () => {
    const installationId = uniqueName('installation');
    for (let n = 0; n < 2; n += 1) {
      assert.equal(
        await operator.rotate(installationId),
        `Talkdesk was asked for new credentials of installation ${installationId}; they come as an event.`,
      );
    }
    await assert.rejects(operator.rotate('unknown'), {
      name: 'OperatorError',
      message: 'Talkdesk was not asked for new credentials: There is no installation unknown.',
    });
  });

  it('joins a request for new credentials that is under way, and says that it goes on', async () => {
    const installationId = uniqueName('slash/');
    const { client } = temporal;
    const slow = createOperator({ client, taskQueue: uniqueName('nobody'), limitMs: 3_000 });
    const workflowId = `rotation-request:${encodeURIComponent(installationId)}`;
    for (let n = 0; n < 2; n += 1) {
      assert.equal(
        await slow.rotate(installationId),
        `Not done within 3 s, but it goes on: see the run ${workflowId} in the Web UI.`,
      );
    }
    const described = await client.workflow.getHandle(workflowId).describe();
    assert.equal(described.type, 'requestRotationWorkflow');
    assert.deepEqual(described.searchAttributes['InstallationId'], [installationId]);
    await client.workflow.getHandle(workflowId).terminate();
  });
});
