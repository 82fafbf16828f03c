import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { RegionName } from './world/regions.js';

/** A listener of one region. */
export interface Listener {
  readonly region: RegionName;
  readonly server: Server;
  readonly port: number;
  /** The URL by which this machine reaches it, without a slash at its end. */
  readonly url: string;
}

/**
 * Opens one listener per region, in their order; none answers before a handler is put on its server.
 * @param wanted at least one region, each with its port, 0 for any free one
 * @throws Error that names the setting when a port is in use
 */
export async function openListeners(
  host: string,
  wanted: ReadonlyArray<{ region: RegionName; port: number }>,
): Promise<[Listener, ...Listener[]]> {
  const opened = await Promise.allSettled(wanted.map(({ region, port }, n) => open(host, region, port, n === 0)));
  const listeners = opened.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []));
  const failed = opened.find((result) => result.status === 'rejected');
  if (failed !== undefined) {
    for (const { server } of listeners) server.close();
    throw failed.reason;
  }
  const [first, ...others] = listeners;
  if (first === undefined) throw new Error('There is no region to listen for.');
  return [first, ...others];
}

async function open(host: string, region: RegionName, port: number, isFirst: boolean): Promise<Listener> {
  const server = createServer();
  // Longer than any client keeps an idle connection, so that it never picks one up that is just being closed.
  server.keepAliveTimeout = 75_000;
  server.listen(port, host);
  try {
    await once(server, 'listening');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw error;
    const setting = isFirst ? 'SIMULATOR_PORT' : `SIMULATOR_REGION_PORTS, ${region}`;
    throw new Error(`${setting}: the port is in use; choose another one, or 0 for any free one`);
  }
  const address = server.address() as AddressInfo;
  return { region, server, port: address.port, url: listenerUrl(address) };
}

/** An address that stands for all is reached through loopback. */
function listenerUrl({ address, port, family }: AddressInfo): string {
  if (address === '0.0.0.0' || address === '::') return `http://127.0.0.1:${port}`;
  return `http://${family === 'IPv6' ? `[${address}]` : address}:${port}`;
}
