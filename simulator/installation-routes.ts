import { type AccessControl, accountErrors, installationErrors, shortErrors } from './access.js';
import { shownState } from './lifecycle.js';
import { type Links, link } from './links.js';
import { codedError, type Reply, wireTime } from './reply.js';
import type { Route } from './route.js';
import type { Switches } from './switches.js';
import { numberedUser, wireUser } from './users.js';
import { type CustomerSettings, type Installation, type ResourceState, wantedUpdate } from './world.js';

/** What the reading routes need. */
export interface ReadDeps {
  access: AccessControl;
  links: Links;
  switches: Switches;
}

/** `GET /account` (talkdesk-api.md 5). */
export function createAccountRoute({ access, links }: ReadDeps): Route {
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
        _links: { self: link(`${links.root}/account`) },
      });
    },
  };
}

/** `GET /apps/{app_id}/installations/{installation_id}` (talkdesk-api.md 4.2). */
export function createInstallationRoute({ access, links, switches }: ReadDeps): Route {
  return {
    name: 'installation',
    claims: access.claims,
    answer(call) {
      const allowed = access.byPath(call, 'apps:read', installationErrors);
      if (!allowed.ok) return allowed.reply;
      const { installation } = allowed;
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

/** Page size of an unpaged request and its limits (talkdesk-api.md 5, 11). */
const defaultPerPage = 20;
const largestPerPage = 200;

/** `GET …/users`, paged by `page` and `per_page` (talkdesk-api.md 4.3). */
export function createUsersRoute({ access, links, switches }: ReadDeps): Route {
  return {
    name: 'users',
    claims: access.claims,
    answer(call) {
      const allowed = access.byPath(call, 'apps:read', shortErrors);
      if (!allowed.ok) return allowed.reply;
      const { account } = allowed.installation;
      const { userIds } = readableSettings(allowed.installation, switches);
      const total = userIds.length;
      const page = readCount(call.query, 'page', 1, Number.MAX_SAFE_INTEGER);
      const perPage = readCount(call.query, 'per_page', defaultPerPage, largestPerPage);
      if (page === null) return badPaging('page', 'must be a whole number from 1');
      if (perPage === null) return badPaging('per_page', `must be a whole number from 1 to ${largestPerPage}`);
      const onPage = userIds.slice((page - 1) * perPage, page * perPage).flatMap((id) => account.users.get(id) ?? []);
      const url = (number: number) =>
        `${links.installation(allowed.installation)}/users?page=${number}&per_page=${perPage}`;
      return found({
        total,
        page,
        per_page: perPage,
        _embedded: { users: onPage.map((user) => wireUser(account, user, links)) },
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

function readCount(query: URLSearchParams, name: string, otherwise: number, largest: number): number | null {
  const text = query.get(name);
  if (text === null) return otherwise;
  const value = /^[1-9]\d*$/.test(text) ? Number(text) : 0;
  return value >= 1 && value <= largest ? value : null;
}

/** 0040001 is bad paging; the page of installation users does not document its own (talkdesk-api.md 4.6). */
function badPaging(name: string, description: string): Reply {
  return codedError(400, '0040001', 'Bad request', `refused: ${name} ${description}`, [{ name, description }]);
}
