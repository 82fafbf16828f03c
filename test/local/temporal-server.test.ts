import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { Connection } from '@temporalio/client';
import { createChildren } from '../../local/children.js';
import { LocalError } from '../../local/local-error.js';
import { startTemporalServer, type TemporalServer, type TemporalServerOptions } from '../../local/temporal-server.js';
import { fromRunner } from '../support/temporal.js';
import { scratchDir } from './scratch.js';

async function start(
  t: TestContext,
  dir: string,
  changes: Partial<TemporalServerOptions> = {},
): Promise<TemporalServer> {
  const children = createChildren({ dataDir: dir, say: assert.fail });
  t.after(() => children.killAll());
  const cli = fromRunner('TEST_TEMPORAL_CLI');
  return startTemporalServer({
    cli,
    children,
    env: process.env,
    dbFile: join(dir, 'temporal.db'),
    uiPort: null,
    ...changes,
  });
}

async function facts(address: string) {
  const connection = await Connection.connect({ address });
  try {
    const namespace = await connection.workflowService.describeNamespace({ namespace: 'default' });
    const { customAttributes } = await connection.operatorService.listSearchAttributes({ namespace: 'default' });
    return {
      namespaceId: namespace.namespaceInfo?.id,
      retentionHours: Number(namespace.config?.workflowExecutionRetentionTtl?.seconds) / 3600,
      installationIdType: customAttributes?.['InstallationId'],
    };
  } finally {
    await connection.close();
  }
}

test('it keeps closed runs 14 days, knows InstallationId, serves the Web UI, and survives a kill on its file', async (t) => {
  const dir = scratchDir(t);
  const first = await start(t, dir, { uiPort: 0 });
  const before = await facts(first.address);
  const keyword = 2;
  assert.equal(before.retentionHours, 336);
  assert.equal(before.installationIdType, keyword);
  const page = await fetch(String(first.uiUrl));
  assert.equal(page.status, 200);
  assert.match(await page.text(), /<html/i);

  process.kill(first.child.pid, 'SIGKILL');
  await first.child.ended;
  const second = await start(t, dir, { port: Number(first.address.split(':')[1]) });
  assert.equal(second.uiUrl, null);
  // An emptied server would have made the namespace anew, with another id.
  assert.deepEqual(await facts(second.address), before);
  await second.stop();
  assert.equal(second.child.running(), false);
});

test('a port in use is told in one sentence with the settings that move it', async (t) => {
  const occupant = createServer();
  occupant.listen(0, '127.0.0.1');
  await once(occupant, 'listening');
  t.after(() => occupant.close());
  const { port } = occupant.address() as AddressInfo;
  await assert.rejects(start(t, scratchDir(t), { port }), (error) => {
    assert.ok(error instanceof LocalError);
    assert.equal(
      error.message,
      `Port ${port} for the Temporal server is in use: end what uses it, or choose another one, for example TEMPORAL_PORT=0 for any free port.`,
    );
    return true;
  });
});
