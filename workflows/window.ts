import { CancellationScope, isCancellation, sleep } from '@temporalio/workflow';
import { ignoreCancellation } from './steps.js';

/** How long before the close the last call comes: room for one durable attempt of each step that is left. */
const LAST_CALL_MS = 30_000;

/**
 * For an event that arrives after its own close and that Talkdesk still waits for: how long we go on trying, counted from the start
 * of the run.
 */
export const LATE_GRACE_MS = 24 * 60 * 60 * 1_000;

export interface WindowOptions {
  /** End of the window, milliseconds since the epoch. */
  closeMs: number;
  /** Called once, shortly before the close, while the work inside still goes on. */
  onLastCall: () => Promise<void>;
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
export async function insideWindow<T>(options: WindowOptions, work: () => Promise<T>): Promise<WindowResult<T>> {
  const scope = new CancellationScope();
  const timers = new CancellationScope();
  let closed = false;
  const clockwork = timers
    .run(async () => {
      const closeText = utcText(options.closeMs);
      const untilLastCallMs = options.closeMs - LAST_CALL_MS - Date.now();
      if (untilLastCallMs > 0) {
        await sleep(untilLastCallMs, { summary: `Last call, shortly before Talkdesk's window closes at ${closeText}` });
      }
      // Not awaited before the close: asking Talkdesk must not move it.
      const lastCall = options.onLastCall().catch(ignoreCancellation);
      await sleep(Math.max(1, options.closeMs - Date.now()), { summary: `Talkdesk's window closes at ${closeText}` });
      closed = true;
      scope.cancel();
      await lastCall;
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
