import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Client } from '@temporalio/client';
import { workflowIdOf } from '../../contracts/ids.js';
import { eventually } from '../support/eventually.js';
import { outcomesOf } from '../support/outcomes.js';
import type { CreatedInstallation } from '../support/simulator.js';
import { assertApproved, assertSound } from './support/aftermath.js';
import { holdProduct, type HeldProduct } from './support/hold-product.js';
import { deliverTo, install, prepareInstall } from './support/installs.js';
import { operatorOf } from './support/operator.js';
import type { CrashPoint } from './support/points.js';
import { report } from './support/report.js';
import type { FaultyService } from './support/service.js';
import { type FaultWorld, startFaultWorld } from './support/world.js';

/** How long a process is frozen: longer than any lease, heartbeat or task timeout. */
const FROZEN_MS = 30_000;
/** What process managers give a process that they asked to stop. */
const STOP_LIMIT_MS = 30_000;

let world: FaultWorld;
let surroundings: FaultWorld['surroundings'];
let product: HeldProduct;
let operator: Client;
/** Stands by for all the others. */
let standby: FaultyService;

before(async () => {
  world = await startFaultWorld({ services: 0 });
  surroundings = world.surroundings;
  product = holdProduct(surroundings);
  operator = await operatorOf(world);
  standby = await world.startService();
});
after(async () => {
  await operator?.connection.close();
  await world?.stop();
});

const eventIds = (made: readonly CreatedInstallation[]) => made.map(({ event_id: id }) => id);
const decisionsOf = async ({ installation_id: id }: CreatedInstallation) =>
  (await surroundings.simulator.control.installation(id)).decisions;

const runOf = ({ app_id: appId, account_id: accountId }: CreatedInstallation) =>
  operator.workflow.getHandle(workflowIdOf({ appId, accountId }));

async function pendingActivities(made: CreatedInstallation): Promise<(string | null | undefined)[]> {
  const { raw } = await runOf(made).describe();
  return raw.pendingActivities?.map(({ activityType }) => activityType?.name) ?? [];
}

async function provisionCalls({ event_id: id }: CreatedInstallation): Promise<number> {
  const [row] = await surroundings.product.query<{ calls: number }>(
    'SELECT calls FROM call_ledger WHERE idempotency_key = $1',
    [`install:${id}:provision`],
  );
  return row?.calls ?? 0;
}

describe('a worker killed before and after its effects, another one standing by', () => {
  it('leaves each effect made once', async (t) => {
    const points: (CrashPoint & { name: string; provisions: number })[] = [
      { name: 'before provision', call: 'product.provision', occurrence: 1, when: 'before', provisions: 1 },
      { name: 'after provision', call: 'product.provision', occurrence: 1, when: 'after', provisions: 2 },
      { name: 'before the decision', call: 'talkdesk.postState', occurrence: 1, when: 'before', provisions: 1 },
      { name: 'after the decision', call: 'talkdesk.postState', occurrence: 1, when: 'after', provisions: 1 },
    ];
    const doomed = await Promise.all(points.map(() => world.startService()));
    const made = await Promise.all(
      points.map(async ({ name, call, occurrence, when }, index) => {
        const service = doomed[index] as FaultyService;
        await service.crashAt({ call, occurrence, when });
        const installation = await prepareInstall(surroundings, `killed-${name.replaceAll(' ', '-')}`);
        await deliverTo(surroundings, service, installation);
        return installation;
      }),
    );
    assert.deepEqual(new Set(await Promise.all(doomed.map(({ ended }) => ended))), new Set(['SIGKILL']));
    const killedAtMs = performance.now();
    world.services = [standby];
    const before = await outcomesOf(surroundings, eventIds(made));
    assert.ok(
      Object.values(before).every((outcome) => outcome === null),
      'none had its outcome when its worker was killed',
    );

    await assertApproved(surroundings, made);
    t.diagnostic(`settled ${Math.round(performance.now() - killedAtMs)} ms after the kill`);
    const found = await assertSound(surroundings);
    for (const [index, { name, provisions }] of points.entries()) {
      const installation = made[index] as CreatedInstallation;
      const calls = await provisionCalls(installation);
      assert.ok(calls >= provisions, `${calls} calls of the product, killed ${name}`);
      assert.equal((await decisionsOf(installation)).length, 1, `decisions, killed ${name}`);
      const hit = `ended by SIGKILL there, outcome open; ${calls} call(s) of the product with one key, 1 decision`;
      report({ group: 'fault', name: `worker killed ${name}`, hit, runs: 1, violations: found });
    }
  });
});

describe('a worker frozen with tasks in its hands', () => {
  /**
   * Freezes it while the first tasks of three installs wait: for the state read right before the decision, for the answer to the decision,
   * and for the product. Gives null, and lets all of them go on, where the machine was too slow: these attempts are cut off after 1.5 s.
   */
  async function frozenWith(
    frozen: FaultyService,
    round: string,
  ): Promise<[CreatedInstallation, CreatedInstallation, CreatedInstallation] | null> {
    const { control } = surroundings.simulator;
    const [read, sent, provisioned] = (await Promise.all(
      ['read', 'sent', 'held'].map((name) => prepareInstall(surroundings, `${name}-${round}`)),
    )) as [CreatedInstallation, CreatedInstallation, CreatedInstallation];
    const { installation_id: readId } = read;
    await control.fault({ route: 'installation', kind: 'hold', when: 'after', skip: 1, installation_id: readId });
    await control.fault({ route: 'state', kind: 'hold', when: 'before', installation_id: sent.installation_id });
    await Promise.all([read, sent].map((made) => deliverTo(surroundings, frozen, made)));
    await eventually('two answers of Talkdesk are held', async () => (await control.holds()).length === 2);
    await deliverTo(surroundings, frozen, provisioned);
    await eventually('the product keeps its answer', async () => product.heldIn(`held-${round}`).length > 0);
    await frozen.signal('SIGSTOP');
    const made: [CreatedInstallation, CreatedInstallation, CreatedInstallation] = [read, sent, provisioned];
    const isInTime = (await control.holds()).every(({ client_gone: gone }) => !gone);
    if (isInTime && (await Promise.all(made.map(pendingActivities))).flat().length === 0) return made;
    await frozen.signal('SIGCONT');
    product.release(`held-${round}`);
    await releaseHolds();
    await assertApproved(surroundings, made);
    return null;
  }

  async function releaseHolds(): Promise<void> {
    const { control } = surroundings.simulator;
    await Promise.all((await control.holds()).map(({ id }) => control.release(id)));
  }

  it('is replaced meanwhile, and decides nothing late when it goes on', async (t) => {
    const frozen = await world.startService();
    let tries = 0;
    const inHand = await eventually(
      'it is frozen while it waits for two answers of Talkdesk and one of the product',
      () => frozenWith(frozen, `frozen-${++tries}`),
      120_000,
    );
    const frozenAtMs = performance.now();
    const [read, sent, provisioned] = inHand;
    assert.deepEqual(product.heldIn(`held-frozen-${tries}`), [frozen.pid]);
    assert.deepEqual(
      await outcomesOf(surroundings, eventIds(inHand)),
      Object.fromEntries(eventIds(inHand).map((id) => [id, null])),
    );

    const meanwhile = await install(surroundings, standby, 'beside-the-frozen', 5);
    await assertApproved(surroundings, meanwhile);
    const besideMs = Math.round(performance.now() - frozenAtMs);
    product.release(`held-frozen-${tries}`);
    await assertApproved(surroundings, inHand);
    const replacedMs = Math.round(performance.now() - frozenAtMs);
    t.diagnostic(`others settled after ${besideMs} ms, what it had in its hands after ${replacedMs} ms`);
    await sleep(Math.max(0, FROZEN_MS - (performance.now() - frozenAtMs)));
    await releaseHolds();
    await frozen.signal('SIGCONT');
    await assertApproved(surroundings, await install(surroundings, frozen, 'after-the-frost', 1));

    const found = await assertSound(surroundings);
    assert.equal((await decisionsOf(read)).length, 1, 'the one that had read before it was frozen did not send');
    const late = await decisionsOf(sent);
    assert.equal(late.filter(({ effective }) => effective).length, 1);
    assert.ok((await provisionCalls(provisioned)) > 1, 'the other one called the product, too');
    assert.ok(frozen.running());
    const hit = (what: string) => `${what} held while frozen; the other worker settled it before it went on`;
    report({
      group: 'fault',
      name: 'worker frozen 30 s before its decision is sent',
      hit: hit('the reading of the state'),
      runs: 1,
      violations: found,
    });
    report({
      group: 'fault',
      name: 'worker frozen 30 s with its decision on the way',
      hit: hit('the decision'),
      runs: 1,
      violations: found,
    });
    report({
      group: 'fault',
      name: 'worker frozen 30 s after the product’s effect',
      hit: hit('the answer of the product'),
      runs: 1,
      violations: found,
    });
    report({
      group: 'fault',
      name: 'two workers, one paused',
      hit: '3 tasks in the hands of the paused one; 5 installs settled by the other meanwhile',
      runs: 8,
      violations: found,
    });
  });
});

describe('a worker asked to stop under load, with an activity that never returns', () => {
  it('ends in order within its time, and the other one goes on', async (t) => {
    const stopping =
      world.services.find((service) => service !== standby && service.running()) ?? (await world.startService());
    const held = await prepareInstall(surroundings, 'held-for-ever');
    await deliverTo(surroundings, stopping, held);
    await eventually('the product keeps its answer', async () =>
      product.heldIn('held-for-ever').includes(stopping.pid),
    );
    const load = await install(surroundings, stopping, 'load', 10);
    const open = Object.values(await outcomesOf(surroundings, eventIds(load))).filter((outcome) => outcome === null);
    assert.ok(open.length > 0, 'it is asked to stop under load');
    const askedAtMs = performance.now();
    process.kill(stopping.pid, 'SIGTERM');
    const beside = await install(surroundings, standby, 'beside-the-stopping', 10);
    await assertApproved(surroundings, [...load, ...beside]);
    t.diagnostic(
      `${open.length} of 10 were open at the signal; they and 10 more settled ${Math.round(performance.now() - askedAtMs)} ms after it`,
    );
    assert.equal(await stopping.ended, '0');
    const stopMs = Math.round(performance.now() - askedAtMs);
    assert.ok(stopMs < STOP_LIMIT_MS, `it took ${stopMs} ms to stop`);
    world.services = [standby];
    assert.deepEqual(await outcomesOf(surroundings, eventIds([held])), { [held.event_id]: null });

    product.release('held-for-ever');
    await assertApproved(surroundings, [held]);
    const found = await assertSound(surroundings);
    const hit = `a call of the product held in the process, which ended with 0 after ${(stopMs / 1000).toFixed(0)} s; 20 installs settled meanwhile`;
    report({
      group: 'fault',
      name: 'shutdown under load, an activity never returns',
      hit,
      runs: 21,
      violations: found,
    });
  });
});

describe('a workflow cache far too small', () => {
  it('costs replays and nothing else', async (t) => {
    surroundings.env['FAULT_CACHED_WORKFLOWS'] = '2';
    const forgetful = await world.startService();
    await world.killService(world.services.indexOf(standby));
    world.services = [forgetful];
    await surroundings.product.down();
    const made = await install(surroundings, forgetful, 'uncached', 24);
    await eventually(
      'all of them wait for the product',
      async () => (await Promise.all(made.map(pendingActivities))).every((names) => names.includes('provisionAccount')),
      90_000,
    );
    await surroundings.product.up();
    await assertApproved(surroundings, made);
    const found = await assertSound(surroundings);
    const tasks = await Promise.all(
      made.map(async (one) => {
        const { events } = await runOf(one).fetchHistory();
        return events?.filter((event) => event.workflowTaskCompletedEventAttributes).length ?? 0;
      }),
    );
    assert.ok(Math.min(...tasks) > 1, 'each run had a task after its first');
    t.diagnostic(`${tasks.reduce((sum, n) => sum + n)} workflow tasks`);
    const hit = `${made.length} runs open at once with a cache of 2, ${tasks.reduce((sum, n) => sum + n - 1)} tasks after the first`;
    report({ group: 'fault', name: 'workflow cache far too small', hit, runs: 24, violations: found });
  });
});
