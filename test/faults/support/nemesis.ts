import { setTimeout as sleep } from 'node:timers/promises';
import { type Draws, drawsOf } from './random.js';
import type { FaultWorld } from './world.js';

/** One thing that was done, as the operation log keeps it. */
export interface Operation {
  /** Milliseconds since the beginning. */
  atMs: number;
  /** What it was, in words, and what came of it where that is not plain. */
  what: string;
  /** Whether it was a fault rather than something that a customer does. */
  fault: boolean;
}

/** How long and how much. */
export interface NemesisOptions {
  seed: number;
  lastsMs: number;
  /** New installations stop coming at this number. */
  installationsMax: number;
  say(operation: Operation): void;
}

/** How a line of the log begins where nothing came of what was drawn. */
const NOT_DONE = 'not done';

/** Mean time between two things that customers do, and between two faults. */
const CUSTOMER_EVERY_MS = 110;
const FAULT_EVERY_MS = 1_500;

/** A thing that may be done, and how often it is drawn beside the others. */
interface Choice {
  weight: number;
  act(world: FaultWorld, draws: Draws): Promise<string>;
}

const routes = ['token', 'account', 'installation', 'users', 'subscription', 'state', 'credentials-state'] as const;

async function install({ surroundings }: FaultWorld, draws: Draws): Promise<string> {
  const { simulator, appId } = surroundings;
  const made = await simulator.control.createInstallation({ app_id: appId, users: 1 + draws.below(5) });
  return `install ${made.installation_id}`;
}

/** Something that happens to an installation that exists; a refusal of Talkdesk, such as one for its state, is part of the story. */
function toAnInstallation(
  what: string,
  act: (world: FaultWorld, id: string, draws: Draws) => Promise<unknown>,
): Choice['act'] {
  return async (world, draws) => {
    const all = await world.surroundings.simulator.control.installations();
    const drawn = draws.next();
    const chosen = all[Math.floor(drawn * all.length)];
    if (chosen === undefined) return `${what}: nothing is installed yet`;
    const refusal = await act(world, chosen.installation_id, draws).then(
      () => '',
      (error: Error) => ` (${error.message})`,
    );
    return `${what} ${chosen.installation_id}${refusal}`;
  };
}

const customers: Choice[] = [
  { weight: 6, act: install },
  {
    weight: 3,
    act: toAnInstallation('update', ({ surroundings }, id, draws) =>
      surroundings.simulator.control.update(id, { users: 1 + draws.below(8), licenses: 1 + draws.below(20) }),
    ),
  },
  {
    weight: 2,
    act: toAnInstallation('uninstall', ({ surroundings }, id) => surroundings.simulator.control.uninstall(id)),
  },
  {
    weight: 2,
    act: toAnInstallation('rotate', async ({ surroundings: { simulator } }, id, draws) => {
      const kind = draws.next() < 0.8 ? 'routine' : 'compromised';
      const [last] = (await simulator.control.events({ installation_id: id, type: 'app.credentials_rotated' })).slice(
        -1,
      );
      // Events have whole seconds: of two rotations within one, the newer may be taken for the older.
      if (last !== undefined && Date.parse(last.created_at) + 1_000 > Date.now())
        throw new Error('in a second of its own');
      return await simulator.control.rotate(id, { kind });
    }),
  },
  {
    weight: 2,
    act: toAnInstallation('deliver twice', async ({ surroundings }, id) => {
      const { control } = surroundings.simulator;
      const last = (await control.events({ installation_id: id })).at(-1);
      if (last !== undefined) await Promise.all([control.deliver(last.event_id), control.deliver(last.event_id)]);
    }),
  },
];

const faults: Choice[] = [
  {
    weight: 3,
    async act(world, draws) {
      const index = draws.below(world.services.length);
      await world.killService(index);
      await world.heal();
      return `kill -9 of service ${index + 1}, and another one in its place`;
    },
  },
  {
    weight: 2,
    async act(world, draws) {
      const service = draws.pick(world.services);
      const ms = 500 + draws.below(6_000);
      await service.signal('SIGSTOP');
      await sleep(ms);
      await service.signal('SIGCONT');
      return `service frozen for ${ms} ms`;
    },
  },
  {
    weight: 2,
    async act({ temporal }, draws) {
      const ms = draws.below(3_000);
      await temporal.kill();
      await sleep(ms);
      await temporal.restart();
      return `Temporal killed, back after ${ms} ms`;
    },
  },
  {
    weight: 2,
    async act({ postgres }) {
      await postgres.crash();
      return 'PostgreSQL killed, and started on the same files';
    },
  },
  {
    weight: 2,
    async act({ postgres }) {
      await postgres.dropConnections();
      return "every connection to the service's database ended";
    },
  },
  {
    weight: 2,
    async act({ surroundings }, draws) {
      const ms = 500 + draws.below(3_000);
      await surroundings.product.down();
      await sleep(ms);
      await surroundings.product.up();
      return `product down for ${ms} ms`;
    },
  },
  {
    weight: 3,
    async act({ wires }, draws) {
      const name = draws.pick(['postgres', 'temporal', 'product'] as const);
      const how = draws.pick(['cut', 'hold', 'reset'] as const);
      const ms = draws.below(3_000);
      wires[name][how]();
      await sleep(ms);
      wires[name].mend();
      return `wire to ${name}: ${how}, mended after ${ms} ms`;
    },
  },
  {
    weight: 6,
    async act({ surroundings }, draws) {
      const route = draws.pick(routes);
      const status = draws.pick([401, 429, 500, 502, 503]);
      const times = 1 + draws.below(5);
      const when = draws.pick(['before', 'after'] as const);
      await surroundings.simulator.control.fault({ route, kind: 'status', status, times, when });
      return `${times} × ${status} ${when} the effect on ${route}`;
    },
  },
  {
    weight: 4,
    async act({ surroundings }, draws) {
      const route = draws.pick(routes);
      const times = 1 + draws.below(3);
      const when = draws.pick(['before', 'after'] as const);
      await surroundings.simulator.control.fault({ route, kind: 'reset', times, when });
      return `${times} × connection reset ${when} the effect on ${route}`;
    },
  },
];

function drawn(choices: readonly Choice[], draws: Draws): Choice {
  return draws.pick(choices.flatMap((choice) => Array<Choice>(choice.weight).fill(choice)));
}

/** Lets customers and faults loose on the world for a while. What is drawn depends on the seed alone, not on what came of it. */
export async function unleash(world: FaultWorld, options: NemesisOptions): Promise<void> {
  const startedMs = performance.now();
  const elapsed = () => Math.round(performance.now() - startedMs);
  let installations = 0;

  async function run(choices: readonly Choice[], everyMs: number, draws: Draws): Promise<void> {
    while (elapsed() < options.lastsMs) {
      const choice = drawn(choices, draws);
      // Each takes draws of its own, so that the next one does not depend on how this one went.
      const own = drawsOf(draws.below(2 ** 31));
      const pauseMs = draws.next() * 2 * everyMs;
      if (choice.act === install && ++installations > options.installationsMax) continue;
      const atMs = elapsed();
      const what = await choice.act(world, own).catch((error: Error) => `${NOT_DONE}: ${error.message}`);
      options.say({ atMs, what, fault: choices === faults && !what.startsWith(NOT_DONE) });
      await sleep(pauseMs);
    }
  }

  await Promise.all([
    run(customers, CUSTOMER_EVERY_MS, drawsOf(options.seed)),
    run(faults, FAULT_EVERY_MS, drawsOf(options.seed ^ 0x9e3779b9)),
  ]);
}
