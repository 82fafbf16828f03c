import { BrokenCircuitError, circuitBreaker, ConsecutiveBreaker, handleWhen, type IPolicy } from 'cockatiel';
import { FAILURE_TYPES } from '../contracts/failures.js';
import { ProductConfigurationError } from '../product/errors.js';
import { SealingError, StoreError, StoreUnavailableError } from '../store/errors.js';
import { TalkdeskError } from '../talkdesk/errors.js';
import type { Attempt } from './attempts.js';
import { StepError } from './failures.js';

/** Failed quick attempts in a row after which no more are made for a while. */
const OPEN_AFTER_FAILURES = 5;
const HALF_OPEN_AFTER_MS = 5_000;

/** Guards quick attempts against a dependency that is down, so that an outage does not fill workers with waiting first tasks. */
export interface Breakers {
  /**
   * Runs `work` against a dependency. A quick attempt fails at once while the dependency's breaker is open; a durable one always
   * goes through, because it has its own patience.
   */
  guard<T>(dependency: string, attempt: Attempt, work: () => Promise<T>): Promise<T>;
}

export function createBreakers(): Breakers {
  const policies = new Map<string, IPolicy>();
  const policyOf = (dependency: string): IPolicy => {
    let policy = policies.get(dependency);
    if (policy === undefined) {
      policy = circuitBreaker(handleWhen(saysDependencyIsDown), {
        halfOpenAfter: HALF_OPEN_AFTER_MS,
        breaker: new ConsecutiveBreaker(OPEN_AFTER_FAILURES),
      });
      policies.set(dependency, policy);
    }
    return policy;
  };
  return {
    async guard(dependency, attempt, work) {
      if (!attempt.isLocal) return await work();
      try {
        return await policyOf(dependency).execute(work);
      } catch (error) {
        if (!(error instanceof BrokenCircuitError)) throw error;
        const message = `The ${dependency} failed repeatedly just now; trying again with patience.`;
        throw new StepError(FAILURE_TYPES.goDurable, message);
      }
    },
  };
}

/** Refusals, missing credentials or settings, or trouble with our own database say nothing about the dependency's health. */
function saysDependencyIsDown(error: Error): boolean {
  if (error instanceof TalkdeskError) return error.failureClass === 'retryable';
  const ours = [StepError, ProductConfigurationError, StoreUnavailableError, StoreError, SealingError];
  return !ours.some((kind) => error instanceof kind);
}
