import { createRunAttempt } from './attempts.js';
import { createBareEventActivities } from './bare-events.js';
import { createBreakers } from './breakers.js';
import { createDecisionActivities } from './decision.js';
import type { ActivityDeps } from './deps.js';
import { createFinalStateActivities } from './final-state.js';
import { createInboxActivities } from './inbox.js';
import { createOutcomeActivities } from './outcomes.js';
import { createProductActivities } from './product.js';
import { createRotationActivities } from './rotation.js';
import { createSyncActivities } from './sync.js';

/** Every activity of the service, over the given ports. Names are unique across groups: they share one namespace. */
export function createActivities(deps: ActivityDeps) {
  const parts = { ...deps, runAttempt: createRunAttempt(deps), breakers: createBreakers() };
  return {
    ...createInboxActivities(parts),
    ...createSyncActivities(parts),
    ...createFinalStateActivities(parts),
    ...createProductActivities(parts),
    ...createDecisionActivities(parts),
    ...createRotationActivities(parts),
    ...createBareEventActivities(parts),
    ...createOutcomeActivities(parts),
  };
}

/** The activities as workflows see them. */
export type Activities = ReturnType<typeof createActivities>;
