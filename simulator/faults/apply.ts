import { once } from 'node:events';
import type { ServerResponse } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Reply } from '../routes/reply.js';
import type { Holds } from './holds.js';
import { rateLimitReply, refusalReply } from './refusal.js';
import type { RouteName } from './route-names.js';
import type { RouteFault } from './schema.js';
import { type Served, type SpoilingFault, spoil } from './spoil.js';

/** What a fault changes about one request. */
export interface Faulted {
  readonly route: RouteName;
  readonly installationId: string | null;
  readonly response: ServerResponse;
  /** The true answer; asking for it lets the request take effect. */
  answer(): Reply | Promise<Reply>;
}

/** An error page as proxies print them. */
const htmlPage =
  '<!DOCTYPE html><html><head><title>Error</title></head><body><h1>Something went wrong</h1></body></html>';

/** Applies faults to requests; the reply's status 0 stands for a connection that ends without an answer. */
export function createFaultApplier(deps: {
  holds: Holds;
  now: () => Date;
}): (fault: RouteFault, faulted: Faulted) => Promise<Served> {
  const { holds, now } = deps;

  return async (fault, faulted) => {
    if (isSpoiling(fault)) return spoil(fault, await faulted.answer(), now());
    const before = fault.when === 'before';
    if (fault.kind === 'delay' || fault.kind === 'hold') {
      if (before) await wait(fault, faulted);
      const reply = await faulted.answer();
      if (!before) await wait(fault, faulted);
      return reply;
    }
    const verdict = before ? 'not looked at' : (await faulted.answer()).verdict;
    if (fault.kind === 'silence' && !faulted.response.destroyed) await once(faulted.response, 'close');
    return instead(fault, faulted.route, verdict);
  };

  async function wait(fault: Extract<RouteFault, { kind: 'delay' | 'hold' }>, faulted: Faulted): Promise<void> {
    if (fault.kind === 'delay') await sleep(fault.delay_ms);
    else {
      const { route, installationId, response } = faulted;
      await holds.wait({ route, installation_id: installationId, when: fault.when }, () => response.destroyed);
    }
  }

  /** What is answered in the true answer's place. */
  function instead(
    fault: Exclude<RouteFault, SpoilingFault | { kind: 'delay' | 'hold' }>,
    route: RouteName,
    verdict: string,
  ): Served {
    switch (fault.kind) {
      case 'reset':
      case 'silence':
        return { status: 0, verdict };
      case 'status':
        return { status: fault.status, headers: fault.headers ?? {}, body: fault.body, verdict };
      case 'html':
        return { status: fault.status ?? 200, headers: { 'content-type': 'text/html' }, body: htmlPage, verdict };
      case 'refusal':
        return refusalReply(fault, route, verdict);
      case 'rate-limit':
        return rateLimitReply(fault, now(), verdict);
    }
  }
}

function isSpoiling(fault: RouteFault): fault is Extract<RouteFault, SpoilingFault> {
  return ['truncated', 'content-type', 'oversized', 'drip', 'clock-skew', 'forged-links'].includes(fault.kind);
}
