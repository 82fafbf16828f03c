import { type AccessControl, accountErrors, installationErrors, shortErrors } from './access.js';
import { shownState } from '../world/lifecycle.js';
import { type LinksOf, link } from '../events/links.js';
import { onPage, readPage } from './paging.js';
import { type Reply, wireTime } from './reply.js';
import type { Route } from './route.js';
import type { Switches } from '../world/switches.js';
import { numberedUser, wireUser } from '../world/users.js';
import { type CustomerSettings, type Installation, type ResourceState, wantedUpdate } from '../world/world.js';

/** What the reading routes need. */
export interface ReadDeps {
  access: AccessControl;
  linksOf: LinksOf;
  switches: Switches;
}

/** `GET /account` (talkdesk-api.md 5). */
export function createAccountRoute({ access, linksOf }: ReadDeps): Route {
  return {
    name: 'account',
    claims: access.claims,
    answer(call) {
      const allowed = access.byToken(call, 'account:read', accountErrors);
      if (!allowed.ok) return allowed.reply;
      const { account } = allowed.installation;
      return found({
        id: account.id,
        name: account.name,
        company_name: `${account.name} Inc.`,
        timezone: 'Europe/Lisbon',
        created_at: wireTime(account.createdAt),
        _links: { self: link(`${linksOf(account).root}/account`) },
      });
    },
  };
}

/** `GET /apps/{app_id}/installations/{installation_id}` (talkdesk-api.md 4.2). */
export function createInstallationRoute({ access, linksOf, switches }: ReadDeps): Route {
  return {
    name: 'installation',
    claims: access.claims,
    answer(call) {
      const allowed = access.byPath(call, 'apps:read', installationErrors);
      if (!allowed.ok) return allowed.reply;
      const { installation } = allowed;
      const links = linksOf(installation.account);
      const self = links.installation(installation);
      const admin = wireUser(installation.account, numberedUser(installation.account, 1), links);
      const { state, reason, updatedAt } = shownState(installation, switches);
      const embedsAdmin = switches.created_by === 'embedded';
      return found({
        id: installation.id,
        app_id: installation.app.id,
        account_id: installation.account.id,
        scopes: installation.scopes,
        auto_provision_filters: installation.autoProvisionFilters,
        total_licenses: readableSettings(installation, switches).plan.licenses,
        created_at: wireTime(installation.createdAt),
        ...(embedsAdmin ? {} : { created_by: admin.id }),
        _embedded: {
          ...(embedsAdmin ? { created_by: admin } : {}),
          state: {
            state: stateWord(state, switches.state_vocabulary === 'verbs'),
            ...(reason === null ? {} : { reason }),
            updated_at: wireTime(updatedAt),
            _links: { self: link(`${self}/state`) },
          },
        },
        _links: {
          self: link(self),
          account: link(`${links.root}/account`),
          users: link(`${self}/users`),
          subscription: link(`${self}/subscription`),
          auto_provision_filters: link(`${self}/auto-provision-filters`),
          channels: link(`${self}/channels`),
        },
      });
    },
  };
}

/** A state as an answer words it: the resource state, or the verb that led to it (talkdesk-api.md 4.4). */
export function stateWord(state: ResourceState, asVerb: boolean): string {
  if (asVerb && state === 'completed') return 'approve';
  if (asVerb && state === 'rejected') return 'reject';
  return state;
}

/** The settings that users and subscription show: while an update waits, as the switch `updating_reads` says. */
export function readableSettings(installation: Installation, switches: Switches): CustomerSettings {
  const wanted = switches.updating_reads === 'wanted' ? wantedUpdate(installation) : undefined;
  return wanted ?? installation.settings;
}

/** `GET …/users`, paged by `page` and `per_page` (talkdesk-api.md 4.3). */
export function createUsersRoute({ access, linksOf, switches }: ReadDeps): Route {
  return {
    name: 'users',
    claims: access.claims,
    answer(call) {
      const allowed = access.byPath(call, 'apps:read', shortErrors);
      if (!allowed.ok) return allowed.reply;
      const { account } = allowed.installation;
      const links = linksOf(account);
      const { userIds } = readableSettings(allowed.installation, switches);
      const paging = readPage(call);
      if (!paging.ok) return paging.reply;
      const { page, perPage } = paging.asked;
      const total = userIds.length;
      call.entry.more_pages = page * perPage < total;
      const shown = onPage(userIds, paging.asked).flatMap((id) => account.users.get(id) ?? []);
      const url = (number: number) =>
        `${links.installation(allowed.installation)}/users?page=${number}&per_page=${perPage}`;
      return found({
        total,
        page,
        per_page: perPage,
        [switches.users_embedded_field]: { users: shown.map((user) => wireUser(account, user, links)) },
        _links: { self: link(url(page)), ...(page * perPage < total ? { next: link(url(page + 1)) } : {}) },
      });
    },
  };
}

/** A 200 of a reading route. */
export function found(body: object): Reply {
  return {
    status: 200,
    body,
    verdict: 'answered: the token is in force, has the scope and belongs to this installation',
  };
}
