import assert from 'node:assert/strict';
import { appendFileSync, mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { eventually } from '../support/eventually.js';
import { diagnosis } from './support/diagnosis.js';
import { violations } from './support/invariants.js';
import { unleash } from './support/nemesis.js';
import { type FaultWorld, startFaultWorld } from './support/world.js';

/** Seeds of every run; one that has found a mistake stays. */
const SEEDS = [1, 2, 3];
const minutes = Number(process.env['FAULT_MINUTES'] ?? 1);
const seeds = process.env['FAULT_SEED'] === undefined ? SEEDS : [Number(process.env['FAULT_SEED'])];
const HEALING_LIMIT_MS = 60_000;
const SERVICES = 2;
/** Kept after the run: what was done before a violation. */
const LOGS = fileURLToPath(new URL('../../.faults', import.meta.url));

describe('customers and faults at random', () => {
  const worlds: FaultWorld[] = [];
  after(async () => {
    for (const world of worlds) await world.stop();
  });

  for (const seed of seeds) {
    it(`leave nothing lost and nothing doubled, seed ${seed}`, async (t) => {
      const world = await startFaultWorld({ services: SERVICES });
      worlds.push(world);
      mkdirSync(LOGS, { recursive: true });
      const log = join(LOGS, `seed-${seed}.log`);
      rmSync(log, { force: true });
      t.diagnostic(`operation log: ${log}`);
      await unleash(world, {
        seed,
        lastsMs: minutes * 60_000,
        installationsMax: 200,
        say: ({ atMs, what }) => appendFileSync(log, `${atMs} ${what}\n`),
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
      await eventually(
        'every event has its outcome',
        async () => {
          const [open] = await world.surroundings.database.query<{ n: number }>(
            `SELECT count(*)::int AS n FROM inbox_event WHERE status <> 'settled'`,
          );
          return open?.n === 0;
        },
        HEALING_LIMIT_MS,
      ).catch(async (error: Error) => {
        assert.fail([error.message, ...(await diagnosis(world.surroundings))].join('\n'));
      });
      const installations = (await control.installations()).length;
      t.diagnostic(
        `${installations} installations, settled ${Math.round(performance.now() - healedMs)} ms after healing`,
      );
      assert.ok(installations > 10, 'there was something to lose');
      assert.deepEqual(await violations(world.surroundings), []);
      assert.deepEqual(world.unplanned, []);
    });
  }
});
