import type { Clock } from '../contracts/clock.js';

/** A time that the service is told, in development. */
export interface ToldTime {
  now: Date;
  /** How far it is from the machine's clock, in ms. */
  offsetMs: number;
  /** Frozen: it stays there until the next telling. */
  frozen: boolean;
}

/** A clock for development: the machine's until somebody tells it another time. */
export interface DevelopmentClock {
  now: Clock;
  /** How far it is from the machine's clock now, in ms. */
  aheadMs(): number;
  /** Takes what it is told. Gives by how many ms that is further than it was; negative: it goes back. */
  set(time: ToldTime): number;
  /** Where the timers of open runs are being taken, milliseconds since the epoch; null: nowhere. */
  headingForMs: number | null;
}

/** Creates one. Never used in production (config/load-config.ts). */
export function createDevelopmentClock(): DevelopmentClock {
  let offsetMs = 0;
  let heldMs: number | null = null;
  const nowMs = () => heldMs ?? Date.now() + offsetMs;
  return {
    now: () => new Date(nowMs()),
    aheadMs: () => nowMs() - Date.now(),
    set(time) {
      const beforeMs = nowMs();
      offsetMs = time.offsetMs;
      heldMs = time.frozen ? time.now.getTime() : null;
      return nowMs() - beforeMs;
    },
    headingForMs: null,
  };
}
