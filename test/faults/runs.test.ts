import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import type { Client } from '@temporalio/client';
import { workflowIdOf } from '../../contracts/ids.js';
import { wakeSignal } from '../../contracts/messages.js';
import { eventually } from '../support/eventually.js';
import { outcomesOf } from '../support/outcomes.js';
import type { CreatedInstallation } from '../support/simulator.js';
import { fromRunner } from '../support/temporal.js';
import { assertApproved, assertSound } from './support/aftermath.js';
import { deliverTo, prepareInstall } from './support/installs.js';
import { operatorOf } from './support/operator.js';
import { report } from './support/report.js';
import type { FaultyService } from './support/service.js';
import { failingTasks } from './support/temporal-at-rest.js';
import { type FaultWorld, startFaultWorld } from './support/world.js';

let world: FaultWorld;
let surroundings: FaultWorld['surroundings'];
let operator: Client;

before(async () => {
  world = await startFaultWorld({ services: 1 });
  surroundings = world.surroundings;
  operator = await operatorOf(world);
});
after(async () => {
  await operator?.connection.close();
  await world?.stop();
});

const runOf = ({ app_id: appId, account_id: accountId }: CreatedInstallation) =>
  operator.workflow.getHandle(workflowIdOf({ appId, accountId }));

/** An install whose decision Talkdesk answers with 503, as long as its faults stand: its run is open. */
async function waiting(accountName: string): Promise<CreatedInstallation> {
  const made = await prepareInstall(surroundings, accountName);
  const { installation_id: installationId } = made;
  await surroundings.simulator.control.fault({
    route: 'state',
    kind: 'status',
    status: 503,
    lasts: '1d',
    installation_id: installationId,
  });
  await deliverTo(surroundings, world.services[0] as FaultyService, made);
  await eventually(`the decision on ${accountName} waits for its next attempt`, async () => {
    const { raw } = await runOf(made).describe();
    return raw.pendingActivities?.some(({ activityType: type }) => type?.name === 'postDecision');
  });
  return made;
}

async function outcomeOf({ event_id: id }: CreatedInstallation): Promise<string | null> {
  return (await outcomesOf(surroundings, [id]))[id] ?? null;
}

/** Of `provision`, all with one key. */
async function productCalls(made: CreatedInstallation): Promise<number> {
  const [row] = await surroundings.product.query<{ calls: number }>(
    'SELECT calls FROM call_ledger WHERE idempotency_key = $1',
    [`install:${made.event_id}:provision`],
  );
  return row?.calls ?? 0;
}

/** Ids of its workflow tasks that came to their end. */
async function completedTasks(made: CreatedInstallation): Promise<number[]> {
  const { events } = await runOf(made).fetchHistory();
  return (events ?? [])
    .filter((event) => event.workflowTaskCompletedEventAttributes)
    .map(({ eventId }) => Number(eventId));
}

/** As the Web UI does it. */
async function reset(made: CreatedInstallation, eventId: number, requestId: string): Promise<void> {
  const { runId } = await runOf(made).describe();
  await operator.workflowService.resetWorkflowExecution({
    namespace: operator.options.namespace,
    workflowExecution: { workflowId: runOf(made).workflowId, runId },
    reason: 'an operator resets it',
    workflowTaskFinishEventId: eventId as never,
    requestId,
  });
  await eventually('another run goes on', async () => (await runOf(made).describe()).runId !== runId);
}

describe('an operator in the Web UI, while the decision is under way', () => {
  it('resets, terminates, cancels and signals, and each is approved once', async () => {
    const { control } = surroundings.simulator;
    const [first, last, terminated, cancelled, signalled] = (await Promise.all(
      ['reset-first', 'reset-last', 'terminated', 'cancelled', 'signalled'].map(waiting),
    )) as [CreatedInstallation, CreatedInstallation, CreatedInstallation, CreatedInstallation, CreatedInstallation];
    const all = [first, last, terminated, cancelled, signalled];
    const callsBefore = await Promise.all(all.map(productCalls));
    for (const made of all) {
      assert.equal((await runOf(made).describe()).status.name, 'RUNNING');
      assert.equal(await outcomeOf(made), null);
    }

    await reset(first, (await completedTasks(first))[0] as number, 'first');
    await runOf(last).signal(wakeSignal);
    const tasks = await eventually('it has more than one task behind it', async () => {
      const ids = await completedTasks(last);
      return ids.length > 1 && ids;
    });
    await reset(last, tasks.at(-1) as number, 'last');

    const { runId: endedRun } = await runOf(terminated).describe();
    await runOf(terminated).terminate('an operator ends it');
    // Ten minutes pass: the audit looks at events that have been quiet for as long.
    await surroundings.database.query(
      `UPDATE inbox_event SET dispatched_at = dispatched_at - interval '11 min', audited_at = audited_at - interval '11 min'
        WHERE id = $1`,
      [terminated.event_id],
    );
    await eventually('the audit starts another run', async () => {
      const { runId, status } = await runOf(terminated).describe();
      return runId !== endedRun && status.name === 'RUNNING';
    });

    const { runId: signalledRun } = await runOf(signalled).describe();
    await runOf(signalled).signal(wakeSignal);

    await runOf(cancelled).cancel();
    await eventually('it is parked', async () => {
      const [row] = await surroundings.database.query<{ parked_reason: string | null }>(
        'SELECT parked_reason FROM process WHERE event_id = $1',
        [cancelled.event_id],
      );
      return /A person stopped this run/.test(row?.parked_reason ?? '');
    });

    await control.clearFaults();
    await assertApproved(surroundings, [first, last, terminated, signalled]);
    assert.equal(await outcomeOf(cancelled), null, 'what was cancelled stays parked');
    assert.equal((await runOf(cancelled).describe()).status.name, 'RUNNING');
    await runOf(cancelled).signal(wakeSignal);
    assert.equal((await runOf(signalled).describe()).runId, signalledRun, 'a signal only wakes');

    await assertApproved(surroundings, [cancelled]);
    assert.deepEqual(await Promise.all(all.map(productCalls)), callsBefore, 'steps were run again, not their effects');
    const open = 'run open, outcome open, its decision under way';
    const found = await assertSound(surroundings);
    for (const [what, hit] of [
      ['Reset to the first workflow task', `${open}; another run went on`],
      ['Reset to the last workflow task', `${open}, ${tasks.length} tasks behind it; another run went on`],
      ['Terminate', `${open}; the audit started another run`],
      ['Cancel', `${open}; parked until the signal "wake", everything else settled meanwhile`],
      ['Signal', `${open}; the same run went on`],
    ] as const) {
      report({ group: 'fault', name: `Web UI: ${what}`, hit, runs: 1, violations: found });
    }
  });
});

/** The workflows with two mistakes: runs that come new meet a plain error, and runs that are open cannot be replayed. */
function poisonedBundle(): string {
  const code = readFileSync(fromRunner('TEST_WORKFLOW_BUNDLE'), 'utf8');
  const decision = /const answered = await \(0,\w+\.runStep\)\('postDecision'/;
  const begin = /async untilQuiet\(\) \{/;
  const library = /(_temporalio_workflow\w+)\.CancellationScope\.nonCancellable\(\(\)=>new TenantRun/.exec(code)?.[1];
  for (const place of [decision, begin]) assert.match(code, place);
  assert.ok(library);
  const file = join(world.folder, 'poisoned-bundle.js');
  writeFileSync(
    file,
    code
      .replace(decision, (text) => `throw new TypeError('poison: a mistake in workflow code'); ${text}`)
      .replace(begin, (text) => `${text} if (${library}.workflowInfo().unsafe.isReplaying) await ${library}.sleep(1);`),
  );
  return file;
}

describe('a deploy with a mistake in workflow code', () => {
  it('stops the runs that meet it, and they go on with the next deploy', async (t) => {
    const { control } = surroundings.simulator;
    const open = await waiting('open-before');
    const deploy = async () => {
      await world.killService(0);
      await world.heal();
    };
    surroundings.env['WORKFLOW_BUNDLE'] = poisonedBundle();
    await deploy();
    const fresh = await prepareInstall(surroundings, 'fresh');
    await deliverTo(surroundings, world.services[0] as FaultyService, fresh);
    await runOf(open).signal(wakeSignal);
    const failing = await eventually('the workflow tasks of both fail', async () => {
      const found = await failingTasks(surroundings);
      return found.length === 2 && found;
    });
    t.diagnostic(failing.join('; '));
    const sentenceOf = (made: CreatedInstallation) => failing.find((text) => text.includes(made.account_id)) ?? '';
    assert.match(sentenceOf(fresh), /^I8: .*poison: a mistake in workflow code/);
    assert.match(sentenceOf(open), /^I8: .*nondeterminis/i);
    assert.deepEqual([await outcomeOf(open), await outcomeOf(fresh)], [null, null]);

    const runIds = async () => await Promise.all([open, fresh].map(async (one) => (await runOf(one).describe()).runId));
    const failed = await runIds();
    delete surroundings.env['WORKFLOW_BUNDLE'];
    await control.clearFaults();
    await deploy();
    await assertApproved(surroundings, [open, fresh]);
    assert.deepEqual(await runIds(), failed, 'the same runs went on');
    const found = await assertSound(surroundings);
    const hit = (what: string) =>
      `workflow task failed, seen in the history (${what}), outcome open; the same run went on`;
    report({ group: 'fault', name: 'poison in workflow code', hit: hit('TypeError'), runs: 1, violations: found });
    report({
      group: 'fault',
      name: 'a bundle that cannot replay open runs',
      hit: hit('nondeterminism'),
      runs: 1,
      violations: found,
    });
  });
});
