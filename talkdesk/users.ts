import { TalkdeskError } from './errors.js';
import { originOf } from './strict-url.js';
import type { TalkdeskLog } from './log.js';
import type { UsersPage } from './schemas.js';
import type { TalkdeskUser } from './types.js';

const OPERATION = 'read the users of the installation';
/** The largest page that Talkdesk's user lists give (talkdesk-api.md 5). */
const PER_PAGE = 200;
/** 200,000 users: far beyond any account, well within memory. */
const MAX_PAGES = 1_000;

export interface UsersReading {
  /** Address of the users of the installation, without a query. */
  usersUrl: string;
  /** Whether an address lies on one of Talkdesk's gateways. */
  allows: (url: string) => boolean;
  readPage: (url: string, operation: string) => Promise<UsersPage>;
  /** Told after each page how many users are known and how many there are; begins anew when the list is read once more. */
  onPage?: ((progress: { read: number; total: number | null }) => void) | undefined;
  log: TalkdeskLog;
}

/**
 * Reads all licensed users, each id once. There is no cursor, so the set may shift while it is read: when the total changes on the
 * way, it is read once more (talkdesk-api.md 6).
 *
 * @throws TalkdeskError needs-person for a next page on another host, retryable when paging does not come to an end
 */
export async function readAllUsers(reading: UsersReading): Promise<TalkdeskUser[]> {
  const first = await readOnce(reading);
  if (!first.shifted) return first.users;
  const second = await readOnce(reading);
  return second.users;
}

async function readOnce(reading: UsersReading): Promise<{ users: TalkdeskUser[]; shifted: boolean }> {
  const users = new Map<string, TalkdeskUser>();
  const totals = new Set<number>();
  const visited = new Set<string>();
  let url: string | null = pageUrl(reading.usersUrl, 1);
  while (url !== null) {
    if (visited.has(url) || visited.size >= MAX_PAGES) throw endless();
    visited.add(url);
    const page: UsersPage = await reading.readPage(url, OPERATION);
    const before = users.size;
    for (const user of page.users) users.set(user.id, user);
    if (page.total !== null) totals.add(page.total);
    reading.onPage?.({ read: users.size, total: page.total });
    if (page.unusable > 0)
      reading.log.warn({ unusable: page.unusable }, 'Talkdesk listed users without an id that can be used');
    url = nextUrl(reading, url, page, { pagesRead: visited.size, seen: users.size, isNew: users.size > before });
  }
  const total = [...totals].at(-1);
  const shifted = totals.size > 1;
  if (!shifted && total !== undefined && users.size < total) {
    reading.log.warn({ total, read: users.size }, 'Talkdesk listed fewer users than it counts');
  }
  return { users: [...users.values()], shifted };
}

interface Progress {
  pagesRead: number;
  seen: number;
  /** The page brought at least one user that was not known. */
  isNew: boolean;
}

/** The next link, else the next number while the answer says that there is more; null at the end. */
function nextUrl(reading: UsersReading, currentUrl: string, page: UsersPage, progress: Progress): string | null {
  if (page.nextHref !== null) return linkedUrl(reading, currentUrl, page.nextHref);
  // Without links only progress proves that the page number is understood at all.
  if (page.users.length === 0 || !progress.isNew) return null;
  const number = page.page ?? progress.pagesRead;
  const hasMore =
    page.totalPages !== null ? number < page.totalPages : page.total !== null && progress.seen < page.total;
  return hasMore ? pageUrl(reading.usersUrl, number + 1) : null;
}

/** The token goes where the link leads, so it must stay on the very origin that the installation belongs to. */
function linkedUrl(reading: UsersReading, currentUrl: string, href: string): string {
  const next = URL.canParse(href, currentUrl) ? new URL(href, currentUrl) : null;
  if (
    next === null ||
    next.origin !== new URL(currentUrl).origin ||
    next.username !== '' ||
    !reading.allows(next.href)
  ) {
    throw new TalkdeskError(
      { failureClass: 'needs-person', operation: OPERATION },
      `the link to the next page leads to ${originOf(next?.href ?? href)} instead of the installation's gateway. It was not followed.`,
    );
  }
  return next.href;
}

function pageUrl(usersUrl: string, page: number): string {
  return `${usersUrl}?page=${page}&per_page=${PER_PAGE}`;
}

function endless(): TalkdeskError {
  return new TalkdeskError(
    { failureClass: 'retryable', operation: OPERATION },
    'the pages of the list lead in a circle or do not end.',
  );
}
