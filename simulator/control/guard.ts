import type { Request, RequestHandler, Response } from 'express';

/** Who may call what is meant for this machine's own people and programs. */
export interface Guard {
  /** For the page: callers on this machine, by a name of this machine. A link of another site may lead to it. */
  page: RequestHandler;
  /** For the control API: the same, and no page of another site, whether by script or by form. */
  control: RequestHandler;
}

const jsonTypes = ['application/json'];
/** YAML has no one name that everybody sends; no HTML form can send any of these. */
const scenarioTypes = [...jsonTypes, 'application/yaml', 'application/x-yaml', 'text/yaml', 'text/x-yaml'];

/** Answers say nothing to other sites, and are never taken for a page. */
const quietHeaders = {
  'cache-control': 'no-store',
  'cross-origin-resource-policy': 'same-origin',
  'x-content-type-options': 'nosniff',
};

/**
 * The simulator holds no login: whoever runs programs on this machine may steer it, and nobody else. A browser carries the pages of
 * strangers, so a call must not come from one of them: neither by a foreign name that was made to point here (DNS rebinding),
 * nor by a script or a form of another origin. Programs without a browser send none of the headers that are looked at.
 * @param publicUrls where the simulator is reached besides loopback names; their hosts are accepted too
 */
export function createGuard(publicUrls: readonly string[]): Guard {
  const ownNames = new Set(publicUrls.map((url) => new URL(url).hostname));

  function refuseCaller(request: Request): string | undefined {
    if (!isLoopback(request.socket.remoteAddress ?? '')) {
      return 'The control API answers callers on the same machine only.';
    }
    const name = hostname(request.headers.host);
    if (name !== undefined && (isLoopbackName(name) || ownNames.has(name))) return undefined;
    return `Host: it must be localhost, an address of this machine's loopback, or the host of the simulator's base URL, not ${quoted(request.headers.host)}.`;
  }

  function refuseSite({ headers }: Request): string | undefined {
    const { origin } = headers;
    if (origin !== undefined && hostOfOrigin(origin) !== headers.host?.toLowerCase()) {
      return `Origin: only the simulator's own page may call the control API from a browser, not one of ${quoted(origin)}.`;
    }
    const site = headers['sec-fetch-site'];
    if (site === undefined || site === 'same-origin' || site === 'none') return undefined;
    return `Sec-Fetch-Site: a page of another site may not call the control API (${quoted(String(site))}); use the simulator's own page.`;
  }

  return {
    page(request, response, next) {
      const refusal = refuseCaller(request);
      if (refusal === undefined) next();
      else response.status(403).set(quietHeaders).type('text/plain').send(`${refusal}\n`);
    },
    control(request, response, next) {
      response.set(quietHeaders);
      const refusal = refuseCaller(request) ?? refuseSite(request);
      if (refusal !== undefined) refuse(response, 403, refusal);
      else {
        const unreadable = refuseType(request);
        if (unreadable === undefined) next();
        else refuse(response, 415, unreadable);
      }
    },
  };
}

function refuse(response: Response, status: number, sentence: string): void {
  // What else comes on this connection is a body that nobody reads.
  response.status(status).set('connection', 'close').json({ error: sentence });
}

/** A form of another site can POST, but not as JSON or YAML; the other methods are out of its reach. */
function refuseType({ method, path, headers }: Request): string | undefined {
  if (!['POST', 'PUT', 'PATCH'].includes(method)) return undefined;
  const allowed = path === '/scenarios' ? scenarioTypes : jsonTypes;
  const type = headers['content-type']?.split(';', 1)[0]?.trim().toLowerCase();
  if (type !== undefined && allowed.includes(type)) return undefined;
  const given = type === undefined ? 'it is missing' : `not ${quoted(type)}`;
  return `Content-Type: ${method} takes ${allowed.slice(0, 2).join(' or ')} here, ${given}.`;
}

function isLoopback(address: string): boolean {
  const peer = address.replace(/^::ffff:/, '');
  return peer === '::1' || peer.startsWith('127.');
}

function isLoopbackName(name: string): boolean {
  return name === 'localhost' || name.endsWith('.localhost') || name === '[::1]' || /^127(\.\d{1,3}){3}$/.test(name);
}

/** The name in a Host header, without its port; undefined when it is none. */
function hostname(host: string | undefined): string | undefined {
  return /^(\[[0-9a-f:.]+\]|[a-z0-9._-]+)(:\d{1,5})?$/i
    .exec(host ?? '')?.[1]
    ?.toLowerCase()
    .replace(/\.$/, '');
}

/** Host and port of an origin, as a browser would write them into Host; undefined for `null` and what is no origin. */
function hostOfOrigin(origin: string): string | undefined {
  return /^https?:\/\/([^/?#@\s,]+)$/i.exec(origin)?.[1]?.toLowerCase();
}

function quoted(text: string | undefined): string {
  return text === undefined ? 'left out' : JSON.stringify(text.slice(0, 100));
}
