/** The longest that a timer of Node can wait. */
const longestTimerMs = 2_147_483_647;

/** The time by which the backend acts; a test set-up may tell it another one. */
export interface Clock {
  /** Milliseconds since 1970. */
  now(): number;
  /** Calls back once, when the time has come. @returns what calls it off */
  alarm(atMs: number, callback: () => void): () => void;
  /** From now on it is this time; what has fallen due by it is called back at once. */
  tell(nowMs: number): void;
}

/** A clock that runs with the machine's until it is told otherwise. */
export function createClock(): Clock {
  let offsetMs = 0;
  const looks = new Set<() => void>();
  const now = () => Date.now() + offsetMs;
  return {
    now,
    alarm(atMs, callback) {
      let timer: NodeJS.Timeout | undefined;
      const callOff = () => {
        clearTimeout(timer);
        looks.delete(look);
      };
      const look = () => {
        clearTimeout(timer);
        const leftMs = atMs - now();
        if (leftMs > 0) {
          timer = setTimeout(look, Math.min(leftMs, longestTimerMs));
          return;
        }
        callOff();
        callback();
      };
      looks.add(look);
      look();
      return callOff;
    },
    tell(nowMs) {
      offsetMs = nowMs - Date.now();
      for (const look of [...looks]) look();
    },
  };
}
