import { FAILURE_TYPES } from '../contracts/failures.js';
import type { Clock } from '../contracts/clock.js';
import type { Decision, Outcome, Processes, ProcessRecord } from '../store/types.js';
import type { Attempt } from './attempts.js';
import { StepError } from './failures.js';

/** How long a claim keeps other attempts away. */
const LEASE_MS = 5_000;
/** An effect is not begun on a claim older than this: another attempt may hold the process by the time it is felt. */
const FRESH_MS = 3_000;
/** How often the claim is renewed while an effect that may take longer than the lease is under way. */
const RENEW_MS = 2_000;

/** A claim that was granted. */
export interface Claim {
  kind: 'claimed';
  /** The process as it was just before the claim. */
  process: ProcessRecord;
  /** Called right before each effect: renews a claim that is no longer fresh, and throws when it was lost meanwhile. */
  ensureFresh(): Promise<void>;
  /** Keeps the claim while `effect` is under way, however long that takes. What overtakes the process meanwhile is for `ensureFresh`. */
  holding<T>(effect: () => Promise<T>): Promise<T>;
}

export interface ClaimRequest {
  processId: string;
  registerUndo?: boolean;
  decision?: { verb: Decision; reason: string };
  ignorePreemption?: boolean;
}

/**
 * Claims a process for one attempt, or says that it has ended.
 *
 * @throws StepError retryable when another attempt holds the claim, pre-empted when a newer event ends the process
 */
export async function claimProcess(
  deps: { processes: Processes; now: Clock },
  attempt: Attempt,
  request: ClaimRequest,
): Promise<Claim | { kind: 'finished'; outcome: Outcome }> {
  let grantedAtMs = performance.now();
  const claim = () =>
    deps.processes.claim({ ...request, attemptToken: attempt.token, leaseMs: LEASE_MS, at: deps.now() });
  const first = await claim();
  switch (first.kind) {
    case 'finished':
      return first;
    case 'held':
      throw new StepError(
        FAILURE_TYPES.retryable,
        'Another attempt of this process is still at work.',
        first.retryInMs,
      );
    case 'preempted':
      throw new StepError(FAILURE_TYPES.preEmpted, `overtaken by event ${first.byEventId}`);
    case 'claimed':
      return {
        kind: 'claimed',
        process: first.process,
        async ensureFresh() {
          if (performance.now() - grantedAtMs < FRESH_MS) return;
          const renewedAtMs = performance.now();
          const renewed = await claim();
          if (renewed.kind === 'preempted') {
            throw new StepError(FAILURE_TYPES.preEmpted, `overtaken by event ${renewed.byEventId}`);
          }
          if (renewed.kind !== 'claimed') {
            throw new StepError(
              FAILURE_TYPES.retryable,
              'This attempt was too slow and lost its claim on the process.',
            );
          }
          grantedAtMs = renewedAtMs;
        },
        async holding(effect) {
          let renewing: Promise<unknown> = Promise.resolve();
          const timer = setInterval(() => {
            // A renewal that fails lets the lease run out, and the next `ensureFresh` says so.
            renewing = claim().catch(() => undefined);
          }, RENEW_MS);
          try {
            return await effect();
          } finally {
            clearInterval(timer);
            // One that is still under way would claim again what is released next.
            await renewing;
          }
        },
      };
  }
}
