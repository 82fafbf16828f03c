/** Talkdesk's regions, in the order in which they listen (talkdesk-api.md 3.1). */
export const regionNames = ['us', 'eu', 'ca', 'au', 'uk'] as const;
export type RegionName = (typeof regionNames)[number];

/** A region that is served: a gateway and token service of its own, on a port of its own. */
export interface Region {
  readonly name: RegionName;
  /** Public base URL without a slash at its end; every link of the region is built on it. */
  readonly baseUrl: string;
  /** The port on which its requests arrive. */
  readonly port: number;
}

/** The regions that are served, over one world. */
export interface Regions {
  /** The region of whatever names none. */
  readonly first: Region;
  readonly all: readonly Region[];
  /** The region on whose port a request arrived. */
  atPort(port: number | undefined): RegionName;
}

/** @param served at least one, each with another name and port */
export function createRegions(served: readonly [Region, ...Region[]]): Regions {
  const [first] = served;
  const byPort = new Map(served.map((region) => [region.port, region.name]));
  return { first, all: served, atPort: (port) => byPort.get(port ?? 0) ?? first.name };
}
