import { durationMs } from '../faults/duration.js';
import type { Faults } from '../faults/faults.js';
import type { FaultInput } from '../faults/schema.js';
import type { VirtualClock } from '../world/clock.js';
import type { Due } from '../world/due.js';
import { changeSwitches, type Switches } from '../world/switches.js';
import type { Scenario, Step } from './schema.js';

/** A scenario that is loaded, as plain data. */
export interface LoadedScenario {
  readonly id: string;
  readonly scenario: Scenario;
  readonly seed: number;
  /** When: ISO 8601, on the simulator's clock. */
  readonly loadedAt: string;
  readonly faultIds: readonly string[];
  /** Of each step: null until its time has come; then `done`, or why it could not be done. */
  readonly outcomes: Array<string | null>;
  /** The switches that it changes, as they were. */
  readonly before: Partial<Switches>;
}

/** All scenarios as plain data, to be loaded again from a snapshot. */
export interface SavedScenarios {
  count: number;
  loaded: LoadedScenario[];
}

type StepDue = Extract<Due, { what: 'step' }>;

/** The scenarios that are loaded, oldest first. */
export interface Scenarios {
  /** Sets its switches and faults, and does each step at its time. */
  load(scenario: Scenario): LoadedScenario;
  /** Takes its faults, its switches and the steps to come back; what happened has happened. False when there is no such scenario. */
  remove(id: string): boolean;
  all(): readonly LoadedScenario[];
  save(): SavedScenarios;
  /** Puts what was saved in place of what is loaded. Its faults and switches are not set, and its steps wait for `resume`. */
  restore(saved: SavedScenarios): void;
  /** Waits again for a step that was due. */
  resume(at: Date, due: StepDue): void;
}

/**
 * No scenarios.
 * @param deps.perform does one step; throws an Error whose message says why it cannot be done
 */
export function createScenarios(deps: {
  clock: VirtualClock;
  faults: Faults;
  switches: Switches;
  perform: (step: Step, scenario: { id: string; seed: number }) => Promise<void>;
}): Scenarios {
  const { clock, faults, switches, perform } = deps;
  let loaded: LoadedScenario[] = [];
  let count = 0;

  /** A step whose scenario was removed meanwhile does nothing. */
  function stepAt(at: Date, due: StepDue): void {
    clock.schedule(at, due, async () => {
      const own = loaded.find(({ id }) => id === due.scenarioId);
      const step = own?.scenario.steps?.[due.index];
      if (own === undefined || step === undefined) return;
      try {
        await perform(step, own);
        own.outcomes[due.index] = 'done';
      } catch (error) {
        own.outcomes[due.index] = (error as Error).message;
      }
    });
  }

  return {
    load(scenario) {
      const id = `scenario-${++count}`;
      const { seed = 1, steps = [] } = scenario;
      const before = valuesBefore(scenario, switches);
      changeSwitches(switches, scenario.switches ?? {});
      const set = faultsOf(scenario).map((fault, index) =>
        faults.add(fault, { scenarioId: id, seed: seedOf(seed, index) }),
      );
      const now = clock.now();
      steps.forEach((step, index) => {
        stepAt(new Date(now.getTime() + durationMs(step.at)), { what: 'step', scenarioId: id, index });
      });
      const faultIds = set.map((fault) => fault.id);
      const outcomes = steps.map(() => null);
      const own = { id, scenario, seed, loadedAt: now.toISOString(), faultIds, outcomes, before };
      loaded.push(own);
      return own;
    },
    remove(id) {
      const own = loaded.find((each) => each.id === id);
      if (own === undefined) return false;
      loaded = loaded.filter((each) => each !== own);
      faults.removeOf(id);
      changeSwitches(switches, own.before);
      return true;
    },
    all: () => loaded,
    save: () => structuredClone({ count, loaded }),
    restore(saved) {
      ({ count, loaded } = structuredClone(saved));
    },
    resume: stepAt,
  };
}

function faultsOf({ faults = [], deliveries = [] }: Scenario): FaultInput[] {
  return [...faults, ...deliveries.map((fault) => ({ route: 'delivery' as const, ...fault }))];
}

/** Another one for each fault, so that two of one chance do not hit together. */
function seedOf(seed: number, index: number): number {
  return (seed + Math.imul(index, 0x9e3779b9)) >>> 0;
}

/** Every switch that the scenario changes, now or in a step, as it is. */
function valuesBefore({ switches = {}, steps = [] }: Scenario, now: Switches): Partial<Switches> {
  const changes = [switches, ...steps.map((step) => (step.do === 'switches' ? step.with : {}))];
  const names = changes.flatMap((change) => Object.keys(change)) as Array<keyof Switches>;
  return structuredClone(Object.fromEntries(names.map((name) => [name, now[name]])));
}
