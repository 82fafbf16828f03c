/** Numbers by chance, the same for the same seed (mulberry32). */
function chance(seed: number): (below: number) => number {
  let state = seed >>> 0;
  return (below) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296) * below);
  };
}

/** How the events of one account arrive: bursts one after the other, what is in one at once. Numbers name events of the script. */
export interface Plan {
  /** For messages and account names. */
  name: string;
  bursts: number[][];
  /** Wait for outcomes before the next burst, where the install has come; else only for the acknowledgement. */
  settles: boolean;
}

/**
 * As many different orders of `events` events, with duplicates and bursts. Every place of the install (number 0) occurs about as often.
 */
export function plans(seed: number, count: number, events: number): Plan[] {
  const pick = chance(seed);
  const made = new Map<string, Plan>();
  while (made.size < count) {
    const order = shuffled(pick, events);
    const key = order.join('');
    if (made.has(key)) continue;
    made.set(key, { name: `order-${key}`, bursts: burstsOf(pick, order), settles: pick(2) === 0 });
  }
  return [...made.values()];
}

function shuffled(pick: (below: number) => number, count: number): number[] {
  const left = Array.from({ length: count }, (_, number) => number);
  return Array.from({ length: count }, () => left.splice(pick(left.length), 1)[0] as number);
}

/** One event a burst, now and then together with the next, or with one that came before or comes at the same moment once more. */
function burstsOf(pick: (below: number) => number, order: readonly number[]): number[][] {
  const bursts: number[][] = [];
  for (const [place, number] of order.entries()) {
    const last = bursts.at(-1);
    if (last !== undefined && pick(4) === 0) last.push(number);
    else bursts.push([number]);
    if (pick(4) === 0) bursts.at(-1)?.push(order[pick(place + 1)] as number);
  }
  return bursts;
}

/** Runs `work` for every item, at most `width` at a time; ends with the first failure once the others under way have ended. */
export async function inParallel<T>(
  items: readonly T[],
  width: number,
  work: (item: T) => Promise<void>,
): Promise<void> {
  const left = [...items];
  const lanes = Array.from({ length: width }, async () => {
    for (let item = left.shift(); item !== undefined; item = left.shift()) {
      try {
        await work(item);
      } catch (error) {
        left.length = 0;
        throw error;
      }
    }
  });
  const failed = (await Promise.allSettled(lanes)).find((lane) => lane.status === 'rejected');
  if (failed !== undefined) throw failed.reason;
}
