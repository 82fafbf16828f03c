import { connect, createServer } from 'node:net';
import { codeOf, LocalError } from './local-error.js';

/** Below what systems give to outgoing connections and to port 0: what is free here is not taken by chance a moment later. */
const QUIET_PORTS = { from: 20_000, count: 12_000 };
const TRIES = 20;

/** A port on `host` that was free a moment ago. Whoever binds it must be ready to find it taken. */
export async function freePort(host = '127.0.0.1'): Promise<number> {
  for (let tries = 0; tries < TRIES; tries += 1) {
    const port = QUIET_PORTS.from + Math.floor(Math.random() * QUIET_PORTS.count);
    try {
      return await bindOnce(port, host);
    } catch (error) {
      if (codeOf(error) !== 'EADDRINUSE') throw error;
    }
  }
  return await bindOnce(0, host);
}

/**
 * Turns a wanted port into one to use.
 * @param wanted a port, or 0 for any free one
 * @param what whose port it is, and `variable` the setting that moves it: both for the message
 * @throws LocalError when the port is in use or may not be bound
 */
export async function claimPort(wanted: number, what: string, variable: string, host = '127.0.0.1'): Promise<number> {
  try {
    return wanted === 0 ? await freePort(host) : await bindOnce(wanted, host);
  } catch (error) {
    const code = codeOf(error);
    if (code === 'EADDRINUSE') {
      throw new LocalError(
        `Port ${wanted} for the ${what} is in use: end what uses it, or choose another one, for example ${variable}=0 for any free port.`,
      );
    }
    if (code === 'EACCES') {
      throw new LocalError(
        `No permission to use port ${wanted} for the ${what}: choose one above 1023 with ${variable}.`,
      );
    }
    if (code === 'EADDRNOTAVAIL' || code === 'ENOTFOUND') {
      throw new LocalError(`The ${what} cannot listen on ${host}: this machine has no such address.`);
    }
    throw error;
  }
}

/** Whether something listens on a port of this machine. */
export function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ port, host: '127.0.0.1' });
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}

function bindOnce(port: number, host: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen({ port, host, exclusive: true }, () => {
      const address = server.address();
      const bound = typeof address === 'object' && address !== null ? address.port : port;
      server.close(() => resolve(bound));
    });
  });
}
