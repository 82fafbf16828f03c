import { actionErrors, shortErrors } from './access.js';
import { found, type ReadDeps, readableSettings } from './installation.js';
import { link } from '../events/links.js';
import { wireTime } from './reply.js';
import type { Route } from './route.js';
import { numberedUser } from '../world/users.js';
import type { TrialEnd } from '../world/world.js';

/** `GET …/subscription` (talkdesk-api.md 4.3). */
export function createSubscriptionRoute({ access, linksOf, switches }: ReadDeps): Route {
  return {
    name: 'subscription',
    claims: access.claims,
    answer(call) {
      const allowed = access.byPath(call, 'apps:read', shortErrors);
      if (!allowed.ok) return allowed.reply;
      const { installation } = allowed;
      const { app, account } = installation;
      const { name, type, licenses } = readableSettings(installation, switches).plan;
      return found({
        id: `${app.id}-${name.toLowerCase().replaceAll(' ', '-')}`,
        type,
        license_type: 'individual',
        name,
        price: type === 'trial' ? 0 : 25,
        description: `The plan ${name}`,
        listing_summary: name,
        min_licenses: 1,
        max_licenses: 1000,
        created_by: numberedUser(account, 1).id,
        total_licenses: licenses,
        _links: { self: link(`${linksOf(account).installation(installation)}/subscription`) },
      });
    },
  };
}

/** How the trial page words the end of a trial: not as the event does (talkdesk-api.md 4.3). The last two words are ours. */
const endWords: Record<TrialEnd, string> = {
  trial_expired: 'Trial expired',
  plan_upgraded: 'Plan upgraded',
  app_uninstalled: 'App uninstalled',
};

/** `GET …/trial` (talkdesk-api.md 4.3); where there never was one the contract is silent. */
export function createTrialRoute({ access, linksOf, switches }: ReadDeps): Route {
  return {
    name: 'trial',
    claims: access.claims,
    answer(call) {
      const allowed = access.byPath(call, 'apps:read', actionErrors);
      if (!allowed.ok) return allowed.reply;
      const { account, trial, settings } = allowed.installation;
      const self = link(`${linksOf(account).installation(allowed.installation)}/trial`);
      if (trial === null) {
        return switches.no_trial_reads === 'empty'
          ? found({ _links: { self } })
          : actionErrors.installationNotFound('refused: the installation has no trial');
      }
      const { startedAt, expiresAt, ended } = trial;
      return found({
        state: ended === null ? 'active' : 'expired',
        started_at: wireTime(startedAt),
        expires_at: wireTime(expiresAt),
        ...(ended === null ? {} : { ended_at: wireTime(ended.at), ended_reason: endWords[ended.reason] }),
        subscription_name: settings.plan.name,
        _links: { self },
      });
    },
  };
}
