import { z } from 'zod';
import { type AccessControl, shortErrors } from './access.js';
import { stateWord } from './installation-routes.js';
import { type Lifecycle, shownState } from './lifecycle.js';
import { type Links, link } from './links.js';
import { readJson } from './read-json.js';
import { shortError, wireTime } from './reply.js';
import type { Route } from './route.js';
import type { Switches } from './switches.js';
import { lastProcess } from './world.js';

/** The body of a decision; unknown fields are ignored (talkdesk-api.md 4.4). */
const decisionSchema = z.object({ state: z.enum(['approve', 'reject']), reason: z.string().nullish() });

/** `POST …/state`: the partner's decision on whatever waits for one (talkdesk-api.md 4.4). */
export function createStateRoute(deps: {
  access: AccessControl;
  lifecycle: Lifecycle;
  links: Links;
  switches: Switches;
}): Route {
  const { access, lifecycle, links, switches } = deps;
  return {
    name: 'state',
    claims: access.claims,
    answer(call) {
      const allowed = access.byPath(call, 'apps:write', shortErrors);
      if (!allowed.ok) return allowed.reply;
      const parsed = readJson(call, decisionSchema, 'state must be approve or reject; reason must be a string');
      if (!parsed.ok) return parsed.reply;
      const { installation } = allowed;
      const { state: verb, reason } = parsed.data;
      const decision = lifecycle.decide(installation, verb, reason ?? null);
      if (decision.status !== 200) {
        return shortError(
          decision.status,
          `The state of the installation is ${installation.state}`,
          `no effect, ${decision.why}`,
        );
      }
      const { state, reason: inForce, updatedAt } = shownState(installation, switches);
      // A repeated decision is answered with what is in force, and so is an opposite one that is let pass.
      const decided = lastProcess(installation)?.decided?.verb;
      const asVerb = switches.state_vocabulary !== 'resource';
      return {
        status: 200,
        body: {
          state: (asVerb ? decided : undefined) ?? stateWord(state, asVerb),
          ...(inForce === null ? {} : { reason: inForce }),
          updated_at: wireTime(updatedAt),
          _links: { self: link(`${links.installation(installation)}/state`) },
        },
        verdict: decision.process !== null ? decision.why : `no effect, ${decision.why}`,
      };
    },
  };
}
