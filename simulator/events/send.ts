import { type ClientRequest, Agent as HttpAgent, request as httpRequest, type IncomingMessage } from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';
import type { SignedDelivery } from './signing.js';

/** What became of one request to a callback URL: its status, or in words why there was none. */
export type Sent = { status: number; error: null } | { status: null; error: string };

const headersOf = ({ headers }: SignedDelivery) => ({
  'content-type': 'application/json',
  'user-agent': 'talkdesk-simulator',
  ...headers,
});

/** Connections are kept for the next delivery, but not for so long that the partner may just be closing one. */
const kept = { keepAlive: true, timeout: 2000 };
const agents = { 'http:': new HttpAgent(kept), 'https:': new HttpsAgent(kept) };

/** Sends a delivery and reads the whole answer; follows no redirect. */
export function send(url: string, signed: SignedDelivery, timeoutMs: number): Promise<Sent> {
  return new Promise((resolve) => {
    const failed = (error: Error) => resolve({ status: null, error: describe(error, timeoutMs) });
    const agent = agents[url.startsWith('https:') ? 'https:' : 'http:'];
    const outgoing = open(url, signed, timeoutMs, agent, (answer) => {
      answer.on('error', failed);
      answer.on('end', () => resolve({ status: answer.statusCode ?? 0, error: null }));
      answer.resume();
    });
    outgoing.on('error', failed);
    outgoing.end(signed.body);
  });
}

/** Sends a delivery whole and cuts the connection without reading the answer, as a sender that crashes does. */
export async function sendAndCrash(url: string, signed: SignedDelivery, timeoutMs: number): Promise<Sent> {
  return await new Promise((resolve) => {
    // A connection of its own: none that is kept alive may be cut under another delivery.
    const outgoing = open(url, signed, timeoutMs, false);
    let isSent = false;
    outgoing.on('error', (error) => {
      const cut = 'the connection was cut before the answer was read';
      resolve({ status: null, error: isSent ? cut : describe(error, timeoutMs) });
    });
    outgoing.end(signed.body, () => {
      isSent = true;
      outgoing.destroy(new Error('cut'));
    });
  });
}

function open(
  url: string,
  signed: SignedDelivery,
  timeoutMs: number,
  agent: HttpAgent | false,
  answered?: (answer: IncomingMessage) => void,
): ClientRequest {
  const headers = { ...headersOf(signed), 'content-length': signed.body.length };
  const request = url.startsWith('https:') ? httpsRequest : httpRequest;
  return request(url, { method: 'POST', headers, agent, signal: AbortSignal.timeout(timeoutMs) }, answered);
}

function describe(error: unknown, timeoutMs: number): string {
  if (!(error instanceof Error)) return 'the request failed';
  if (error.name === 'TimeoutError') return `no answer within ${timeoutMs} ms`;
  const cause = error.cause as { code?: string; message?: string; name?: string } | undefined;
  if (cause?.name === 'TimeoutError') return `no answer within ${timeoutMs} ms`;
  const code = (error as NodeJS.ErrnoException).code;
  return `no connection or no whole answer: ${cause?.code ?? cause?.message ?? code ?? error.message}`;
}
