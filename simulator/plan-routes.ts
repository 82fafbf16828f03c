import { shortErrors, trialErrors } from './access.js';
import { found, installationInPath, type ReadDeps } from './installation-routes.js';
import { link } from './links.js';
import { wireTime } from './reply.js';
import type { Route } from './route.js';
import { userOf } from './users.js';
import type { Installation } from './world.js';

/** `GET …/subscription` (talkdesk-api.md 4.3). A plan named Trial is of type trial. */
export function createSubscriptionRoute({ access, links }: ReadDeps): Route {
  return {
    name: 'subscription',
    claimedInstallation: installationInPath,
    answer(call) {
      const allowed = access.byPath(call, 'apps:read', shortErrors);
      if (!allowed.ok) return allowed.reply;
      const { installation } = allowed;
      const { app, account, plan, licenses } = installation;
      const trial = isTrial(installation);
      return found({
        id: `${app.id}-${plan.toLowerCase().replaceAll(' ', '-')}`,
        type: trial ? 'trial' : 'paid',
        license_type: 'individual',
        name: plan,
        price: trial ? 0 : 25,
        description: `The plan ${plan}`,
        listing_summary: plan,
        min_licenses: 1,
        max_licenses: 1000,
        created_by: userOf(account, 1, links).id,
        total_licenses: licenses,
        _links: { self: link(`${links.installation(installation)}/subscription`) },
      });
    },
  };
}

/** A trial lasts thirty days from the approval (talkdesk-api.md 7.4). */
const trialMs = 30 * 86_400_000;

/** `GET …/trial` (talkdesk-api.md 4.3); 404 for a paid plan and before the approval, where the contract is silent. */
export function createTrialRoute({ access, links, now }: ReadDeps): Route {
  return {
    name: 'trial',
    claimedInstallation: installationInPath,
    answer(call) {
      const allowed = access.byPath(call, 'apps:read', trialErrors);
      if (!allowed.ok) return allowed.reply;
      const { installation } = allowed;
      const startedAt = installation.approvedAt;
      if (!isTrial(installation) || startedAt === null) {
        return trialErrors.installationNotFound('refused: the installation has no trial');
      }
      const expiresAt = new Date(startedAt.getTime() + trialMs);
      const ended = expiresAt <= now();
      return found({
        state: ended ? 'expired' : 'active',
        started_at: wireTime(startedAt),
        expires_at: wireTime(expiresAt),
        ...(ended ? { ended_at: wireTime(expiresAt), ended_reason: 'Trial expired' } : {}),
        subscription_name: installation.plan,
        _links: { self: link(`${links.installation(installation)}/trial`) },
      });
    },
  };
}

function isTrial(installation: Installation): boolean {
  return installation.plan.toLowerCase() === 'trial';
}
