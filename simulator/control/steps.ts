import type { Faults } from '../faults/faults.js';
import type { Step } from '../scenarios/schema.js';
import { changeSwitches, type Switches } from '../world/switches.js';
import type { World } from '../world/world.js';
import type { Actions } from './actions.js';
import { ControlProblem } from './problem.js';

/** What the steps of scenarios do: what the control API's routes do. */
export interface StepDeps {
  world: World;
  faults: Faults;
  switches: Switches;
  actions: Actions;
  install: (body: unknown) => Promise<object>;
}

/** The route of an installation that makes each event. */
const paths = {
  'app.updated': 'update',
  'app.uninstalled': 'uninstall',
  'app.credentials_rotated': 'rotate',
  'app.trial_started': 'trial/start',
  'app.trial_extended': 'trial/extend',
  'app.trial_ended': 'trial/end',
  'user.logout': 'logout',
  event: 'events',
} as const;

/** Does one step of a scenario; throws an Error with the control API's sentence when it cannot be done. */
export function createStepPerformer(
  deps: StepDeps,
): (step: Step, scenario: { id: string; seed: number }) => Promise<void> {
  const { world, faults, switches, actions, install } = deps;

  function firstApp(): string {
    const [app] = world.apps.keys();
    if (app === undefined) throw new ControlProblem(409, 'No app is registered; PUT /_control/apps/{app_id} first.');
    return app;
  }

  function newestInstallation(): string {
    const newest = [...world.installations.keys()].at(-1);
    if (newest === undefined)
      throw new ControlProblem(409, 'There is no installation yet; a step app.installed makes one.');
    return newest;
  }

  return async (step, { id: scenarioId, seed }) => {
    switch (step.do) {
      case 'app.installed':
        await install({ ...step.with, app_id: step.with?.app_id ?? firstApp() });
        return;
      case 'switches':
        changeSwitches(switches, step.with);
        return;
      case 'fault':
        faults.add(step.with, { scenarioId, seed });
        return;
      case 'delivery-fault':
        faults.add({ route: 'delivery', ...step.with }, { scenarioId, seed });
        return;
      case 'clear-faults':
        faults.clear();
        return;
      default:
        await actions[paths[step.do]](step.installation_id ?? newestInstallation(), step.with ?? {});
    }
  };
}
