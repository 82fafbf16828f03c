import { meErrors, usersErrors } from './access.js';
import { found, type ReadDeps } from './installation.js';
import { link } from '../events/links.js';
import { badPaging, onPage, readPage } from './paging.js';
import { codedError } from './reply.js';
import type { Call, Route } from './route.js';
import { numberedUser, wireUser } from '../world/users.js';
import type { Account, User } from '../world/world.js';

/** `GET /users`: everybody of the account, licensed for the app or not (talkdesk-api.md 5). */
export function createAccountUsersRoute({ access, linksOf }: ReadDeps): Route {
  return {
    name: 'account-users',
    claims: access.claims,
    answer(call) {
      const allowed = access.byToken(call, 'users:read', usersErrors);
      if (!allowed.ok) return allowed.reply;
      const paging = readPage(call);
      if (!paging.ok) return paging.reply;
      const active = call.query.get('active');
      if (active !== null && active !== 'true' && active !== 'false') {
        return badPaging(call, 'active', 'must be true or false');
      }
      const { account } = allowed.installation;
      const users = matching(account, active, call.query.get('email'));
      const { page, perPage } = paging.asked;
      const last = Math.max(Math.ceil(users.length / perPage), 1);
      if (page > last) {
        call.entry.refusal = 'malformed';
        const fields = [{ name: 'page', description: `must be at most ${last}` }];
        return codedError(400, '0040021', 'Paging out of bounds', `refused: page is beyond ${last}`, fields);
      }
      const shown = onPage(users, paging.asked);
      const links = linksOf(account);
      const address = (number: number) => link(`${links.root}/users?${pageQuery(call, number, perPage)}`);
      return found({
        count: shown.length,
        total: users.length,
        page,
        per_page: perPage,
        total_pages: last,
        _embedded: { users: shown.map((user) => wireUser(account, user, links)) },
        _links: {
          self: address(page),
          ...(page < last ? { next: address(page + 1) } : {}),
          first: address(1),
          last: address(last),
          show: { href: `${links.root}/users/{id}`, templated: true },
          index: { href: `${links.root}/users{?active,email,page,per_page}`, templated: true },
        },
      });
    },
  };
}

/** `GET /users/{id}` (talkdesk-api.md 5). */
export function createAccountUserRoute({ access, linksOf }: ReadDeps): Route {
  return {
    name: 'account-user',
    claims: access.claims,
    answer(call) {
      const allowed = access.byToken(call, 'users:read', usersErrors);
      if (!allowed.ok) return allowed.reply;
      const { account } = allowed.installation;
      const user = everybody(account).find(({ id }) => id === call.params['user_id']);
      if (user === undefined)
        return codedError(404, '0040000', 'User not found', 'refused: the account has no such user');
      return found(wireUser(account, user, linksOf(account)));
    },
  };
}

/** `GET /users/me`: for tokens of a user, which the simulator gives to nobody; a client has no user context (talkdesk-api.md 5). */
export function createMeRoute({ access }: Pick<ReadDeps, 'access'>): Route {
  return {
    name: 'me',
    claims: access.claims,
    answer(call) {
      const allowed = access.byToken(call, 'openid', meErrors);
      if (!allowed.ok) return allowed.reply;
      return codedError(400, '0040001', 'No user context', 'refused: the token is of a client, not of a user');
    },
  };
}

/** The installing admin is there, whoever else is. */
function everybody(account: Account): User[] {
  numberedUser(account, 1);
  return [...account.users.values()];
}

function matching(account: Account, active: string | null, email: string | null): User[] {
  return everybody(account).filter(
    (user) => (active === null || user.active === (active === 'true')) && (email === null || user.email === email),
  );
}

/** The query of another page with the same filters. */
function pageQuery(call: Call, page: number, perPage: number): string {
  const query = new URLSearchParams({ page: String(page), per_page: String(perPage) });
  for (const name of ['active', 'email']) {
    const value = call.query.get(name);
    if (value !== null) query.set(name, value);
  }
  return query.toString();
}
