import { randomBytes } from 'node:crypto';
import { after } from 'node:test';
import { Client, Connection } from '@temporalio/client';
import { createLifecycleStarter, type SharingStarter } from '../../../api/temporal.js';
import type { DispatchItem } from '../../../store/types.js';
import { fromRunner, quietRuntime, uniqueName } from '../../support/temporal.js';

/** An event to hand over, of a tenant of its own unless said. */
export function newItem(changes: Partial<DispatchItem> = {}): DispatchItem {
  const id = randomBytes(16).toString('hex');
  return {
    eventId: id,
    type: 'app.installed',
    tenant: { appId: 'app-1', accountId: `account-${id}` },
    installationId: `installation-${id}`,
    createdAt: new Date('2026-01-05T10:00:00Z'),
    ...changes,
  };
}

/** A starter and its client on the runner's Temporal server, for the tests of one file; disconnected after them. */
export async function connectStarter() {
  quietRuntime();
  const taskQueue = uniqueName('api-test');
  const connection = await Connection.connect({ address: fromRunner('TEST_TEMPORAL_ADDRESS') });
  after(() => connection.close());
  const client = new Client({ connection, namespace: 'default' });

  function starterWith(using: Client, namespace = 'default'): SharingStarter {
    return createLifecycleStarter({ client: using, taskQueue, namespace, deadlineMs: 5_000 });
  }

  async function eventsOf(workflowId: string) {
    const history = await client.workflow.getHandle(workflowId).fetchHistory();
    return history.events ?? [];
  }

  const starter = starterWith(client);
  await starter.ensureSearchAttributes();
  return { taskQueue, connection, client, starter, starterWith, eventsOf };
}
