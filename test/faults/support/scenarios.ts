import { eventually } from '../../support/eventually.js';
import type { CreatedInstallation } from '../../support/simulator.js';
import { awaitOutcomes } from '../../support/outcomes.js';
import type { Surroundings } from '../../support/stack.js';

/** One kind of process, from its start to its expected end. */
export interface Scenario {
  name: 'install' | 'update' | 'uninstall' | 'rotation';
  /** Everything that comes before the first event in question; what it gives serves the next one too, unless it is used up. */
  prepare(surroundings: Surroundings): Promise<CreatedInstallation | null>;
  /** Makes the event and gives its id and its installation; the simulator delivers it. */
  act(
    surroundings: Surroundings,
    prepared: CreatedInstallation | null,
  ): Promise<{ eventId: string; installationId: string }>;
  /** The outcome that it must have, whatever was killed on the way. */
  outcome: string;
  /** The installation's state at Talkdesk at the end. */
  state: string;
  /** Whether the installation is gone at the end, so that the next event needs another one. */
  usesUp: boolean;
}

async function installed(surroundings: Surroundings): Promise<CreatedInstallation> {
  const made = await surroundings.simulator.control.createInstallation({ app_id: surroundings.appId, users: 3 });
  await awaitOutcomes(surroundings, [made.event_id]);
  return made;
}

/**
 * Events have whole seconds, and their order within one is that of their ids: a rotation in the second of the one before may be the
 * older of the two, and is then superseded.
 */
async function nextSecond(): Promise<void> {
  const second = () => Math.floor(Date.now() / 1_000);
  const now = second();
  await eventually('the next second has begun', async () => second() > now);
}

type Act = 'update' | 'uninstall' | 'rotate';

function later(
  name: Scenario['name'],
  act: Act,
  inputOf: (nth: number) => object,
  outcome: string,
  state: string,
): Scenario {
  let acts = 0;
  return {
    name,
    outcome,
    state,
    usesUp: act === 'uninstall',
    prepare: installed,
    async act({ simulator }, prepared) {
      const { installation_id: installationId } = prepared as CreatedInstallation;
      if (act === 'rotate') await nextSecond();
      const { event_id: eventId } = await simulator.control[act](installationId, inputOf(acts++));
      return { eventId, installationId };
    },
  };
}

/** The four processes that Talkdesk waits for (talkdesk-api.md 7.1). */
export const scenarios: Scenario[] = [
  {
    name: 'install',
    outcome: 'approved',
    state: 'completed',
    usesUp: true,
    prepare: async () => null,
    async act({ simulator, appId }) {
      const made = await simulator.control.createInstallation({ app_id: appId, users: 3 });
      return { eventId: made.event_id, installationId: made.installation_id };
    },
  },
  // Other settings each time, so that one that is lost shows.
  later(
    'update',
    'update',
    (nth) => ({ users: 2 + (nth % 7), plan: 'Paid Max', licenses: 9 + (nth % 5) }),
    'approved',
    'completed',
  ),
  later('uninstall', 'uninstall', () => ({}), 'approved', 'revoked'),
  later('rotation', 'rotate', () => ({}), 'acknowledged', 'completed'),
];
