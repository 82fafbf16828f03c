import type { RequestHandler } from 'express';
import { z } from 'zod';
import { refuseTeller } from './clock-teller.js';
import type { DevelopmentClock, ToldTime } from './development-clock.js';
import type { Dispatcher } from './dispatcher.js';
import { messageOf } from './errors.js';
import type { RunTime } from './temporal-time.js';

/** Where the time is told, on the ops listener. */
export const CLOCK_PATH = '/dev/clock';

/** Hand-overs of what was acknowledged at the time before. */
const DRAIN_MS = 1_000;
/** For what is under way at the time before, and for the way to the new one: together below the 10 s that the simulator waits. */
const SETTLE_LIMIT_MS = 3_000;
const FOLLOW_LIMIT_MS = 5_500;

const toldSchema = z.object({
  now: z.iso.datetime({ offset: true, error: 'must be an ISO 8601 time' }),
  offset_ms: z.number('must be a number of milliseconds'),
  mode: z.enum(['running', 'frozen'], 'must be running or frozen').default('running'),
});

/** What the route works with. */
export interface ClockRouteDeps {
  clock: DevelopmentClock;
  runTime: Pick<RunTime, 'follow'>;
  dispatcher: Pick<Dispatcher, 'drain'>;
  /** Where the listener is bound; as a Host it is accepted beside this machine's loopback. */
  host: string;
}

/**
 * `PUT /dev/clock` `{ "now", "offset_ms", "mode" }`, in development: moves the service's clock and takes the open runs with it, one
 * telling after the other. Everything that is under way ends at the time before. 200 with `next_at`, the next timer of a run; 400 for what
 * is no time, 403 and 415 for what a page of a browser may have sent (`refuseTeller`); 503 with a sentence when runs did not follow. The service's own clock has moved then all the same.
 */
export function createClockRoute(deps: ClockRouteDeps): RequestHandler {
  let turn: Promise<unknown> = Promise.resolve();

  return async (req, res) => {
    const refusal = refuseTeller(req, deps.host);
    if (refusal !== undefined) {
      res.status(refusal.status).json({ error: refusal.sentence });
      return;
    }
    const told = readTold(req.body);
    if (typeof told === 'string') {
      res.status(400).json({ error: told });
      return;
    }
    const taken = turn.then(() => take(told, deps));
    turn = taken.catch(() => undefined);
    try {
      const nextAt = await taken;
      res.json({ now: deps.clock.now().toISOString(), next_at: nextAt?.toISOString() ?? null });
    } catch (error) {
      res.status(503).json({ error: messageOf(error) });
    }
  };
}

async function take(told: ToldTime, { clock, runTime, dispatcher }: ClockRouteDeps): Promise<Date | null> {
  const moves = Math.abs(told.offsetMs - clock.aheadMs()) > SAME_OFFSET_MS;
  if (!moves && Math.abs(told.offsetMs) <= SAME_OFFSET_MS) {
    clock.set(told);
    return null;
  }
  await dispatcher.drain(DRAIN_MS);
  // What is under way ends at the time at which it began; what cannot is told of below.
  if (moves) await runTime.follow(SETTLE_LIMIT_MS).catch(() => null);
  const furtherMs = clock.set(told);
  clock.headingForMs = told.now.getTime();
  try {
    const nextAt = await runTime.follow(FOLLOW_LIMIT_MS);
    if (furtherMs < -NOTICEABLE_MS) throw new Error('the clock went back; open runs keep the time that they had');
    return nextAt;
  } finally {
    clock.headingForMs = null;
  }
}

/** Two clocks of one machine that differ by less have the same time. */
const SAME_OFFSET_MS = 20;
/** A time that stands still is told a little later than it is. */
const NOTICEABLE_MS = 60_000;

/** A sentence for what is no time. */
function readTold(body: unknown): ToldTime | string {
  const parsed = toldSchema.safeParse(body);
  if (!parsed.success) {
    const problems = parsed.error.issues.map(({ path, message }) => `${path.join('.') || 'the body'}: ${message}`);
    return `${problems.join('; ')}. Allowed: now, offset_ms and mode.`;
  }
  const { now, offset_ms: offsetMs, mode } = parsed.data;
  return { now: new Date(now), offsetMs, frozen: mode === 'frozen' };
}
