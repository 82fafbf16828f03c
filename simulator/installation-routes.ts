import { type AccessControl, accountErrors, installationErrors, shortErrors } from './access.js';
import { type Links, link } from './links.js';
import { codedError, type Reply, wireTime } from './reply.js';
import type { Call, Route } from './route.js';
import type { Switches } from './switches.js';
import { userOf } from './users.js';
import type { ResourceState } from './world.js';

/** What the reading routes need. */
export interface ReadDeps {
  access: AccessControl;
  links: Links;
  switches: Switches;
  now: () => Date;
}

/** `GET /account` (talkdesk-api.md 5). */
export function createAccountRoute({ access, links }: ReadDeps): Route {
  return {
    name: 'account',
    claimedInstallation: (call) => access.tokenInstallation(call),
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
    claimedInstallation: installationInPath,
    answer(call) {
      const allowed = access.byPath(call, 'apps:read', installationErrors);
      if (!allowed.ok) return allowed.reply;
      const { installation } = allowed;
      const self = links.installation(installation);
      const admin = userOf(installation.account, 1, links);
      const embedsAdmin = switches.created_by === 'embedded';
      return found({
        id: installation.id,
        app_id: installation.app.id,
        account_id: installation.account.id,
        scopes: installation.scopes,
        auto_provision_filters: [{ filter: 'none' }],
        total_licenses: installation.licenses,
        created_at: wireTime(installation.createdAt),
        ...(embedsAdmin ? {} : { created_by: admin.id }),
        _embedded: {
          ...(embedsAdmin ? { created_by: admin } : {}),
          state: {
            state: shownState(installation.state, switches.state_vocabulary === 'verbs'),
            ...(installation.stateReason === null ? {} : { reason: installation.stateReason }),
            updated_at: wireTime(installation.stateUpdatedAt),
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
export function shownState(state: ResourceState, asVerb: boolean): string {
  if (asVerb && state === 'completed') return 'approve';
  if (asVerb && state === 'rejected') return 'reject';
  return state;
}

/** Page size of an unpaged request and its limits (talkdesk-api.md 5, 11). */
const defaultPerPage = 20;
const largestPerPage = 200;

/** `GET …/users`, paged by `page` and `per_page` (talkdesk-api.md 4.3). */
export function createUsersRoute({ access, links }: ReadDeps): Route {
  return {
    name: 'users',
    claimedInstallation: installationInPath,
    answer(call) {
      const allowed = access.byPath(call, 'apps:read', shortErrors);
      if (!allowed.ok) return allowed.reply;
      const { account, usersTotal: total } = allowed.installation;
      const page = readCount(call.query, 'page', 1, Number.MAX_SAFE_INTEGER);
      const perPage = readCount(call.query, 'per_page', defaultPerPage, largestPerPage);
      if (page === null) return badPaging('page', 'must be a whole number from 1');
      if (perPage === null) return badPaging('per_page', `must be a whole number from 1 to ${largestPerPage}`);
      const first = (page - 1) * perPage + 1;
      const count = Math.max(0, Math.min(perPage, total - first + 1));
      const url = (number: number) =>
        `${links.installation(allowed.installation)}/users?page=${number}&per_page=${perPage}`;
      return found({
        total,
        page,
        per_page: perPage,
        _embedded: { users: Array.from({ length: count }, (_, index) => userOf(account, first + index, links)) },
        _links: { self: link(url(page)), ...(page * perPage < total ? { next: link(url(page + 1)) } : {}) },
      });
    },
  };
}

/** The installation that a path names, known or not. */
export function installationInPath(call: Call): string | null {
  return call.params['installation_id'] ?? null;
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
