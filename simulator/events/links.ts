import type { Region, RegionName } from '../world/regions.js';
import type { Account, Installation } from '../world/world.js';

/** A HAL link. */
export interface Link {
  href: string;
}

/** Every URL of one region that events and answers carry, absolute, on its public base URL. */
export interface Links {
  /** The region's gateway: the origin of the base URL. */
  readonly root: string;
  token(accountName: string): string;
  authorization(account: Account): string;
  event(appId: string, eventId: string): string;
  app(appId: string): string;
  installation(installation: Installation): string;
  user(userId: string): string;
}

/** The links of the region that an account, or a request, belongs to. */
export type LinksOf = (of: { readonly region: RegionName }) => Links;

/** Links of these regions. */
export function createRegionLinks(regions: readonly Region[]): LinksOf {
  const links = new Map(regions.map(({ name, baseUrl }) => [name, createLinks(baseUrl)]));
  return ({ region }) => {
    const found = links.get(region);
    if (found === undefined) throw new Error(`The region ${region} is not served.`);
    return found;
  };
}

/** Links on this base URL, which may have a path but no slash at its end; ids are opaque, so they are percent-encoded. */
function createLinks(baseUrl: string): Links {
  const root = new URL(baseUrl).origin;
  const path = (...segments: string[]) => `${root}/${segments.map(encodeURIComponent).join('/')}`;
  return {
    root,
    token: (accountName) => `${baseUrl}/${accountName}/oauth/token`,
    authorization: (account) => `${baseUrl}/${account.name}/oauth/authorize`,
    event: (appId, eventId) => path('apps', appId, 'events', eventId),
    app: (appId) => path('apps', appId),
    installation: (installation) => path('apps', installation.app.id, 'installations', installation.id),
    user: (userId) => path('users', userId),
  };
}

/** A link object. */
export function link(href: string): Link {
  return { href };
}
