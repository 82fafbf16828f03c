import express, { type RequestHandler, type Router } from 'express';
import { z } from 'zod';
import { durationMs } from '../faults/duration.js';
import { createScenarios, type LoadedScenario, type Scenarios } from '../scenarios/scenarios.js';
import type { Step } from '../scenarios/schema.js';
import type { VirtualClock } from '../world/clock.js';
import { ControlProblem, readInput } from './problem.js';
import { createStepPerformer, type StepDeps } from './steps.js';

/** `POST /_control/scenarios`: the name to tell mistakes with. */
export const scenarioQuerySchema = z.strictObject({
  file: z
    .string()
    .min(1)
    .max(300)
    .regex(/^[^\r\n]*$/, 'must be one line')
    .optional(),
});

/** Keeps the body of a scenario as text, also where it is JSON: a mistake is told with its line. */
export const scenarioText: RequestHandler = express.text({ type: () => true, limit: '1mb' });

/** Routes of scenario files: load one, list and remove those that are loaded. */
export function addScenarioRoutes(router: Router, deps: StepDeps & { clock: VirtualClock }): Scenarios {
  const scenarios = createScenarios({ ...deps, perform: createStepPerformer(deps) });
  router.get('/scenarios', (_request, response) => {
    response.json({ scenarios: scenarios.all().map(scenarioView) });
  });
  router.post('/scenarios', async (request, response) => {
    const { file = 'scenario' } = readInput(scenarioQuerySchema, request.query, 'query');
    // Nobody who loads no scenario waits at the start for the YAML parser.
    const { readScenario, ScenarioMistakes } = await import('../scenarios/read.js');
    try {
      const text = typeof request.body === 'string' ? request.body : '';
      response.status(201).json(scenarioView(scenarios.load(readScenario(text, file))));
    } catch (error) {
      if (error instanceof ScenarioMistakes) throw new ControlProblem(400, error.message);
      throw error;
    }
  });
  router.delete('/scenarios/:scenario_id', (request, response) => {
    const id = request.params['scenario_id'];
    if (!scenarios.remove(id))
      throw new ControlProblem(404, `There is no scenario ${id}; GET /_control/scenarios lists them.`);
    response.json({ ok: true });
  });
  return scenarios;
}

function scenarioView({ id, scenario, seed, loadedAt, faultIds, outcomes }: LoadedScenario): object {
  const dueAt = ({ at }: Step) => new Date(Date.parse(loadedAt) + durationMs(at)).toISOString();
  return {
    scenario_id: id,
    name: scenario.name,
    description: scenario.description ?? null,
    seed,
    loaded_at: loadedAt,
    fault_ids: faultIds,
    steps: (scenario.steps ?? []).map((step, index) => ({
      at: dueAt(step),
      do: step.do,
      outcome: outcomes[index] ?? null,
    })),
  };
}
