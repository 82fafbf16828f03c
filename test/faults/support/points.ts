import type { AroundPort } from '../../../contracts/ports.js';

/** One moment at which a process can be ended: right before a call of a port, or right after it, the `occurrence`-th time. */
export interface CrashPoint {
  /** Such as `processes.recordSync`. */
  call: string;
  occurrence: number;
  when: 'before' | 'after';
}

/** A point in words, such as `after processes.recordSync #1`. */
export function nameOf({ call, occurrence, when }: CrashPoint): string {
  return `${when} ${call} #${occurrence}`;
}

/** Where a call stands; a call without a promise has only the moment before. */
type Moment = (call: string, when: 'before' | 'after') => void;

/** Tells `moment` of every call of every port. */
export function watchingPorts(moment: Moment): AroundPort {
  return (name, port) =>
    new Proxy(port, {
      get(target, method) {
        const value = Reflect.get(target, method) as unknown;
        if (typeof value !== 'function' || typeof method === 'symbol') return value;
        const call = `${name}.${method}`;
        return (...args: unknown[]) => {
          moment(call, 'before');
          const result: unknown = value.apply(target, args);
          if (!(result instanceof Promise)) return result;
          return result.then((settled: unknown) => {
            moment(call, 'after');
            return settled;
          });
        };
      },
    });
}
