import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import { readBody } from './read-body.js';

/** A request with its path cut into pieces, and its body once it has been read. */
export interface Incoming {
  readonly request: IncomingMessage;
  /** Without the query. */
  readonly path: string;
  /** Without the question mark; empty when there is none. */
  readonly query: string;
  /** What stands at the places that the route's pattern names, percent-decoded. */
  readonly params: Record<string, string>;
  readonly body: Buffer;
}

/** Answers one request. */
export type Handler = (incoming: Incoming, response: ServerResponse) => Promise<void>;

interface Entry {
  readonly method: string;
  readonly segments: readonly string[];
  readonly handler: Handler;
}

/** Gives each request of Talkdesk's API to its route. */
export interface Dispatcher {
  /** @param pattern a path whose segments with a colon stand for anything but a slash; the first route that fits serves */
  add(method: 'GET' | 'POST', pattern: string, handler: Handler): void;
  /** @param others serves what no route was added for */
  listener(others: RequestListener): RequestListener;
}

/** No routes yet. By hand, because every call of a load run comes this way, and a framework would take a fifth of its time. */
export function createDispatcher(): Dispatcher {
  const bySize = new Map<number, Entry[]>();
  return {
    add(method, pattern, handler) {
      const segments = pattern.split('/');
      const alike = bySize.get(segments.length) ?? [];
      bySize.set(segments.length, [...alike, { method, segments, handler }]);
    },
    listener: (others) => (request, response) => {
      const url = request.url ?? '/';
      const mark = url.indexOf('?');
      const path = mark < 0 ? url : url.slice(0, mark);
      const segments = path.split('/');
      const alike = bySize.get(segments.length);
      const entry = alike?.find(({ method, segments: wanted }) => method === request.method && fits(wanted, segments));
      if (entry === undefined) return others(request, response);
      const query = mark < 0 ? '' : url.slice(mark + 1);
      serve(entry, segments, { request, path, query }, response).catch(() => refuse(response, 500));
    },
  };
}

function fits(wanted: readonly string[], segments: readonly string[]): boolean {
  return wanted.every((segment, index) =>
    segment.startsWith(':') ? segments[index] !== '' : segment === segments[index],
  );
}

async function serve(
  { segments: wanted, handler }: Entry,
  segments: readonly string[],
  asked: Pick<Incoming, 'request' | 'path' | 'query'>,
  response: ServerResponse,
): Promise<void> {
  const params: Record<string, string> = {};
  try {
    for (const [index, name] of wanted.entries()) {
      if (name.startsWith(':')) params[name.slice(1)] = decodeURIComponent(segments[index] ?? '');
    }
  } catch {
    return refuse(response, 400);
  }
  const body = await readBody(asked.request);
  if (Buffer.isBuffer(body)) await handler({ ...asked, params, body }, response);
  else if (body !== null) refuse(response, body.status);
}

/** A request that cannot be read, or (500) a fault of the simulator itself. */
function refuse(response: ServerResponse, status: number): void {
  if (response.headersSent) return void response.destroy();
  const error = status === 500 ? 'The simulator failed.' : 'The request cannot be read.';
  // What is left of the request is not read, so the connection serves no other one.
  response
    .writeHead(status, { 'content-type': 'application/json', connection: 'close' })
    .end(JSON.stringify({ error }));
}
