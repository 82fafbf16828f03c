import assert from 'node:assert/strict';
import { appendFileSync, mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { eventually } from '../support/eventually.js';
import { awaitOutcomes } from '../support/outcomes.js';
import { excess, holdingsOf } from './support/at-rest.js';
import { storiesOf } from './support/diagnosis.js';
import { loggedSecrets, violations } from './support/invariants.js';
import { unleash } from './support/nemesis.js';
import { LOGS, report } from './support/report.js';
import type { FaultyService } from './support/service.js';
import { awaitRest } from './support/settling.js';
import { type FaultWorld, startFaultWorld } from './support/world.js';

/** Seeds of every run; one that has found a mistake stays. */
const SEEDS = [1, 2, 3];
const minutes = Number(process.env['FAULT_MINUTES'] ?? 1);
const seeds = process.env['FAULT_SEED'] === undefined ? SEEDS : [Number(process.env['FAULT_SEED'])];
const HEALING_LIMIT_MS = 60_000;
const SERVICES = 2;
/** Connections that each pool of a process may keep (DATABASE_POOL_MAX). */
const POOL_MAX = 10;

/** Has one installation go its way, so that what a process loads at its first work does not count as a leak. */
async function warmUp({ surroundings }: FaultWorld): Promise<void> {
  const made = await surroundings.simulator.control.createInstallation({ app_id: surroundings.appId, users: 3 });
  await awaitOutcomes(surroundings, [made.event_id]);
}

describe('customers and faults at random', () => {
  for (const seed of seeds) {
    it(`leave nothing lost and nothing doubled, seed ${seed}`, async (t) => {
      const world = await startFaultWorld({ services: SERVICES, env: { DATABASE_POOL_MAX: String(POOL_MAX) } });
      t.after(() => world.stop());
      await warmUp(world);
      const before = await holdingsOf(world.surroundings, world.services[0] as FaultyService);
      let faults = 0;
      mkdirSync(LOGS, { recursive: true });
      const log = join(LOGS, `seed-${seed}.log`);
      rmSync(log, { force: true });
      t.diagnostic(`operation log: ${log}`);
      await unleash(world, {
        seed,
        lastsMs: minutes * 60_000,
        installationsMax: 200,
        say({ atMs, what, fault }) {
          if (fault) faults += 1;
          appendFileSync(log, `${atMs} ${what}\n`);
        },
      });

      const { control } = world.surroundings.simulator;
      await control.clearFaults();
      await world.surroundings.product.up();
      await world.heal();
      // Talkdesk's later attempts, which the simulator makes in minutes.
      await eventually('every event was answered 2xx', async () => {
        const waiting = (await control.events()).filter(({ delivered }) => !delivered);
        for (const { event_id: id } of waiting) await control.deliver(id);
        return waiting.length === 0;
      });
      const healedMs = performance.now();
      const moved = await awaitRest(world, HEALING_LIMIT_MS);
      const settledMs = Math.round(performance.now() - healedMs);
      const installations = (await control.installations()).length;
      t.diagnostic(`${installations} installations, ${faults} faults, settled ${settledMs} ms after healing`);
      const found = [...(await violations(world.surroundings)), ...(await loggedSecrets(world.surroundings))];
      report({
        group: 'seed',
        name: `seed ${seed}, ${minutes} min`,
        hit: `${faults} faults, ${installations} installations, ${(await control.events()).length} events, settled ${settledMs} ms after healing${moved === 0 ? '' : `, ${moved} of them at their deadline`}`,
        runs: 1,
        violations: found.length + world.unplanned.length,
        sentences: [...found, ...world.unplanned],
      });
      assert.ok(installations > 10, 'there was something to lose');
      if (found.length > 0) assert.fail([...found, ...(await storiesOf(world.surroundings, found))].join('\n'));
      assert.deepEqual(world.unplanned, []);
      await eventually('memory, handles and connections are back', async () => {
        const more = await excess(world.surroundings, world.services, before, POOL_MAX);
        if (more.length > 0) throw new Error(more.join('\n'));
        return true;
      });
    });
  }
});
