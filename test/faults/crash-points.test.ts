import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { eventually } from '../support/eventually.js';
import { awaitOutcomes } from '../support/outcomes.js';
import { createSurroundings, type Surroundings } from '../support/stack.js';
import type { CreatedInstallation } from '../support/simulator.js';
import { fromRunner } from '../support/temporal.js';
import { accountViolations, violations } from './support/invariants.js';
import { type CrashPoint, nameOf } from './support/points.js';
import { accountFor, ENDS, eventFor, KINDS, type Kind, type Undelivered } from './support/processes.js';
import { report } from './support/report.js';
import { type FaultyService, startFaultyService } from './support/service.js';
import { openRuns } from './support/temporal-at-rest.js';

/** Points under way at a time: each mostly waits for timeouts of a killed worker. */
const LANES = 4;
const RECOVERY_LIMIT_MS = 60_000;

/** One service with everything around it, used for one point after the other. */
interface Lane {
  surroundings: Surroundings;
  service: FaultyService;
  starts: number;
  /** What the next event happens to, with the number of those before it; null when it needs a new one. */
  account: { installed: CreatedInstallation; events: number } | null;
}

const lanes: Lane[] = [];

before(async () => {
  await Promise.all(Array.from({ length: LANES }, openLane));
});
after(async () => {
  await Promise.all(
    lanes.map(async ({ surroundings, service }) => {
      await service.signal('SIGKILL');
      await surroundings.stop();
    }),
  );
});

async function openLane(): Promise<void> {
  const surroundings = await createSurroundings({ temporalAddress: fromRunner('TEST_TEMPORAL_ADDRESS') });
  lanes.push({ surroundings, service: await startFaultyService(surroundings, 'service-1'), starts: 1, account: null });
}

/** The first delivery may have met the process as it ended; Talkdesk's second comes when it is up again. */
async function delivered({ surroundings }: Lane, { eventId }: Undelivered): Promise<void> {
  const { control } = surroundings.simulator;
  await eventually('the first delivery has ended', async () => {
    const [first] = (await control.event(eventId)).attempts;
    return first !== undefined && (first.status !== null || first.error !== null);
  });
  await eventually('the event is answered 2xx', async () => {
    if (!(await control.event(eventId)).delivered) await control.deliver(eventId);
    return (await control.event(eventId)).delivered;
  });
}

async function settled({ surroundings }: Lane, { kind, eventId }: Undelivered): Promise<void> {
  assert.deepEqual(await awaitOutcomes(surroundings, [eventId], RECOVERY_LIMIT_MS), [ENDS[kind].outcome]);
}

/** An event, not sent yet. What can happen to an account only once gets another account each time. */
async function nextEvent(lane: Lane, kind: Kind): Promise<Undelivered> {
  const account = lane.account ?? { installed: await accountFor(lane.surroundings, kind), events: 0 };
  lane.account = kind === 'update' || kind === 'rotation' ? account : null;
  return await eventFor(lane.surroundings, kind, account.installed, account.events++);
}

/** As Talkdesk sends it, not waited for. */
async function send({ surroundings }: Lane, { eventId }: Undelivered): Promise<void> {
  await surroundings.simulator.control.deliverBySchedule(eventId);
}

/** Calls of one undisturbed run. */
async function recordCalls(kind: Kind): Promise<CrashPoint[]> {
  const lane = lanes[0] as Lane;
  const event = await nextEvent(lane, kind);
  await lane.service.record();
  await send(lane, event);
  await delivered(lane, event);
  await settled(lane, event);
  return await lane.service.recorded();
}

/** Ends the process at the point, starts another one and judges what has become of the event. Gives whether the point was reached. */
async function crash(lane: Lane, kind: Kind, point: CrashPoint): Promise<boolean> {
  const { service } = lane;
  assert.ok(service.running(), 'the service has ended by itself');
  const event = await nextEvent(lane, kind);
  await service.crashAt(point);
  await send(lane, event);
  const undisturbed = async () => {
    await settled(lane, event);
    if (isInBackground(point)) await eventually('the sweeper looks', async () => !service.running());
    return await service.disarm().then(
      () => null,
      () => service.ended,
    );
  };
  const how = await Promise.race([service.ended, undisturbed()]);
  if (how !== null) {
    assert.equal(how, 'SIGKILL', 'the process ended by itself');
    lane.starts += 1;
    lane.service = await startFaultyService(lane.surroundings, `service-${lane.starts}`);
  }
  await delivered(lane, event);
  await settled(lane, event);
  const installation = await lane.surroundings.simulator.control.installation(event.installed.installation_id);
  assert.equal(installation.state, ENDS[kind].state);
  assert.deepEqual(await accountViolations(lane.surroundings, installation.account_id), []);
  return how !== null;
}

for (const kind of KINDS) {
  describe(`${kind}, the process killed at each call of a port`, () => {
    it('settles each time, with one effect of each kind', { concurrency: LANES }, async (t) => {
      const points = distinct(await recordCalls(kind));
      const waiting = [...points];
      const reached: string[] = [];
      const work = async (lane: Lane) => {
        for (let point = waiting.shift(); point !== undefined; point = waiting.shift()) {
          const at = point;
          await t.test(nameOf(at), async () => {
            if (await crash(lane, kind, at)) reached.push(nameOf(at));
          });
        }
      };
      await Promise.all(lanes.map(work));
      const found: string[] = [];
      for (const lane of lanes) {
        lane.account = null;
        assert.ok(lane.service.running(), 'the service has ended by itself');
        await eventually('every run has closed', async () => (await openRuns(lane.surroundings)) === 0);
        found.push(...(await violations(lane.surroundings)));
      }
      report({
        group: 'crash points',
        name: kind,
        hit: `${reached.length} of ${points.length} calls, before and after, ended the process (exit 137)`,
        runs: points.length,
        violations: found.length,
      });
      assert.deepEqual(found, []);
      const missed = points.map(nameOf).filter((name) => !reached.includes(name));
      t.diagnostic(`${reached.length} of ${points.length} points reached; not: ${missed.join(', ') || 'none'}`);
      // What is done in the background, or only when something else was slower, does not come at the same place each time.
      assert.ok(missed.length <= points.length / 10, `too many points were not reached: ${missed.join(', ')}`);
    });
  });
}

/** The sweeper looks as time passes, not as the event goes on; each time it asks for the namespace first, as the first hand-over does. */
function isInBackground({ call }: CrashPoint): boolean {
  return /^(inbox\.claim|temporal\.namespaceId)/.test(call);
}

function distinct(calls: CrashPoint[]): CrashPoint[] {
  return calls.filter((point) => point.occurrence === 1 || !isInBackground(point));
}
