import { TalkdeskError } from './errors.js';
import type { CallLimits } from './types.js';

/**
 * Waits for work that several callers share, under the limits of one of them: the caller leaves, the work goes on.
 *
 * @throws TalkdeskError retryable when the caller's signal or time limit comes first; else what the work throws
 */
export async function waitWithin<T>(work: Promise<T>, operation: string, limits: CallLimits): Promise<T> {
  if (limits.signal.aborted) throw abandoned(operation, 'ABORTED', 'the attempt was cut off.');
  const { promise, reject, resolve } = withResolvers<T>();
  const onAbort = () => reject(abandoned(operation, 'ABORTED', 'the attempt was cut off.'));
  const timer = setTimeout(() => {
    reject(abandoned(operation, 'ETIMEDOUT', `it was not done within ${limits.timeoutMs} ms.`));
  }, limits.timeoutMs);
  limits.signal.addEventListener('abort', onAbort, { once: true });
  work.then(resolve, reject);
  try {
    return await promise;
  } finally {
    clearTimeout(timer);
    limits.signal.removeEventListener('abort', onAbort);
  }
}

function abandoned(operation: string, code: string, what: string): TalkdeskError {
  return new TalkdeskError({ failureClass: 'retryable', operation, code }, what);
}

/** `Promise.withResolvers`, which Node 20 lacks. */
function withResolvers<T>() {
  let resolve!: (value: T) => void;
  let reject!: (reason: unknown) => void;
  const promise = new Promise<T>((onValue, onReason) => {
    resolve = onValue;
    reject = onReason;
  });
  return { promise, resolve, reject };
}
