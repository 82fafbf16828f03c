import type { SimulatorClient } from '../client/client.js';
import { Refused } from '../client/errors.js';
import { collectEvidence } from './evidence.js';
import { CannotRun, Interrupted, ScenarioFailure } from './failure.js';
import { createProbe } from './probe.js';
import type { CheckOptions, Outcome, Scenario } from './types.js';

/** What to run, and whom to tell how it goes. */
export interface Run {
  client: SimulatorClient;
  options: CheckOptions;
  regions: readonly string[];
  /** Tells the accounts of this run from those of others. */
  run: string;
  /** The number of the last request before it. */
  before: number;
  scenarios: readonly Scenario[];
  /** Names to run, with what they build on; all when it is empty. */
  only: readonly string[];
  skip: readonly string[];
  interrupted: AbortSignal;
  /** Called after each scenario that was not left out, with the number of these. */
  progress(outcome: Outcome, toRun: number): void;
}

/**
 * Runs scenarios one after the other; each puts back what it changed.
 * @throws Interrupted after everything was put back
 */
export async function runScenarios(run: Run): Promise<Outcome[]> {
  const chosen = withNeeds(run.scenarios, run.only);
  const leftOut = ({ name }: Scenario) =>
    run.skip.includes(name) ? 'left out by --skip' : chosen.has(name) ? null : 'left out by --only';
  const toRun = run.scenarios.filter((scenario) => leftOut(scenario) === null).length;
  const outcomes: Outcome[] = [];
  for (const scenario of run.scenarios) {
    const reason = leftOut(scenario);
    if (reason !== null) {
      outcomes.push(unjudged(scenario, 'not-run', reason));
      continue;
    }
    const outcome = whyNotJudged(scenario, run.options, outcomes) ?? (await runOne(scenario, run));
    outcomes.push(outcome);
    run.progress(outcome, toRun);
  }
  return outcomes;
}

/** The chosen scenarios and all that they build on. */
function withNeeds(scenarios: readonly Scenario[], only: readonly string[]): ReadonlySet<string> {
  const chosen = new Set(only.length === 0 ? scenarios.map(({ name }) => name) : only);
  for (const scenario of [...scenarios].reverse()) {
    if (chosen.has(scenario.name)) for (const need of scenario.needs) chosen.add(need);
  }
  return chosen;
}

function whyNotJudged(scenario: Scenario, options: CheckOptions, outcomes: readonly Outcome[]): Outcome | null {
  const bad = outcomes.find(
    (outcome) => scenario.needs.includes(outcome.name) && ['failed', 'blocked'].includes(outcome.status),
  );
  if (bad !== undefined) return unjudged(scenario, 'blocked', `builds on ${bad.name}, which ${wasNot(bad)}`);
  const missing = scenario.missing?.(options) ?? null;
  return missing === null ? null : unjudged(scenario, 'not-run', missing);
}

function wasNot({ status }: Outcome): string {
  return status === 'failed' ? 'failed' : 'was blocked';
}

function unjudged({ name, title, requirements }: Scenario, status: 'blocked' | 'not-run', reason: string): Outcome {
  const nothing = { duration_ms: 0, failure: null, cannot_run: false, notes: [], evidence: [] };
  return { name, title, requirements, status, reason, ...nothing };
}

async function runOne(scenario: Scenario, run: Run): Promise<Outcome> {
  const { name, title, requirements } = scenario;
  // A short part of each name, so that accounts of two scenarios differ.
  const probe = createProbe({ ...run, run: `${run.run}-${run.scenarios.indexOf(scenario) + 1}` });
  const startMs = performance.now();
  let failure: Outcome['failure'] = null;
  let cannot: string | null = null;
  try {
    await untilInterrupted(scenario.run(probe), run.interrupted);
  } catch (error) {
    if (error instanceof CannotRun || error instanceof Refused) cannot = error.message;
    else if (!(error instanceof ScenarioFailure)) throw error;
    else failure = { expected: error.expected, seen: error.seen, advice: error.advice };
  } finally {
    await probe.restore();
  }
  const duration_ms = Math.round(performance.now() - startMs);
  const evidence = await collectEvidence(run.client, probe.installations);
  const status = failure !== null ? 'failed' : cannot !== null ? 'not-run' : 'passed';
  const found = { failure, reason: cannot, cannot_run: cannot !== null, notes: [...probe.notes], evidence };
  return { name, title, requirements, status, duration_ms, ...found };
}

async function untilInterrupted(work: Promise<void>, interrupted: AbortSignal): Promise<void> {
  let onAbort: () => void = () => undefined;
  const abort = new Promise<never>((_resolve, reject) => {
    onAbort = () => reject(new Interrupted('Interrupted; faults and switches are as they were.'));
    if (interrupted.aborted) onAbort();
    else interrupted.addEventListener('abort', onAbort, { once: true });
  });
  try {
    await Promise.race([work, abort]);
  } finally {
    interrupted.removeEventListener('abort', onAbort);
    // What is still under way after an interruption fails at its next look.
    work.catch(() => undefined);
  }
}
