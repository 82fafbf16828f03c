import type { Account, Installation } from './world.js';

/** A HAL link. */
export interface Link {
  href: string;
}

/** Every URL that events and answers carry, absolute, on the public base URL. */
export interface Links {
  /** The region's gateway: the origin of the base URL. */
  readonly root: string;
  token(accountName: string): string;
  authorization(account: Account): string;
  event(appId: string, eventId: string): string;
  installation(installation: Installation): string;
  user(userId: string): string;
}

/** Links on this base URL, which may have a path but no slash at its end; ids are opaque, so they are percent-encoded. */
export function createLinks(baseUrl: string): Links {
  const root = new URL(baseUrl).origin;
  const path = (...segments: string[]) => `${root}/${segments.map(encodeURIComponent).join('/')}`;
  return {
    root,
    token: (accountName) => `${baseUrl}/${accountName}/oauth/token`,
    authorization: (account) => `${baseUrl}/${account.name}/oauth/authorize`,
    event: (appId, eventId) => path('apps', appId, 'events', eventId),
    installation: (installation) => path('apps', installation.app.id, 'installations', installation.id),
    user: (userId) => path('users', userId),
  };
}

/** A link object. */
export function link(href: string): Link {
  return { href };
}
