import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { NativeConnection, Worker } from '@temporalio/worker';
import type { DispatchItem } from '../../store/types.js';
import { fromRunner } from '../support/temporal.js';
import { connectStarter, newItem } from './support/starters.js';

const { taskQueue, client, starter, eventsOf } = await connectStarter();

describe('a logout', () => {
  const logoutOf = (item: DispatchItem): DispatchItem => ({ ...item, type: 'user.logout' });
  const idOf = (item: DispatchItem) => `app-1/${item.tenant.accountId}/logout/${item.eventId}`;

  it('gets a run of its own, beside the open run of its tenant', async () => {
    const item = newItem();
    await starter.startOrWake(item, { durableFirst: false });
    assert.equal(await starter.startOrWake(logoutOf(item), { durableFirst: false }), 'started');
    const described = await client.workflow.getHandle(idOf(item)).describe();
    assert.equal(described.type, 'logoutWorkflow');
    assert.equal(described.taskQueue, taskQueue);
    assert.equal(
      await described.staticSummary(),
      `user.logout of installation ${item.installationId} for account ${item.tenant.accountId}`,
    );
    const start = (await eventsOf(idOf(item)))[0]?.workflowExecutionStartedEventAttributes;
    const payloads = (start?.input?.payloads ?? []).map(({ data }) => JSON.parse(Buffer.from(data ?? []).toString()));
    assert.deepEqual(payloads, [{ eventId: item.eventId }]);
    const { eventId, installationId } = item;
    assert.deepEqual(described.memo, { begunBy: { eventId, type: 'user.logout', installationId } });
    const attribute = start?.searchAttributes?.indexedFields?.['InstallationId']?.data;
    assert.equal(Buffer.from(attribute ?? []).toString(), JSON.stringify(item.installationId));
    const signals = (await eventsOf(`app-1/${item.tenant.accountId}`)).filter(
      (event) => event.workflowExecutionSignaledEventAttributes,
    );
    assert.equal(signals.length, 0);
  });

  it('is known while its run is open, and started again after it was ended from outside', async () => {
    const item = logoutOf(newItem());
    const options = { durableFirst: false };
    assert.equal(await starter.isOpen(item), false);
    assert.equal(await starter.startOrWake(item, options), 'started');
    assert.equal(await starter.startOrWake(item, options), 'known');
    assert.equal(await starter.isOpen(item), true);
    assert.equal(await starter.isOpen({ ...item, type: 'app.updated' }), false);
    await client.workflow.getHandle(idOf(item)).terminate();
    assert.equal(await starter.isOpen(item), false);
    assert.equal(await starter.startOrWake(item, options), 'started');
  });

  it('is not repeated once its run has completed, unless it is unsettled all the same', async () => {
    const item = logoutOf(newItem());
    const native = await NativeConnection.connect({ address: fromRunner('TEST_TEMPORAL_ADDRESS') });
    const worker = await Worker.create({
      connection: native,
      taskQueue,
      workflowsPath: fileURLToPath(new URL('./support/trivial-workflows.ts', import.meta.url)),
    });
    await worker.runUntil(async () => {
      await starter.startOrWake(item, { durableFirst: false });
      await client.workflow.getHandle(idOf(item)).result();
      assert.equal(await starter.startOrWake(item, { durableFirst: true }), 'known');
      assert.equal(await starter.startOrWake(item, { durableFirst: true, again: true }), 'started');
      await client.workflow.getHandle(idOf(item)).result();
    });
    await native.close();
  });
});
