import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { runCommandLine } from '../../ops/run.js';
import { eventually } from '../support/eventually.js';
import { accountAtRest, awaitOutcomes } from '../support/outcomes.js';
import { deliverAgain, holdAnInstall, prepareInstall, prepareInstalls } from './support/aftermath.js';
import { takeBackup } from './support/backup.js';
import { diagnosis } from './support/diagnosis.js';
import { violations } from './support/invariants.js';
import { report } from './support/report.js';
import { type FaultWorld, startFaultWorld } from './support/world.js';

/** After this time the sweeper looks whether a run is still open (its slow audit). */
const AUDIT_AFTER_MS = 10 * 60_000;
const RECOVERY_LIMIT_MS = 60_000;

describe('the database restored from an older backup', () => {
  let world: FaultWorld;
  before(async () => {
    world = await startFaultWorld({ services: 1 });
  });
  after(() => world?.stop());
  const control = () => world.surroundings.simulator.control;

  /** The lines of `lifecycle lost`. */
  async function lost(since: Date): Promise<string[]> {
    const said: string[] = [];
    const output = { out: (text: string) => said.push(text), err: (text: string) => said.push(text) };
    assert.equal(
      await runCommandLine(['lost', '--since', since.toISOString()], world.surroundings.env, output),
      0,
      said.join(),
    );
    return said.join('\n').split('\n');
  }

  it('rebuilds what it can, names what is lost, doubles nothing', async () => {
    const { surroundings } = world;
    const [updated, rotated, uninstalled] = await prepareInstalls(world, 3);
    assert.ok(updated && rotated && uninstalled);
    const old = [updated, rotated, uninstalled].map(({ event_id: id }) => id);
    await deliverAgain(world, old);
    assert.deepEqual(await awaitOutcomes(surroundings, old), ['approved', 'approved', 'approved']);
    const underWay = await holdAnInstall(world);

    const backup = await takeBackup(world);
    await underWay.release();
    const installed = await prepareInstall(world);
    await deliverAgain(world, [installed.event_id]);
    const after = [
      await control().update(updated.installation_id, { users: 4, licenses: 6 }),
      await control().rotate(rotated.installation_id),
      await control().uninstall(uninstalled.installation_id),
    ];
    const gone = [installed, ...after];
    const goneIds = gone.map(({ event_id: id }) => id);
    assert.deepEqual(await awaitOutcomes(surroundings, [underWay.made.event_id, ...goneIds]), [
      'approved',
      'approved',
      'approved',
      'acknowledged',
      'approved',
    ]);
    const account = await accountAtRest(surroundings, underWay.made.account_id);
    const stranded = await holdAnInstall(world);
    await world.killService(0);
    const late = await prepareInstall(world);
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
    assert.match(lineOf(rotated.installation_id).join(), /new ones are lost/);
    assert.deepEqual(lineOf(underWay.made.installation_id), []);
    assert.equal(lines.length, gone.length + 2, lines.join('\n'));

    await stranded.release();
    await world.heal();
    const back = [underWay.made.event_id, late.event_id];
    await deliverAgain(world, back);
    const outcomes = await awaitOutcomes(surroundings, back, RECOVERY_LIMIT_MS).catch(async (error: Error) => {
      assert.fail([error.message, ...(await diagnosis(surroundings))].join('\n'));
    });
    assert.deepEqual(outcomes, ['approved', 'approved']);
    assert.deepEqual(await accountAtRest(surroundings, underWay.made.account_id), account);

    const types = new Map((await control().events()).map(({ event_id: id, type }) => [id, type]));
    const found = await violations(surroundings);
    const expected = [
      ...[...goneIds, stranded.made.event_id].map(
        (id) => `I1: ${types.get(id)} ${id} was answered 2xx and is not in the inbox`,
      ),
      ...[installed, stranded.made].map(({ installation_id: id }) => `I5: installation ${id} is not in the tables`),
      `I5: installation ${uninstalled.installation_id} is revoked at Talkdesk and active here`,
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
      hit: `${gone.length + 1} events lost and named, 1 rebuilt, 1 come again`,
      runs: 1,
      violations: 0,
    });
  });
});
