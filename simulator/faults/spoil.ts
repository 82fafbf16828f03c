import { once } from 'node:events';
import type { ServerResponse } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Reply } from '../routes/reply.js';
import { forgeLinks } from './links.js';
import type { RouteFault } from './schema.js';
import { skewTimes } from './skew.js';

/** A reply, and how it is sent where that is the fault. */
export interface Served extends Reply {
  /** Sends it; left out: as a whole, at once. */
  readonly sendBy?: (response: ServerResponse) => Promise<void>;
}

/** The faults that need the true answer. */
export type SpoilingFault = Extract<
  RouteFault,
  { kind: 'truncated' | 'content-type' | 'oversized' | 'drip' | 'clock-skew' | 'forged-links' }
>;

const defaultOversizedBytes = 50_000_000;

/** The true answer, spoiled. */
export function spoil(fault: SpoilingFault, reply: Reply, now: Date): Served {
  const text = textOf(reply);
  switch (fault.kind) {
    case 'clock-skew': {
      const date = new Date(now.getTime() + fault.seconds * 1000).toUTCString();
      return { ...reply, headers: { ...reply.headers, Date: date }, body: skewTimes(reply.body, fault.seconds) };
    }
    case 'forged-links':
      return { ...reply, body: forgeLinks(reply.body, fault) };
    case 'content-type':
      return { ...reply, headers: { ...reply.headers, 'content-type': fault.content_type ?? 'text/plain' } };
    case 'truncated': {
      const half = text.subarray(0, Math.ceil(text.length / 2));
      const promised = fault.cut === 'connection' ? text.length : half.length;
      return { ...reply, sendBy: (response) => sendPart(response, reply, half, promised) };
    }
    case 'oversized':
      return { ...reply, sendBy: (response) => sendAfterSpaces(response, reply, text, fault.bytes) };
    case 'drip':
      return { ...reply, sendBy: (response) => sendSlowly(response, reply, text, fault.bytes_per_second) };
  }
}

function textOf({ body }: Reply): Buffer {
  if (body === undefined) return Buffer.alloc(0);
  return Buffer.from(typeof body === 'string' ? body : JSON.stringify(body));
}

function asJson(reply: Reply): Record<string, string> {
  return { 'content-type': 'application/json', ...reply.headers };
}

/** Sends these bytes; where more was promised, the connection ends after them. */
async function sendPart(response: ServerResponse, reply: Reply, part: Buffer, promised: number): Promise<void> {
  response.writeHead(reply.status, { ...asJson(reply), 'content-length': promised });
  await new Promise<void>((resolve) => response.write(part, () => resolve()));
  if (promised > part.length) response.destroy();
  else response.end();
}

/** White space before a JSON text is part of it; so a client that reads everything gets the true answer. */
async function sendAfterSpaces(
  response: ServerResponse,
  reply: Reply,
  text: Buffer,
  bytes = defaultOversizedBytes,
): Promise<void> {
  response.writeHead(reply.status, asJson(reply));
  const block = Buffer.alloc(65_536, ' ');
  for (let left = bytes - text.length; left > 0 && !response.destroyed; left -= block.length) {
    const more = response.write(left < block.length ? block.subarray(0, left) : block);
    if (!more) await Promise.race([once(response, 'drain'), once(response, 'close')]);
  }
  response.end(text);
}

/** Ten times a second at most, so that a fast drip costs little. */
async function sendSlowly(response: ServerResponse, reply: Reply, text: Buffer, bytesPerSecond: number): Promise<void> {
  response.writeHead(reply.status, { ...asJson(reply), 'content-length': text.length });
  const size = Math.max(1, Math.round(bytesPerSecond / 10));
  for (let sent = 0; sent < text.length && !response.destroyed; sent += size) {
    await sleep((size / bytesPerSecond) * 1000);
    response.write(text.subarray(sent, sent + size));
  }
  response.end();
}
