import { type OpenSimulator, openSimulator } from '../open.js';
import { regionNames } from '../world/regions.js';
import { CannotRun } from './failure.js';

/**
 * Starts a simulator of all regions, the first at the port and the others at the ports after it, so that a backend can be
 * configured beforehand; 0 is any free ones.
 * @throws CannotRun when a port is in use
 */
export async function startOwnSimulator(host: string, port: number): Promise<OpenSimulator> {
  const regions = regionNames.map((region, n) => ({ region, port: port === 0 ? 0 : port + n, baseUrl: undefined }));
  return await openSimulator({ host, regions }).catch((error: Error) => {
    throw new CannotRun(
      `A port from ${port} to ${port + regionNames.length - 1} cannot be listened on (${error.message}); choose others with --port, or name a running simulator with --simulator.`,
    );
  });
}
