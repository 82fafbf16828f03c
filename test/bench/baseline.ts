import { randomUUID } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import { Client } from '@temporalio/client';
import { bundleWorkflowCode, DefaultLogger, NativeConnection, Worker } from '@temporalio/worker';

const RUNS = 400;
const CONCURRENCY = 50;

export interface Baseline {
  runsPerSecond: number;
  /** CPU of client and worker together, milliseconds for each run. */
  cpuMs: number;
}

/**
 * What Temporal alone costs on this machine at this moment: runs of the bare shape, started eagerly by a client in the worker's process.
 * Whatever the service measures is to be read against it, because machines differ and are not always idle.
 */
export async function measureBaseline(address: string): Promise<Baseline> {
  const workflowBundle = await bundleWorkflowCode({
    workflowsPath: fileURLToPath(new URL('./baseline-workflow', import.meta.url)),
    logger: new DefaultLogger('ERROR'),
  });
  const connection = await NativeConnection.connect({ address });
  const taskQueue = `baseline-${randomUUID()}`;
  const activities = { echo: async (text: string) => text };
  const worker = await Worker.create({ connection, taskQueue, workflowBundle, activities });
  try {
    return await worker.runUntil(async () => {
      const client = new Client({ connection });
      await runMany(client, taskQueue, CONCURRENCY);
      const startedAt = performance.now();
      const before = process.cpuUsage();
      await runMany(client, taskQueue, RUNS);
      const { user, system } = process.cpuUsage(before);
      return {
        runsPerSecond: (RUNS * 1_000) / (performance.now() - startedAt),
        cpuMs: (user + system) / 1_000 / RUNS,
      };
    });
  } finally {
    await connection.close();
  }
}

async function runMany(client: Client, taskQueue: string, count: number): Promise<void> {
  let started = 0;
  const lane = async () => {
    while (started < count) {
      started += 1;
      const options = { workflowId: randomUUID(), taskQueue, requestEagerStart: true };
      await (await client.workflow.start('baselineWorkflow', options)).result();
    }
  };
  await Promise.all(Array.from({ length: CONCURRENCY }, lane));
}
