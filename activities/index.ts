import { createRunAttempt } from './attempts.js';
import { createBreakers } from './breakers.js';
import { createDecisionActivities } from './decision.js';
import type { ActivityDeps } from './deps.js';
import { createInboxActivities } from './inbox.js';
import { createOutcomeActivities } from './outcomes.js';
import { createProductActivities } from './product.js';
import { createTalkdeskActivities } from './talkdesk.js';

/** Every activity of the service, over the given ports. Names are unique across groups: they share one namespace. */
export function createActivities(deps: ActivityDeps) {
  const parts = { ...deps, runAttempt: createRunAttempt(deps.random), breakers: createBreakers() };
  return {
    ...createInboxActivities(parts),
    ...createTalkdeskActivities(parts),
    ...createProductActivities(parts),
    ...createDecisionActivities(parts),
    ...createOutcomeActivities(parts),
  };
}

/** The activities as workflows see them. */
export type Activities = ReturnType<typeof createActivities>;
