import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import { wireTime } from './reply.js';

/** The routes of Talkdesk's API that the simulator serves. */
export const routeNames = [
  'token',
  'account',
  'installation',
  'users',
  'subscription',
  'trial',
  'state',
  'credentials-state',
  'credentials-rotate',
  'signature-keys',
] as const;
export type RouteName = (typeof routeNames)[number];

const common = {
  route: z.enum(routeNames),
  times: z.int().min(1).optional(),
  when: z.enum(['before', 'after']).optional(),
  installation_id: z.string().min(1).optional(),
};

/** A fault as data. `before`: the request has no effect yet (or none at all); `after`: it took effect, the answer suffers. */
export const faultSchema = z.discriminatedUnion('kind', [
  z.strictObject({
    ...common,
    kind: z.literal('status'),
    status: z.int().min(200).max(599),
    headers: z.record(z.string(), z.string()).optional(),
    body: z.unknown().optional(),
  }),
  z.strictObject({ ...common, kind: z.literal('delay'), delay_ms: z.int().min(0).max(600_000) }),
  z.strictObject({ ...common, kind: z.literal('hold') }),
  z.strictObject({ ...common, kind: z.literal('reset') }),
]);
export type FaultInput = z.infer<typeof faultSchema>;

/** A fault drawn for one request. */
export type DrawnFault = FaultInput & { when: 'before' | 'after' };

/** What the control API shows of a request that is held. */
export interface HoldView {
  id: string;
  route: RouteName;
  installation_id: string | null;
  since: string;
  when: 'before' | 'after';
  /** True once the caller has hung up; releasing it still lets a `before` request take effect. */
  client_gone: boolean;
}

/** The faults that are set, and the requests that wait because of one. */
export interface Faults {
  add(fault: FaultInput): string;
  clear(): void;
  /** The oldest fault for this route and installation; counts it as used. */
  draw(route: RouteName, installationId: string | null): DrawnFault | undefined;
  /** Waits as a `delay` or `hold` says; the other kinds do not wait. */
  wait(fault: DrawnFault, installationId: string | null, clientGone: () => boolean): Promise<void>;
  holds(): HoldView[];
  /** Lets a held request go on; false when there is no such hold. */
  release(id: string): boolean;
}

/** No faults, no holds. */
export function createFaults(now: () => Date): Faults {
  const faults: Array<{ id: string; fault: DrawnFault; left: number }> = [];
  const holds = new Map<string, { view: () => HoldView; release: () => void }>();
  let count = 0;

  return {
    add(fault) {
      const id = `fault-${++count}`;
      faults.push({ id, fault: { ...fault, when: fault.when ?? 'before' }, left: fault.times ?? 1 });
      return id;
    },
    clear() {
      faults.length = 0;
    },
    draw(route, installationId) {
      const index = faults.findIndex(
        ({ fault }) =>
          fault.route === route && (fault.installation_id === undefined || fault.installation_id === installationId),
      );
      const found = faults[index];
      if (found === undefined) return undefined;
      found.left -= 1;
      if (found.left === 0) faults.splice(index, 1);
      return found.fault;
    },
    async wait(fault, installationId, clientGone) {
      if (fault.kind === 'delay') await sleep(fault.delay_ms);
      if (fault.kind !== 'hold') return;
      const id = `hold-${++count}`;
      const since = wireTime(now());
      await new Promise<void>((release) => {
        const view = () => ({
          id,
          route: fault.route,
          installation_id: installationId,
          since,
          when: fault.when,
          client_gone: clientGone(),
        });
        holds.set(id, { view, release });
      });
    },
    holds: () => [...holds.values()].map((hold) => hold.view()),
    release(id) {
      const hold = holds.get(id);
      holds.delete(id);
      hold?.release();
      return hold !== undefined;
    },
  };
}

/** A fault in words, for the ledger. */
export function describeFault(fault: DrawnFault): string {
  const what =
    fault.kind === 'status'
      ? `status ${fault.status}`
      : fault.kind === 'delay'
        ? `delay ${fault.delay_ms} ms`
        : fault.kind;
  return `${what}, ${fault.when} the request took effect`;
}
