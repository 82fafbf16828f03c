import { ApplicationFailure, CancelledFailure } from '@temporalio/activity';
import { type AskedToWait, FAILURE_TYPES, type FailureType } from '../contracts/failures.js';
import { ProductConfigurationError } from '../product/errors.js';
import { SealingError, StoreUnavailableError } from '../store/errors.js';
import { TalkdeskError, type TalkdeskFailureClass } from '../talkdesk/errors.js';

/** Longest wait between two durable attempts (talkdesk-api.md 6, client rule). */
const MAX_BACKOFF_MS = 5 * 60_000;
/** A Retry-After of nothing, or in the past, must not turn retries into a storm. */
const MIN_RETRY_AFTER_MS = 500;
/** First wait when credentials are not accepted: only Talkdesk can mend that, and it is asked slowly. */
const CREDENTIALS_BACKOFF_MS = 60_000;
/** Attempts on which a 404 is not believed yet: an installation may be read before Talkdesk shows it everywhere. */
const GONE_GRACE_ATTEMPTS = 3;
const GONE_GRACE_MS = 2_000;
/** What waits for a person is tried again after this time even if nobody wakes the run: its cause may have been mended elsewhere. */
const PARKED_RETRY_MS = 60 * 60_000;
/** First wait for a product that has begun and does not say when to ask again. */
const PENDING_BACKOFF_MS = 5_000;

/** Raised by an activity itself, with its class. The message is for the person who must act. */
export class StepError extends Error {
  override readonly name = 'StepError';
  constructor(
    readonly type: FailureType,
    message: string,
    readonly retryInMs: number | null = null,
  ) {
    super(message);
  }
}

/** What the conversion must know of the attempt that failed. */
export interface FailedAttempt {
  isLocal: boolean;
  /** 1 for the first attempt. */
  number: number;
  /** Whether the attempt was cut off by a cancellation request. */
  cancelled: boolean;
  /** Uniform in [0, 1), for jitter. */
  random: () => number;
}

/**
 * Turns whatever an activity ran into what Temporal is told: a failure with a class, a message in plain words, and the delay to the
 * next attempt; a class without one ends the step. The original error is not attached: its fields may hold what must not leave this process.
 */
export function toFailure(error: unknown, attempt: FailedAttempt): Error {
  if (attempt.cancelled) return new CancelledFailure('The attempt was cancelled.');
  if (error instanceof StepError)
    return failure(error.type, error.message, error.retryInMs ?? delayOf(error.type, attempt));
  if (error instanceof TalkdeskError) return talkdeskFailure(error, attempt);
  // A missing key or adapter can be put back; until then no attempt succeeds.
  if (error instanceof SealingError || error instanceof ProductConfigurationError) {
    return failure(FAILURE_TYPES.needsPerson, error.message, PARKED_RETRY_MS);
  }
  const words = error instanceof StoreUnavailableError ? error.message : wordsOf(error);
  return failure(FAILURE_TYPES.retryable, words, backoffMs(attempt));
}

/** Whether Talkdesk's "not found" is not believed yet by this attempt. */
export function mayAppearYet(attempt: Pick<FailedAttempt, 'isLocal' | 'number'>): boolean {
  return attempt.isLocal || attempt.number < GONE_GRACE_ATTEMPTS;
}

const TALKDESK_CLASSES: Readonly<Record<TalkdeskFailureClass, FailureType>> = {
  retryable: FAILURE_TYPES.retryable,
  credentials: FAILURE_TYPES.credentials,
  refused: FAILURE_TYPES.needsPerson,
  gone: FAILURE_TYPES.gone,
  'needs-person': FAILURE_TYPES.needsPerson,
  // A decision that Talkdesk found in conflict is read back and tried again by its step.
  conflict: FAILURE_TYPES.retryable,
};

function talkdeskFailure(error: TalkdeskError, attempt: FailedAttempt): ApplicationFailure {
  const type = TALKDESK_CLASSES[error.failureClass];
  if (type === FAILURE_TYPES.gone && mayAppearYet(attempt)) {
    return failure(FAILURE_TYPES.retryable, error.message, GONE_GRACE_MS);
  }
  const asked = type === FAILURE_TYPES.retryable ? error.retryAfterMs : null;
  if (asked === null) return failure(type, error.message, delayOf(type, attempt));
  const retryAfterMs = Math.max(MIN_RETRY_AFTER_MS, asked);
  // The workflow, which goes on with the durable way, is not shown the delay of a failure: only its details.
  return failure(type, error.message, retryAfterMs, attempt.isLocal ? { retryAfterMs } : undefined);
}

/** How long a class waits before its next attempt; null where there is none. */
function delayOf(type: FailureType, attempt: FailedAttempt): number | null {
  switch (type) {
    case FAILURE_TYPES.retryable:
    case FAILURE_TYPES.goDurable:
      return backoffMs(attempt);
    case FAILURE_TYPES.credentials:
      return backoffMs(attempt, CREDENTIALS_BACKOFF_MS);
    case FAILURE_TYPES.pending:
      return backoffMs(attempt, PENDING_BACKOFF_MS);
    case FAILURE_TYPES.needsPerson:
      return PARKED_RETRY_MS;
    case FAILURE_TYPES.refused:
    case FAILURE_TYPES.gone:
    case FAILURE_TYPES.preEmpted:
      return null;
  }
}

function failure(
  type: FailureType,
  message: string,
  nextRetryMs: number | null,
  askedToWait?: AskedToWait,
): ApplicationFailure {
  const made = ApplicationFailure.create({
    type,
    message: message.slice(0, 500),
    nonRetryable: nextRetryMs === null,
    ...(nextRetryMs === null ? {} : { nextRetryDelay: Math.max(1, Math.round(nextRetryMs)) }),
    ...(askedToWait === undefined ? {} : { details: [askedToWait] }),
  });
  // It would show these lines, the same for every failure, in each history and to everybody who looks for a reason.
  made.stack = '';
  return made;
}

/** Exponential, with jitter over its upper half, so that what failed together does not come back together. */
function backoffMs(attempt: FailedAttempt, firstMs = 1_000): number {
  const ceilingMs = Math.min(MAX_BACKOFF_MS, firstMs * 2 ** Math.min(attempt.number - 1, 20));
  return ceilingMs * (0.5 + attempt.random() / 2);
}

/** What an error says of itself, with its code. */
export function wordsOf(error: unknown): string {
  if (!(error instanceof Error)) return 'An unknown error.';
  const code = (error as { code?: unknown }).code;
  const text = error.message === '' ? error.name : error.message;
  return typeof code === 'string' && !text.includes(code) ? `${text} (${code})` : text;
}
