import { setTimeout as sleep } from 'node:timers/promises';
import { eventually } from '../../support/eventually.js';
import { awaitOutcomes } from '../../support/outcomes.js';
import type { Surroundings } from '../../support/stack.js';
import { type Half, startHalf } from './halves.js';
import { type Answers, approveMoments, many, minutesAgo, type SignedDelivery, sendAtRate } from './load.js';
import type { FaultWorld } from './world.js';

const CUSTOMERS_AT_ONCE = 8;

/** What was seen while a backlog drained. */
export interface Drain {
  /** From the return of everything until the last event of the backlog had its outcome. */
  ms: number;
  /** Most runs out of the backlog that were under way at a time. */
  openMax: number;
  /** Milliseconds from the first delivery to the effective approve, of installs that came meanwhile. */
  freshMs: number[];
}

/** A scaled service, an ingress and a worker, whose whole surroundings fail together. */
export interface Outage {
  ingress: Half;
  /** Installs so many customers and waits for them. */
  install(count: number): Promise<string[]>;
  /** Ends the workers, and takes Temporal, the product and Talkdesk's API away. */
  begin(): Promise<void>;
  deliver(deliveries: readonly SignedDelivery[], perSecond: number): Promise<Answers>;
  /** Events that wait for a hand-over. */
  waiting(): Promise<number>;
  /** Brings everything back. */
  end(): Promise<void>;
  /**
   * Waits until every event is settled; an install of a new tenant comes `freshPerSecond` times a second meanwhile.
   * @param options.progress told how many are left, several times a second
   */
  drain(options: { freshPerSecond: number; limitMs: number; progress?(left: number): void }): Promise<Drain>;
  stop(): Promise<void>;
}

/** Starts ingress and worker in a world without services. */
export async function createOutage(world: FaultWorld): Promise<Outage> {
  const { surroundings } = world;
  const { control } = surroundings.simulator;
  const ingress = await startHalf(surroundings, 'api', 'ingress');
  let workers = 1;
  let worker = await startHalf(surroundings, 'worker', 'worker-1');

  return {
    ingress,
    async install(count) {
      const ids: string[] = [];
      while (ids.length < count) {
        const batch = await many(Math.min(CUSTOMERS_AT_ONCE, count - ids.length), () =>
          control.createInstallation({
            app_id: surroundings.appId,
            users: 2,
            plan: 'Paid Max',
            created_at: minutesAgo(60),
          }),
        );
        await awaitOutcomes(
          surroundings,
          batch.map(({ event_id: id }) => id),
        );
        ids.push(...batch.map(({ installation_id: id }) => id));
      }
      return ids;
    },
    async begin() {
      await worker.end('SIGKILL');
      await world.temporal.kill();
      await surroundings.product.down();
      await control.fault({ route: 'any', kind: 'reset', probability: 1 });
    },
    deliver: (deliveries, perSecond) => sendAtRate(ingress.ingressUrl, deliveries, perSecond),
    waiting: () =>
      count(
        surroundings,
        `SELECT count(*)::int AS n FROM inbox_event WHERE status <> 'settled' AND dispatched_at IS NULL`,
      ),
    async end() {
      await control.clearFaults();
      await surroundings.product.up();
      await world.temporal.restart();
      workers += 1;
      worker = await startHalf(surroundings, 'worker', `worker-${workers}`);
    },
    async drain({ freshPerSecond, limitMs, progress }) {
      const startedMs = performance.now();
      const fresh: string[] = [];
      let openMax = 0;
      let endedMs: number | null = null;
      const freshOnes = async () => {
        for (let n = 0; endedMs === null; n += 1) {
          await sleep(Math.max(0, startedMs + (n * 1_000) / freshPerSecond - performance.now()));
          const made = await control.createInstallation({ app_id: surroundings.appId, users: 2 });
          fresh.push(made.event_id);
        }
      };
      const watching = async () => {
        await eventually(
          'the backlog is settled',
          async () => {
            openMax = Math.max(openMax, await openOfBacklog(surroundings));
            await sleep(200);
            const left = await backlogLeft(surroundings);
            progress?.(left);
            return left === 0;
          },
          limitMs,
        ).finally(() => {
          endedMs = performance.now();
        });
      };
      await Promise.all([freshOnes(), watching()]);
      await awaitOutcomes(surroundings, fresh);
      return { ms: (endedMs ?? 0) - startedMs, openMax, freshMs: await approveTimes(surroundings, fresh) };
    },
    async stop() {
      await worker.end('SIGKILL');
      await ingress.end('SIGKILL');
    },
  };
}

async function count({ database }: Surroundings, sql: string): Promise<number> {
  return (await database.query<{ n: number }>(sql))[0]?.n ?? 0;
}

/** What the ingress handed over itself was never claimed by a sweeper. */
const backlogLeft = (surroundings: Surroundings) =>
  count(
    surroundings,
    `SELECT count(*)::int AS n FROM inbox_event
      WHERE status <> 'settled' AND (dispatch_attempts > 0 OR (dispatched_at IS NULL AND stored_at < now() - interval '3 s'))`,
  );

const openOfBacklog = (surroundings: Surroundings) =>
  count(
    surroundings,
    `SELECT count(DISTINCT account_id)::int AS n FROM inbox_event
      WHERE status <> 'settled' AND dispatch_attempts > 0 AND type <> 'user.logout'
        AND (dispatched_at > now() - interval '5 s' OR dispatch_lease_until > now())`,
  );

/** From the simulator's ledger alone. */
async function approveTimes(surroundings: Surroundings, eventIds: readonly string[]): Promise<number[]> {
  const sentAt = new Map(
    (await surroundings.simulator.control.events()).map(({ event_id: id, attempts }) => [id, attempts[0]?.at ?? '']),
  );
  const decidedAt = await approveMoments(surroundings, eventIds);
  return eventIds.map((eventId, index) => (decidedAt[index] as number) - Date.parse(sentAt.get(eventId) ?? ''));
}
