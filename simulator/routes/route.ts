import type { IncomingHttpHeaders, ServerResponse } from 'node:http';
import type { createFaultApplier } from '../faults/apply.js';
import { describeFault } from '../faults/describe.js';
import type { Faults } from '../faults/faults.js';
import type { RouteName } from '../faults/route-names.js';
import type { Served } from '../faults/spoil.js';
import type { RequestEntry } from '../oracle/ledger.js';
import type { Recorder } from '../oracle/recorder.js';
import type { RegionName } from '../world/regions.js';
import type { Handler, Incoming } from './dispatch.js';
import type { Switches } from '../world/switches.js';
import { type Reply, withFields } from './reply.js';

/** One request as it came; nothing in it is verified. */
export interface Asked {
  /** Whose gateway or token service was asked. */
  readonly region: RegionName;
  /** The address that it came from. */
  readonly from: string;
  readonly params: Record<string, string>;
  readonly query: URLSearchParams;
  /** The request header of this name in lower case, undefined when it was not sent. */
  header(name: string): string | undefined;
  /** Media type without parameters, in lower case; empty when there is none. */
  readonly mediaType: string;
  readonly body: Buffer;
}

/** One request as a route sees it; a route gives a reply and never touches the connection. */
export interface Call extends Asked {
  /** The ledger entry, for what only the route knows: why it refuses, and what it did. */
  readonly entry: RequestEntry;
}

/** Whom a request says it is about and from, before anything is verified. */
export interface Claims {
  installationId: string | null;
  clientId: string | null;
}

/** A route: its name in ledger and faults, whom a request is about, and its answer. */
export interface Route {
  readonly name: RouteName;
  /** Only ledger and faults use it. */
  claims(asked: Asked): Claims;
  answer(call: Call): Reply | Promise<Reply>;
}

/** Serves routes with ledger and faults around them. */
export function createRouteHandler(deps: {
  recorder: Recorder;
  faults: Faults;
  applyFault: ReturnType<typeof createFaultApplier>;
  /** The region on whose port a request arrived. */
  regionAt: (port: number | undefined) => RegionName;
  switches: Switches;
  now: () => Date;
}): (route: Route) => Handler {
  const { recorder, faults, applyFault, regionAt, switches, now } = deps;
  return (route) => async (incoming, response) => {
    const asked = readRequest(incoming);
    const entry = recorder.open(route.name, incoming, asked, route.claims(asked));
    const call: Call = { ...asked, entry };
    const { installation_id: installationId, client_id: clientId } = entry;
    const fault = faults.draw({ route: route.name, region: asked.region, installationId, clientId });
    const answer = async () => {
      const answered = await route.answer(call);
      return switches.error_fields === 'always' ? withFields(answered) : answered;
    };
    let reply: Served;
    if (fault === undefined) reply = await answer();
    else {
      entry.fault = describeFault(fault);
      reply = await applyFault(fault, { route: route.name, installationId, response, answer });
    }
    const isUnread = response.destroyed;
    // Where no fault says otherwise; Node's own would be the machine's time.
    response.setHeader('Date', now().toUTCString());
    if (reply.status === 0) response.socket?.destroy();
    else if (reply.sendBy !== undefined) await reply.sendBy(response);
    else send(response, reply);
    recorder.close(entry, reply, isUnread);
  };

  function readRequest({ request, params, query, body }: Incoming): Asked {
    const { headers, socket } = request;
    return {
      region: regionAt(socket.localPort),
      from: (socket.remoteAddress ?? '').replace(/^::ffff:/, ''),
      params,
      query: query === '' ? noQuery : new URLSearchParams(query),
      mediaType: mediaTypeOf(headers),
      body,
      header: (name) => headers[name]?.toString(),
    };
  }
}

const noQuery = new URLSearchParams();

function mediaTypeOf(headers: IncomingHttpHeaders): string {
  return (headers['content-type'] ?? '').split(';', 1)[0]?.trim().toLowerCase() ?? '';
}

function send(response: ServerResponse, { status, headers, body }: Reply): void {
  if (body === undefined) response.writeHead(status, { 'content-length': 0, ...headers }).end();
  else {
    // A fault's body is sent byte for byte: HTML, or JSON that is cut off.
    const text = typeof body === 'string' ? body : JSON.stringify(body);
    const type = typeof body === 'string' ? 'text/plain' : 'application/json';
    const length = Buffer.byteLength(text);
    response.writeHead(status, withDefaults(headers, { 'content-type': type, 'content-length': length })).end(text);
  }
}

/** Header names know no upper and lower case, objects do. */
function withDefaults(headers: Reply['headers'], defaults: Record<string, string | number>) {
  if (headers === undefined) return defaults;
  const given = new Set(Object.keys(headers).map((name) => name.toLowerCase()));
  return { ...Object.fromEntries(Object.entries(defaults).filter(([name]) => !given.has(name))), ...headers };
}
