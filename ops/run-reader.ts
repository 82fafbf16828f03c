import { setTimeout as sleep } from 'node:timers/promises';
import type { Client } from '@temporalio/client';
import { tsToMs } from '@temporalio/common/lib/time.js';
import { OperatorError } from './errors.js';
import { isBusy, isNotFound, isTimeUp } from './temporal-words.js';
import type { History } from './told.js';

/** Histories asked for at a time. */
const PARALLEL = 8;
/** Waits before a call is made again that met a busy server. */
const PAUSES_MS = [500, 2_000, 5_000];

/** A run in Temporal's list. */
export interface ListedRun {
  workflowId: string;
  runId: string;
  type: string;
  startedMs: number;
  isOpen: boolean;
}

/** How long reading may take. */
export interface ReadLimits {
  /** One call to Temporal. */
  callMs: number;
  /** All of them. */
  allMs: number;
  /** How often it is said how far the reading is. */
  sayEveryMs: number;
}

/** Reads runs, tens of thousands of them if need be. */
export interface RunReader {
  /** Those that match, oldest start first. */
  list(query: string): Promise<ListedRun[]>;
  /** What `read` makes of the history of each run, in their order; of a run that Temporal no longer keeps, null. */
  histories<T>(runs: readonly ListedRun[], read: (history: History, run: ListedRun) => T): Promise<(T | null)[]>;
}

/**
 * Creates a reader, whose time begins now.
 *
 * @param deps.say hears how far the reading is, from time to time
 */
export function createRunReader(deps: { client: Client; limits: ReadLimits; say(progress: string): void }): RunReader {
  const { client, limits, say } = deps;
  const { namespace } = client.options;
  const endsAtMs = Date.now() + limits.allMs;
  let progress = 'no run is found';
  let saidAtMs = Date.now();

  function reached(text: string): void {
    progress = text;
    if (Date.now() - saidAtMs < limits.sayEveryMs) return;
    saidAtMs = Date.now();
    say(`${text} …`);
  }

  async function call<T>(work: () => Promise<T>): Promise<T> {
    for (const pauseMs of [...PAUSES_MS, null]) {
      const deadlineMs = Math.min(Date.now() + limits.callMs, endsAtMs);
      try {
        return await client.withDeadline(deadlineMs, work);
      } catch (error) {
        // The timer behind a deadline may be a millisecond early.
        if (Date.now() >= endsAtMs || (deadlineMs === endsAtMs && isTimeUp(error))) break;
        if (pauseMs === null || !isBusy(error)) throw error;
        const leftMs = endsAtMs - Date.now();
        await sleep(Math.min(pauseMs, leftMs));
        // Slept to the end, or to a millisecond before it.
        if (leftMs <= pauseMs) break;
      }
    }
    throw new OperatorError(
      `Not done within ${limits.allMs / 60_000} min (${progress}), so nothing can be said. Run it nearer to Temporal, or while Temporal ` +
        'has less to do, and with a --since no earlier than the backup.',
    );
  }

  return {
    async list(query) {
      const runs: ListedRun[] = [];
      let nextPageToken: Uint8Array | null | undefined;
      do {
        const asked = { namespace, query, nextPageToken: nextPageToken ?? null };
        const page = await call(() => client.workflowService.listWorkflowExecutions(asked)).catch((error: unknown) => {
          if (!isNotFound(error)) throw error;
          throw new OperatorError(`Temporal has no namespace "${namespace}": check TEMPORAL_NAMESPACE.`);
        });
        for (const { execution, type, startTime, closeTime } of page.executions) {
          runs.push({
            workflowId: execution?.workflowId ?? '',
            runId: execution?.runId ?? '',
            type: type?.name ?? '',
            startedMs: startTime ? tsToMs(startTime) : 0,
            isOpen: !closeTime,
          });
        }
        reached(`${runs.length} runs are found`);
        nextPageToken = page.nextPageToken;
      } while (nextPageToken && nextPageToken.length > 0);
      return runs.sort((one, other) => one.startedMs - other.startedMs);
    },

    async histories<T>(runs: readonly ListedRun[], read: (history: History, run: ListedRun) => T) {
      const results: (T | null)[] = [];
      const waiting = runs.entries();
      let done = 0;
      const lane = async () => {
        // One iterator for all lanes: each takes the next run that none has taken.
        for (const [index, run] of waiting) {
          const handle = client.workflow.getHandle(run.workflowId, run.runId);
          results[index] = await call(() => handle.fetchHistory()).then(
            (history) => read(history, run),
            (error: unknown) => {
              if (isNotFound(error)) return null;
              throw error;
            },
          );
          done += 1;
          reached(`${done} of ${runs.length} runs are read`);
        }
      };
      await Promise.all(Array.from({ length: PARALLEL }, lane));
      return results;
    },
  };
}
