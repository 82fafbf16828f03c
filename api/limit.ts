/** Something did not answer within its time limit. */
class TimeLimitError extends Error {
  override readonly name = 'TimeLimitError';

  constructor(what: string, timeoutMs: number) {
    super(`${what} did not answer within ${timeoutMs} ms`);
  }
}

/**
 * Gives what the promise gives, or throws `TimeLimitError` when it takes longer. The work itself is not stopped; its late
 * result or failure is dropped.
 */
export async function withinLimit<T>(what: string, timeoutMs: number, work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const limit = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new TimeLimitError(what, timeoutMs)), timeoutMs);
  });
  try {
    return await Promise.race([work, limit]);
  } finally {
    clearTimeout(timer);
  }
}
