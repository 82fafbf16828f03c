import { randomUUID } from 'node:crypto';
import { ApplicationFailure, Context, log } from '@temporalio/activity';
import type { Clock } from '../contracts/clock.js';
import type { Observer } from '../contracts/facts.js';
import { FAILURE_TYPES } from '../contracts/failures.js';
import type { Processes } from '../store/types.js';
import { toFailure } from './failures.js';

/** Limits of one attempt, below those of the workflow (workflows/proxies.ts), so that an attempt ends itself first. */
const LOCAL_LIMITS = { attemptMs: 1_800, requestMs: 1_500 };
const DURABLE_LIMITS = { attemptMs: 14_000, requestMs: 8_000 };
/** For steps that move lists of users, thousands at a time. */
const LONG_LIMITS = { attemptMs: 170_000, requestMs: 8_000 };
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
  /** How far a long step is, for the Web UI's Pending Activities. */
  progress(text: string): void;
}

/** What an attempt works on. */
export interface AttemptSubject {
  /** Its process, which is marked as parked while the step waits for a person. */
  processId?: string;
  /** Lists of users are moved. */
  long?: boolean;
}

export type RunAttempt = <T>(work: (attempt: Attempt) => Promise<T>, subject?: AttemptSubject) => Promise<T>;

/**
 * Runs the body of an activity as one attempt: with its time limits, with heartbeats where it is a regular activity, and with every
 * error turned into a classed failure. What needs a person parks the process; the next attempt that ends otherwise ends the parking.
 */
export function createRunAttempt(deps: {
  processes: Pick<Processes, 'recordParked' | 'read'>;
  now: Clock;
  observe: Observer;
  random: () => number;
}): RunAttempt {
  const { processes, now, observe, random } = deps;

  /** Said in the log as well, because not every step has a process row on which it could be read. */
  async function park(processId: string | undefined, reason: string): Promise<void> {
    if (processId === undefined) {
      log.error('a person must act', { reason });
      return;
    }
    const changed = await processes.recordParked({ processId, reason, at: now() });
    if (!changed) return;
    log.error('a person must act', { reason, processId });
    const { installationId, eventId } = await processes.read(processId);
    observe({ name: 'parked', atMs: now().getTime(), installationId, eventId, note: reason });
  }

  async function unpark(processId: string | undefined): Promise<void> {
    if (processId !== undefined) await processes.recordParked({ processId, reason: null, at: now() });
  }

  return async (work, subject = {}) => {
    const context = Context.current();
    const { isLocal, attempt: number } = context.info;
    const limits = isLocal ? LOCAL_LIMITS : subject.long === true ? LONG_LIMITS : DURABLE_LIMITS;
    const signal = AbortSignal.any([context.cancellationSignal, AbortSignal.timeout(limits.attemptMs)]);
    let reached: string | undefined;
    const heartbeat = isLocal ? null : setInterval(() => context.heartbeat(reached), HEARTBEAT_MS);
    const progress = (text: string) => {
      reached = text;
    };
    try {
      const result = await work({
        isLocal,
        number,
        token: randomUUID(),
        signal,
        timeoutMs: limits.requestMs,
        progress,
      });
      if (!isLocal) await unpark(subject.processId);
      return result;
    } catch (error) {
      const failure = toFailure(error, { isLocal, number, cancelled: context.cancellationSignal.aborted, random });
      if (!isLocal && failure instanceof ApplicationFailure) {
        const marking =
          failure.type === FAILURE_TYPES.needsPerson
            ? park(subject.processId, failure.message)
            : unpark(subject.processId);
        // What the step failed of is worth more than a mark that the next attempt sets, too.
        await marking.catch((problem: unknown) =>
          log.warn('the parking could not be recorded', { problem: String(problem) }),
        );
      }
      throw failure;
    } finally {
      if (heartbeat !== null) clearInterval(heartbeat);
    }
  };
}
