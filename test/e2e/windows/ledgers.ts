import assert from 'node:assert/strict';
import { WorkflowNotFoundError } from '@temporalio/client';
import type { FactName } from '../../../contracts/facts.js';
import { wakeSignal } from '../../../contracts/messages.js';
import { eventually } from '../../support/eventually.js';
import type { HistoryEvent } from '../../support/histories.js';
import type { MovingTime } from '../../support/moving-time.js';
import { awaitOutcomes } from '../../support/outcomes.js';
import type { CreatedInstallation, InstallationInput } from '../../support/simulator-types.js';

export const MINUTE_MS = 60_000;
export const HOUR_MS = 60 * MINUTE_MS;
export const DAY_MS = 24 * HOUR_MS;
/** Talkdesk's window, as the contract has it (talkdesk-api.md 7.1). */
export const WINDOW_MS = 7 * DAY_MS;

/** More than any test asks for. */
const ALWAYS = 1_000_000;

/** When what kept a process from its answer is mended, seen from the close. */
export const MENDED = {
  'one minute before the close': -MINUTE_MS,
  'at the close': 0,
  'one minute after the close': MINUTE_MS,
  'two days after the close': 2 * DAY_MS,
} as const;
export type Mended = keyof typeof MENDED;
export const mendedTimes = Object.entries(MENDED) as [Mended, number][];

/** How a process stands, in our tables, at Talkdesk and in the product. */
export interface Standing {
  outcome: string | null;
  /** none, registered or done. */
  undo: string;
  talkdesk: string;
  /** Verbs that took effect on the process, in their order. */
  decided: string[];
  /** Status of the product's account; null: it never had one. */
  product: string | null;
}

/** Most events in the history of a run that is stuck for a whole window. */
const LONGEST_HISTORY = 80;

/** An account as the product has it. */
export interface ProductAccountRow {
  status: string;
  plan: string | null;
  licenses: number | null;
  /** Active users. */
  users: number;
}

/** What the ledgers and tables of a running `MovingTime` say; none of it is the service's word. */
export function ledgersOf(moving: MovingTime) {
  const { surroundings } = moving;
  const { control } = surroundings.simulator;
  const { database, product } = surroundings;

  const runOf = (installed: CreatedInstallation) =>
    moving.env.client.workflow.getHandle(`${installed.app_id}/${installed.account_id}`);

  async function processOf(eventId: string) {
    const [row] = await database.query<{
      outcome: string | null;
      outcome_at: Date | null;
      undo: string;
      parked_reason: string | null;
      warnings: string[];
    }>('SELECT outcome, outcome_at, undo, parked_reason, warnings FROM process WHERE event_id = $1', [eventId]);
    if (row === undefined) throw new Error(`no process of event ${eventId}`);
    return row;
  }

  async function accountOf({ account_id }: CreatedInstallation): Promise<ProductAccountRow | null> {
    const [row] = await product.query<ProductAccountRow>(
      `SELECT a.status, a.plan_name AS plan, a.licenses,
              (SELECT count(*)::int FROM account_user u WHERE u.account_id = a.account_id AND u.active) AS users
         FROM account a WHERE a.talkdesk_account_id = $1`,
      [account_id],
    );
    return row ?? null;
  }

  async function standingOf(installed: CreatedInstallation, eventId: string): Promise<Standing> {
    const row = await processOf(eventId);
    const view = await control.installation(installed.installation_id);
    const decided = view.decisions.filter(({ effective, process }) => effective && process?.event_id === eventId);
    return {
      outcome: row.outcome,
      undo: row.undo,
      talkdesk: view.state,
      decided: decided.map(({ verb }) => verb),
      product: (await accountOf(installed))?.status ?? null,
    };
  }

  async function historyOf(installed: CreatedInstallation): Promise<readonly HistoryEvent[]> {
    return (await runOf(installed).fetchHistory()).events ?? [];
  }

  /** The time, in whole seconds as events have it; the clocks follow the server's, which may have gone on after a run's end. */
  async function secondNow(): Promise<number> {
    await moving.sleepUntil(moving.nowMs());
    return Math.floor(moving.nowMs() / 1_000) * 1_000;
  }

  return {
    runOf,
    processOf,
    accountOf,

    /** History of the account's newest run. */
    historyOf,

    /** Compares how a process stands on all sides, as far as `expected` says; and the length of its run's history. */
    async assertStanding(
      installed: CreatedInstallation,
      expected: Partial<Standing>,
      options: { eventId?: string; what?: string } = {},
    ): Promise<void> {
      const { eventId = installed.event_id, what = installed.account_name } = options;
      const standing = await standingOf(installed, eventId);
      assert.deepEqual(standing, { ...standing, ...expected }, what);
      const events = (await historyOf(installed)).length;
      assert.ok(events <= LONGEST_HISTORY, `${what}: ${events} events`);
    },

    /** Steps of a process that the product was called for, by their idempotency keys, in the order of their last call. */
    async productSteps(eventId: string): Promise<{ step: string; lastMs: number }[]> {
      const rows = await product.query<{ step: string; last_at: Date }>(
        `SELECT split_part(idempotency_key, ':', 3) AS step, last_at FROM call_ledger
          WHERE split_part(idempotency_key, ':', 2) = $1 ORDER BY last_at, idempotency_key`,
        [eventId],
      );
      return rows.map(({ step, last_at }) => ({ step, lastMs: last_at.getTime() }));
    },

    /**
     * Nothing answers for this installation but what the faults before say, until the faults are cleared. First what an attempt looks at
     * before it sends: of a batch whose answer is held, the next attempt is at most 1.5 s away.
     */
    async cutOff({ installation_id }: { installation_id: string }): Promise<void> {
      for (const route of ['installation', 'token', 'state', 'credentials-state'] as const) {
        await control.fault({ route, kind: 'status', status: 503, times: ALWAYS, installation_id });
      }
    },

    /** An installation that was approved long ago. */
    async installed(name: string, more: Partial<InstallationInput> = {}): Promise<CreatedInstallation> {
      await secondNow();
      const made = await control.createInstallation({ app_id: surroundings.appId, account_name: name, ...more });
      assert.deepEqual(await awaitOutcomes(surroundings, [made.event_id]), ['approved']);
      await eventually('its run has ended', async () => (await runOf(made).describe()).status.name === 'COMPLETED');
      return made;
    },

    secondNow,

    /** Product and Talkdesk answer again. */
    async mend(): Promise<void> {
      await product.up();
      await control.clearFaults();
    },

    /** Waits until the service tells of this moment of an event. */
    async untilFact(eventId: string, name: FactName): Promise<void> {
      await eventually(`${name} of event ${eventId}`, async () =>
        moving.service.facts.some((fact) => fact.eventId === eventId && fact.name === name),
      );
    },

    /** An operator's wake-up, unless the run has ended meanwhile. */
    async wakeUp(installed: CreatedInstallation): Promise<void> {
      await runOf(installed)
        .signal(wakeSignal)
        .catch((error: unknown) => {
          if (!(error instanceof WorkflowNotFoundError)) throw error;
        });
    },

    /** Waits until Talkdesk was asked so often on this route in the name of the installation. */
    async untilAsked({ installation_id }: { installation_id: string }, route: string, times = 1): Promise<void> {
      await eventually(`${route} of ${installation_id} is asked for`, async () => {
        return (await control.requests({ installation_id, route })).length >= times;
      });
    },

    /** Waits until Talkdesk has taken a decision of the installation whose answer is held back. */
    async untilHeld({ installation_id }: { installation_id: string }): Promise<void> {
      await eventually(`the answer to a decision on ${installation_id} is held`, async () => {
        return (await control.holds()).some((hold) => hold.installation_id === installation_id);
      });
    },

    /**
     * Lets time pass until the runs of these accounts have ended. One after the other: each wait for a result lets the server skip time, and
     * two at once let it skip while an activity runs, and one for a run that has ended lets it skip anywhere.
     */
    async untilQuiet(...installations: CreatedInstallation[]): Promise<void> {
      for (const installed of installations) {
        await eventually('the run has begun', async () => (await runOf(installed).describe()) !== null);
      }
      for (const installed of installations) {
        if ((await runOf(installed).describe()).status.name === 'RUNNING') await runOf(installed).result();
      }
    },
  };
}
export type Ledgers = ReturnType<typeof ledgersOf>;
