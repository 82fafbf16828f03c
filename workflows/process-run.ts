import type { ProcessRef } from '../contracts/messages.js';
import type { ProcessOutcome } from '../contracts/outcomes.js';
import type { RunControl } from './control.js';

/** Carries out one process and answers with the outcome that was recorded. */
export type RunProcess = (run: ProcessRun) => Promise<ProcessOutcome>;

/** One process under way. */
export class ProcessRun {
  /** Id of the event that ends this process early, once one is known. */
  preEmptedBy: string | null = null;
  private readonly listeners = new Set<() => void>();

  /**
   * @param lookAgain takes what the inbox has and tells every process what ends it
   * @param leaveLine lets the next process of the tenant begin
   */
  constructor(
    readonly control: RunControl,
    readonly process: ProcessRef,
    private readonly lookAgain: () => Promise<void>,
    readonly leaveLine: () => void,
  ) {}

  /** Tells the process that another event ends it. */
  preEmpt(byEventId: string): void {
    if (this.preEmptedBy !== null) return;
    this.preEmptedBy = byEventId;
    for (const listener of this.listeners) listener();
  }

  /** Calls `listener` when another event ends this process, at once if that has happened. Gives a function that stops it. */
  onPreEmption(listener: () => void): () => void {
    this.listeners.add(listener);
    if (this.preEmptedBy !== null) listener();
    return () => this.listeners.delete(listener);
  }

  /** Looks at the inbox whether another event ends this process. */
  async isPreEmpted(): Promise<boolean> {
    await this.lookAgain();
    return this.preEmptedBy !== null;
  }
}
