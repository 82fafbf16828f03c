import assert from 'node:assert/strict';
import { eventually } from '../../support/eventually.js';
import { awaitOutcomes } from '../../support/outcomes.js';
import type { CreatedInstallation } from '../../support/simulator.js';
import { diagnosis } from './diagnosis.js';
import { violations } from './invariants.js';
import { report } from './report.js';
import type { FaultWorld } from './world.js';

/** Longest time from healing to the last outcome (issue: I2). */
const RECOVERY_LIMIT_MS = 60_000;

/** An installation whose event waits to be delivered. */
export async function prepareInstall({ surroundings }: FaultWorld): Promise<CreatedInstallation> {
  const { simulator, appId } = surroundings;
  return await simulator.control.createInstallation({ app_id: appId, users: 2, deliver: false });
}

/** Some of them. */
export async function prepareInstalls(world: FaultWorld, count: number): Promise<CreatedInstallation[]> {
  return await Promise.all(Array.from({ length: count }, () => prepareInstall(world)));
}

/** An installation that stands in the middle of its run: Talkdesk's answer to it is held until `release`. */
export async function holdAnInstall(
  world: FaultWorld,
): Promise<{ made: CreatedInstallation; release(): Promise<void> }> {
  const { simulator } = world.surroundings;
  const made = await prepareInstall(world);
  await simulator.control.fault({ route: 'users', kind: 'hold', installation_id: made.installation_id });
  assert.equal((await simulator.control.deliver(made.event_id)).status, 200);
  const hold = await eventually('the run is under way', async () =>
    (await simulator.control.holds()).find(({ installation_id: id }) => id === made.installation_id),
  );
  return { made, release: async () => void (await simulator.control.release(hold.id)) };
}

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

/** Talkdesk's later attempts, which come at once here: each event that was made is answered 2xx in the end. */
export async function deliverAgain({ surroundings }: FaultWorld, eventIds: readonly string[]): Promise<void> {
  const { control } = surroundings.simulator;
  await eventually('every event was answered 2xx', async () => {
    const events = await Promise.all(eventIds.map((id) => control.event(id)));
    const waiting = events.filter(({ delivered }) => !delivered);
    for (const { event_id: id } of waiting) await control.deliver(id);
    return waiting.length === 0;
  });
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
  await deliverAgain(world, eventIds);
  const reached = await awaitOutcomes(surroundings, eventIds, RECOVERY_LIMIT_MS).catch(async (error: Error) => {
    assert.fail([error.message, ...(await diagnosis(surroundings))].join('\n'));
  });
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
