import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createSimulator } from './app.js';
import { createVirtualClock } from './clock.js';
import { help, readSettings, type Settings } from './settings.js';

/** Listens, says so in one line, and stops on SIGTERM, SIGINT or when a parent that opened a channel goes away. */
async function run(settings: Settings): Promise<void> {
  const clock = createVirtualClock();
  const server = createServer();
  // Longer than any client keeps an idle connection, so that it never picks one up that is just being closed.
  server.keepAliveTimeout = 75_000;
  server.listen(settings.port, settings.host);
  await once(server, 'listening');
  const url = listenerUrl(server.address() as AddressInfo);
  // The base URL can hang on the port, so the application is made after listening; no request is lost in between.
  server.on(
    'request',
    createSimulator({ baseUrl: settings.baseUrl ?? url, clock, ...(settings.app && { app: settings.app }) }),
  );
  process.stdout.write(`${JSON.stringify({ listening: url })}\n`);

  const stop = () => {
    clock.stop();
    server.close(() => process.exit(0));
    // Requests that are held on purpose would keep it open for ever.
    server.closeAllConnections();
  };
  process.once('SIGTERM', stop);
  process.once('SIGINT', stop);
  if (process.connected) process.once('disconnect', stop);
}

/** The URL by which this machine reaches the listener; an address that stands for all is reached through loopback. */
function listenerUrl({ address, port, family }: AddressInfo): string {
  if (address === '0.0.0.0' || address === '::') return `http://127.0.0.1:${port}`;
  return `http://${family === 'IPv6' ? `[${address}]` : address}:${port}`;
}

if (process.argv.includes('--help')) {
  process.stdout.write(help);
} else {
  try {
    await run(readSettings(process.env));
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    const inUse = 'SIMULATOR_PORT: the port is in use; choose another one, or 0 for any free one';
    process.stderr.write(`${code === 'EADDRINUSE' ? inUse : message}\n`);
    process.exitCode = 1;
  }
}
