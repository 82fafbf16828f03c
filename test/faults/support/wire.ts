import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

/** A wire between two processes that can be cut, held still and made slow. */
export interface Wire {
  /** `host:port` to connect to instead. */
  address: string;
  port: number;
  /** The same URL, through the wire. */
  through(url: string): string;
  /** Resets every connection and accepts none until `mend`. */
  cut(): void;
  /** Resets every connection there is; new ones are let through. */
  reset(): void;
  /** Lets connections be, but no byte through, as a switch that lost its power would; `mend` lets them go on. */
  hold(): void;
  /** Delays every chunk by so much from now on; 0: no more. */
  slow(ms: number): void;
  mend(): void;
  /**
   * Resets the connection on which the client next sends bytes that `matches`: `before` they reach the server, or `after` the server
   * has answered them, in place of its answer. Fulfilled when that happened, rejected when it has not within a minute.
   */
  resetAt(matches: (bytes: Buffer) => boolean, when: 'before' | 'after'): Promise<void>;
  /** Connections open at the moment. */
  open(): number;
  /** Connections that were ended or refused by `cut`, `reset` and `resetAt` so far, and chunks that were held or slowed. */
  hits(): number;
  stop(): Promise<void>;
}

/** Longest wait for bytes that are to be cut off. */
const TRAP_LIMIT_MS = 60_000;

interface Link {
  client: Socket;
  server: Socket;
}

/** One that is being shut down takes no reset: its handle would stay for ever, and the process could not end. */
function resetOne(socket: Socket): void {
  if (socket.writableEnded) socket.destroy();
  else socket.resetAndDestroy();
}

/** Starts one on a free port of 127.0.0.1 in front of `host:port`. */
export async function startWire(target: { host: string; port: number }): Promise<Wire> {
  const links = new Set<Link>();
  let refusing = false;
  let holding = false;
  let slowMs = 0;
  let hits = 0;
  let trap: { matches(bytes: Buffer): boolean; when: 'before' | 'after'; sprung(): void } | null = null;

  function end(link: Link): void {
    links.delete(link);
    resetOne(link.client);
    resetOne(link.server);
  }

  function pass(link: Link, from: Socket, to: Socket, springs: (bytes: Buffer) => boolean): void {
    // One after the other, so that chunks keep their order, those that come after slowed ones, too.
    let last = Promise.resolve();
    let waiting = 0;
    from.on('data', (bytes: Buffer) => {
      if (springs(bytes)) {
        hits += 1;
        end(link);
        return;
      }
      if (slowMs === 0 && waiting === 0) {
        to.write(bytes);
        return;
      }
      hits += 1;
      waiting += 1;
      const waitMs = slowMs;
      last = last.then(async () => {
        await new Promise((resolve) => setTimeout(resolve, waitMs));
        waiting -= 1;
        if (!to.destroyed) to.write(bytes);
      });
    });
    from.on('end', () => to.end());
    from.on('error', () => end(link));
    from.on('close', () => {
      links.delete(link);
      to.destroy();
    });
  }

  const listener = createServer((client) => {
    if (refusing) {
      hits += 1;
      resetOne(client);
      return;
    }
    const server = connect(target.port, target.host);
    const link = { client, server };
    links.add(link);
    let answering: (() => void) | null = null;
    pass(link, client, server, (bytes) => {
      if (trap === null || !trap.matches(bytes)) return false;
      const { when, sprung } = trap;
      trap = null;
      if (when === 'before') {
        sprung();
        return true;
      }
      answering = sprung;
      return false;
    });
    pass(link, server, client, () => {
      answering?.();
      return answering !== null;
    });
    if (holding) for (const socket of [client, server]) socket.pause();
  });
  listener.listen(0, '127.0.0.1');
  await once(listener, 'listening');
  const { port } = listener.address() as AddressInfo;

  const wire: Wire = {
    address: `127.0.0.1:${port}`,
    port,
    through(url) {
      const changed = new URL(url);
      changed.hostname = '127.0.0.1';
      changed.port = String(port);
      return changed.href;
    },
    cut() {
      refusing = true;
      wire.reset();
    },
    reset() {
      hits += links.size;
      for (const link of [...links]) end(link);
    },
    hold() {
      holding = true;
      hits += links.size;
      for (const { client, server } of links) for (const socket of [client, server]) socket.pause();
    },
    slow(ms) {
      slowMs = ms;
    },
    mend() {
      refusing = false;
      slowMs = 0;
      if (!holding) return;
      holding = false;
      for (const { client, server } of links) for (const socket of [client, server]) socket.resume();
    },
    resetAt: (matches, when) =>
      new Promise((resolve, reject) => {
        const giveUp = setTimeout(() => reject(new Error('Nothing that matches was sent in time.')), TRAP_LIMIT_MS);
        giveUp.unref();
        const sprung = () => {
          clearTimeout(giveUp);
          resolve();
        };
        trap = { matches, when, sprung };
      }),
    open: () => links.size,
    hits: () => hits,
    async stop() {
      for (const link of [...links]) end(link);
      listener.close();
      await once(listener, 'close');
    },
  };
  return wire;
}
