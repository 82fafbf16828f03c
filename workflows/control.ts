import { CancellationScope, setCurrentDetails } from '@temporalio/workflow';
import type { DecisionVerb } from '../contracts/outcomes.js';

/** A process that waits for a person's decision. */
export interface AwaitedDecision {
  processId: string;
  installationId: string;
  /** Until when a decision counts, milliseconds since the epoch. */
  untilMs: number;
  /** Set at once when somebody decides, so that a second decision is refused. */
  taken: boolean;
  /** Set when the decision is recorded. */
  decided: { decision: DecisionVerb; reason: string } | null;
}

/** What the parts of a run share. Changed by signal handlers and timers, read by steps. */
export interface RunControl {
  /** Skip the quick attempts. */
  readonly durableFirst: boolean;
  /** Number of wake-ups so far. */
  wakes: number;
  /** Grows with each wake-up, at the last call and at a stop: a step that waits for its next attempt is interrupted. */
  nudges: number;
  /** A person asked to stop: steps wait for the next wake-up, however long. */
  stopped: boolean;
  /** Settles when the quick attempt that was asked for last has ended. */
  quickTurn: Promise<void>;
  /** By process id. */
  readonly awaited: Map<string, AwaitedDecision>;
  readonly board: Board;
}

/** The state of a run that has just begun. */
export function createControl(durableFirst: boolean): RunControl {
  const quickTurn = Promise.resolve();
  return { durableFirst, wakes: 0, nudges: 0, stopped: false, quickTurn, awaited: new Map(), board: new Board() };
}

/** A wake-up: look at the inbox, and try again now what is waiting. */
export function wake(control: RunControl): void {
  control.wakes += 1;
  control.nudges += 1;
  control.stopped = false;
}

/** Whether a person asked, through the Web UI or the command line, to cancel this run. */
export function watchForCancelRequest(control: RunControl): void {
  CancellationScope.current().cancelRequested.catch(() => {
    control.stopped = true;
    control.nudges += 1;
  });
}

/** The "current details" of a run in the Web UI: a paragraph for each thing under way. */
class Board {
  private readonly paragraphs = new Map<string, string>();
  /** Over and done with: these stay readable until there is something else to read. */
  private readonly old = new Set<string>();

  write(key: string, paragraph: string): void {
    this.old.delete(key);
    for (const gone of this.old) this.paragraphs.delete(gone);
    this.old.clear();
    this.paragraphs.set(key, paragraph);
    setCurrentDetails([...this.paragraphs.values()].join('\n\n---\n\n'));
  }

  /** The next writing may take this paragraph's place. */
  retire(key: string): void {
    if (this.paragraphs.has(key)) this.old.add(key);
  }
}

/** One thing that a run works on, for the people who read its details. */
export class Subject {
  private now = '';
  private troubleText: string | null = null;

  /**
   * @param key the event's id
   * @param title such as: **Install** of installation `i1`
   * @param processId null for what has no process row
   * @param footer a last sentence, such as the end of the window; may change with time
   */
  constructor(
    readonly control: RunControl,
    private readonly key: string,
    private readonly title: string,
    readonly processId: string | null,
    private readonly footer: () => string | null = () => null,
  ) {}

  /** What is being done now. */
  doing(text: string): void {
    this.now = text;
    this.troubleText = null;
    this.show();
  }

  /** What keeps it from being done; null when that is over. */
  trouble(text: string | null): void {
    if (text === this.troubleText) return;
    this.troubleText = text;
    this.show();
  }

  /** How it ended. */
  ended(outcome: string): void {
    this.control.board.write(this.key, `${this.title}: ${outcome}.`);
    this.leave();
  }

  /** Makes room for whatever is written next. */
  leave(): void {
    this.control.board.retire(this.key);
  }

  private show(): void {
    const parts = [`${this.title}: ${this.now}.`, this.troubleText, this.footer()];
    this.control.board.write(this.key, parts.filter((part) => part !== null).join('\n\n'));
  }
}
