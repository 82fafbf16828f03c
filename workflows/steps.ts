import {
  ActivityFailure,
  ApplicationFailure,
  CancellationScope,
  CancelledFailure,
  condition,
  getCurrentDetails,
  isCancellation,
  setCurrentDetails,
} from '@temporalio/workflow';
import type { Activities } from '../activities/index.js';
import { FAILURE_TYPES, type FailureType } from '../contracts/failures.js';
import type { ProcessInput } from '../contracts/messages.js';
import { DURABLE_OPTIONS, durable, LOCAL_OPTIONS, quick } from './proxies.js';

/** A parked step is tried again after this time even if nobody wakes the run, because its cause may have been mended elsewhere. */
const PARKED_RETRY = '1h';

/** What interrupts waiting steps. Changed by signal handlers and timers, read by steps. */
export interface RunControl {
  /** Skip the quick attempts. */
  readonly durableFirst: boolean;
  /** Number of wake-ups so far. */
  wakes: number;
  /** Grows with each wake-up, at the last call and at a stop: a step that waits for its next attempt is interrupted. */
  nudges: number;
  /** A person asked to stop: steps wait for the next wake-up, however long. */
  stopped: boolean;
}

type StepName = keyof Activities;
type StepInput<N extends StepName> = Parameters<Activities[N]>[0];
type StepResult<N extends StepName> = Awaited<ReturnType<Activities[N]>>;

/** The failure of a step that no further attempt can mend, by class, with its reason in plain words. */
export class StepFailure extends Error {
  override readonly name = 'StepFailure';
  constructor(
    readonly type: FailureType,
    message: string,
  ) {
    super(message);
  }
}

/**
 * Runs one step: first one quick local attempt inside the workflow task, then regular attempts with durable retries until it
 * succeeds, or the scope around it is cancelled.
 *
 * A refusal, a vanished installation and a pre-emption end the step (`StepFailure`). What needs a person parks the process and is
 * tried again on a wake-up, and hourly. Throws `CancelledFailure` when the scope around it is cancelled.
 *
 * @param summary one line for the Web UI, in plain words
 */
export async function runStep<N extends StepName>(
  name: N,
  input: StepInput<N>,
  summary: string,
  control: RunControl,
): Promise<StepResult<N>> {
  if (!control.durableFirst && !control.stopped) {
    try {
      return await quickAttempt(name, input, summary);
    } catch (error) {
      const failure = stepFailureOf(error);
      if (failure?.type === FAILURE_TYPES.needsPerson) await waitForPerson(input, failure.message, control);
      else if (failure !== null && isFinal(failure)) throw failure;
      else if (isCancellation(error)) throw error;
      else {
        const trouble = (failure?.message ?? 'it took too long').replace(/\.?$/, '.');
        setCurrentDetails(
          `${getCurrentDetails()}\n\nThe first attempt failed: ${trouble} Trying again; see Pending Activities.`,
        );
      }
    }
  }
  for (;;) {
    if (control.stopped) {
      await waitForPerson(input, 'A person stopped this run. Send the signal "wake" to go on.', control);
    }
    try {
      const result = await durableAttempt(name, input, summary, control);
      if (result.kind === 'done') return result.value;
    } catch (error) {
      const failure = stepFailureOf(error);
      if (failure?.type === FAILURE_TYPES.needsPerson) await waitForPerson(input, failure.message, control);
      else throw failure ?? error;
    }
  }
}

async function quickAttempt<N extends StepName>(name: N, input: StepInput<N>, summary: string): Promise<StepResult<N>> {
  const activity = quick[name] as unknown as Attempt<N, typeof LOCAL_OPTIONS>;
  return await activity.executeWithOptions({ ...LOCAL_OPTIONS, summary }, [input]);
}

/** A run of regular attempts, until they end or a nudge asks for a fresh start of their backoff. */
async function durableAttempt<N extends StepName>(
  name: N,
  input: StepInput<N>,
  summary: string,
  control: RunControl,
): Promise<{ kind: 'done'; value: StepResult<N> } | { kind: 'again' }> {
  const activity = durable[name] as unknown as Attempt<N, typeof DURABLE_OPTIONS>;
  const outer = CancellationScope.current();
  const scope = new CancellationScope();
  const seen = control.nudges;
  const attempt = scope.run(() => activity.executeWithOptions({ ...DURABLE_OPTIONS, summary }, [input]));
  const watch = new CancellationScope();
  const nudged = watch
    .run(async () => {
      await condition(() => control.nudges !== seen);
      scope.cancel();
    })
    .catch(ignoreCancellation);
  try {
    return { kind: 'done', value: await attempt };
  } catch (error) {
    // After a cancellation request there is no further attempt, and the one under way may end in its own failure, or with its worker:
    // none of that is the end of the step.
    if (scope.consideredCancelled && !endsStep(error)) {
      if (outer.consideredCancelled) throw new CancelledFailure('The step was cancelled.');
      return { kind: 'again' };
    }
    throw error;
  } finally {
    watch.cancel();
    await nudged;
  }
}

function endsStep(error: unknown): boolean {
  const failure = stepFailureOf(error);
  return failure !== null && (isFinal(failure) || failure.type === FAILURE_TYPES.needsPerson);
}

/** What the two kinds of activity proxies have in common. */
interface Attempt<N extends StepName, O> {
  executeWithOptions(options: O & { summary: string }, args: [StepInput<N>]): Promise<StepResult<N>>;
}

/**
 * Parks the process of a step until a wake-up, or for an hour where no person asked to stop, and ends the parking, also when the wait
 * is cancelled.
 */
async function waitForPerson(input: unknown, reason: string, control: RunControl): Promise<void> {
  const processId = (input as Partial<ProcessInput>).processId;
  const seen = control.wakes;
  const nudgesSeen = control.nudges;
  const details = getCurrentDetails();
  const mark = (parked: boolean) =>
    processId === undefined ? Promise.resolve() : markParked(processId, parked ? reason : null);
  setCurrentDetails(`${details}\n\n**Parked:** ${reason}`);
  try {
    await mark(true);
    if (control.stopped) await condition(() => control.wakes !== seen);
    else {
      const summary = `Parked: ${reason}`.slice(0, 200);
      await condition(() => control.nudges !== nudgesSeen, PARKED_RETRY, { summary });
    }
  } finally {
    setCurrentDetails(details);
    await mark(false);
  }
}

/** Outside every window: what the row says of a person's duty must be true at its end, too. */
async function markParked(processId: string, reason: string | null): Promise<void> {
  await CancellationScope.nonCancellable(async () => {
    if (reason === null) {
      const options = { ...DURABLE_OPTIONS, summary: 'Resume what was parked' };
      await durable.resumeProcess.executeWithOptions(options, [{ processId }]);
    } else {
      const options = { ...DURABLE_OPTIONS, summary: 'Park: a person must act' };
      await durable.parkProcess.executeWithOptions(options, [{ processId, reason }]);
    }
  });
}

function isFinal(failure: StepFailure): boolean {
  return (
    failure.type === FAILURE_TYPES.refused ||
    failure.type === FAILURE_TYPES.gone ||
    failure.type === FAILURE_TYPES.preEmpted
  );
}

/** A local activity's failure arrives bare, a regular one's wrapped. */
function stepFailureOf(error: unknown): StepFailure | null {
  const cause = error instanceof ActivityFailure ? error.cause : error;
  if (!(cause instanceof ApplicationFailure)) return null;
  const type = Object.values(FAILURE_TYPES).find((known) => known === cause.type);
  return type === undefined ? null : new StepFailure(type, cause.message);
}

/** Rethrows everything but a cancellation. */
export function ignoreCancellation(error: unknown): void {
  if (!isCancellation(error)) throw error;
}

/** Whether a person asked, through the Web UI or the command line, to cancel this run. */
export function watchForCancelRequest(control: RunControl): void {
  CancellationScope.current().cancelRequested.catch(() => {
    control.stopped = true;
    control.nudges += 1;
  });
}
