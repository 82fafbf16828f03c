import { hostAndPort, parseStrictUrl } from './strict-url.js';

/** One Talkdesk region. Regions are data: more can be added without a new release. */
export interface RegionEntry {
  /** Unique; of two entries with one name the later one counts. */
  name: string;
  /** Base URL of the API gateway, for example `https://api.talkdeskapp.com`. */
  gateway: string;
  /** Hosts of the token service: exact (`host` or `host:port`), or `*.` and a domain for exactly one label in front of it. */
  tokenHosts: string[];
}

/** The regions of talkdesk-api.md 3.1. Australia has two gateways in the sources; the United Kingdom no known token host. */
export const SHIPPED_REGIONS: readonly RegionEntry[] = [
  { name: 'us', gateway: 'https://api.talkdeskapp.com', tokenHosts: ['*.talkdeskid.com'] },
  { name: 'eu', gateway: 'https://api.talkdeskapp.eu', tokenHosts: ['*.talkdeskid.eu'] },
  { name: 'ca', gateway: 'https://api.talkdeskappca.com', tokenHosts: ['*.talkdeskidca.com'] },
  { name: 'au', gateway: 'https://api.talkdeskapp.au', tokenHosts: ['*.talkdeskid.au'] },
  { name: 'au-mytalkdesk', gateway: 'https://api.mytalkdesk.au', tokenHosts: ['*.talkdeskid.au'] },
  { name: 'uk', gateway: 'https://api.talkdeskapp.co.uk', tokenHosts: [] },
];

/** Which hosts belong to Talkdesk. A URL from an event or an answer is used only if this says so. */
export interface Regions {
  /** Whether the URL is exactly the base URL of a gateway; a trailing slash does not matter. */
  allowsGateway(url: string): boolean;
  /** Whether the URL lies on one of the gateways. */
  allowsApiUrl(url: string): boolean;
  /** Whether the URL's host is a token host. */
  allowsTokenUrl(url: string): boolean;
  /** Name of the region whose gateway has this base URL, the first where several share it; null when the table has none. */
  regionOf(apiRoot: string): string | null;
  /** Base URLs of all gateways, without a trailing slash, each once. */
  gateways(): string[];
  /**
   * Token URL of an account, from its name and the region of its gateway (talkdesk-api.md 1.4, rule). Null when the region has no
   * wildcard token host or the name is not a host label.
   */
  derivedTokenUrl(accountName: string, apiRoot: string): string | null;
}

const HOST_LABEL = /^[a-z0-9](?:[a-z0-9_-]{0,61}[a-z0-9])?$/;

/**
 * Makes the region table.
 *
 * @param entries regions, the shipped ones among them; a later entry replaces an earlier one of the same name
 * @param insecureHosts `host:port` that may be used over plain http; everything else must be https
 * @throws RangeError when a gateway or a token host cannot be read; the message names the region
 */
export function createRegions(entries: readonly RegionEntry[], insecureHosts: readonly string[]): Regions {
  const insecure = new Set(insecureHosts);
  const regions = [...new Map(entries.map((entry) => [entry.name, readEntry(entry)])).values()];
  const gateways = [...new Set(regions.map(({ gateway }) => gateway))];
  const tokenHosts = regions.flatMap((region) => region.tokenHosts);

  /** The URL, if its scheme is allowed for its host. */
  function secureUrl(text: string): URL | null {
    const url = parseStrictUrl(text);
    return url !== null && (url.protocol === 'https:' || insecure.has(hostAndPort(url))) ? url : null;
  }

  /** The region whose gateway has exactly this base URL. */
  function regionAt(text: string): Region | null {
    const url = secureUrl(text);
    if (url === null || url.search !== '') return null;
    return regions.find(({ gateway }) => gateway === baseOf(url)) ?? null;
  }

  return {
    allowsGateway: (text) => regionAt(text) !== null,
    regionOf: (apiRoot) => regionAt(apiRoot)?.name ?? null,
    allowsApiUrl(text) {
      const url = secureUrl(text);
      return url !== null && gateways.some((gateway) => `${url.origin}${url.pathname}/`.startsWith(`${gateway}/`));
    },
    allowsTokenUrl(text) {
      const url = secureUrl(text);
      return url !== null && tokenHosts.some((host) => host.matches(url));
    },
    gateways: () => [...gateways],
    derivedTokenUrl(accountName, apiRoot) {
      const label = accountName.toLowerCase();
      if (!HOST_LABEL.test(label)) return null;
      const domain = regionAt(apiRoot)?.tokenHosts.find(
        ({ wildcardDomain }) => wildcardDomain !== null,
      )?.wildcardDomain;
      return domain === null || domain === undefined ? null : `https://${label}.${domain}/oauth/token`;
    },
  };
}

interface TokenHost {
  matches(url: URL): boolean;
  wildcardDomain: string | null;
}

interface Region {
  name: string;
  gateway: string;
  tokenHosts: TokenHost[];
}

function readEntry(entry: RegionEntry): Region {
  const gateway = parseStrictUrl(entry.gateway);
  if (gateway === null || gateway.search !== '') {
    throw new RangeError(`Region ${entry.name}: the gateway is not a plain https URL such as https://api.example.com.`);
  }
  const { name, tokenHosts } = entry;
  return { name, gateway: baseOf(gateway), tokenHosts: tokenHosts.map((text) => readTokenHost(name, text)) };
}

function readTokenHost(region: string, text: string): TokenHost {
  const wildcard = text.startsWith('*.');
  const url = parseStrictUrl(`https://${wildcard ? text.slice(2) : text}`);
  if (url === null || url.pathname !== '/' || url.search !== '') {
    throw new RangeError(`Region ${region}: a token host must be a host, host:port, or *. and a domain.`);
  }
  const hostname = url.hostname;
  if (!wildcard) {
    const exact = hostAndPort(url);
    return {
      wildcardDomain: null,
      // A table entry without a port means the scheme's own port.
      matches: (candidate) =>
        candidate.hostname === hostname &&
        (hostAndPort(candidate) === exact || (url.port === '' && candidate.port === '')),
    };
  }
  const suffix = `.${hostname}`;
  return {
    wildcardDomain: url.host,
    matches: (candidate) =>
      candidate.port === url.port &&
      candidate.hostname.endsWith(suffix) &&
      HOST_LABEL.test(candidate.hostname.slice(0, -suffix.length)),
  };
}

/** Origin and path of a base URL, without a trailing slash. */
function baseOf(url: URL): string {
  return `${url.origin}${url.pathname}`.replace(/\/+$/, '');
}
