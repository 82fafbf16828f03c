import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { Client } from '@temporalio/client';
import { workflowIdOf } from '../../contracts/ids.js';
import { runCommandLine } from '../../ops/run.js';
import { eventually } from '../support/eventually.js';
import { accountAtRest, awaitOutcomes } from '../support/outcomes.js';
import type { CreatedInstallation } from '../support/simulator.js';
import { takeBackup } from './support/backup.js';
import { diagnosis } from './support/diagnosis.js';
import { deliverAgain, holdAnInstall, prepareInstall, prepareInstalls } from './support/installs.js';
import { violations } from './support/invariants.js';
import { operatorOf } from './support/operator.js';
import { report } from './support/report.js';
import { type FaultWorld, startFaultWorld } from './support/world.js';

/** After this time the sweeper looks whether a run is still open (its slow audit). */
const AUDIT_AFTER_MS = 10 * 60_000;
const RECOVERY_LIMIT_MS = 60_000;

describe('the database restored from an older backup', () => {
  let world: FaultWorld;
  let operator: Client;
  before(async () => {
    world = await startFaultWorld({ services: 1 });
    operator = await operatorOf(world);
  });
  after(async () => {
    await operator?.connection.close();
    await world?.stop();
  });
  const control = () => world.surroundings.simulator.control;

  /** The lines of `lifecycle lost`. */
  async function lost(since: Date): Promise<string[]> {
    const said: string[] = [];
    const errors: string[] = [];
    const output = { out: (text: string) => said.push(text), err: (text: string) => errors.push(text) };
    assert.equal(
      await runCommandLine(['lost', '--since', since.toISOString()], world.surroundings.env, output),
      0,
      errors.join(),
    );
    const lines = said.join('\n').split('\n');
    // A task that met a signal is named, too, and whether one did is chance here.
    return lines.filter((line) => !line.startsWith('Unsure: '));
  }

  async function pendingActivities({ app_id: appId, account_id: accountId }: CreatedInstallation) {
    const { raw } = await operator.workflow.getHandle(workflowIdOf({ appId, accountId })).describe();
    return raw.pendingActivities?.map(({ activityType }) => activityType?.name) ?? [];
  }

  it('rebuilds what it can, names what is lost, doubles nothing', async () => {
    const { surroundings } = world;
    const [updated, rotated, uninstalled, busy] = await prepareInstalls(world.surroundings, 4);
    assert.ok(updated && rotated && uninstalled && busy);
    const old = [updated, rotated, uninstalled, busy].map(({ event_id: id }) => id);
    await deliverAgain(world.surroundings, old);
    assert.deepEqual(await awaitOutcomes(surroundings, old), ['approved', 'approved', 'approved', 'approved']);
    const { installation_id: busyId } = busy;
    await control().fault({ route: 'users', kind: 'status', status: 503, lasts: '1d', installation_id: busyId });
    const waiting = await control().update(busyId, { users: 3 });
    await eventually('an update waits for its next attempt', async () =>
      (await pendingActivities(busy)).includes('syncFromTalkdesk'),
    );
    const underWay = await holdAnInstall(world.surroundings);

    const backup = await takeBackup(world);
    await underWay.release();
    const installed = await prepareInstall(world.surroundings);
    await deliverAgain(world.surroundings, [installed.event_id]);
    const after = [
      await control().update(updated.installation_id, { users: 4, licenses: 6 }),
      await control().rotate(rotated.installation_id),
      await control().uninstall(uninstalled.installation_id),
      await control().startTrial(busyId),
    ];
    const gone = [installed, ...after];
    const goneIds = gone.map(({ event_id: id }) => id);
    assert.deepEqual(await awaitOutcomes(surroundings, [underWay.made.event_id, ...goneIds]), [
      'approved',
      'approved',
      'approved',
      'acknowledged',
      'approved',
      'recorded',
    ]);
    const account = await accountAtRest(surroundings, underWay.made.account_id);
    const stranded = await holdAnInstall(world.surroundings);
    await world.killService(0);
    const late = await prepareInstall(world.surroundings);
    assert.equal((await control().deliver(late.event_id)).status, null);
    await backup.restore(AUDIT_AFTER_MS);

    // Before anything of the service runs again.
    const lines = await eventually('Temporal lists every run', async () => {
      const listed = await lost(backup.takenAt);
      return listed.length > gone.length + 1 && listed;
    });
    const lineOf = (id: string) => lines.filter((line) => line.includes(id));
    for (const { event_id: id, installation_id: installationId } of gone) {
      assert.equal(lineOf(id).length, 1, `${id} is not named once in ${lines.join('\n')}`);
      assert.match(lineOf(id)[0] as string, new RegExp(installationId));
    }
    for (const made of [installed, stranded.made]) {
      assert.match(lineOf(made.installation_id).join(), /credentials are lost/);
    }
    assert.match(lineOf(rotated.installation_id).join(), /acknowledged .* new ones are lost/);
    // Its run is open, for the update that the tables have.
    assert.match(lineOf(busyId).join(), /^Lost: event \S+ app\.trial_started .*, in a run that is still open/);
    assert.deepEqual(lineOf(underWay.made.installation_id), []);
    assert.equal(lines.length, gone.length + 2, lines.join('\n'));

    await stranded.release();
    await control().clearFaults();
    await world.heal();
    const back = [underWay.made.event_id, late.event_id, waiting.event_id];
    await deliverAgain(world.surroundings, back);
    const outcomes = await awaitOutcomes(surroundings, back, RECOVERY_LIMIT_MS).catch(async (error: Error) => {
      assert.fail([error.message, ...(await diagnosis(surroundings))].join('\n'));
    });
    assert.deepEqual(outcomes, ['approved', 'approved', 'approved']);
    assert.deepEqual(await accountAtRest(surroundings, underWay.made.account_id), account);

    const types = new Map((await control().events()).map(({ event_id: id, type }) => [id, type]));
    const found = await violations(surroundings);
    const expected = [
      ...[...goneIds, stranded.made.event_id].map(
        (id) => `I1: ${types.get(id)} ${id} was answered 2xx and is not in the inbox`,
      ),
      ...[installed, stranded.made].map(({ installation_id: id }) => `I5: installation ${id} is not in the tables`),
      `I5: installation ${uninstalled.installation_id} is revoked at Talkdesk and active here`,
      // The product has what the update and the install have changed; our mapping is that of the backup.
      `I5: account ${updated.account_id} has 2 users in our mapping, 0 of them unknown to Talkdesk; 4 are assigned there`,
      `I5: account ${updated.account_id} has 2 users with a seat here and 4 in the product, 2 in common`,
      `I5: account ${installed.account_id} has 0 users in our mapping, 0 of them unknown to Talkdesk; 2 are assigned there`,
      `I5: account ${installed.account_id} has 0 users with a seat here and 2 in the product, 0 in common`,
    ];
    const others = found.filter((one) => !expected.includes(one));
    for (const one of expected) assert.ok(found.includes(one), one);
    // The set that the rotation has replaced.
    assert.deepEqual(
      others.map((one) => one.slice(0, one.indexOf(' has the client'))),
      [`I5: installation ${rotated.installation_id}`],
    );
    assert.deepEqual(world.unplanned, []);
    report({
      group: 'fault',
      name: 'database restored from an older backup',
      hit: `${gone.length + 1} events lost and named, 2 rebuilt, 1 come again`,
      runs: 1,
      violations: 0,
    });
  });
});
