import type { IncomingMessage } from 'node:http';

/** Why somebody may not tell the time, and the status that says so. */
export interface TellerRefusal {
  status: 403 | 415;
  sentence: string;
}

/**
 * The route of the clock knows no login: programs that reach the ops listener may use it, pages in a browser may not. A page comes by a
 * name of its own that was made to point here (DNS rebinding), with an Origin, or without the type that no form can send.
 * @param listenerHost where the listener is bound
 * @returns undefined for whoever may tell the time
 */
export function refuseTeller(req: IncomingMessage, listenerHost: string): TellerRefusal | undefined {
  const { host, origin, 'content-type': contentType } = req.headers;
  const name = nameOf(host);
  // Of a listener on every address of the machine, the address that was called is its own.
  const own = [listenerHost, req.socket.localAddress?.replace(/^::ffff:/, '')].map((each) => each?.toLowerCase());
  if (name === undefined || !(isLoopback(name) || own.includes(name))) {
    const sentence = `Host: it must be localhost, an address of this machine's loopback, or OPS_HOST, not ${quoted(host)}.`;
    return { status: 403, sentence };
  }
  if (origin !== undefined) {
    return {
      status: 403,
      sentence: `Origin: no page in a browser may tell the time, so not one of ${quoted(origin)}.`,
    };
  }
  if (contentType?.split(';', 1)[0]?.trim().toLowerCase() !== 'application/json') {
    return { status: 415, sentence: `Content-Type: it must be application/json, not ${quoted(contentType)}.` };
  }
  return undefined;
}

/** The name or address of a Host header without its port, IPv6 without its brackets; undefined when it is none. */
function nameOf(host: string | undefined): string | undefined {
  const [, address, name] = /^(?:\[([0-9a-f:.]+)\]|([a-z0-9._-]+))(?::\d{1,5})?$/i.exec(host ?? '') ?? [];
  return (address ?? name)?.toLowerCase().replace(/\.$/, '');
}

function isLoopback(name: string): boolean {
  return name === 'localhost' || name.endsWith('.localhost') || name === '::1' || /^127(\.\d{1,3}){3}$/.test(name);
}

function quoted(text: string | undefined): string {
  return text === undefined ? 'left out' : JSON.stringify(text.slice(0, 100));
}
