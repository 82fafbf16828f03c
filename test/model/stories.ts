import fc from 'fast-check';
import type { Fault } from './processes.js';
import { createModelRun, type ModelRun, type Table } from './run.js';
import { ADMIN_ACTIONS, type AdminAction } from './talkdesk.js';

/** One thing that happens in a story. */
export type Happening =
  | { do: 'admin'; tenant: number; action: AdminAction; flag: number }
  | { do: 'deliver'; tenant: number; pick: number }
  | { do: 'turns'; tenant: number; picks: [pick: number, fault: Fault][] }
  | { do: 'crash'; tenant: number }
  | { do: 'time'; seconds: number };

export interface Story {
  /** Scrambles the ids of events. */
  salt: number;
  happenings: Happening[];
  /** The order in which what is left is delivered. */
  rest: number[];
}

const START_MS = Date.parse('2026-01-05T10:00:00Z');
const TENANTS = 2;
const tenant = fc.nat({ max: TENANTS - 1 });
const fault = fc.constantFrom<Fault>('none', 'none', 'none', 'fail', 'lost', 'lost', 'refuse');
const pick = fc.nat({ max: 11 });

/** Actions that change more are drawn more often. */
const action = fc.constantFrom<AdminAction>(
  ...ADMIN_ACTIONS,
  ...(['install', 'install-same-id', 'update', 'uninstall', 'uninstall'] as const),
);

const happening: fc.Arbitrary<Happening> = fc.oneof(
  { weight: 5, arbitrary: fc.record({ do: fc.constant('admin'), tenant, action, flag: pick }) },
  { weight: 5, arbitrary: fc.record({ do: fc.constant('deliver'), tenant, pick }) },
  {
    weight: 5,
    arbitrary: fc.record({
      do: fc.constant('turns'),
      tenant,
      picks: fc.array(fc.tuple(pick, fault), { minLength: 1, maxLength: 8 }),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('crash'), tenant }) },
  // Seconds order events; twenty minutes end what waits for its install.
  { weight: 3, arbitrary: fc.record({ do: fc.constant('time'), seconds: fc.constantFrom(1, 1, 2, 300, 1_300) }) },
) as fc.Arbitrary<Happening>;

/** Stories of several tenants; each begins with an install, so that there is something to tell. */
export const stories: fc.Arbitrary<Story> = fc.record({
  salt: fc.nat({ max: 9_972 }),
  happenings: fc.array(happening, { maxLength: 60, size: 'max' }),
  rest: fc.array(pick, { minLength: 1, maxLength: 6 }),
});

/** Plays a story to its end and gives the tenants' runs, at rest. */
export function play(table: Table, { salt, happenings, rest }: Story): ModelRun[] {
  // One clock for the story, one for each ending: a tenant that must wait for days would otherwise close the others' windows.
  const clocks = Array.from({ length: TENANTS }, () => ({ nowMs: START_MS }));
  const runs = clocks.map((clock, n) => createModelRun(table, `t${n}`, salt, clock));
  for (const run of runs) run.happen('install', salt);
  for (const one of happenings) {
    if (one.do === 'time') {
      for (const clock of clocks) clock.nowMs += one.seconds * 1_000;
      continue;
    }
    const run = runs[one.tenant];
    if (run === undefined) continue;
    if (one.do === 'admin') run.happen(one.action, one.flag);
    else if (one.do === 'deliver') run.deliver(one.pick);
    else if (one.do === 'crash') run.crash();
    else for (const [which, what] of one.picks) run.turn(which, what);
  }
  for (const run of runs) {
    for (let n = 0; run.waiting() > 0; n += 1) {
      run.deliver(rest[n % rest.length] ?? 0);
      if (n % 2 === 0) run.turn(n, 'none');
    }
  }
  for (const run of runs) run.settleDown();
  return runs;
}
