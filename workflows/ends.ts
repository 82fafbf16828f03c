import { CancellationScope, isCancellation } from '@temporalio/workflow';
import { FAILURE_TYPES } from '../contracts/failures.js';
import type { FinalState, ProcessOutcome } from '../contracts/outcomes.js';
import type { ProcessRun } from './process-run.js';
import { StepFailure } from './steps.js';

/** How an install or update ended. `recorded`: the step that found out has written the outcome already. */
export interface End {
  outcome: ProcessOutcome;
  reason: string;
  remoteState: FinalState | null;
  recorded?: boolean;
}

/** What came of work that can be ended early: its value, or the process's end. */
export type UnlessEnded<T> = { kind: 'done'; value: T } | { kind: 'ended'; end: End };

/** Runs `work` until it ends, or something ends the process: another event, or a failure that no further attempt can mend. */
export async function unlessEnded<T>(run: ProcessRun, work: () => Promise<T>): Promise<UnlessEnded<T>> {
  const scope = new CancellationScope();
  const stopWatching = run.onPreEmption(() => scope.cancel());
  try {
    return { kind: 'done', value: await scope.run(work) };
  } catch (error) {
    const { preEmptedBy } = run;
    if (preEmptedBy !== null && isCancellation(error)) {
      return { kind: 'ended', end: superseded(`overtaken by event ${preEmptedBy}`) };
    }
    if (error instanceof StepFailure) return { kind: 'ended', end: endOfFailure(error) };
    throw error;
  } finally {
    stopWatching();
  }
}

/** The end of an install or update that another event overtook. */
export function superseded(reason: string): End {
  return { outcome: 'superseded', reason, remoteState: null };
}

function endOfFailure(failure: StepFailure): End {
  switch (failure.type) {
    case FAILURE_TYPES.gone:
      return { outcome: 'superseded', reason: failure.message, remoteState: 'gone' };
    case FAILURE_TYPES.preEmpted:
      return superseded(failure.message);
    default:
      throw failure;
  }
}
