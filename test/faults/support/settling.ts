import assert from 'node:assert/strict';
import { wakeSignal } from '../../../contracts/messages.js';
import { eventually } from '../../support/eventually.js';
import type { Surroundings } from '../../support/stack.js';
import { diagnosis } from './diagnosis.js';
import { operatorOf } from './in-flight.js';
import { openRuns } from './temporal-at-rest.js';
import type { FaultWorld } from './world.js';

interface OpenEvent {
  id: string;
  type: string;
  app_id: string;
  account_id: string;
  installation_id: string;
}

/**
 * Waits until everything has its outcome and every run has closed (I2). One thing has a deadline of its own: the uninstall of an installation
 * that Talkdesk has ended already, so that its credentials are dead, is believed after twenty minutes (docs/lifecycle.md);
 * for such, the time is moved. Gives how many there were.
 *
 * @param limitMs longest wait after healing, and again after the time was moved
 * @throws AssertionError with what the open events wait for
 */
export async function awaitRest(world: FaultWorld, limitMs: number): Promise<number> {
  const { surroundings } = world;
  const rest = async (what: string, look: () => Promise<boolean>) => {
    await eventually(what, look, limitMs).catch(async (error: Error) => {
      assert.fail([error.message, ...(await diagnosis(surroundings))].join('\n'));
    });
  };
  let waiting: OpenEvent[] = [];
  await rest('every event has its outcome, and every run has closed', async () => {
    const open = await openEvents(surroundings);
    waiting = await deadUninstalls(surroundings, open);
    return open.length === waiting.length && (await openRuns(surroundings)) <= waiting.length;
  });
  if (waiting.length === 0) return 0;

  const client = await operatorOf(world);
  try {
    for (const { id, app_id: appId, account_id: accountId } of waiting) {
      await surroundings.database.query(
        `UPDATE process SET taken_at = taken_at - interval '21 minutes' WHERE event_id = $1`,
        [id],
      );
      await client.workflow.getHandle(`${appId}/${accountId}`).signal(wakeSignal);
    }
  } finally {
    await client.connection.close();
  }
  await rest('every uninstall without credentials has its outcome, too', async () => {
    return (await openEvents(surroundings)).length === 0 && (await openRuns(surroundings)) === 0;
  });
  return waiting.length;
}

async function openEvents({ database }: Surroundings): Promise<OpenEvent[]> {
  return await database.query<OpenEvent & Record<string, unknown>>(
    `SELECT id, type, app_id, account_id, installation_id FROM inbox_event WHERE status <> 'settled'`,
  );
}

async function deadUninstalls({ simulator }: Surroundings, open: OpenEvent[]): Promise<OpenEvent[]> {
  const uninstalls = open.filter(({ type }) => type === 'app.uninstalled');
  if (uninstalls.length === 0) return [];
  const ended = new Set(
    (await simulator.control.installations())
      .filter(({ state }) => state === 'revoked')
      .map(({ installation_id: id }) => id),
  );
  return uninstalls.filter(({ installation_id: id }) => ended.has(id));
}
