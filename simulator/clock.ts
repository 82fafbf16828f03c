/** One thing that is to happen at a time of the virtual clock. */
interface Task {
  readonly atMs: number;
  run: (() => unknown) | null;
}

/** The simulator's own time: the machine's, plus an offset that the control API moves. */
export interface VirtualClock {
  now(): Date;
  /** How far this clock is from the machine's, in ms. */
  offsetMs(): number;
  /** Runs `run` once when the clock reaches `at`, by itself or because it was moved. Gives a function that cancels. */
  schedule(at: Date, run: () => unknown): () => void;
  /** Makes a later `moveTo` wait for work that is under way. */
  track(work: Promise<unknown>): void;
  /** Moves the clock; what falls due on the way runs at its own time and in order, each waited for. Backwards runs nothing. */
  moveTo(target: Date): Promise<void>;
  /** Moves the clock forwards by so many ms from where it is then; 0 only waits for what is under way and due. */
  moveBy(ms: number): Promise<void>;
  stop(): void;
}

/** setTimeout's longest delay, 2^31 - 1 ms. */
const longestTimerMs = 2_147_483_647;

/** A clock that starts at the machine's time, with nothing scheduled. */
export function createVirtualClock(machineNowMs: () => number = Date.now): VirtualClock {
  const tasks: Task[] = [];
  const underWay = new Set<Promise<unknown>>();
  let offsetMs = 0;
  let timer: NodeJS.Timeout | undefined;
  let moves: Promise<void> = Promise.resolve();
  let moving = false;
  let stopped = false;

  const nowMs = () => machineNowMs() + offsetMs;

  function nextTask(): Task | undefined {
    while (tasks[0] !== undefined && tasks[0].run === null) tasks.shift();
    return tasks[0];
  }

  function start(task: Task): Promise<unknown> {
    tasks.shift();
    const run = task.run;
    task.run = null;
    const work = Promise.resolve(run?.());
    track(work);
    return work;
  }

  function track(work: Promise<unknown>): void {
    const settled = work.then(
      () => undefined,
      () => undefined,
    );
    underWay.add(settled);
    void settled.then(() => underWay.delete(settled));
  }

  function arm(): void {
    clearTimeout(timer);
    const next = nextTask();
    if (next === undefined || moving || stopped) return;
    timer = setTimeout(runDue, Math.min(Math.max(next.atMs - nowMs(), 0), longestTimerMs));
    timer.unref();
  }

  function runDue(): void {
    for (let next = nextTask(); next !== undefined && next.atMs <= nowMs(); next = nextTask()) void start(next);
    arm();
  }

  async function move(targetMs: number): Promise<void> {
    moving = true;
    clearTimeout(timer);
    try {
      // An attempt that is still under way decides whether a retry is scheduled, so it has to end first.
      await Promise.all(underWay);
      for (let next = nextTask(); next !== undefined && next.atMs <= targetMs; next = nextTask()) {
        if (next.atMs > nowMs()) offsetMs = next.atMs - machineNowMs();
        await start(next).catch(() => undefined);
      }
    } finally {
      moving = false;
    }
  }

  async function step(targetMs: number, backwards: boolean): Promise<void> {
    if (!backwards) await move(targetMs);
    if (backwards || nowMs() < targetMs) offsetMs = targetMs - machineNowMs();
    arm();
  }

  return {
    now: () => new Date(nowMs()),
    offsetMs: () => offsetMs,
    track,
    schedule(at, run) {
      const task: Task = { atMs: at.getTime(), run };
      let low = 0;
      let high = tasks.length;
      while (low < high) {
        const middle = (low + high) >>> 1;
        if ((tasks[middle]?.atMs ?? 0) <= task.atMs) low = middle + 1;
        else high = middle;
      }
      tasks.splice(low, 0, task);
      if (low === 0) arm();
      return () => {
        task.run = null;
      };
    },
    moveTo(target) {
      moves = moves.then(() => step(target.getTime(), target.getTime() < nowMs()));
      return moves;
    },
    moveBy(ms) {
      moves = moves.then(() => step(nowMs() + ms, false));
      return moves;
    },
    stop() {
      stopped = true;
      clearTimeout(timer);
    },
  };
}
