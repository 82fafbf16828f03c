import { readFile } from 'node:fs/promises';
import type { Scenario } from '../client/types.js';
import { connect } from './connect.js';
import { printTime } from './duration.js';
import { CommandError, UsageError } from './errors.js';
import type { Command } from './io.js';
import { COMMON, COMMON_HELP, oneOf, parseWords } from './options.js';
import { json, table } from './table.js';

const ACTIONS = ['load', 'list', 'remove'] as const;

/** `scenario`: files of faults, switches and steps. */
export const scenarioCommand: Command = {
  help: `Usage: npm run simulator -- scenario load FILE | list | remove ID [options]

A scenario is a YAML or JSON file of faults (of routes and of deliveries), switches, and steps: events, switches and faults at their time
of the simulator's clock, counted from loading. Examples are in examples/scenarios, all of it is in docs/simulator.md. A file with
mistakes is refused with line and column of each, and changes nothing. list shows what became of each step. FILE - is standard input.

${COMMON_HELP}

  npm run simulator -- scenario load examples/scenarios/flaky-api.yaml
  npm run simulator -- scenario list
  npm run simulator -- scenario remove scenario-1`,
  async run(words, io) {
    const { values, positionals } = parseWords(words, COMMON, ['ACTION', '[FILE or ID]']);
    const action = oneOf('ACTION', positionals[0], ACTIONS);
    const client = connect(values.simulator, io);
    const [, what] = positionals;
    if (action === 'list') {
      if (what !== undefined) throw new UsageError(`list takes nothing more: leave out "${what}".`);
      const scenarios = await client.scenarios();
      io.out(values.json === true ? json({ scenarios }) : describeAll(scenarios));
      return 0;
    }
    if (what === undefined)
      throw new UsageError(
        action === 'load' ? 'load takes a FILE.' : 'remove takes the ID that "scenario list" shows.',
      );
    if (action === 'load') {
      const loaded = await client.loadScenario(await textOf(what), what === '-' ? undefined : what);
      io.out(values.json === true ? json(loaded) : describeLoaded(loaded));
      return 0;
    }
    await client.removeScenario(what);
    io.out(values.json === true ? json({ ok: true }) : `Removed ${what}.`);
    return 0;
  },
};

function describeAll(scenarios: readonly Scenario[]): string {
  if (scenarios.length === 0) return 'No scenario is loaded.';
  const heads = scenarios.map(({ scenario_id: id, name, seed }) => [id, name, String(seed)]);
  const steps = scenarios.flatMap((scenario) =>
    scenario.steps.map((step) => [scenario.scenario_id, printTime(step.at), step.do, outcomeText(step.outcome)]),
  );
  const lists = [table(['id', 'name', 'seed'], heads)];
  if (steps.length > 0) lists.push(table(['scenario', 'at', 'step', 'outcome'], steps));
  return lists.join('\n\n');
}

function outcomeText(outcome: string | null): string {
  if (outcome === null) return 'to come';
  return outcome === 'done' ? outcome : `FAILED: ${outcome}`;
}

function describeLoaded({ scenario_id: id, name, seed, steps }: Scenario): string {
  const loaded = `Loaded ${id}: ${name}, seed ${seed}.`;
  if (steps.length === 0) return loaded;
  const last = printTime(
    steps
      .map(({ at }) => at)
      .sort()
      .at(-1) ?? '',
  );
  const toCome =
    steps.length === 1
      ? `One step is to come, at ${last} UTC`
      : `${steps.length} steps are to come, the last at ${last} UTC`;
  return `${loaded} ${toCome}: "scenario list" shows what became of each.`;
}

async function textOf(file: string): Promise<string> {
  try {
    return await readFile(file === '-' ? '/dev/stdin' : file, 'utf8');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new CommandError(
      code === 'ENOENT' ? `There is no file ${file}.` : `The scenario file ${file} cannot be read (${code}).`,
    );
  }
}
