import assert from 'node:assert/strict';
import { type Client, type WorkflowHandle, WorkflowNotFoundError } from '@temporalio/client';
import { wakeSignal } from '../../../contracts/messages.js';
import { eventually } from '../../support/eventually.js';
import type { Surroundings } from '../../support/stack.js';
import { diagnosis } from './diagnosis.js';
import { asOperator } from './operator.js';
import { openRuns } from './temporal-at-rest.js';
import type { FaultWorld } from './world.js';

/** Longer than an attempt lasts (activities/attempts.ts), but for one that moves thousands of users. */
const ATTEMPT_LIMIT_MS = 20_000;

interface OpenEvent {
  id: string;
  type: string;
  app_id: string;
  account_id: string;
  installation_id: string;
}

/**
 * Waits until everything has its outcome and every run has closed (I2). Two things have a time of their own, to which the time is moved: the
 * uninstall of an installation that Talkdesk has ended already, so that its credentials are dead, is believed after twenty minutes
 * (docs/lifecycle.md); and what has failed often, or for its credentials, is tried again within five minutes (talkdesk-api.md 6). Gives how
 * many there were.
 *
 * @param limitMs longest wait after healing, and again after the time was moved
 * @throws AssertionError with what the open events wait for
 */
export async function awaitRest(world: FaultWorld, limitMs: number): Promise<number> {
  const { surroundings } = world;
  const failWith = async (error: Error) => assert.fail([error.message, ...(await diagnosis(surroundings))].join('\n'));
  let open: OpenEvent[] = [];
  let dead: OpenEvent[] = [];
  const isSettled = async () => {
    open = await openEvents(surroundings);
    dead = await deadUninstalls(surroundings, open);
    return open.length === dead.length && (await openRuns(surroundings)) <= dead.length;
  };
  await eventually('every event has its outcome, and every run has closed', isSettled, limitMs).catch(
    async (error: Error) => {
      // An attempt that is under way just then ends, or plans the next one.
      const isAtRest = async () => {
        if (await isSettled()) return true;
        const alive = open.filter((event) => !dead.includes(event));
        return alive.length > 0 && (await asOperator(surroundings, (client) => allSleep(client, alive)));
      };
      await eventually('the others wait for their next attempt', isAtRest, ATTEMPT_LIMIT_MS).catch(() =>
        failWith(error),
      );
    },
  );
  if (open.length === 0) return 0;

  for (const { id } of dead) {
    await surroundings.database.query(
      `UPDATE process SET taken_at = taken_at - interval '21 minutes' WHERE event_id = $1`,
      [id],
    );
  }
  await asOperator(surroundings, async (client) => {
    for (const event of open) await runOf(client, event).signal(wakeSignal).catch(unlessClosed);
  });
  await eventually(
    'what waited for its time has its outcome, too',
    async () => (await openEvents(surroundings)).length === 0 && (await openRuns(surroundings)) === 0,
    limitMs,
  ).catch(failWith);
  return open.length;
}

/** A run that has come to its end since it was looked at needs no waking. */
function unlessClosed(error: unknown): void {
  if (!(error instanceof WorkflowNotFoundError)) throw error;
}

function runOf(client: Client, { app_id: appId, account_id: accountId }: OpenEvent): WorkflowHandle {
  return client.workflow.getHandle(`${appId}/${accountId}`);
}

/** Whether the run of each of the events waits for the planned time of its next attempt, and for nothing else. */
async function allSleep(client: Client, events: readonly OpenEvent[]): Promise<boolean> {
  const attempts = await Promise.all(
    events.map(async (event) => (await runOf(client, event).describe()).raw.pendingActivities ?? []),
  );
  const isPlanned = ({ scheduledTime }: (typeof attempts)[number][number]) =>
    Number(scheduledTime?.seconds ?? 0) * 1_000 > Date.now();
  return attempts.every((pending) => pending.length > 0 && pending.every(isPlanned));
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
