import { CancellationScope, isCancellation, sleep } from '@temporalio/workflow';
import { ignoreCancellation } from './steps.js';

/** Our answer should be out by then, and Talkdesk's window ends, from the event's `created_at` (talkdesk-api.md 7.1). */
export const DUE_AFTER_MS = 6.5 * 24 * 60 * 60 * 1_000;
export const CLOSE_AFTER_MS = 7 * 24 * 60 * 60 * 1_000;

/** How long before the close the last call comes: room for one durable attempt of each step that is left. */
export const LAST_CALL_MS = 30_000;

/**
 * For an event that arrives after its own close and that Talkdesk still waits for: how long we go on trying, counted from the start
 * of the run.
 */
export const LATE_GRACE_MS = 24 * 60 * 60 * 1_000;

/** Something that is to happen inside a window while the work goes on. */
export interface Moment {
  /** Milliseconds since the epoch. One that has passed already when the window is entered does not happen. */
  atMs: number;
  /** One line for the Web UI, on its timer. */
  summary: string;
  /** Not waited for: it must not move the close. Cancelled with the window. */
  run: () => Promise<void>;
}

export type WindowResult<T> = { kind: 'finished'; value: T } | { kind: 'closed' };

/** A time for a person to read, to the minute and never after it, such as `2026-03-29 01:30 UTC`. */
export function utcText(timeMs: number): string {
  return `${new Date(timeMs).toISOString().slice(0, 16).replace('T', ' ')} UTC`;
}

/**
 * Runs `work` until it ends or Talkdesk's window closes, whichever is first (talkdesk-api.md 7.1). At the close the work is
 * cancelled and waited for, so nothing of it acts afterwards. A run that ends inside its first workflow task never records the timer.
 */
export async function insideWindow<T>(
  closeMs: number,
  moments: readonly Moment[],
  work: () => Promise<T>,
): Promise<WindowResult<T>> {
  const scope = new CancellationScope();
  const timers = new CancellationScope();
  let closed = false;
  const clockwork = timers
    .run(async () => {
      const running: Promise<void>[] = [];
      const ahead = moments.filter(({ atMs }) => atMs > Date.now() && atMs < closeMs);
      for (const { atMs, summary, run } of ahead.sort((a, b) => a.atMs - b.atMs)) {
        await sleep(Math.max(1, atMs - Date.now()), { summary });
        running.push(run().catch(ignoreCancellation));
      }
      await sleep(Math.max(1, closeMs - Date.now()), { summary: `Talkdesk's window closes at ${utcText(closeMs)}` });
      closed = true;
      scope.cancel();
      await Promise.all(running);
    })
    .catch(ignoreCancellation);
  try {
    return { kind: 'finished', value: await scope.run(work) };
  } catch (error) {
    if (closed && isCancellation(error)) return { kind: 'closed' };
    throw error;
  } finally {
    timers.cancel();
    await clockwork;
  }
}
