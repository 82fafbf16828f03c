import { createSimulator, type SimulatorOptions } from './app.js';
import { openListeners } from './listeners.js';
import type { RegionSettings } from './settings.js';
import { createVirtualClock, type VirtualClock } from './world/clock.js';
import type { Followers } from './world/clock-followers.js';
import { createRegions, type Region } from './world/regions.js';

/** A simulator that listens. */
export interface OpenSimulator {
  /** The first region's listener. */
  url: string;
  /** The listener of each region, by name. */
  urls: Record<string, string>;
  clock: VirtualClock;
  /** Ends every connection, also of requests that are held on purpose, and resolves when all ports are free. */
  close(): Promise<void>;
}

/**
 * Opens a simulator with a world, a clock and one listener for each region.
 * @param options.followers backends that have this clock's time
 * @throws Error that names the setting when a port is in use
 */
export async function openSimulator(
  options: Omit<SimulatorOptions, 'regions' | 'clock'> & {
    host: string;
    regions: readonly RegionSettings[];
    followers?: Followers;
  },
): Promise<OpenSimulator> {
  const { host, regions, followers, ...given } = options;
  const clock = createVirtualClock(followers);
  const listeners = await openListeners(host, regions);
  const [first, ...further] = listeners;
  const served = ({ region: name, port, url }: (typeof listeners)[number]): Region => ({
    name,
    port,
    baseUrl: regions.find(({ region }) => region === name)?.baseUrl ?? url,
  });
  // Base URLs can hang on the ports, so the application is made after listening; no request is lost in between.
  const simulator = createSimulator({
    ...given,
    regions: createRegions([served(first), ...further.map(served)]),
    clock,
  });
  for (const { server } of listeners) server.on('request', simulator);
  return {
    url: first.url,
    urls: Object.fromEntries(listeners.map(({ region, url }) => [region, url])),
    clock,
    async close() {
      followers?.stop();
      clock.stop();
      const closed = listeners.map(({ server }) => new Promise((resolve) => server.close(resolve)));
      for (const { server } of listeners) server.closeAllConnections();
      await Promise.all(closed);
    },
  };
}
