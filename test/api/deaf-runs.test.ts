import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, it } from 'node:test';
import { createLifecycleStarter } from '../../api/temporal.js';
import { connectTemporal, createOwnDevServer, type OwnTemporalServer, type TestTemporal } from '../support/temporal.js';

/** Temporal's own limit is ten thousand. */
const SIGNALS = 3;

let folder: string;
let server: OwnTemporalServer;
let temporal: TestTemporal;

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'deaf-runs-'));
  server = await createOwnDevServer({
    dir: folder,
    dynamicConfig: [`history.maximumSignalsPerExecution=${SIGNALS}`],
  });
  temporal = await connectTemporal(server.address);
});
after(async () => {
  await temporal?.close();
  await server?.stop();
  if (folder !== undefined) await rm(folder, { recursive: true, force: true });
});

it('a run that takes no more signals is followed by a new one, so that an event is heard', async () => {
  const { client } = temporal;
  // Nobody works on this queue: the run stays open, as one does that waits for days.
  const starter = createLifecycleStarter({ client, taskQueue: 'nobody', namespace: 'default', deadlineMs: 5_000 });
  await starter.ensureSearchAttributes();
  const item = {
    ...{ eventId: 'event-1', type: 'app.updated', createdAt: new Date('2026-01-05T10:00:00Z') },
    ...{ tenant: { appId: 'app-1', accountId: 'account-1' }, installationId: 'installation-1' },
  };
  const told: string[] = [];
  for (let count = 0; count < SIGNALS + 2; count += 1) {
    told.push(await starter.startOrWake(item, { durableFirst: false }));
  }
  assert.deepEqual(told, ['started', 'woken', 'woken', 'woken', 'started']);
  const { status } = await client.workflow.getHandle('app-1/account-1').describe();
  assert.equal(status.name, 'RUNNING');
});
