import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { violations } from './support/invariants.js';
import { percentile, prepareBacklog } from './support/load.js';
import { createOutage, type Outage } from './support/outage.js';
import { report } from './support/report.js';
import { type FaultWorld, startFaultWorld } from './support/world.js';

const PER_SECOND = 200;
const CUSTOMERS = 20;
/** As the sweeper allows. */
const OPEN_MAX = 3;
const SETTLED_LIMIT_MS = 60_000;

let world: FaultWorld;
let outage: Outage;

before(async () => {
  world = await startFaultWorld({ services: 0 });
  outage = await createOutage(world);
});
after(async () => {
  await outage?.stop();
  await world?.stop();
});

describe('Temporal, the workers, the product and Talkdesk’s API down together', () => {
  it('every delivery is answered 2xx at 200 a second, and everything settles after they return, three runs at a time', async (t) => {
    const { surroundings } = world;
    const customers = await outage.install(CUSTOMERS);
    const deliveries = await prepareBacklog(surroundings, {
      customers,
      updatesEach: 16,
      trialEventsEach: 2,
      logouts: 10,
      rotations: 10,
      uninstalls: 5,
      installs: 25,
    });
    await outage.begin();
    // Each comes twice, as when Talkdesk did not hear the answer.
    const { statuses, ms } = await outage.deliver([...deliveries, ...deliveries], PER_SECOND);
    assert.deepEqual(statuses, { 200: deliveries.length * 2 });
    const waiting = await outage.waiting();
    assert.equal(waiting, deliveries.length, 'each is kept once, and none could be handed over');

    await outage.end();
    const drain = await outage.drain({ freshPerSecond: 1, limitMs: SETTLED_LIMIT_MS });
    assert.ok(drain.openMax > 0 && drain.openMax <= OPEN_MAX, `${drain.openMax} runs of the backlog at a time`);
    const kept = await surroundings.database.query<{ id: string }>('SELECT id FROM inbox_event WHERE id = ANY($1)', [
      deliveries.map(({ eventId }) => eventId),
    ]);
    assert.equal(kept.length, deliveries.length);
    const found = await violations(surroundings);
    assert.deepEqual(found, []);
    t.diagnostic(
      `acknowledged in p50 ${percentile(ms, 0.5).toFixed(1)} ms, p99 ${percentile(ms, 0.99).toFixed(1)} ms; ` +
        `settled ${(drain.ms / 1_000).toFixed(1)} s after the return; ${drain.freshMs.length} new installs meanwhile, ` +
        `p50 ${percentile(drain.freshMs, 0.5)} ms, slowest ${Math.max(...drain.freshMs)} ms`,
    );
    report({
      group: 'fault',
      name: 'Temporal, workers, product and Talkdesk’s API down together, 200 deliveries a second',
      hit: `${waiting} events waited, none handed over`,
      runs: 1,
      violations: found.length,
    });
  });
});
