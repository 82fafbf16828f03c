import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { Client } from 'pg';
import { eventually } from '../support/eventually.js';
import { all, assertHealed, openEvents, rowsOf } from './support/aftermath.js';
import { createDisk } from './support/disk.js';
import { deliverAgain, holdAnInstall, prepareInstall, prepareInstalls } from './support/installs.js';
import { type FaultWorld, startFaultWorld } from './support/world.js';

const POOL = 4;
const SERVER_CONNECTIONS = 30;
/** Enough that what fits into pages begun before the disk was full is soon used up. */
const EVENTS_ON_A_FULL_DISK = 24;

describe('PostgreSQL is there and cannot commit', () => {
  let world: FaultWorld;
  before(async () => {
    world = await startFaultWorld({
      services: 1,
      env: { DATABASE_POOL_MAX: String(POOL) },
      postgresSettings: { max_connections: String(SERVER_CONNECTIONS), superuser_reserved_connections: '0' },
    });
  });
  after(() => world?.stop());
  const control = () => world.surroundings.simulator.control;
  const statuses = (made: readonly { event_id: string }[]) =>
    Promise.all(made.map(async ({ event_id: id }) => (await control().deliver(id)).status));

  it('pool exhausted by statements that wait for a lock: 503, and all settle once it is gone', async () => {
    const made = await prepareInstalls(world.surroundings, 2 * POOL);
    const locker = new Client({ connectionString: world.surroundings.database.url });
    await locker.connect();
    await locker.query('BEGIN; LOCK TABLE inbox_event IN ACCESS EXCLUSIVE MODE');
    const answers = statuses(made);
    const waiting = await eventually('every connection of the pool waits', async () => {
      const { rows } = await locker.query(
        `SELECT count(*)::int AS n FROM pg_locks WHERE relation = 'inbox_event'::regclass AND NOT granted`,
      );
      return rows[0].n >= POOL && rows[0].n;
    });
    assert.deepEqual(
      await answers,
      made.map(() => 503),
    );
    await locker.query('COMMIT');
    await locker.end();
    await assertHealed(world, {
      name: 'connection pool exhausted',
      hit: `${waiting} of ${POOL} connections waiting for a lock; ${made.length} deliveries answered 503`,
      outcomes: all(made, 'approved'),
    });
  });

  it('no connection left on the server: 503, and what was under way settles', async () => {
    const { made, release } = await holdAnInstall(world.surroundings);
    const late = await prepareInstall(world.surroundings);
    const taken: Client[] = [];
    const takeAll = async () => {
      for (;;) {
        const client = new Client({ connectionString: world.surroundings.database.url });
        client.on('error', () => undefined);
        try {
          await client.connect();
          taken.push(client);
        } catch (error) {
          assert.equal((error as { code?: string }).code, '53300');
          return;
        }
      }
    };
    await takeAll();
    world.wires.postgres.reset();
    // Those that the reset has set free, too; the server needs a moment to notice.
    await eventually('the service has no connection', async () => {
      await takeAll();
      return (await control().deliver(late.event_id)).status === 503;
    });
    await release();
    await Promise.all(taken.map((client) => client.end()));
    await assertHealed(world, {
      name: "all of the server's connections taken",
      hit: `one install held in its run; ${taken.length} connections taken; a delivery answered 503`,
      outcomes: all([made, late], 'approved'),
    });
  });

  for (const when of ['before', 'after'] as const) {
    it(`connection reset during the commit of an event, ${when} it was done: 503, then one row`, async () => {
      const made = await prepareInstall(world.surroundings);
      let sprung = 0;
      const reset = world.wires.postgres
        .resetAt((bytes) => bytes.includes(made.event_id), when)
        .then(() => {
          sprung += 1;
        });
      assert.equal((await control().deliver(made.event_id)).status, 503);
      await reset;
      const rows = await rowsOf(world, made.event_id);
      assert.equal(rows, when === 'before' ? 0 : 1);
      await assertHealed(world, {
        name: `connection reset ${when} the commit of an event`,
        hit: `${sprung} reset on its INSERT; answered 503 with ${rows} rows stored`,
        outcomes: all([made], 'approved'),
      });
    });

    it(`connection reset during the commit of an outcome, ${when} it was done: one outcome`, async () => {
      const { made, release } = await holdAnInstall(world.surroundings);
      let sprung = 0;
      const reset = world.wires.postgres
        .resetAt((bytes) => bytes.includes(`install:${made.event_id}`) && bytes.includes('accepted'), when)
        .then(() => {
          sprung += 1;
        });
      await release();
      await reset;
      const decisions = (await control().decisions()).filter(({ installation_id: id }) => id === made.installation_id);
      assert.equal(decisions.filter(({ effective }) => effective).length, 1, 'the approval had taken effect');
      await assertHealed(world, {
        name: `connection reset ${when} the commit of an outcome`,
        hit: `${sprung} reset on the UPDATE of its process row, right after the approval`,
        outcomes: all([made], 'approved'),
      });
    });
  }

  it('disk full: 503, nothing half written, and all settle once there is room', async (t) => {
    const disk = await createDisk(world);
    try {
      t.diagnostic(`the disk: ${disk.how}`);
      const { made: held, release } = await holdAnInstall(world.surroundings);
      const made = await prepareInstalls(world.surroundings, EVENTS_ON_A_FULL_DISK);
      await disk.fill();
      const answers = await statuses(made);
      await release();
      const refused = made.filter((_, index) => answers[index] !== 200);
      assert.ok(refused.length > 0, 'the disk was full');
      assert.deepEqual(
        [...new Set(answers)].filter((status) => status !== 200),
        [503],
      );
      const open = await openEvents(world).catch(() => null);
      await disk.free();
      for (const { event_id: id } of refused) assert.equal(await rowsOf(world, id), 0);
      await deliverAgain(world.surroundings, [held.event_id]);
      await assertHealed(world, {
        name: 'disk full',
        hit: `${disk.how}; ${refused.length} of ${made.length} deliveries answered 503, ${open ?? 'unknown'} events open`,
        outcomes: all([held, ...made], 'approved'),
      });
    } finally {
      await disk.remove();
    }
  });
});
