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

/** Links on this base URL, which may have a path but no slash at its end. */
export function createLinks(baseUrl: string): Links {
  const root = new URL(baseUrl).origin;
  return {
    root,
    token: (accountName) => `${baseUrl}/${accountName}/oauth/token`,
    authorization: (account) => `${baseUrl}/${account.name}/oauth/authorize`,
    event: (appId, eventId) => `${root}/apps/${appId}/events/${eventId}`,
    installation: (installation) => `${root}/apps/${installation.app.id}/installations/${installation.id}`,
    user: (userId) => `${root}/users/${userId}`,
  };
}

/** A link object. */
export function link(href: string): Link {
  return { href };
}
