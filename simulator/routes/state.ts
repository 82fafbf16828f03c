import { z } from 'zod';
import { type AccessControl, shortErrors } from './access.js';
import { stateWord } from './installation.js';
import { type Lifecycle, shownState } from '../world/lifecycle.js';
import { type LinksOf, link } from '../events/links.js';
import { readJson } from './read-json.js';
import { shortError, wireTime } from './reply.js';
import type { Route } from './route.js';
import type { Switches } from '../world/switches.js';
import { lastProcess, type Verb } from '../world/world.js';

/** What each word of the two vocabularies decides (talkdesk-api.md 4.4). */
const verbs = { approve: 'approve', reject: 'reject' } as const;
const states = { completed: 'approve', rejected: 'reject' } as const;
const vocabularies: Record<Switches['decision_vocabulary'], Record<string, Verb>> = {
  verbs,
  states,
  both: { ...verbs, ...states },
};

/** The body of a decision in these words; unknown fields are ignored (talkdesk-api.md 4.4). */
function decisionSchema(words: Record<string, Verb>) {
  return z.object({ state: z.enum(Object.keys(words)), reason: z.string().nullish() });
}

/** `POST …/state`: the partner's decision on whatever waits for one (talkdesk-api.md 4.4). */
export function createStateRoute(deps: {
  access: AccessControl;
  lifecycle: Lifecycle;
  linksOf: LinksOf;
  switches: Switches;
}): Route {
  const { access, lifecycle, linksOf, switches } = deps;
  return {
    name: 'state',
    claims: access.claims,
    answer(call) {
      const allowed = access.byPath(call, 'apps:write', shortErrors);
      if (!allowed.ok) return allowed.reply;
      const words = vocabularies[switches.decision_vocabulary];
      const allowedWords = Object.keys(words).join(' or ');
      const parsed = readJson(call, decisionSchema(words), `state must be ${allowedWords}; reason must be a string`);
      if (!parsed.ok) return parsed.reply;
      const { installation } = allowed;
      const verb = words[parsed.data.state] ?? 'approve';
      const { reason } = parsed.data;
      const decision = lifecycle.decide(installation, verb, reason ?? null);
      const about = decision.process ?? lastProcess(installation);
      call.entry.decision = { verb, effect: decision.effect, event_id: about?.eventId ?? null };
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
          _links: { self: link(`${linksOf(installation.account).installation(installation)}/state`) },
        },
        verdict: decision.process !== null ? decision.why : `no effect, ${decision.why}`,
      };
    },
  };
}
