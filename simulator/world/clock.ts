import type { Due } from './due.js';
import { createDueTasks, type Task } from './due-tasks.js';

/** Whether time passes by itself, or stands still until somebody moves it. */
export type ClockMode = 'running' | 'frozen';

/** What the clock shows. */
export interface ClockReading {
  now: Date;
  /** How far it is from the machine's, in ms. */
  offsetMs: number;
  mode: ClockMode;
}

/** Somebody who is told the time, and why the last telling failed. */
export interface FollowerView {
  url: string;
  last_error: string | null;
}

/** Those who are to have the same time. */
export interface Companions {
  /**
   * Tells them the time and waits until they have it. Never rejects.
   * @param phase `step`: more follows in this jump
   * @returns when something of theirs is due next, where one of them says so
   */
  tell(reading: ClockReading, phase: 'step' | 'end'): Promise<Date | null>;
  /** Longest part of a jump that they are to take at once, in ms. */
  longestStepMs(jumpMs: number): number;
  views(): FollowerView[];
}

/** The simulator's own time: the machine's, plus an offset that the control API moves. */
export interface VirtualClock {
  now(): Date;
  /** How far this clock is from the machine's, in ms. */
  offsetMs(): number;
  mode(): ClockMode;
  reading(): ClockReading;
  /** Those who are told the time at each step of a move. */
  followers(): FollowerView[];
  /** When the next thing that waits for its time is due; null: nothing waits. */
  nextDueAt(): Date | null;
  /**
   * Runs `run` once when the clock reaches `at`, by itself or because it was moved. Gives a function that cancels.
   * @param due the same as data, to be scheduled again from a snapshot
   */
  schedule(at: Date, due: Due, run: () => unknown): () => void;
  /** What waits for its time, in the order in which it is to happen. */
  due(): { at: Date; due: Due }[];
  /** Runs `act` when nothing is under way, and nothing before it has ended. */
  atRest<T>(act: () => T): Promise<T>;
  /** Forgets what waits and goes on from this time; what is due then runs with the next move, or by itself. */
  reset(to: ClockReading): void;
  /** Makes a later `moveTo` wait for work that is under way. */
  track(work: Promise<unknown>): void;
  /** Moves the clock; what falls due on the way runs at its own time and in order, each waited for. Backwards runs nothing. */
  moveTo(target: Date): Promise<void>;
  /** Moves the clock to the machine's time, whatever that is when it arrives: it then runs with it, or stands still there. */
  moveToMachine(): Promise<void>;
  /** Moves the clock forwards by so many ms from where it is then; 0 only waits for what is under way and due. */
  moveBy(ms: number): Promise<void>;
  /** Lets time stand still from where it is, or pass again. */
  setMode(mode: ClockMode): Promise<void>;
  stop(): void;
}

/** setTimeout's longest delay, 2^31 - 1 ms. */
const longestTimerMs = 2_147_483_647;

/** Nobody else has this time. */
const alone: Companions = {
  tell: async () => null,
  longestStepMs: () => Number.POSITIVE_INFINITY,
  views: () => [],
};

/** A clock that starts at the machine's time, with nothing scheduled. */
export function createVirtualClock(companions: Companions = alone): VirtualClock {
  const tasks = createDueTasks();
  const underWay = new Set<Promise<unknown>>();
  let offsetMs = 0;
  /** Where time stands still: while it is frozen, and during a move. */
  let heldMs: number | null = null;
  let mode: ClockMode = 'running';
  let timer: NodeJS.Timeout | undefined;
  let moves: Promise<void> = Promise.resolve();
  let moving = false;
  let stopped = false;

  const nowMs = () => heldMs ?? Date.now() + offsetMs;
  const currentOffsetMs = () => (heldMs === null ? offsetMs : heldMs - Date.now());
  const readingAs = (shown: ClockMode): ClockReading => ({
    now: new Date(nowMs()),
    offsetMs: currentOffsetMs(),
    mode: shown,
  });

  function startNext(): Promise<unknown> {
    const work = tasks.start();
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
    const next = tasks.next();
    if (next === undefined || moving || stopped) return;
    const leftMs = Math.max(next.atMs - nowMs(), 0);
    if (mode === 'frozen' && leftMs > 0) return;
    timer = setTimeout(runDue, Math.min(leftMs, longestTimerMs));
    timer.unref();
  }

  function runDue(): void {
    for (let next = tasks.next(); next !== undefined && next.atMs <= nowMs(); next = tasks.next()) void startNext();
    arm();
  }

  /** Goes from one due thing to the next; the companions have each time before what is due then happens. */
  async function walkTo(targetMs: number): Promise<void> {
    const stepMs = companions.longestStepMs(targetMs - nowMs());
    const tell = async () =>
      (await companions.tell(readingAs('frozen'), 'step'))?.getTime() ?? Number.POSITIVE_INFINITY;
    let theirsMs = targetMs > nowMs() ? await tell() : Number.POSITIVE_INFINITY;
    for (;;) {
      // An attempt that is still under way decides whether a retry is scheduled, so it has to end first.
      await Promise.all(underWay);
      const dueMs = tasks.next()?.atMs ?? Number.POSITIVE_INFINITY;
      const stopMs = Math.max(Math.min(dueMs, theirsMs, nowMs() + stepMs, targetMs), nowMs());
      if (stopMs > nowMs()) {
        heldMs = stopMs;
        theirsMs = await tell();
      }
      for (let next = tasks.next(); next !== undefined && next.atMs <= nowMs(); next = tasks.next()) {
        await startNext().catch(() => undefined);
      }
      if (nowMs() >= targetMs) return;
      // What they say is due has had its time; saying it again must not keep the jump from going on.
      if (theirsMs <= nowMs()) theirsMs = Number.POSITIVE_INFINITY;
    }
  }

  /** @param endOffsetMs how far a clock that runs is from the machine's after it */
  async function move(targetMs: () => number, endOffsetMs = currentOffsetMs): Promise<void> {
    moving = true;
    clearTimeout(timer);
    // Nothing passes by itself meanwhile: each thing that is due finds the clock at its own time.
    heldMs = nowMs();
    try {
      const to = targetMs();
      if (to < heldMs) heldMs = to;
      else await walkTo(to);
    } finally {
      letPass(endOffsetMs);
      moving = false;
      arm();
    }
    await companions.tell(readingAs(mode), 'end');
  }

  function letPass(nextOffsetMs = currentOffsetMs): void {
    if (mode === 'frozen') return;
    offsetMs = nextOffsetMs();
    heldMs = null;
  }

  function inTurn(act: () => Promise<void>): Promise<void> {
    moves = moves.then(act);
    return moves;
  }

  return {
    now: () => new Date(nowMs()),
    offsetMs: currentOffsetMs,
    mode: () => mode,
    reading: () => readingAs(moving ? 'frozen' : mode),
    followers: companions.views,
    nextDueAt() {
      const next = tasks.next();
      return next === undefined ? null : new Date(next.atMs);
    },
    track,
    schedule(at, due, run) {
      const task: Task = { atMs: at.getTime(), due, run };
      if (tasks.add(task)) arm();
      return () => {
        task.run = null;
      };
    },
    due: () => tasks.waiting().map(({ atMs, due }) => ({ at: new Date(atMs), due })),
    async atRest(act) {
      const result = moves.then(async () => {
        while (underWay.size > 0) await Promise.all(underWay);
        return act();
      });
      moves = result.then(
        () => undefined,
        () => undefined,
      );
      return result;
    },
    reset(to) {
      tasks.clear();
      mode = to.mode;
      offsetMs = to.offsetMs;
      heldMs = mode === 'frozen' ? to.now.getTime() : null;
      arm();
      void companions.tell(readingAs(mode), 'end');
    },
    moveTo: (target) => inTurn(() => move(() => target.getTime())),
    moveToMachine: () =>
      // What happens on the way takes the machine's time, too, so that it would fall short of it.
      inTurn(() =>
        move(
          () => Date.now(),
          () => 0,
        ),
      ),
    moveBy: (ms) => inTurn(() => move(() => nowMs() + ms)),
    setMode: (wanted) =>
      inTurn(async () => {
        if (wanted === mode) return;
        if (wanted === 'frozen') heldMs = nowMs();
        mode = wanted;
        letPass();
        arm();
        await companions.tell(readingAs(mode), 'end');
      }),
    stop() {
      stopped = true;
      clearTimeout(timer);
    },
  };
}
