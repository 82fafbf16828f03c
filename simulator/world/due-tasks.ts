import type { Due } from './due.js';

/** One thing that is to happen at a time of the virtual clock. */
export interface Task {
  readonly atMs: number;
  /** The same as data. */
  readonly due: Due;
  /** Null: it was cancelled, or has begun. */
  run: (() => unknown) | null;
}

/** What waits for its time, earliest first; of one time in the order in which it was asked for. */
export interface DueTasks {
  next(): Task | undefined;
  /** Gives whether it is the earliest now. */
  add(task: Task): boolean;
  /** Begins the earliest. */
  start(): Promise<unknown>;
  /** What has neither begun nor been cancelled, earliest first. */
  waiting(): Task[];
  clear(): void;
}

export function createDueTasks(): DueTasks {
  const tasks: Task[] = [];

  function next(): Task | undefined {
    while (tasks[0] !== undefined && tasks[0].run === null) tasks.shift();
    return tasks[0];
  }

  return {
    next,
    add(task) {
      let low = 0;
      let high = tasks.length;
      while (low < high) {
        const middle = (low + high) >>> 1;
        if ((tasks[middle]?.atMs ?? 0) <= task.atMs) low = middle + 1;
        else high = middle;
      }
      tasks.splice(low, 0, task);
      return low === 0;
    },
    waiting: () => tasks.filter(({ run }) => run !== null),
    clear() {
      tasks.length = 0;
    },
    start() {
      const task = next();
      tasks.shift();
      const run = task?.run;
      if (task !== undefined) task.run = null;
      return Promise.resolve(run?.());
    },
  };
}
