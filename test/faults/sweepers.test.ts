import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { eventually } from '../support/eventually.js';
import { awaitOutcomes } from '../support/outcomes.js';
import type { CreatedInstallation } from '../support/simulator.js';
import { all, assertHealed } from './support/aftermath.js';
import { prepareInstall, prepareInstalls } from './support/installs.js';
import { outcomesInRuns } from './support/runs.js';
import type { FaultyService } from './support/service.js';
import { type FaultWorld, startFaultWorld } from './support/world.js';

const INSTALLS = 10;
/** More than the sweepers have under way at a time, so that there is something for the other one. */
const LOGOUTS = 130;
const SENDERS = 8;
/** A start that was begun before may still get through for about ten seconds; what is left then is the sweepers'. */
const STARTS_OVER_MS = 11_000;
/** What a sweeper says of one event; the dispatcher's line goes on. */
const NOT_HANDED_OVER = /event not handed over"/g;

describe('two processes that sweep one inbox', () => {
  let world: FaultWorld;
  let customer: CreatedInstallation;
  before(async () => {
    world = await startFaultWorld({ services: 2 });
    customer = await prepareInstall(world.surroundings);
    await control().deliver(customer.event_id);
    await awaitOutcomes(world.surroundings, [customer.event_id]);
  });
  after(() => world?.stop());
  const control = () => world.surroundings.simulator.control;

  /** Delivers them by turns to both, while neither can hand anything over. */
  async function acceptedAndLeft(made: readonly { event_id: string }[]): Promise<void> {
    const waiting = [...made.entries()];
    const sender = async () => {
      for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
        const [index, { event_id: id }] = next;
        const callback_url = `${world.services[index % 2]?.ingressUrl}/webhooks/talkdesk`;
        await eventually('it is accepted', async () => (await control().deliver(id, { callback_url })).status === 200);
      }
    };
    await Promise.all(Array.from({ length: SENDERS }, sender));
    await sleep(STARTS_OVER_MS);
    assert.equal(await count('dispatched_at IS NULL'), made.length);
  }

  async function count(condition: string): Promise<number> {
    const [row] = await world.surroundings.database.query<{ n: number }>(
      `SELECT count(*)::int AS n FROM inbox_event WHERE status <> 'settled' AND ${condition}`,
    );
    return row?.n ?? 0;
  }

  it('hand each event over once: one run reaches its outcome', async () => {
    const made = await prepareInstalls(world.surroundings, INSTALLS);
    const hits = world.wires.temporal.hits();
    world.wires.temporal.cut();
    await acceptedAndLeft(made);
    world.wires.temporal.mend();
    await assertHealed(world, {
      name: 'two sweepers, hand-over cut off at the acknowledgement',
      hit: `${made.length} events accepted and none handed over; ${world.wires.temporal.hits() - hits} connections to Temporal ended or refused`,
      outcomes: all(made, 'approved'),
    });
    for (const { account_id: accountId, event_id: eventId } of made) {
      assert.deepEqual(await outcomesInRuns(world, accountId), [{ eventId, outcome: 'approved' }]);
    }
    await eventually('the sweepers say that they handed them over, or tried to', async () => {
      const handed = world.services.flatMap(handedOver);
      const failed = world.services.map(({ logFile }) => countIn(logFile, NOT_HANDED_OVER));
      return [...handed, ...failed].reduce((sum, n) => sum + n, 0) >= made.length;
    });
  });

  it('one is paused with leases in hand: the other does its part, then those whose lease has ended', async () => {
    const made = await Promise.all(
      Array.from({ length: LOGOUTS }, () => control().logout(customer.installation_id, { deliver: false })),
    );
    const [paused, other] = world.services as [FaultyService, FaultyService];
    world.wires.temporal.cut();
    await acceptedAndLeft(made);
    await other.signal('SIGSTOP');
    world.wires.temporal.mend();
    const inHand = 'dispatched_at IS NULL AND dispatch_lease_until > clock_timestamp()';
    const leases = await eventually('it is paused before it is done with what it has taken', async () => {
      if ((await count(inHand)) === 0) return null;
      await paused.signal('SIGSTOP');
      const left = await count(inHand);
      if (left === 0) await paused.signal('SIGCONT');
      return left > 0 && left;
    });
    const before = endsOfWork(paused);
    await other.signal('SIGCONT');
    const ids = made.map(({ event_id: id }) => id);
    await awaitOutcomes(world.surroundings, ids, 120_000);
    await paused.signal('SIGCONT');
    // It goes on with what it had in hand, which is done; or gives up a query whose answer it had not read yet.
    await eventually('it has ended its pass', async () => endsOfWork(paused) > before);
    await assertHealed(world, {
      name: 'two sweepers, one paused with leases in hand',
      hit: `${leases} of ${made.length} events in the hands of the paused one`,
      outcomes: all(made, 'recorded'),
    });
  });
});

/** How often its log says that a pass, or an event in one, has come to an end. */
function endsOfWork({ logFile }: FaultyService): number {
  return countIn(logFile, /sweeper handed events over|event not handed over"|sweeper could not finish its pass/g);
}

function countIn(logFile: string, words: RegExp): number {
  return [...readFileSync(logFile, 'utf8').matchAll(words)].length;
}

/** How many events each pass of a process handed over, from its log. */
function handedOver({ logFile }: FaultyService): number[] {
  return [...readFileSync(logFile, 'utf8').matchAll(/"handedOver":(\d+)/g)].map(([, n]) => Number(n));
}
