import { CannotRun } from './failure.js';

const limitMs = 30_000;

/**
 * Tells a backend the time, as the simulator does to those who follow its clock.
 * @throws CannotRun when it does not take it
 */
export async function tellTime(url: string, time: { now: string; offset_ms: number }): Promise<void> {
  let answer: Response;
  try {
    answer = await fetch(url, {
      method: 'PUT',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(time),
      signal: AbortSignal.timeout(limitMs),
    });
  } catch {
    throw new CannotRun(`--told-time: no answer from ${url}; it is to take PUT with {"now", "offset_ms"}.`);
  }
  if (answer.ok) return;
  throw new CannotRun(
    `--told-time: ${url} answered ${answer.status}; it is to answer 2xx once the time is taken over.`,
  );
}
