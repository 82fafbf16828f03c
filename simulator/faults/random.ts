/** Numbers that only look random: one seed gives one row of them, and the state is a number that can be kept. */
export interface Random {
  /** From 0, below 1. */
  next(): number;
  /** Gives what `createRandom` goes on from. */
  state(): number;
}

/** Goes on from a seed, or from a state; the method is mulberry32. */
export function createRandom(seed: number): Random {
  let state = seed >>> 0;
  return {
    next() {
      state = (state + 0x6d2b79f5) >>> 0;
      let mixed = Math.imul(state ^ (state >>> 15), state | 1);
      mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
      return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
    },
    state: () => state,
  };
}
