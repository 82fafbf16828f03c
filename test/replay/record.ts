/**
 * Records the histories that are missing, one for each case: `npm test -- test/replay/record.ts`.
 *
 * Only for new cases. A recorded history that no longer replays means that runs in flight would break: keep it, and guard the change
 * with `patched` instead.
 */
import { randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { after, before, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { historyToJSON } from '@temporalio/common/lib/proto-utils.js';
import type { TestWorkflowEnvironment } from '@temporalio/testing';
import { LIFECYCLE_WORKFLOW } from '../../contracts/messages.js';
import { createWorker } from '../../worker/create-worker.js';
import { fakeActivities, tenantWith } from '../support/fake-activities.js';
import { createTimeSkipping, testWorkflowBundle } from '../support/temporal.js';
import { REPLAY_CASES } from './cases.js';

let env: TestWorkflowEnvironment;
before(async () => {
  env = await createTimeSkipping();
});
after(async () => {
  await env?.teardown();
});

for (const [name, { kinds, overrides }] of Object.entries(REPLAY_CASES)) {
  const file = fileURLToPath(new URL(`./histories/${name}.json`, import.meta.url));
  it(`records ${name}`, async () => {
    if (existsSync(file)) return;
    const nowMs = await env.currentTimeMs();
    const processes = kinds.map((kind, index) => {
      const eventId = randomUUID();
      const createdAtMs = nowMs - (kinds.length - index) * 60_000;
      const ids = { eventId, processId: `${kind}:${eventId}`, installationId: 'installation-1' };
      return { ...ids, kind, createdAtMs, needsUndo: false };
    });
    const taskQueue = randomUUID();
    const worker = await createWorker({
      connection: env.nativeConnection,
      namespace: 'default',
      taskQueue,
      workflowBundle: testWorkflowBundle(),
      activities: fakeActivities(tenantWith(...processes), overrides?.()).activities,
      warn: () => undefined,
    });
    await worker.runUntil(async () => {
      const handle = await env.client.workflow.start(LIFECYCLE_WORKFLOW, {
        workflowId: 'app-1/account-1',
        taskQueue,
        args: [{ tenant: { appId: 'app-1', accountId: 'account-1' } }],
      });
      await handle.result();
      const history = historyToJSON(await handle.fetchHistory());
      await writeFile(file, `${history.replace(/"identity": ?"[^"]*"/g, '"identity": "recorded"')}\n`);
    });
  });
}
