import { z } from 'zod';
import { type AccessControl, shortErrors } from './access.js';
import { installationInPath, shownState } from './installation-routes.js';
import type { Lifecycle } from './lifecycle.js';
import { type Links, link } from './links.js';
import { codedError, shortError, wireTime } from './reply.js';
import { parseJson, type Route } from './route.js';
import type { Switches } from './switches.js';

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
    claimedInstallation: installationInPath,
    answer(call) {
      const allowed = access.byPath(call, 'apps:write', shortErrors);
      if (!allowed.ok) return allowed.reply;
      if (call.mediaType !== 'application/json') {
        return codedError(
          415,
          '0030002',
          'Unsupported media type',
          'refused: the content type is not application/json',
        );
      }
      const parsed = decisionSchema.safeParse(parseJson(call.body));
      if (!parsed.success) {
        const fields = [{ name: 'state', description: 'must be approve or reject; reason must be a string' }];
        return codedError(400, '0030002', 'Invalid request data', 'refused: the body is not a decision', fields);
      }
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
      return {
        status: 200,
        body: {
          // A repeated decision is answered with what is in force, and so is an opposite one that is let pass.
          state: shownState(installation.state, switches.state_vocabulary !== 'resource'),
          ...(installation.stateReason === null ? {} : { reason: installation.stateReason }),
          updated_at: wireTime(installation.stateUpdatedAt),
          _links: { self: link(`${links.installation(installation)}/state`) },
        },
        verdict: decision.effective ? decision.why : `no effect, ${decision.why}`,
      };
    },
  };
}
