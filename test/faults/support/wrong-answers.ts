import assert from 'node:assert/strict';
import { type Client, WorkflowNotFoundError } from '@temporalio/client';
import { wakeSignal } from '../../../contracts/messages.js';
import { eventually } from '../../support/eventually.js';
import { awaitOutcomes, decidedProcesses } from '../../support/outcomes.js';
import type { CreatedInstallation, FaultView } from '../../support/simulator.js';
import type { Surroundings } from '../../support/stack.js';
import type { Kind, WrongAnswer } from './answers.js';
import { ROUTES } from './answers.js';

/** Until every fault is used up: two attempts of eight seconds and what a busy machine adds. */
const USED_LIMIT_MS = 120_000;
/** Design of this suite: everything settles so long after the fault has ended. */
const HEALING_LIMIT_MS = 60_000;
/** Longer than an attempt that Talkdesk refuses takes, so that it is not interrupted. */
const TRIED_AGAIN_MS = 5_000;
/** Deliveries under way at a time. */
const LANES = 12;

/** A process that meets a wrong answer. */
export interface Met {
  answer: WrongAnswer;
  installed: CreatedInstallation;
  /** Of the install, or of the rotation. */
  eventId: string;
}

/** Lets installs and rotations of accounts of their own meet wrong answers, and sees how they get over them. */
export function createWrongAnswers({ surroundings, client }: { surroundings: Surroundings; client: Client }) {
  const { control } = surroundings.simulator;
  const { appId } = surroundings;

  const runOf = ({ account_id: id }: CreatedInstallation) => client.workflow.getHandle(`${appId}/${id}`);

  async function prepare(answer: WrongAnswer): Promise<Met> {
    const isRotation = answer.route === 'credentials-state';
    const installed = await control.createInstallation({ app_id: appId, users: 2, deliver: isRotation });
    if (!isRotation) return { answer, installed, eventId: installed.event_id };
    assert.deepEqual(await awaitOutcomes(surroundings, [installed.event_id]), ['approved']);
    const rotation = await control.rotate(installed.installation_id, { deliver: false });
    return { answer, installed, eventId: rotation.event_id };
  }

  async function meet({ answer, installed, eventId }: Met): Promise<void> {
    const { route, wrong, times } = answer;
    await control.fault({ ...wrong, route, times, installation_id: installed.installation_id });
    assert.equal((await control.deliver(eventId)).status, 200, 'the event is accepted');
  }

  /** Requests of each installation that met a fault, by the ledger. */
  async function hits(): Promise<Map<string, number>> {
    const counts = new Map<string, number>();
    for (const { fault, installation_id: id, route } of await control.requests()) {
      if (fault === null) continue;
      const key = `${id} ${route}`;
      counts.set(key, (counts.get(key) ?? 0) + 1);
    }
    return counts;
  }

  async function wasParked(eventId: string): Promise<boolean> {
    const rows = await surroundings.database.query(
      `SELECT 1 FROM audit_entry a JOIN process p ON p.id = a.process_id WHERE p.event_id = $1 AND a.action = 'parked'`,
      [eventId],
    );
    return rows.length > 0;
  }

  async function wake({ installed }: Pick<Met, 'installed'>): Promise<void> {
    await runOf(installed)
      .signal(wakeSignal)
      .catch((error: unknown) => {
        // It may have tried again by itself meanwhile, and ended.
        if (!(error instanceof WorkflowNotFoundError)) throw error;
      });
  }

  /** Of what waits: the soonest of its open timers and next attempts, in seconds. */
  async function plannedWaitS({ installed }: Met): Promise<number | null> {
    const handle = runOf(installed);
    const { raw } = await handle.describe();
    const [pending] = raw.pendingActivities ?? [];
    if (pending !== undefined) return seconds(pending.currentRetryInterval);
    const timers = new Map<string, number | null>();
    for (const { timerStartedEventAttributes: started, timerFiredEventAttributes: fired } of (
      await handle.fetchHistory()
    ).events ?? []) {
      if (started) timers.set(String(started.timerId), seconds(started.startToFireTimeout));
      if (fired) timers.delete(String(fired.timerId));
    }
    const waits = [...timers.values()].filter((wait) => wait !== null);
    return waits.length === 0 ? null : Math.min(...waits);
  }

  return {
    wake,
    /** Whether its process ever waited for a person. */
    wasParked,

    /** Waits until the run means to wait for this long before it tries again, and not for less. */
    async untilPlanned(met: Met, waitS: number): Promise<void> {
      let planned: number | null = null;
      await eventually(`${met.answer.route}: the next attempt is planned`, async () => {
        planned = await plannedWaitS(met);
        return planned === waitS;
      }).catch((error: Error) => assert.fail(`${error.message}: in ${planned} s`));
    },

    /** Delivers an event for each kind and route, all at once, each with its own fault. */
    async begin(kinds: readonly Kind[]): Promise<Met[]> {
      const wrong = kinds.flatMap((kind) => ROUTES.map((route) => kind.on(route)));
      const all = await inLanes(wrong, prepare);
      await inLanes(all, meet);
      return all;
    },

    /**
     * Waits until every fault has hit as often as it was to. Where the fault is one that a person mends, that person tries again from time
     * to time, and finds it still there.
     */
    async untilUsed(all: readonly Met[]): Promise<void> {
      const woken = new Map(
        all.filter(({ answer }) => answer.waits !== null).map((met) => [met.installed.installation_id, met] as const),
      );
      let left: FaultView[] = [];
      let lookedMs = performance.now();
      await eventually(
        'every fault was met',
        async () => {
          left = await control.faults();
          if (performance.now() - lookedMs > TRIED_AGAIN_MS) {
            lookedMs = performance.now();
            const parked = left.flatMap(({ installation_id: id }) => woken.get(id ?? '') ?? []);
            await inLanes(parked, wake);
          }
          return left.length === 0;
        },
        USED_LIMIT_MS,
      ).catch((error: Error) => assert.fail(`${error.message}: ${JSON.stringify(left)}`));
    },

    /** After the end of the faults: whoever waits for a person is woken, and everything settles. Gives the outcomes by event id. */
    async settle(all: readonly Met[]): Promise<Map<string, string>> {
      await inLanes(
        all.filter(({ answer }) => answer.waits !== null),
        wake,
      );
      const ids = all.map(({ eventId }) => eventId);
      const outcomes = await awaitOutcomes(surroundings, ids, HEALING_LIMIT_MS);
      return new Map(ids.map((id, index) => [id, outcomes[index] as string]));
    },

    /** Each has ended as an undisturbed process does, with one effective answer. Gives how many requests met a fault. */
    async judge(all: readonly Met[], outcomes: ReadonlyMap<string, string>): Promise<number> {
      const counts = await hits();
      let sum = 0;
      for (const { answer, installed, eventId } of all) {
        const { installation_id: id } = installed;
        const what = `${answer.route} ${answer.name}`;
        const isRotation = answer.route === 'credentials-state';
        assert.equal(outcomes.get(eventId), isRotation ? 'acknowledged' : 'approved', what);
        assert.equal(counts.get(`${id} ${answer.route}`), answer.times, `${what}: requests that met the fault`);
        assert.deepEqual(await decidedProcesses(surroundings, id), ['install approve'], what);
        const { processes } = await control.installation(id);
        const ended = processes.map((process) => `${process.kind} ${process.ended}`);
        const rotated = isRotation ? ['rotation acknowledged'] : [];
        assert.deepEqual(ended, ['install approved', ...rotated], what);
        if (answer.waits === 'parked') assert.ok(await wasParked(eventId), `${what}: parked meanwhile`);
        sum += answer.times;
      }
      return sum;
    },
  };
}
export type WrongAnswers = ReturnType<typeof createWrongAnswers>;

function seconds(duration: { seconds?: unknown } | null | undefined): number | null {
  return duration?.seconds === null || duration?.seconds === undefined ? null : Number(duration.seconds);
}

/** Does the work for each, some at a time; the results in the order of the items. */
async function inLanes<T, R>(items: readonly T[], work: (item: T) => Promise<R>): Promise<R[]> {
  const results: R[] = [];
  let next = 0;
  const lane = async () => {
    for (let index = next++; index < items.length; index = next++) results[index] = await work(items[index] as T);
  };
  await Promise.all(Array.from({ length: LANES }, lane));
  return results;
}
