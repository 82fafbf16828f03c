import { type Installation, isOvertaken, type Task } from './book.js';
import { Refused, TryLater } from './failures.js';
import { createLifecycle, type LifecycleDeps } from './lifecycle.js';

/** Works through the tasks of each installation, one at a time; installations do not wait for each other. */
export interface Worker {
  /** Something may have to be done for the installation. */
  wake(installation: Installation): void;
  /** Resolves when no attempt is under way. */
  idle(): Promise<void>;
}

/** So many installations at a time, so that work leaves room for answering deliveries. */
const mostAtOnce = 8;
const shortestWaitMs = 100;
const firstBackoffMs = 200;
const longestBackoffMs = 300_000;
/** Another attempt would be answered the same. */
const hopeless = [400, 405, 415, 422];

/** @param deps.log takes one line without secrets */
export function createWorker(deps: LifecycleDeps & { log: (line: string) => void }): Worker {
  const { habits, journal, book, clock, windowMs, log } = deps;
  const attempt = createLifecycle(deps);
  const underWay = new Map<Installation, Promise<void>>();
  const inLine = new Set<Installation>();
  const alarms = new Map<Installation, () => void>();

  function wake(installation: Installation): void {
    if (underWay.has(installation)) return;
    alarms.get(installation)?.();
    const task = nextTask(installation);
    if (task === undefined) return;
    const dueAt = Math.max(task.dueAt, installation.restUntil);
    const callOff = clock.alarm(dueAt, () => {
      inLine.add(installation);
      startNext();
    });
    alarms.set(installation, callOff);
  }

  function startNext(): void {
    for (const installation of inLine) {
      if (underWay.size >= mostAtOnce) return;
      inLine.delete(installation);
      const task = nextTask(installation);
      if (task === undefined || underWay.has(installation)) continue;
      const work = run(installation, task).then(() => {
        underWay.delete(installation);
        wake(installation);
        startNext();
      });
      underWay.set(installation, work);
    }
  }

  async function run(installation: Installation, task: Task): Promise<void> {
    const name = `${task.event.type} of installation ${installation.id}`;
    try {
      const { outcome, settings } = await attempt(installation, task);
      const entry = { task: task.number, done: outcome, ...(settings === undefined ? {} : { settings }) };
      await journal.append(entry);
      book.apply(entry);
      log(`${name}: ${outcome}`);
    } catch (error) {
      if (error instanceof Refused && hopeless.includes(error.status)) {
        book.apply({ task: task.number, done: 'given up' });
        log(`${name}: given up until the next start, ${error.message}`);
        return;
      }
      putOff(installation, task, error);
      const seconds = ((Math.max(task.dueAt, installation.restUntil) - clock.now()) / 1000).toFixed(1);
      log(`${name}: again in ${seconds} s, ${error instanceof Error ? error.message : 'it failed'}`);
    }
  }

  /** Exponential with jitter, and never more than a tenth of what is left of the window. */
  function putOff(installation: Installation, task: Task, error: unknown): void {
    const now = clock.now();
    const asked = error instanceof TryLater ? error.afterMs : null;
    const leftMs = task.event.createdAt + windowMs - now;
    const mostMs = leftMs > 0 ? Math.min(longestBackoffMs, leftMs / 10) : longestBackoffMs;
    const backoffMs = Math.min(firstBackoffMs * 2 ** task.tries, mostMs) * (0.5 + Math.random() / 2);
    const waitMs = habits.waitMs(asked, Math.max(shortestWaitMs, backoffMs));
    task.tries += 1;
    task.dueAt = now + waitMs;
    if (asked !== null) installation.restUntil = now + waitMs;
  }

  return {
    wake,
    async idle() {
      await Promise.all(underWay.values());
    },
  };
}

/** What is due first; an event that came before any credentials waits for them. */
function nextTask(installation: Installation): Task | undefined {
  const ready = installation.tasks.filter(
    ({ event }) => installation.credentials.length > 0 || isOvertaken(installation, event),
  );
  return ready.sort((a, b) => a.dueAt - b.dueAt || a.event.createdAt - b.event.createdAt)[0];
}
