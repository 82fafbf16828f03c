import assert from 'node:assert/strict';
import { rmSync } from 'node:fs';
import { after, before, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Client } from '@temporalio/client';
import { workflowIdOf } from '../../contracts/ids.js';
import { freePort } from '../../local/ports.js';
import { eventually } from '../support/eventually.js';
import { outcomesOf } from '../support/outcomes.js';
import type { CreatedInstallation } from '../support/simulator.js';
import { assertApproved, assertSound } from './support/aftermath.js';
import { install } from './support/installs.js';
import { operatorOf } from './support/operator.js';
import { report } from './support/report.js';
import type { FaultyService } from './support/service.js';
import { type FaultWorld, startFaultWorld } from './support/world.js';

/** How long something is away: longer than a workflow task's timeout, so that whatever waits for it has to be done again. */
const AWAY_MS = 6_000;
const MINUTE_MS = 60_000;

let world: FaultWorld;
let surroundings: FaultWorld['surroundings'];
let operator: Client;

before(async () => {
  world = await startFaultWorld({
    services: 1,
    env: { DEVELOPMENT_CLOCK: '1', OPS_PORT: String(await freePort()) },
  });
  surroundings = world.surroundings;
  operator = await operatorOf(world);
});
after(async () => {
  await operator?.connection.close();
  await world?.stop();
  assert.deepEqual(world?.unplanned, [], 'no process ended by itself');
});

const service = () => world.services[0] as FaultyService;

/**
 * Installs whose decision Talkdesk answers with 503 until `release`: three that wait for the next attempt of a regular activity, and two
 * that wait for an answer in their first task.
 */
async function inFlight(accountName: string): Promise<CreatedInstallation[]> {
  const { control } = surroundings.simulator;
  await control.fault({ route: 'state', kind: 'status', status: 503, lasts: '1d' });
  const waiting = await install(surroundings, service(), `${accountName}-waiting`, 3);
  await eventually('three runs wait for their next attempt', async () =>
    (await Promise.all(waiting.map(pendingActivities))).every((activities) => activities.includes('postDecision')),
  );
  await control.fault({ route: 'users', kind: 'hold', times: 2 });
  const held = await install(surroundings, service(), `${accountName}-held`, 2);
  await eventually('two requests are held', async () => (await control.holds()).length === 2);
  return [...waiting, ...held];
}

const runOf = ({ app_id: appId, account_id: accountId }: CreatedInstallation) =>
  operator.workflow.getHandle(workflowIdOf({ appId, accountId }));

async function pendingActivities(made: CreatedInstallation): Promise<(string | null | undefined)[]> {
  const { raw } = await runOf(made).describe();
  return raw.pendingActivities?.map(({ activityType }) => activityType?.name) ?? [];
}

async function release(): Promise<void> {
  const { control } = surroundings.simulator;
  await control.clearFaults();
  await Promise.all((await control.holds()).map(({ id }) => control.release(id)));
}

async function openOf(made: readonly CreatedInstallation[]): Promise<number> {
  const outcomes = await outcomesOf(
    surroundings,
    made.map(({ event_id: id }) => id),
  );
  return Object.values(outcomes).filter((outcome) => outcome === null).length;
}

async function namespaceId(): Promise<string> {
  const { namespace } = operator.options;
  const { namespaceInfo } = await operator.workflowService.describeNamespace({ namespace });
  return namespaceInfo?.id ?? '';
}

describe('the wire between service and Temporal', () => {
  for (const [what, harm] of [
    ['cut', () => world.wires.temporal.cut()],
    ['half open', () => world.wires.temporal.hold()],
    ['reset', () => world.wires.temporal.reset()],
  ] as const) {
    it(`${what} under runs, leaves nothing lost and nothing doubled`, async () => {
      const made = await inFlight(`temporal-wire-${what.replace(' ', '-')}`);
      const hitsBefore = world.wires.temporal.hits();
      harm();
      const hits = world.wires.temporal.hits() - hitsBefore;
      const open = await openOf(made);
      if (what !== 'reset') await sleep(AWAY_MS);
      world.wires.temporal.mend();
      await release();
      assert.ok(hits > 0, 'there were connections to harm');
      assert.equal(open, made.length, 'there was work in flight');
      await assertApproved(surroundings, made);
      const found = await assertSound(surroundings);
      const hit = `${hits} connections, ${open} runs open`;
      report({ group: 'fault', name: `wire to Temporal ${what}`, hit, runs: made.length, violations: found });
    });
  }
});

describe('the wire between service and product', () => {
  for (const [what, harm] of [
    ['cut', () => world.wires.product.cut()],
    ['half open', () => world.wires.product.hold()],
    ['reset', () => world.wires.product.reset()],
  ] as const) {
    it(`${what} during calls, leaves nothing lost and nothing doubled`, async () => {
      const wire = world.wires.product;
      wire.slow(200);
      const slowedBefore = wire.hits();
      const made = await install(surroundings, service(), `product-wire-${what.replace(' ', '-')}`, 3);
      await eventually('calls are on the wire', async () => wire.hits() > slowedBefore);
      const hitsBefore = wire.hits();
      harm();
      const hits = wire.hits() - hitsBefore;
      const open = await openOf(made);
      wire.slow(0);
      if (what !== 'reset') await sleep(AWAY_MS);
      wire.mend();
      assert.ok(hits > 0, 'there were connections to harm');
      assert.equal(open, made.length, 'there was work in flight');
      await assertApproved(surroundings, made);
      const found = await assertSound(surroundings);
      const hit = `${hits} connections while bytes of calls were on their way, ${open} runs open`;
      report({ group: 'fault', name: `wire to the product ${what}`, hit, runs: made.length, violations: found });
    });
  }
});

describe('a Temporal server that has forgotten everything', () => {
  async function forgotten(accountName: string, name: string, forget: () => Promise<void>): Promise<void> {
    const made = await inFlight(accountName);
    const before = await namespaceId();
    const runs = await Promise.all(made.map(async (one) => (await runOf(one).describe()).runId));
    const open = await openOf(made);
    assert.equal(open, made.length, 'there was work in flight');
    await forget();
    assert.notEqual(await namespaceId(), before);
    // A server goes on with a deleted namespace until all its parts have heard of it.
    await eventually(
      'every event has another run',
      async () => {
        const now = await Promise.all(made.map(async (one) => (await runOf(one).describe()).runId));
        return now.every((runId, index) => runId !== runs[index]);
      },
      120_000,
    );
    assert.equal(await openOf(made), open, 'none was settled before');
    await release();
    await assertApproved(surroundings, made);
    const found = await assertSound(surroundings);
    const hit = `${open} runs open and gone; their events were handed over to new runs`;
    report({ group: 'fault', name, hit, runs: made.length, violations: found });
  }

  it('started on an empty file, is given every open event again', async () => {
    await forgotten('emptied', 'Temporal restarted empty', async () => {
      await world.temporal.kill();
      for (const suffix of ['', '-wal', '-shm']) rmSync(`${world.temporal.dbFile}${suffix}`, { force: true });
      await world.temporal.restart();
    });
  });

  it('with its namespace deleted and made again, is given every open event again', async () => {
    await forgotten('namespace', 'Temporal namespace re-created', async () => {
      const { namespace } = operator.options;
      const { config } = await operator.workflowService.describeNamespace({ namespace });
      await operator.connection.operatorService.deleteNamespace({ namespace });
      await eventually('the namespace is there again', async () => {
        const workflowExecutionRetentionPeriod = config?.workflowExecutionRetentionTtl ?? null;
        await operator.workflowService.registerNamespace({ namespace, workflowExecutionRetentionPeriod });
        return true;
      });
      await eventually('it serves', async () => (await namespaceId()) !== '');
      await world.heal();
    });
  });
});

/** The service's clock as the simulator's. Gives whether Temporal's timers followed. */
async function tellTime(): Promise<boolean> {
  const { now, offset_ms } = await surroundings.simulator.control.clock();
  const { status } = await fetch(`http://127.0.0.1:${surroundings.env['OPS_PORT']}/dev/clock`, {
    method: 'PUT',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ now, offset_ms }),
  });
  return status === 200;
}

describe('a Temporal server that is down for twenty minutes', () => {
  it('is given what came meanwhile when it returns, and goes on with what was open', async () => {
    const { control } = surroundings.simulator;
    const made = await inFlight('before-the-outage');
    const open = await openOf(made);
    await world.temporal.kill();
    await release();
    const meanwhile = await install(surroundings, service(), 'during-the-outage', 5);
    assert.ok(
      (await Promise.all(meanwhile.map(({ event_id: id }) => control.event(id)))).every(({ delivered }) => delivered),
    );
    await control.advance(20 * MINUTE_MS);
    assert.equal(await tellTime(), false, 'there is no server whose timers could follow');
    const waiting = await openOf(meanwhile);
    await world.temporal.restart();
    await eventually('the timers of open runs follow', tellTime);
    assert.equal(open, made.length, 'there was work in flight');
    assert.equal(waiting, meanwhile.length, 'nothing was handed over');
    await assertApproved(surroundings, [...made, ...meanwhile]);
    const found = await assertSound(surroundings);
    const hit = `${open} runs open, ${waiting} events acknowledged meanwhile; the clocks of service and simulator moved by 20 min`;
    report({
      group: 'fault',
      name: 'Temporal down 20 moved minutes',
      hit,
      runs: made.length + waiting,
      violations: found,
    });
  });
});
