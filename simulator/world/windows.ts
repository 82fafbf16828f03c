import type { VirtualClock } from './clock.js';
import type { Switches } from './switches.js';
import type { Ending, Installation, Process } from './world.js';

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
  /** Waits again for the end of a window that is open. */
  resume(process: Process, installation: Installation, atDeadline: (process: Process) => unknown): void;
  /** Ends a process; its deadline then passes unnoticed. */
  end(process: Process, how: Ending): void;
}

/** No window open; a window lasts from its event as long as the switch `window_seconds` says: seven days (talkdesk-api.md 7.1). */
export function createWindows(clock: VirtualClock, switches: Switches): Windows {
  const cancels = new Map<Process, () => void>();

  function wait(
    { id: installationId }: Installation,
    process: Process,
    atDeadline: (process: Process) => unknown,
  ): void {
    const due = { what: 'window', installationId, eventId: process.eventId } as const;
    cancels.set(
      process,
      clock.schedule(process.deadline, due, () => {
        cancels.delete(process);
        return atDeadline(process);
      }),
    );
  }

  return {
    open(installation, begun, atDeadline) {
      const deadline = new Date(begun.createdAt.getTime() + switches.window_seconds * 1000);
      const process: Process = { ...begun, deadline, decided: null, ended: null };
      installation.processes.push(process);
      wait(installation, process, atDeadline);
      return process;
    },
    resume: (process, installation, atDeadline) => wait(installation, process, atDeadline),
    end(process, how) {
      process.ended = { how, at: clock.now() };
      cancels.get(process)?.();
      cancels.delete(process);
    },
  };
}
