import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { eventually } from '../support/eventually.js';
import { startTestService, type TestService } from '../support/service.js';
import { createSurroundings, type Surroundings } from '../support/stack.js';
import { connectTemporal, type TestTemporal, uniqueName } from '../support/temporal.js';

let temporal: TestTemporal;
let surroundings: Surroundings;
let service: TestService;
let laterSurroundings: Surroundings;
let later: TestService;
const namespace = uniqueName('later');

before(async () => {
  temporal = await connectTemporal();
  surroundings = await createSurroundings({ temporalAddress: temporal.address });
  service = await startTestService(surroundings);
  laterSurroundings = await createSurroundings({
    temporalAddress: temporal.address,
    env: { TEMPORAL_NAMESPACE: namespace },
  });
});
after(async () => {
  await later?.stop();
  await laterSurroundings?.stop();
  await service?.stop();
  await surroundings?.stop();
  await temporal?.close();
});

/** Threads that Node has started in this process, counted by their message ports. */
function threads(): number {
  return process.getActiveResourcesInfo().filter((name) => name === 'MessagePort').length;
}

describe('a service whose Temporal namespace is not there yet, beside another one in the process', () => {
  it('accepts events, leaves nothing behind while it is refused, and runs them once the namespace is there', async () => {
    const before = threads();
    assert.ok(before > 0, "the other service's worker has threads");
    later = await startTestService(laterSurroundings, { waitForWorker: false });
    const { control } = laterSurroundings.simulator;
    const installed = await control.createInstallation({ app_id: laterSurroundings.appId, deliver: false });
    assert.equal((await control.deliver(installed.event_id)).status, 200);
    await eventually('the worker is refused', async () =>
      later.logText().includes('Temporal does not take the worker'),
    );
    await eventually('no thread is left of the refused worker', async () => threads() <= before, 5_000);

    const { config } = await temporal.connection.workflowService.describeNamespace({ namespace: 'default' });
    const workflowExecutionRetentionPeriod = config?.workflowExecutionRetentionTtl ?? null;
    await temporal.connection.workflowService.registerNamespace({ namespace, workflowExecutionRetentionPeriod });
    await later.working;
    await eventually(
      'Talkdesk holds the installation as completed',
      async () => (await control.installation(installed.installation_id)).state === 'completed',
      60_000,
    );
  });
});
