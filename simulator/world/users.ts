import { randomBytes } from 'node:crypto';
import { userId } from './ids.js';
import { type Links, link } from '../events/links.js';
import { wireTime } from '../routes/reply.js';
import type { Account, User } from './world.js';

/** A user as it is embedded in users pages and in `created_by` (talkdesk-api.md 4.2, 4.3). */
export interface WireUser {
  id: string;
  email: string;
  name: string;
  active: boolean;
  gender?: string;
  extension?: number;
  external_phone_number?: string;
  created_at: string;
  _links: { self: { href: string } };
}

/** A user as the control API names one; without an id it is a new user. */
export interface UserWish {
  id?: string | undefined;
  email?: string | undefined;
  name?: string | undefined;
  active?: boolean | undefined;
}

/**
 * The account's user of this number, counted from 1: always the same for the same account. User 1 is the installing admin.
 * Every second user lacks the optional fields, since not all are always present (talkdesk-api.md 4.3).
 */
export function numberedUser(account: Account, number: number): User {
  const id = userId(account.id, number);
  const known = account.users.get(id);
  if (known !== undefined) return known;
  const user: User = {
    id,
    email: `user${number}@${account.name}.example`,
    name: `User ${number} of ${account.name}`,
    active: true,
    optional:
      number % 2 === 1
        ? {
            gender: 'unspecified',
            extension: 1000 + number,
            external_phone_number: `+1555${String(number).padStart(7, '0')}`,
          }
        : {},
  };
  account.users.set(id, user);
  return user;
}

/** The account's first users, as many as asked for. */
export function numberedUsers(account: Account, count: number): User[] {
  return Array.from({ length: count }, (_, index) => numberedUser(account, index + 1));
}

/** The user as wished: a known one changed where the wish says something, or a new one. Every installation sees the change. */
export function wishedUser(account: Account, wish: UserWish): User {
  // 24 hex digits, as users have them (talkdesk-api.md 1.2).
  const id = wish.id ?? randomBytes(12).toString('hex');
  const known = account.users.get(id);
  if (known !== undefined) {
    known.email = wish.email ?? known.email;
    known.name = wish.name ?? known.name;
    known.active = wish.active ?? known.active;
    return known;
  }
  const count = account.users.size + 1;
  const user: User = {
    id,
    email: wish.email ?? `new-user${count}@${account.name}.example`,
    name: wish.name ?? `New user ${count} of ${account.name}`,
    active: wish.active ?? true,
    optional: {},
  };
  account.users.set(id, user);
  return user;
}

/** A user as answers print it. */
export function wireUser(account: Account, { id, email, name, active, optional }: User, links: Links): WireUser {
  return {
    id,
    email,
    name,
    active,
    ...optional,
    created_at: wireTime(account.createdAt),
    _links: { self: link(links.user(id)) },
  };
}
