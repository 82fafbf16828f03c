import assert from 'node:assert/strict';
import { eventually } from '../../support/eventually.js';
import { awaitOutcomes } from '../../support/outcomes.js';
import type { CreatedInstallation } from '../../support/simulator.js';
import type { Surroundings } from '../../support/stack.js';
import { diagnosis } from './diagnosis.js';
import { deliverAgain } from './installs.js';
import { violations } from './invariants.js';
import { report } from './report.js';
import { failingTasks, openRuns } from './temporal-at-rest.js';
import type { FaultWorld } from './world.js';

/** Longest time from healing to the last outcome (invariant I2). */
const HEALING_LIMIT_MS = 60_000;

/** How often the inbox holds the event: once, or something is wrong. */
export async function rowsOf({ surroundings }: FaultWorld, eventId: string): Promise<number> {
  const [row] = await surroundings.database.query<{ n: number }>(
    'SELECT count(*)::int AS n FROM inbox_event WHERE id = $1',
    [eventId],
  );
  return row?.n ?? 0;
}

/** Events that wait for their outcome. */
export async function openEvents({ surroundings }: FaultWorld): Promise<number> {
  const [row] = await surroundings.database.query<{ n: number }>(
    `SELECT count(*)::int AS n FROM inbox_event WHERE status <> 'settled'`,
  );
  return row?.n ?? 0;
}

/** Waits for the outcomes as long as they may take after healing, and gives them in the order asked for. */
async function outcomesInTime(surroundings: Surroundings, eventIds: readonly string[]): Promise<string[]> {
  return await awaitOutcomes(surroundings, eventIds, HEALING_LIMIT_MS).catch(async (error: Error) => {
    assert.fail([error.message, ...(await diagnosis(surroundings)), ...(await failingTasks(surroundings))].join('\n'));
  });
}

/** Waits until all of them are approved, as they must be within a minute of healing. */
export async function assertApproved(surroundings: Surroundings, made: readonly CreatedInstallation[]): Promise<void> {
  const ids = made.map(({ event_id: id }) => id);
  assert.deepEqual(new Set(await outcomesInTime(surroundings, ids)), new Set(['approved']));
}

/** Nothing lost, nothing doubled, and no run that cannot come to its end. Gives the number of violations, for the report. */
export async function assertSound(surroundings: Surroundings): Promise<number> {
  const closed = async () => (await openRuns(surroundings)) === 0;
  await eventually('every run has closed', closed, HEALING_LIMIT_MS).catch(async (error: Error) => {
    assert.fail([error.message, ...(await failingTasks(surroundings))].join('\n'));
  });
  const found = await violations(surroundings);
  assert.deepEqual(found, []);
  return found.length;
}

/**
 * The end of a fault's test, once the fault is over: starts what was killed, lets Talkdesk come again, and then each event has its outcome in
 * time, all invariants hold, and nothing ended unasked. Adds the line of the published table.
 *
 * @param options.hit what showed that the fault met work in flight
 * @param options.outcomes by event id
 */
export async function assertHealed(
  world: FaultWorld,
  options: { name: string; hit: string; runs?: number; outcomes: Record<string, string> },
): Promise<void> {
  const { surroundings } = world;
  await world.heal();
  const eventIds = Object.keys(options.outcomes);
  await deliverAgain(world.surroundings, eventIds);
  const reached = await outcomesInTime(surroundings, eventIds);
  assert.deepEqual(Object.fromEntries(eventIds.map((id, index) => [id, reached[index]])), options.outcomes);
  for (const id of eventIds) assert.equal(await rowsOf(world, id), 1, `rows of event ${id}`);
  const found = await violations(surroundings);
  assert.deepEqual(found, []);
  assert.deepEqual(world.unplanned, []);
  const { name, hit, runs = 1 } = options;
  report({ group: 'fault', name, hit, runs, violations: found.length });
}

/** The same outcome for each. */
export function all(made: readonly { event_id: string }[], outcome: string): Record<string, string> {
  return Object.fromEntries(made.map(({ event_id: id }) => [id, outcome]));
}
