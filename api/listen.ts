import { createServer, type RequestListener, type Server, type ServerOptions } from 'node:http';
import type { AddressInfo } from 'node:net';

/** A listener that is up. */
export interface Listener {
  /** Base URL, with the port that was really taken. */
  url: string;
  /** Takes no more connections, lets running requests finish for `graceMs`, then closes what is left. */
  stop(graceMs: number): Promise<void>;
}

/**
 * Slow or idle senders must not use up the process: a complete header within 5 s, a complete request within 10 s (the webhook's
 * own limit for the body is shorter and answers first), and a bounded number of connections. Idle connections are kept longer
 * than the 60 s after which common load balancers drop theirs: closing first would lose one of Talkdesk's three attempts.
 */
const SERVER_OPTIONS: ServerOptions = {
  headersTimeout: 5_000,
  requestTimeout: 10_000,
  connectionsCheckingInterval: 1_000,
  keepAliveTimeout: 65_000,
};
const MAX_CONNECTIONS = 1_000;
const CLOSE_IDLE_EVERY_MS = 50;

/** Listens. `settings` names what to change when the address cannot be taken. Throws an `Error` with one sentence. */
export async function listen(
  handler: RequestListener,
  address: { host: string; port: number; settings: string },
): Promise<Listener> {
  const server = createServer(SERVER_OPTIONS, handler);
  server.maxConnections = MAX_CONNECTIONS;
  // At the limit, connections that only wait for a next request make room.
  server.on('drop', () => server.closeIdleConnections());
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => reject(new Error(listenProblem(error, address))));
    server.listen(address.port, address.host, resolve);
  });
  const { port } = server.address() as AddressInfo;
  const host = address.host.includes(':') ? `[${address.host}]` : address.host;
  return { url: `http://${host}:${port}`, stop: (graceMs) => stop(server, graceMs) };
}

function listenProblem(
  error: NodeJS.ErrnoException,
  address: { host: string; port: number; settings: string },
): string {
  const where = `${address.host}:${address.port}`;
  if (error.code === 'EADDRINUSE')
    return `${where} is in use by another process: end it or set ${address.settings} differently`;
  if (error.code === 'EACCES')
    return `${where} may not be listened on by this user: set ${address.settings} differently`;
  return `cannot listen on ${where} (${error.code ?? error.message}): check ${address.settings}`;
}

async function stop(server: Server, graceMs: number): Promise<void> {
  // A connection that was busy when the server closed would otherwise stay open for its whole keep-alive time.
  const idle = setInterval(() => server.closeIdleConnections(), CLOSE_IDLE_EVERY_MS);
  const force = setTimeout(() => server.closeAllConnections(), graceMs);
  await new Promise<void>((resolve) => server.close(() => resolve()));
  clearInterval(idle);
  clearTimeout(force);
}
