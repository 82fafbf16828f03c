import {
  ActivityFailure,
  ApplicationFailure,
  CancellationScope,
  CancelledFailure,
  condition,
  isCancellation,
} from '@temporalio/workflow';
import type { Activities } from '../activities/index.js';
import { type AskedToWait, FAILURE_TYPES, type FailureType } from '../contracts/failures.js';
import type { RunControl, Subject } from './control.js';
import { durable, durableOptions, LOCAL_OPTIONS, quick } from './proxies.js';

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
 * succeeds, or the scope around it is cancelled. What needs a person, and a product that needs time, are such retries, too: the wait
 * between attempts is an hour, or what the product asked for, and a wake-up ends it.
 *
 * A refusal, a vanished installation and a pre-emption end the step (`StepFailure`). Throws `CancelledFailure` when the scope around it is
 * cancelled.
 *
 * @param summary one line for the Web UI, in plain words
 */
export async function runStep<N extends StepName>(
  name: N,
  input: StepInput<N>,
  summary: string,
  subject: Subject,
): Promise<StepResult<N>> {
  const { control } = subject;
  if (!control.durableFirst && !control.stopped) {
    try {
      return await inTurn(control, () => quickAttempt(name, input, summary));
    } catch (error) {
      const failure = stepFailureOf(error);
      if (failure !== null && isFinal(failure)) throw failure;
      if (isCancellation(error)) throw error;
      subject.trouble(troubleOf(failure));
      await untilAsked(control, error);
    }
  }
  for (;;) {
    if (control.stopped) await untilResumed(subject);
    try {
      const result = await durableAttempts(name, input, summary, subject);
      if (result.kind === 'done') {
        subject.trouble(null);
        return result.value;
      }
    } catch (error) {
      throw stepFailureOf(error) ?? error;
    }
  }
}

/** Whoever said when to come back is not asked sooner by the durable way either; a nudge ends the wait. */
async function untilAsked(control: RunControl, error: unknown): Promise<void> {
  const [detail] = (error instanceof ApplicationFailure ? error.details : null) ?? [];
  const { retryAfterMs } = (detail ?? {}) as Partial<AskedToWait>;
  if (retryAfterMs === undefined) return;
  const seen = control.nudges;
  await condition(() => control.nudges !== seen, retryAfterMs);
}

function troubleOf(failure: StepFailure | null): string {
  const reason = (failure?.message ?? 'it took too long').replace(/\.?$/, '.');
  switch (failure?.type) {
    case FAILURE_TYPES.needsPerson:
      return `**Parked:** ${reason} It is tried again hourly, and at the signal "wake".`;
    case FAILURE_TYPES.pending:
      return `**Waiting for the product:** ${reason} See Pending Activities.`;
    default:
      return `The first attempt failed: ${reason} Trying again; see Pending Activities.`;
  }
}

/**
 * One quick attempt at a time in a run. Of two local activities that end at the same time a replay may see the ends in another order
 * than the first execution did, and so go another way; of one it cannot.
 */
async function inTurn<T>(control: RunControl, attempt: () => Promise<T>): Promise<T> {
  const before = control.quickTurn;
  let end: () => void = () => undefined;
  control.quickTurn = new Promise((resolve) => {
    end = resolve;
  });
  try {
    await before;
    if (CancellationScope.current().consideredCancelled) throw new CancelledFailure('The step was cancelled.');
    return await attempt();
  } finally {
    end();
  }
}

async function quickAttempt<N extends StepName>(name: N, input: StepInput<N>, summary: string): Promise<StepResult<N>> {
  const activity = quick[name] as unknown as Attempt<N, typeof LOCAL_OPTIONS>;
  return await activity.executeWithOptions({ ...LOCAL_OPTIONS, summary }, [input]);
}

/** A run of regular attempts, until they end or a nudge asks for a fresh start of their backoff. */
async function durableAttempts<N extends StepName>(
  name: N,
  input: StepInput<N>,
  summary: string,
  { control }: Subject,
): Promise<{ kind: 'done'; value: StepResult<N> } | { kind: 'again' }> {
  const activity = durable[name] as unknown as Attempt<N, ReturnType<typeof durableOptions>>;
  const outer = CancellationScope.current();
  const scope = new CancellationScope();
  const seen = control.nudges;
  const attempt = scope.run(() => activity.executeWithOptions(durableOptions(name, summary), [input]));
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

/** What the two kinds of activity proxies have in common. */
interface Attempt<N extends StepName, O> {
  executeWithOptions(options: O & { summary: string }, args: [StepInput<N>]): Promise<StepResult<N>>;
}

/** A person stopped the run: its processes are parked until a wake-up, however long, or until they are cancelled. */
async function untilResumed(subject: Subject): Promise<void> {
  const { control } = subject;
  const reason = 'A person stopped this run. Send the signal "wake" to go on.';
  subject.trouble(`**Parked:** ${reason}`);
  try {
    await markParked(subject, reason);
    await condition(() => !control.stopped);
  } finally {
    subject.trouble(null);
    await markParked(subject, null);
  }
}

/** Outside every window: what the row says of a person's duty must be true at its end, too. */
async function markParked({ processId }: Subject, reason: string | null): Promise<void> {
  if (processId === null) return;
  await CancellationScope.nonCancellable(async () => {
    if (reason === null) {
      await durable.resumeProcess.executeWithOptions(durableOptions('resumeProcess', 'Resume what was parked'), [
        { processId },
      ]);
    } else {
      const options = durableOptions('parkProcess', 'Park: a person stopped the run');
      await durable.parkProcess.executeWithOptions(options, [{ processId, reason }]);
    }
  });
}

function endsStep(error: unknown): boolean {
  const failure = stepFailureOf(error);
  return failure !== null && isFinal(failure);
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
