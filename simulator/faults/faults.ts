import type { RegionName } from '../world/regions.js';
import { durationMs } from './duration.js';
import { createRandom, type Random } from './random.js';
import type { RouteName } from './route-names.js';
import type { DeliveryFault, FaultInput, RouteFault } from './schema.js';

/** What a fault may be narrowed to, of the request or delivery that is about to be served. */
interface Subject {
  readonly installationId: string | null;
  readonly region: RegionName;
}

/** A request as far as a fault looks at it. */
export interface RequestSubject extends Subject {
  readonly route: RouteName;
  readonly clientId: string | null;
}

/** A delivery as far as a fault looks at it. */
export interface DeliverySubject extends Subject {
  readonly type: string;
}

/** A fault that is set: as it was given, and how far it is used up. */
export interface SetFault {
  readonly id: string;
  readonly fault: FaultInput;
  readonly scenarioId: string | null;
  readonly until: Date | null;
  /** null: without a limit. */
  left: number | null;
  used: number;
  /** How many that match it still lets pass. */
  toSkip: number;
  readonly random: Random;
}

/** The faults that are set, oldest first; of several that match, the oldest one hits. */
export interface Faults {
  /** @param from the scenario that it belongs to, and the seed of its draws where it names none itself */
  add(fault: FaultInput, from?: { scenarioId: string; seed: number }): SetFault;
  /** False when there is no such fault. */
  remove(id: string): boolean;
  removeOf(scenarioId: string): void;
  clear(): void;
  all(): readonly SetFault[];
  /** How many were ever set; the next one is called after it. */
  count(): number;
  /** These are set and no others. */
  replace(sets: readonly SetFault[], countBefore: number): void;
  /** The fault that hits this request; counts it as used. */
  draw(subject: RequestSubject): RouteFault | undefined;
  /** The fault of one of these kinds that hits this delivery; counts it as used. */
  drawDelivery<K extends DeliveryFault['kind']>(
    subject: DeliverySubject,
    kinds: readonly K[],
  ): Extract<DeliveryFault, { kind: K }> | undefined;
}

/**
 * No faults.
 * @param accountOf the account of an installation, undefined when it is not known
 */
export function createFaults(now: () => Date, accountOf: (installationId: string) => string | undefined): Faults {
  let faults: SetFault[] = [];
  let count = 0;

  /** Leaves out what is over; a fault that ended at its time is no more there than one that is used up. */
  function current(): SetFault[] {
    const at = now();
    if (faults.some(({ until }) => until !== null && until <= at)) {
      faults = faults.filter(({ until }) => until === null || until > at);
    }
    return faults;
  }

  function fits(fault: FaultInput, subject: Subject): boolean {
    const { installation_id, account_id, region } = fault;
    if (installation_id !== undefined && installation_id !== subject.installationId) return false;
    if (region !== undefined && region !== subject.region) return false;
    if (account_id === undefined) return true;
    return subject.installationId !== null && account_id === accountOf(subject.installationId);
  }

  /** Whether a fault that matches hits this time: passes and draws are counted in the order of requests. */
  function hits(set: SetFault): boolean {
    if (set.toSkip > 0) {
      set.toSkip -= 1;
      return false;
    }
    const { probability } = set.fault;
    return probability === undefined || set.random.next() < probability;
  }

  function use(set: SetFault): void {
    set.used += 1;
    if (set.left !== null) set.left -= 1;
    if (set.left === 0) faults = faults.filter((other) => other !== set);
  }

  return {
    add(fault, from) {
      const { lasts, probability, times, skip = 0, seed = from?.seed ?? 1 } = fault;
      const set: SetFault = {
        id: `fault-${++count}`,
        fault,
        scenarioId: from?.scenarioId ?? null,
        until: lasts === undefined ? null : new Date(now().getTime() + durationMs(lasts)),
        left: times ?? (lasts === undefined && probability === undefined ? 1 : null),
        used: 0,
        toSkip: skip,
        random: createRandom(seed),
      };
      faults.push(set);
      return set;
    },
    remove(id) {
      const before = current().length;
      faults = faults.filter((set) => set.id !== id);
      return faults.length < before;
    },
    removeOf(scenarioId) {
      faults = faults.filter((set) => set.scenarioId !== scenarioId);
    },
    clear() {
      faults = [];
    },
    all: current,
    count: () => count,
    replace(sets, countBefore) {
      faults = [...sets];
      count = countBefore;
    },
    draw(subject) {
      if (faults.length === 0) return undefined;
      for (const set of current()) {
        const { fault } = set;
        if (fault.route === 'delivery' || (fault.route !== 'any' && fault.route !== subject.route)) continue;
        if (fault.client_id !== undefined && fault.client_id !== subject.clientId) continue;
        if (!fits(fault, subject) || !hits(set)) continue;
        use(set);
        return { ...fault, when: whenOf(fault) };
      }
      return undefined;
    },
    drawDelivery<K extends DeliveryFault['kind']>(subject: DeliverySubject, kinds: readonly K[]) {
      if (faults.length === 0) return undefined;
      for (const set of current()) {
        const { fault } = set;
        if (fault.route !== 'delivery' || !isOneOf(fault, kinds)) continue;
        if (fault.event_type !== undefined && fault.event_type !== subject.type) continue;
        if (!fits(fault, subject) || !hits(set)) continue;
        use(set);
        return fault;
      }
      return undefined;
    },
  };
}

function isOneOf<K extends DeliveryFault['kind']>(
  fault: DeliveryFault,
  kinds: readonly K[],
): fault is Extract<DeliveryFault, { kind: K }> {
  return (kinds as readonly string[]).includes(fault.kind);
}

/** Those that spoil a true answer come after the request took effect; of the others the fault says when. */
function whenOf(fault: Exclude<FaultInput, DeliveryFault>): 'before' | 'after' {
  switch (fault.kind) {
    case 'truncated':
    case 'content-type':
    case 'oversized':
    case 'drip':
    case 'clock-skew':
    case 'forged-links':
      return 'after';
    default:
      return fault.when ?? 'before';
  }
}

/** A fault as the control API shows it: as it was set, how often it still hits (null: without a limit), how often it did. */
export function faultView({ id, fault, scenarioId, until, left, used }: SetFault): object {
  return {
    id,
    ...fault,
    ...(scenarioId === null ? {} : { scenario_id: scenarioId }),
    ...(until === null ? {} : { until: until.toISOString() }),
    left,
    used,
  };
}
