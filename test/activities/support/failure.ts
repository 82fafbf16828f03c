import assert from 'node:assert/strict';
import { ApplicationFailure } from '@temporalio/activity';

/** A failure as Temporal is told. */
export interface ToldFailure {
  type: string;
  message: string;
  retried: boolean;
  /** Delay to the next attempt, milliseconds. */
  delayMs: number | null;
}

/** The failure of an activity that must fail. */
export async function failureOf(work: Promise<unknown>): Promise<ToldFailure> {
  const failure = await work.then(
    (value) => assert.fail(`There was no failure but ${JSON.stringify(value)}.`),
    (error: unknown) => error,
  );
  return told(failure);
}

export function told(failure: unknown): ToldFailure {
  assert.ok(failure instanceof ApplicationFailure, String(failure));
  assert.equal(failure.cause, undefined);
  return {
    type: failure.type ?? '',
    message: failure.message,
    retried: failure.nonRetryable !== true,
    delayMs: (failure.nextRetryDelay as number | undefined) ?? null,
  };
}
