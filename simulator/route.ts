import type { Request, RequestHandler, Response } from 'express';
import { describeFault, type DrawnFault, type Faults, type RouteName } from './faults.js';
import { type Ledger, type RequestEntry, redactFields, redactHeaders, redactQuery } from './ledger.js';
import type { Reply } from './reply.js';

/** One request as a route sees it; a route gives a reply and never touches the connection. */
export interface Call {
  readonly params: Record<string, string>;
  readonly query: URLSearchParams;
  /** The named request header, undefined when it was not sent. */
  header(name: string): string | undefined;
  /** Media type without parameters, in lower case; empty when there is none. */
  readonly mediaType: string;
  readonly body: Buffer;
  /** The ledger entry, for what only the route knows: installation and assertion. */
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
  claims(call: Call): Claims;
  answer(call: Call): Reply | Promise<Reply>;
}

/** Serves routes with ledger and faults around them. */
export function createRouteHandler(deps: {
  ledger: Ledger;
  faults: Faults;
  now: () => Date;
  secrets: ReadonlySet<string>;
  /** True once an installation was deprovisioned. */
  isGone: (installationId: string) => boolean;
}): (route: Route) => RequestHandler {
  const { ledger, faults, now, secrets, isGone } = deps;
  return (route) => async (request, response) => {
    const startedMs = performance.now();
    const call = readCall(request, route.name);
    const { installationId, clientId } = route.claims(call);
    Object.assign(call.entry, {
      installation_id: installationId,
      client_id: clientId,
      after_uninstall: installationId !== null && isGone(installationId),
    });
    const fault = faults.draw(route.name, call.entry.installation_id);
    if (fault !== undefined) call.entry.fault = describeFault(fault);
    const reply = await answer(route, call, response, fault);
    call.entry.verdict = reply.verdict;
    if (reply.status === 0) response.socket?.destroy();
    else {
      call.entry.status = reply.status;
      send(response, reply);
    }
    call.entry.ms = Math.round((performance.now() - startedMs) * 100) / 100;
  };

  function readCall(request: Request, name: RouteName): Call {
    const mark = request.originalUrl.indexOf('?');
    const query = new URLSearchParams(mark < 0 ? '' : request.originalUrl.slice(mark + 1));
    const mediaType = (request.headers['content-type'] ?? '').split(';', 1)[0]?.trim().toLowerCase() ?? '';
    const body = Buffer.isBuffer(request.body) ? request.body : Buffer.alloc(0);
    const { text, secret } = redactQuery(query, secrets);
    const entry = ledger.add({
      at: now().toISOString(),
      route: name,
      method: request.method,
      path: request.path,
      query: text,
      installation_id: null,
      client_id: null,
      after_uninstall: false,
      status: null,
      ms: 0,
      verdict: 'not answered yet',
      headers: redactHeaders(request.headers),
      body: ledgerBody(mediaType, body),
      assertion: null,
      fault: null,
      secret_in_query: secret,
    });
    return {
      params: request.params as Record<string, string>,
      query,
      header: (header) => request.get(header),
      mediaType,
      body,
      entry,
    };
  }

  function ledgerBody(mediaType: string, body: Buffer): unknown {
    if (body.length === 0) return null;
    if (mediaType === 'application/x-www-form-urlencoded') {
      return redactFields(Object.fromEntries(new URLSearchParams(body.toString())), secrets);
    }
    const parsed = parseJson(body);
    if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed)) return `${body.length} bytes`;
    return redactFields(parsed as Record<string, unknown>, secrets);
  }

  /** The reply with the fault applied; status 0 stands for a connection that is to be reset. */
  async function answer(route: Route, call: Call, response: Response, fault: DrawnFault | undefined): Promise<Reply> {
    if (fault === undefined) return route.answer(call);
    const wait = () => faults.wait(fault, call.entry.installation_id, () => response.destroyed);
    if (fault.when === 'before') {
      if (fault.kind === 'status' || fault.kind === 'reset') return faultReply(fault, 'not looked at');
      await wait();
      return route.answer(call);
    }
    const reply = await route.answer(call);
    if (fault.kind === 'status' || fault.kind === 'reset') return faultReply(fault, reply.verdict);
    await wait();
    return reply;
  }
}

/** The parsed JSON, or undefined when it is none. */
export function parseJson(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString('utf8'));
  } catch {
    return undefined;
  }
}

function faultReply(fault: DrawnFault, verdict: string): Reply {
  if (fault.kind !== 'status') return { status: 0, verdict };
  return { status: fault.status, headers: fault.headers ?? {}, body: fault.body, verdict };
}

function send(response: Response, reply: Reply): void {
  response.status(reply.status);
  for (const [name, value] of Object.entries(reply.headers ?? {})) response.setHeader(name, value);
  if (reply.body === undefined) response.end();
  else if (typeof reply.body === 'string') {
    // A fault's body is sent byte for byte: HTML, or JSON that is cut off.
    if (!response.hasHeader('content-type')) response.setHeader('content-type', 'text/plain');
    response.end(reply.body);
  } else {
    if (!response.hasHeader('content-type')) response.setHeader('content-type', 'application/json');
    response.end(JSON.stringify(reply.body));
  }
}
