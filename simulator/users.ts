import { userId } from './ids.js';
import { type Links, link } from './links.js';
import { wireTime } from './reply.js';
import type { Account } from './world.js';

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

/**
 * The account's user of this number, counted from 1: always the same for the same account. User 1 is the installing admin.
 * Every second user lacks the optional fields, since not all are always present (talkdesk-api.md 4.3).
 */
export function userOf(account: Account, number: number, links: Links): WireUser {
  const id = userId(account.id, number);
  const optional =
    number % 2 === 1
      ? {
          gender: 'unspecified',
          extension: 1000 + number,
          external_phone_number: `+1555${String(number).padStart(7, '0')}`,
        }
      : {};
  return {
    id,
    email: `user${number}@${account.name}.example`,
    name: `User ${number} of ${account.name}`,
    active: true,
    ...optional,
    created_at: wireTime(account.createdAt),
    _links: { self: link(links.user(id)) },
  };
}
