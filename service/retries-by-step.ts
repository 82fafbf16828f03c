import { ApplicationFailure, type Context } from '@temporalio/activity';
import { msToNumber } from '@temporalio/common/lib/time.js';
import type { ActivityInterceptorsFactory } from '@temporalio/worker';

/**
 * Puts off retries while time is moved in development: what fails is tried again at the end of the step, not every five minutes of
 * it. A product that is down for a week would otherwise be called two thousand times while somebody waits for the week to pass.
 *
 * @param headingForMs where the timers of open runs are being taken, milliseconds since the epoch; null: nowhere
 */
export function retriesByStep(headingForMs: () => number | null): ActivityInterceptorsFactory {
  return ({ info }: Context) => ({
    inbound: {
      async execute(input, next) {
        try {
          return await next(input);
        } catch (error) {
          const untilMs = headingForMs();
          if (untilMs === null || info.isLocal) throw error;
          throw notBefore(untilMs - info.currentAttemptScheduledTimestampMs, error);
        }
      },
    },
  });
}

function notBefore(delayMs: number, error: unknown): unknown {
  if (!(error instanceof ApplicationFailure) || error.nonRetryable === true) return error;
  if (error.nextRetryDelay === undefined || msToNumber(error.nextRetryDelay) >= delayMs) return error;
  const { message, type } = error;
  return ApplicationFailure.create({ message, ...(type ? { type } : {}), nextRetryDelay: delayMs });
}
