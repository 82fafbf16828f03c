import { randomUUID } from 'node:crypto';
import { ApplicationFailure, Context, log } from '@temporalio/activity';
import { FAILURE_TYPES } from '../contracts/failures.js';
import { toFailure } from './failures.js';

/** Limits of one attempt, below those of the workflow (workflows/proxies.ts), so that an attempt ends itself first. */
const LOCAL_LIMITS = { attemptMs: 1_800, requestMs: 1_500 };
const DURABLE_LIMITS = { attemptMs: 14_000, requestMs: 8_000 };
const HEARTBEAT_MS = 1_500;

/** One attempt of a step. */
export interface Attempt {
  /** Inside the run's workflow task, where seconds count. */
  isLocal: boolean;
  number: number;
  /** Names this attempt in claims. */
  token: string;
  /** Fires when the attempt is cancelled or out of time; goes into every request. */
  signal: AbortSignal;
  /** Bounds a single request, milliseconds. */
  timeoutMs: number;
}

export type RunAttempt = <T>(work: (attempt: Attempt) => Promise<T>) => Promise<T>;

/**
 * Runs the body of an activity as one attempt: with its time limits, with heartbeats where it is a regular activity, and with every
 * error turned into a classed failure.
 */
export function createRunAttempt(random: () => number): RunAttempt {
  return async (work) => {
    const context = Context.current();
    const { isLocal, attempt: number } = context.info;
    const limits = isLocal ? LOCAL_LIMITS : DURABLE_LIMITS;
    const signal = AbortSignal.any([context.cancellationSignal, AbortSignal.timeout(limits.attemptMs)]);
    const heartbeat = isLocal ? null : setInterval(() => context.heartbeat(), HEARTBEAT_MS);
    try {
      return await work({ isLocal, number, token: randomUUID(), signal, timeoutMs: limits.requestMs });
    } catch (error) {
      const failure = toFailure(error, { isLocal, number, cancelled: context.cancellationSignal.aborted, random });
      // Said here, because not every step has a process row on which it could be read.
      if (failure instanceof ApplicationFailure && failure.type === FAILURE_TYPES.needsPerson) {
        log.error('a person must act', { reason: failure.message });
      }
      throw failure;
    } finally {
      if (heartbeat !== null) clearInterval(heartbeat);
    }
  };
}
