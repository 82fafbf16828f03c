import { randomUUID } from 'node:crypto';
import type { PreviewAnswer, SyncedUser, SyncUsersCall } from '../../product/port.js';
import type { Account, User } from './state.js';

/** What a sync makes of one user. */
interface Planned {
  talkdeskUserId: string;
  active: boolean;
  before: User | null;
  /** New details; null for a user who is not on the list. */
  listed: { email: string | null; name: string | null; admin: boolean } | null;
}

/**
 * Plans what a sync does, so that preview and sync cannot differ. Of two entries for one user the later one counts. When there are
 * fewer seats than users who should have one, admins come first, then those who came first.
 */
function plan(account: Account, { users, seats }: Pick<SyncUsersCall, 'users' | 'seats'>): Planned[] {
  const listed = new Map(users.map((user) => [user.talkdeskUserId, user]));
  const came = (id: string) => account.users.get(id)?.number ?? Number.POSITIVE_INFINITY;
  const seated = [...listed.values()]
    .filter(({ seat }) => seat === 'active')
    .sort((a, b) => Number(b.admin) - Number(a.admin) || compare(came(a.talkdeskUserId), came(b.talkdeskUserId)))
    .slice(0, seats ?? listed.size)
    .map(({ talkdeskUserId }) => talkdeskUserId);
  const chosen = new Set(seated);
  const absent = [...account.users.keys()].filter((id) => !listed.has(id));
  return [...listed.keys(), ...absent].map((talkdeskUserId) => ({
    talkdeskUserId,
    active: chosen.has(talkdeskUserId),
    before: account.users.get(talkdeskUserId) ?? null,
    listed: listed.get(talkdeskUserId) ?? null,
  }));
}

/** Carries the plan out and gives what became of the listed users. */
export function syncUsers(account: Account, call: SyncUsersCall): SyncedUser[] {
  const synced: SyncedUser[] = [];
  for (const { talkdeskUserId, active, before, listed } of plan(account, call)) {
    const user = before ?? { id: `user-${randomUUID()}`, number: account.users.size };
    const details = listed ?? before ?? { email: null, name: null, admin: false };
    const { email, name, admin } = details;
    account.users.set(talkdeskUserId, { ...user, email, name, admin, active });
    if (listed !== null) {
      synced.push({ talkdeskUserId, productUserId: user.id, seat: active ? 'active' : 'suspended' });
    }
  }
  return synced;
}

/** Counts what the plan would change. */
export function previewUsers(account: Account, call: SyncUsersCall): PreviewAnswer {
  const planned = plan(account, call);
  return {
    status: 'done',
    add: planned.filter(({ before }) => before === null).length,
    resume: planned.filter(({ before, active }) => before?.active === false && active).length,
    suspend: planned.filter(({ before, active }) => before?.active === true && !active).length,
  };
}

/** `Infinity - Infinity` is not a number, so no subtraction. */
function compare(a: number, b: number): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
