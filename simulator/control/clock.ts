import type { Router } from 'express';
import type { VirtualClock } from '../world/clock.js';
import { ControlProblem, readInput } from './problem.js';
import { clockSchema, largestAdvanceMs } from './schemas.js';

/** `GET` and `POST /_control/clock`. */
export function addClockRoutes(router: Router, { clock }: { clock: VirtualClock }): void {
  router.get('/clock', (_request, response) => {
    response.json(clockView(clock));
  });
  router.post('/clock', async (request, response) => {
    const { set, advance_ms: advanceMs, mode } = readInput(clockSchema, request.body);
    if (mode !== undefined) await clock.setMode(mode);
    else if (set === 'now') await moveToMachine(clock);
    else if (set !== undefined) await clock.moveTo(readTarget(set, clock));
    else await clock.moveBy(readAdvance(advanceMs ?? 0, clock));
    response.json(clockView(clock));
  });
}

function clockView(clock: VirtualClock): object {
  return {
    now: clock.now().toISOString(),
    offset_ms: clock.offsetMs(),
    mode: clock.mode(),
    followers: clock.followers(),
  };
}

/** Times of which the machines of partners make sense; certificates and 32-bit clocks do not go much further. */
const earliest = new Date('2000-01-01T00:00:00Z');
const latest = new Date('2100-01-01T00:00:00Z');

/** @throws ControlProblem 400 for a time that cannot be gone to */
function readTarget(set: string, clock: VirtualClock): Date {
  const now = clock.now();
  const target = new Date(set);
  if (target < earliest || target > latest) {
    throw new ControlProblem(400, 'set: must be from 2000-01-01T00:00:00Z to 2100-01-01T00:00:00Z, or now.');
  }
  if (target.getTime() > now.getTime() + largestAdvanceMs) {
    throw new ControlProblem(400, `set: must be at most ten years after ${now.toISOString()}, where the clock is.`);
  }
  refuseBackwards(target, clock);
  return target;
}

/** @throws ControlProblem 400 for a jump out of the times that the clock can have */
function readAdvance(ms: number, clock: VirtualClock): number {
  if (ms > 0 && clock.now().getTime() + ms > latest.getTime()) {
    const where = `the clock is at ${clock.now().toISOString()}`;
    throw new ControlProblem(400, `advance_ms: must end before 2100-01-01T00:00:00Z; ${where}.`);
  }
  return ms;
}

/** @throws ControlProblem 400 where that is backwards and somebody follows */
async function moveToMachine(clock: VirtualClock): Promise<void> {
  if (clock.offsetMs() > sameTimeMs) refuseBackwards(new Date(), clock);
  await clock.moveToMachine();
}

/** A clock that has run with the machine's is this close to it after a jump there and its deliveries. */
const sameTimeMs = 1_000;

function refuseBackwards(target: Date, clock: VirtualClock): void {
  const now = clock.now();
  if (target >= now || clock.followers().length === 0) return;
  const why = 'the clock has followers, and their time cannot go back';
  throw new ControlProblem(400, `set: must be after ${now.toISOString()}, where the clock is: ${why}.`);
}
