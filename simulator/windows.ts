import type { VirtualClock } from './clock.js';
import type { Ending, Installation, Process } from './world.js';

/** The process window: seven days from the event (talkdesk-api.md 7.1). */
const windowMs = 7 * 86_400_000;

/** When and by which event a process begins. */
export interface Beginning {
  readonly eventId: string;
  readonly createdAt: Date;
}

/** What tells one new process from another. */
export type NewProcess = Omit<Process, 'deadline' | 'decided' | 'ended'>;

/** The windows of all processes, on one clock. */
export interface Windows {
  /** Adds a process to its installation; `atDeadline` runs when its window ends without an answer. */
  open(installation: Installation, process: NewProcess, atDeadline: (process: Process) => unknown): Process;
  /** Ends a process; its deadline then passes unnoticed. */
  end(process: Process, how: Ending): void;
}

/** No window open. */
export function createWindows(clock: VirtualClock): Windows {
  const cancels = new Map<Process, () => void>();
  return {
    open(installation, begun, atDeadline) {
      const deadline = new Date(begun.createdAt.getTime() + windowMs);
      const process: Process = { ...begun, deadline, decided: null, ended: null };
      installation.processes.push(process);
      cancels.set(
        process,
        clock.schedule(process.deadline, () => {
          cancels.delete(process);
          return atDeadline(process);
        }),
      );
      return process;
    },
    end(process, how) {
      process.ended = { how, at: clock.now() };
      cancels.get(process)?.();
      cancels.delete(process);
    },
  };
}
