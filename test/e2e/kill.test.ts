import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { wakeSignal } from '../../contracts/messages.js';
import { eventually } from '../support/eventually.js';
import { accountAtRest, awaitOutcomes } from '../support/outcomes.js';
import { startServiceProcess, type ServiceProcess } from '../support/service.js';
import type { CreatedInstallation } from '../support/simulator.js';
import { createSurroundings, type Surroundings } from '../support/stack.js';
import { connectTemporal, fromRunner, type TestTemporal } from '../support/temporal.js';

let surroundings: Surroundings;
let temporal: TestTemporal;
let processes: ServiceProcess[];

beforeEach(async () => {
  temporal = await connectTemporal();
  surroundings = await createSurroundings({ temporalAddress: fromRunner('TEST_TEMPORAL_ADDRESS') });
  processes = [];
});
afterEach(async () => {
  for (const process of processes) await process.kill('SIGKILL');
  await surroundings?.stop();
  await temporal?.close();
});

async function startProcess(): Promise<ServiceProcess> {
  const process = await startServiceProcess(surroundings, `service-${processes.length + 1}`);
  processes.push(process);
  return process;
}

async function settled(installed: CreatedInstallation): Promise<void> {
  await eventually(
    'the process has its outcome',
    async () => {
      const [row] = await surroundings.database.query<{ outcome: string | null }>(
        'SELECT outcome FROM process WHERE event_id = $1',
        [installed.event_id],
      );
      return row?.outcome === 'approved';
    },
    60_000,
  );
}

/** Judged from the ledgers of simulator and product alone. */
async function assertOnce(installed: CreatedInstallation, expected: { provisionCalls: number }): Promise<void> {
  const view = await surroundings.simulator.control.installation(installed.installation_id);
  assert.equal(view.state, 'completed');
  assert.deepEqual(
    view.decisions.filter((decision) => decision.effective).map((decision) => decision.verb),
    ['approve'],
  );
  const accounts = await surroundings.product.query('SELECT 1 FROM account WHERE talkdesk_account_id = $1', [
    installed.account_id,
  ]);
  assert.equal(accounts.length, 1);
  const [provision] = await surroundings.product.query<{ calls: number }>(
    'SELECT calls FROM call_ledger WHERE idempotency_key = $1',
    [`install:${installed.event_id}:provision`],
  );
  assert.equal(provision?.calls, expected.provisionCalls);
}

/** Lets the product hold its first answer back after the effect; resolves to a wait for that moment. */
async function holdProduct(): Promise<() => Promise<void>> {
  const barrier = join(surroundings.folder, 'barrier');
  const adapter = fileURLToPath(new URL('../support/adapters/barrier-product.ts', import.meta.url));
  const settings = { databaseUrl: surroundings.product.url, barrier };
  await writeFile(
    join(surroundings.folder, 'apps.json'),
    JSON.stringify({ [surroundings.appId]: { product: { adapter, settings } } }),
  );
  return async () => {
    await eventually('the product has made its effect', async () => existsSync(barrier));
  };
}

describe('a process killed with -9', () => {
  it('after the product’s effect, before the first task completes: two calls with one key, one account, one approve', async () => {
    const effect = await holdProduct();
    const first = await startProcess();
    const installed = await surroundings.simulator.control.createInstallation({
      app_id: surroundings.appId,
      account_name: 'killed-after-effect',
    });
    await effect();
    await first.kill('SIGKILL');
    await startProcess();
    await settled(installed);
    await assertOnce(installed, { provisionCalls: 2 });
  });

  it('after the product’s effect, then overtaken by an uninstall: what nobody recorded is taken back', async () => {
    const effect = await holdProduct();
    const { control } = surroundings.simulator;
    const first = await startProcess();
    const installed = await control.createInstallation({ app_id: surroundings.appId, account_name: 'overtaken' });
    await effect();
    // So that the install cannot go on before the uninstall is there.
    await surroundings.product.down();
    await first.kill('SIGKILL');
    await startProcess();
    const uninstall = await control.uninstall(installed.installation_id);
    await eventually('the uninstall has arrived', async () => (await control.event(uninstall.event_id)).delivered);
    await surroundings.product.up();
    const outcomes = await awaitOutcomes(surroundings, [installed.event_id, uninstall.event_id]);
    assert.deepEqual(outcomes, ['superseded', 'approved']);
    const account = await accountAtRest(surroundings, installed.account_id);
    assert.equal(account?.status, 'closed', 'the account was closed again');
  });

  it('after approve was applied and before its answer arrived: one effective approve', async () => {
    const first = await startProcess();
    await surroundings.simulator.control.fault({ route: 'state', kind: 'hold', when: 'after' });
    const installed = await surroundings.simulator.control.createInstallation({
      app_id: surroundings.appId,
      account_name: 'killed-after-approve',
    });
    const hold = await eventually('the approve is applied and held', async () => {
      const holds = await surroundings.simulator.control.holds();
      return holds[0] ?? null;
    });
    assert.equal((await surroundings.simulator.control.installation(installed.installation_id)).state, 'completed');
    await first.kill('SIGKILL');
    await surroundings.simulator.control.release(hold.id);
    await startProcess();
    await settled(installed);
    await assertOnce(installed, { provisionCalls: 1 });
    const { decisions } = await surroundings.simulator.control.installation(installed.installation_id);
    assert.equal(decisions.length, 1, 'Talkdesk was asked once only: the state was read before sending again');
  });
});

describe('a signal in the middle of the first workflow task', () => {
  it('makes the steps run again, and no effect twice', async () => {
    await startProcess();
    const { control } = surroundings.simulator;
    await control.fault({ route: 'state', kind: 'hold', when: 'before' });
    const installed = await control.createInstallation({ app_id: surroundings.appId, account_name: 'signalled' });
    const hold = await eventually('the approve is on its way', async () => (await control.holds())[0] ?? null);
    const workflowId = `${installed.app_id}/${installed.account_id}`;
    await temporal.client.workflow.getHandle(workflowId).signal(wakeSignal);
    await control.release(hold.id);
    await settled(installed);
    await eventually('the run has closed', async () => {
      const { status } = await temporal.client.workflow.getHandle(workflowId).describe();
      return status.name === 'COMPLETED';
    });
    await assertOnce(installed, { provisionCalls: 1 });
    const { events } = await temporal.client.workflow.getHandle(workflowId).fetchHistory();
    const signalled = events?.filter((event) => event.workflowExecutionSignaledEventAttributes != null).length;
    assert.equal(signalled, 1);
  });
});
