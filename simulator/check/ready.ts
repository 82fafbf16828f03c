import { printDuration } from '../cli/duration.js';
import type { SimulatorClient } from '../client/client.js';
import type { Clock, Fault, Scenario, SwitchesInput } from '../client/types.js';
import { defaultSwitches } from '../world/switches.js';
import { CannotRun } from './failure.js';

/** A backend on the machine's time is that far off at most, as any two clocks may be (talkdesk-api.md 10.12 takes 60 s). */
const clockOffMaxMs = 30_000;

/** A switch that is off its default; `name` is as docs/simulator.md has it. */
interface Turned {
  name: string;
  value: unknown;
  usual: unknown;
}

/**
 * Refuses a simulator on which a correct backend would fail because of what was set before.
 * @param toldTime the backend lives by the simulator's time, because it is told
 * @throws CannotRun that names each thing and the command that mends it
 */
export async function expectReady(client: SimulatorClient, simulator: string, toldTime: boolean): Promise<void> {
  const [scenarios, faults, turned, clock] = await Promise.all([
    client.scenarios(),
    client.faults(),
    turnedSwitches(client),
    client.clock(),
  ]);
  const command = (words: string) => `npm run simulator -- ${words} --simulator ${simulator}`;
  const own = new Set(scenarios.flatMap(({ fault_ids }) => fault_ids));
  const alone = faults.filter(({ id }) => !own.has(id));
  const settings = [
    ...scenarios.map((one) => `${describeScenario(one)} is loaded: ${command(`scenario remove ${one.scenario_id}`)}`),
    ...(alone.length === 0 ? [] : [`${listOf(alone.map(describeFault))} set: ${command('fault clear')}`]),
    ...(turned.length === 0
      ? []
      : [`${listOf(turned.map(describeSwitch))} off the default: ${patchCommand(simulator, turned)}`]),
  ];
  const time = clockProblems(clock, toldTime, command);
  if (settings.length + time.length === 0) return;
  throw new CannotRun(
    [
      `The simulator at ${simulator} is not as it starts, and a correct backend would fail because of it:`,
      ...[...settings, ...time].map((line) => `  ${line}`),
      ...(settings.length === 0 ? [] : ['With --reset, faults, scenarios and switches go to their defaults first.']),
    ].join('\n'),
  );
}

/**
 * Puts scenarios, faults and switches to their defaults.
 * @returns what was done, in a sentence
 */
export async function resetSimulator(client: SimulatorClient): Promise<string> {
  const scenarios = await client.scenarios();
  for (const { scenario_id } of scenarios) await client.removeScenario(scenario_id);
  const faults = await client.faults();
  if (faults.length > 0) await client.clearFaults();
  const turned = await turnedSwitches(client);
  if (turned.length > 0) await client.changeSwitches(defaultsOf(turned));
  const done = [
    ...scenarios.map((one) => `${describeScenario(one)} removed`),
    ...faults.map((one) => `${describeFault(one)} removed`),
    ...turned.map(({ name, usual }) => `switch ${name} put to ${usual}`),
  ];
  return done.length === 0 ? 'Reset: everything was at its default.' : `Reset: ${done.join(', ')}.`;
}

function clockProblems(clock: Clock, toldTime: boolean, command: (words: string) => string): string[] {
  const problems = clock.mode === 'frozen' ? [`the clock stands still: ${command('clock run')}`] : [];
  const { offset_ms: offMs, followers } = clock;
  if (Math.abs(offMs) <= clockOffMaxMs || toldTime) return problems;
  const failed = followers.find(({ last_error: error }) => error !== null);
  if (followers.length > 0 && failed === undefined) return problems;
  const off = `the clock is ${printDuration(Math.abs(offMs))} ${offMs < 0 ? 'behind' : 'ahead of'} the machine's`;
  const mend =
    failed === undefined
      ? `and nobody is told: ${command('clock now')}, or name with --told-time where the backend takes the time`
      : `and ${failed.url} has not taken it (${failed.last_error}): start what is to follow there, and look with ${command('clock')}`;
  return [...problems, `${off}, ${mend}`];
}

async function turnedSwitches(client: SimulatorClient): Promise<Turned[]> {
  const now = flat(await client.switches());
  return [...flat(defaultSwitches())].flatMap(([name, usual]) => {
    const value = now.get(name);
    return value === undefined || value === usual ? [] : [{ name, value, usual }];
  });
}

/** Switches by the names of docs/simulator.md: those of `sign` with a dot. */
function flat(switches: object): Map<string, unknown> {
  const pairs = Object.entries(switches).flatMap(([name, value]) =>
    typeof value === 'object' && value !== null
      ? Object.entries(value).map(([inner, each]): [string, unknown] => [`${name}.${inner}`, each])
      : [[name, value] as [string, unknown]],
  );
  return new Map(pairs);
}

/** The change that undoes. */
function defaultsOf(turned: readonly Turned[]): SwitchesInput {
  const changes: Record<string, unknown> = {};
  const sign: Record<string, unknown> = {};
  for (const { name, usual } of turned) {
    if (name.startsWith('sign.')) sign[name.slice('sign.'.length)] = usual;
    else changes[name] = usual;
  }
  return { ...changes, ...(Object.keys(sign).length === 0 ? {} : { sign }) };
}

function patchCommand(simulator: string, turned: readonly Turned[]): string {
  const body = JSON.stringify(defaultsOf(turned));
  return `curl -X PATCH -H 'content-type: application/json' -d '${body}' ${simulator}/_control/switches`;
}

function describeScenario({ scenario_id: id, name }: Scenario): string {
  return `${id} (${name})`;
}

function describeFault({ id, kind, route }: Fault): string {
  return `${id} (${kind} on ${route})`;
}

function describeSwitch({ name, value, usual }: Turned): string {
  return `switch ${name} (${value}, not ${usual})`;
}

function listOf(words: readonly string[]): string {
  return `${words.join(', ')} ${words.length === 1 ? 'is' : 'are'}`;
}
