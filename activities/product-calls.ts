import { FAILURE_TYPES } from '../contracts/failures.js';
import { idempotencyKeyOf } from '../contracts/ids.js';
import { ProductConfigurationError } from '../product/errors.js';
import type { Pending, ProductCall, Refusal } from '../product/port.js';
import type { ProcessRecord, Tenant } from '../store/types.js';
import type { Attempt } from './attempts.js';
import type { ActivityParts } from './deps.js';
import { StepError, wordsOf } from './failures.js';

/** Bounds of what a product may ask for: not a storm of calls, and not a wait that outlives whoever waits for it. */
const MIN_POLL_MS = 500;
const MAX_POLL_MS = 24 * 60 * 60_000;

/** The name under which a product's health is watched. */
export function productOf(tenant: Tenant): string {
  return `product of app ${tenant.appId}`;
}

/**
 * What every call to the product carries, for one step of a process. The key is the same over attempts, runs and restarts; what the
 * product named as its work under way for this step comes along.
 */
export function callOf(
  parts: Pick<ActivityParts, 'callbackUrlFor'>,
  process: ProcessRecord,
  step: string,
  attempt: Pick<Attempt, 'signal'>,
): ProductCall {
  const { processId, tenant, installationId, generation } = process;
  const operation = process.stepResults[`pending:${step}`];
  const callbackUrl = parts.callbackUrlFor(processId);
  return {
    ...tenant,
    installationId,
    generation,
    processId,
    idempotencyKey: idempotencyKeyOf(processId, step),
    ...(typeof operation === 'string' ? { operation } : {}),
    ...(callbackUrl === undefined ? {} : { callbackUrl }),
    signal: attempt.signal,
  };
}

/**
 * The product's answer when it is done. `pending` is told as a failure that asks again later, with what the product named kept in the
 * process row; a refusal as a failure that carries the reason.
 *
 * @param process where the work under way is kept; null for calls without a process row
 */
export async function asking<A extends { status: 'done' }>(
  parts: Pick<ActivityParts, 'processes'>,
  process: ProcessRecord | null,
  step: string,
  attempt: Attempt,
  call: () => Promise<A | Pending | Refusal>,
): Promise<A> {
  const answer = await calling(attempt, call);
  switch (answer.status) {
    case 'done':
      return answer;
    case 'refused':
      throw new StepError(FAILURE_TYPES.refused, answer.reason);
    case 'pending': {
      const operation = answer.operation ?? null;
      if (process !== null && operation !== (process.stepResults[`pending:${step}`] ?? null)) {
        await parts.processes.recordPending({ processId: process.processId, step, operation });
      }
      throw new StepError(
        FAILURE_TYPES.pending,
        'The product has begun and needs more time. It is asked again until it is done.',
        pollDelayMs(answer),
      );
    }
  }
}

/** When the product wants to be asked again; null where it does not say, or nothing that could be kept to. */
function pollDelayMs({ retryAfterMs }: Pending): number | null {
  if (retryAfterMs === undefined || !Number.isFinite(retryAfterMs)) return null;
  return Math.min(Math.max(retryAfterMs, MIN_POLL_MS), MAX_POLL_MS);
}

/** As `asking`, where the product has no right to refuse: that is for a person to mend. */
export async function insisting<A extends { status: 'done' }>(
  parts: Pick<ActivityParts, 'processes'>,
  process: ProcessRecord | null,
  step: string,
  attempt: Attempt,
  call: () => Promise<A | Pending | Refusal>,
): Promise<A> {
  try {
    return await asking(parts, process, step, attempt, call);
  } catch (error) {
    if (!(error instanceof StepError) || error.type !== FAILURE_TYPES.refused) throw error;
    throw new StepError(FAILURE_TYPES.needsPerson, `The product refuses what it must do (${step}): ${error.message}`);
  }
}

/** Calls the product. What an adapter throws seldom says whose failure it is; the person who reads it in a history must know. */
async function calling<A>(attempt: Attempt, call: () => Promise<A>): Promise<A> {
  try {
    return await call();
  } catch (error) {
    if (error instanceof ProductConfigurationError) throw error;
    throw new Error(
      attempt.signal.aborted ? 'The product did not answer in time.' : `The product failed: ${wordsOf(error)}`,
    );
  }
}
