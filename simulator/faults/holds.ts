import { wireTime } from '../routes/reply.js';
import type { RouteName } from './route-names.js';

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

/** The requests that wait because of a fault, until the control API releases them. */
export interface Holds {
  /** Resolves when the request is released. */
  wait(request: Omit<HoldView, 'id' | 'since' | 'client_gone'>, clientGone: () => boolean): Promise<void>;
  all(): HoldView[];
  /** Lets a held request go on; false when there is no such hold. */
  release(id: string): boolean;
}

/** No holds. */
export function createHolds(now: () => Date): Holds {
  const holds = new Map<string, { view: () => HoldView; release: () => void }>();
  let count = 0;
  return {
    async wait(request, clientGone) {
      const id = `hold-${++count}`;
      const since = wireTime(now());
      await new Promise<void>((release) => {
        holds.set(id, { view: () => ({ id, ...request, since, client_gone: clientGone() }), release });
      });
    },
    all: () => [...holds.values()].map((hold) => hold.view()),
    release(id) {
      const hold = holds.get(id);
      holds.delete(id);
      hold?.release();
      return hold !== undefined;
    },
  };
}
