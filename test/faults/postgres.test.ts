import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { eventually } from '../support/eventually.js';
import { all, assertHealed, openEvents } from './support/aftermath.js';
import { holdAnInstall, prepareInstall } from './support/installs.js';
import { type FaultWorld, startFaultWorld } from './support/world.js';

/** The inbox answers 503 after 3 s; the rest is for a machine that has other things to do. */
const ANSWER_LIMIT_MS = 10_000;
/** Longer than the driver waits for the answer to a statement (6 s), so that it gives its connections up. */
const HALF_OPEN_MS = 8_000;
const RESTARTS = 3;
const BETWEEN_RESTARTS_MS = 5_000;
const CUSTOMER_EVERY_MS = 400;

describe('PostgreSQL, or the way to it, is gone', () => {
  let world: FaultWorld;
  before(async () => {
    world = await startFaultWorld({ services: 1 });
  });
  after(() => world?.stop());
  const control = () => world.surroundings.simulator.control;

  /** A delivery meanwhile is answered 503, in time. Gives after how long. */
  async function refused(eventId: string): Promise<number> {
    const { status, ms } = await control().deliver(eventId);
    assert.equal(status, 503);
    assert.ok(ms < ANSWER_LIMIT_MS, `the sender waited ${ms} ms`);
    return Math.round(ms);
  }

  it('stopped: 503 until it is back, then what was under way and what came again settle', async () => {
    const { made, release } = await holdAnInstall(world.surroundings);
    const late = await prepareInstall(world.surroundings);
    await world.postgres.stop();
    const ms = await refused(late.event_id);
    await release();
    await world.postgres.start();
    await assertHealed(world, {
      name: 'PostgreSQL stopped',
      hit: `one install held in its run; a delivery answered 503 after ${ms} ms`,
      outcomes: all([made, late], 'approved'),
    });
  });

  it('killed and restarted every few seconds while installs and updates keep coming', async () => {
    const outcomes: Record<string, string> = {};
    let busy = true;
    const customers = async () => {
      while (busy) {
        const made = await prepareInstall(world.surroundings);
        outcomes[made.event_id] = 'approved';
        await control().deliver(made.event_id);
        const { state } = await control().installation(made.installation_id);
        // Before the install is decided, Talkdesk has nothing to update.
        if (state === 'completed') {
          const updated = await control().update(made.installation_id, { users: 4, licenses: 6 });
          outcomes[updated.event_id] = 'approved';
        }
        await sleep(CUSTOMER_EVERY_MS);
      }
    };
    const coming = customers();
    const open: number[] = [];
    for (let restart = 1; restart <= RESTARTS; restart += 1) {
      await sleep(BETWEEN_RESTARTS_MS);
      const { release, made } = await holdAnInstall(world.surroundings);
      outcomes[made.event_id] = 'approved';
      open.push(await openEvents(world));
      await world.postgres.crash();
      await release();
    }
    busy = false;
    await coming;
    assert.ok(open.every((count) => count > 0));
    assert.ok(Object.keys(outcomes).length > 2 * RESTARTS, 'customers kept coming');
    await assertHealed(world, {
      name: 'PostgreSQL killed and restarted every 5 s under load',
      hit: `${open.join(', ')} events open at the kills, ${Object.keys(outcomes).length} in all`,
      runs: RESTARTS,
      outcomes,
    });
  });

  it('slow: goes on slowly; so slow that a commit outlasts its answer: 503, and one row', async () => {
    const { postgres } = world.wires;
    const slow = await prepareInstall(world.surroundings);
    const late = await prepareInstall(world.surroundings);
    const hits = postgres.hits();
    postgres.slow(100);
    assert.equal((await control().deliver(slow.event_id)).status, 200);
    await eventually('its run goes on', async () => postgres.hits() > hits + 10);
    // There and back: longer than the inbox waits, though the row is written.
    postgres.slow(1_800);
    const ms = await refused(late.event_id);
    postgres.mend();
    await assertHealed(world, {
      name: 'PostgreSQL slow',
      hit: `${postgres.hits() - hits} chunks delayed; a delivery answered 503 after ${ms} ms`,
      outcomes: all([slow, late], 'approved'),
    });
  });

  it('cut off: 503 until the wire is mended', async () => {
    const { postgres } = world.wires;
    const { made, release } = await holdAnInstall(world.surroundings);
    const late = await prepareInstall(world.surroundings);
    const hits = postgres.hits();
    postgres.cut();
    const ms = await refused(late.event_id);
    await release();
    postgres.mend();
    const ended = postgres.hits() - hits;
    assert.ok(ended > 0);
    await assertHealed(world, {
      name: 'network cut between service and PostgreSQL',
      hit: `one install held in its run; ${ended} connections ended or refused; a delivery answered 503 after ${ms} ms`,
      outcomes: all([made, late], 'approved'),
    });
  });

  it('half open, so that no connection says anything: 503 until the wire is mended', async () => {
    const { postgres } = world.wires;
    const { made, release } = await holdAnInstall(world.surroundings);
    const late = await prepareInstall(world.surroundings);
    const hits = postgres.hits();
    postgres.hold();
    const ms = await refused(late.event_id);
    await release();
    await sleep(Math.max(0, HALF_OPEN_MS - ms));
    postgres.mend();
    const held = postgres.hits() - hits;
    assert.ok(held > 0);
    await assertHealed(world, {
      name: 'network between service and PostgreSQL half open',
      hit: `one install held in its run; ${held} connections held; a delivery answered 503 after ${ms} ms`,
      outcomes: all([made, late], 'approved'),
    });
  });
});
