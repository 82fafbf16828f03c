import type { OpenEvent } from '../../../contracts/events.js';
import type { ProcessRef, Rival, TenantView } from '../../../contracts/messages.js';
import type { NextStep, RunSituation } from '../../../workflows/state.js';
import { at, idleRun, openEvent, openProcess, rival, viewOf } from './views.js';

const NOW_MS = at(7_200);
const MINUTE_MS = 60_000;

/** What a row of "What comes next" looks for, each in an installation of its own, so that rows can be mixed. */
interface RowCase {
  /** First words of the row's situation in docs/lifecycle.md. */
  words: string;
  /** First words of its next step there. */
  nextWords: string;
  needsFreeLine: boolean;
  rivals?: Rival[];
  events?: OpenEvent[];
  processes?: ProcessRef[];
  step: NextStep;
}

const overtaken = openProcess('update', { eventId: 'ua', installationId: 'iA', second: 100 });
const rotation = openProcess('rotation', { eventId: 'rot', installationId: 'iB', second: 20 });
const trial = openEvent('app.trial_started', { eventId: 'tri', installationId: 'iC', second: 30 });
const overdue = openEvent(
  'app.uninstalled',
  { eventId: 'old', installationId: 'iD', second: 40 },
  { taken: false, receivedAtMs: NOW_MS - 20 * MINUTE_MS },
);
const ready = openProcess('update', { eventId: 'upd', installationId: 'iE', second: 50 });
const early = openEvent(
  'app.uninstalled',
  { eventId: 'new', installationId: 'iF', second: 60 },
  { taken: false, receivedAtMs: NOW_MS - 5 * MINUTE_MS },
);
const busy = openProcess('update', { eventId: 'bus', installationId: 'iG', second: 5 });

/** The rows in their order, typed by hand. */
export const ROWS: readonly RowCase[] = [
  {
    words: 'a process is overtaken',
    nextWords: 'supersede it',
    needsFreeLine: true,
    rivals: [rival('app.updated', { eventId: 'ub', installationId: 'iA', second: 110 }, true)],
    processes: [overtaken],
    step: { do: 'supersede', process: overtaken, byEventId: 'ub' },
  },
  {
    words: 'a rotation is open and not under way',
    nextWords: 'run it beside the line',
    needsFreeLine: false,
    processes: [rotation],
    step: { do: 'run', process: rotation },
  },
  {
    words: 'a trial event was taken',
    nextWords: 'apply it beside the line',
    needsFreeLine: false,
    events: [trial],
    step: { do: 'apply-trial', event: trial },
  },
  {
    words: 'an event waits for its `app.installed`, and twenty minutes have passed',
    nextWords: 'end it',
    needsFreeLine: false,
    events: [overdue],
    step: { do: 'settle', event: overdue, outcome: 'credentials-gone' },
  },
  {
    words: 'an install, update or uninstall is open, and the line is free',
    nextWords: 'run the oldest',
    needsFreeLine: true,
    processes: [ready],
    step: { do: 'run', process: ready },
  },
  {
    words: 'an event waits for its `app.installed`',
    nextWords: 'wait until its twenty minutes are over',
    needsFreeLine: false,
    events: [early],
    step: { do: 'wait', untilMs: NOW_MS + 15 * MINUTE_MS },
  },
  { words: 'nothing', nextWords: 'close', needsFreeLine: false, step: { do: 'rest' } },
];

/** A view in which all of these rows apply. The line is free, or an update of yet another installation holds it. */
export function viewOfRows(rows: readonly RowCase[], lineFree: boolean): { view: TenantView; run: RunSituation } {
  const processes = rows.flatMap((row) => row.processes ?? []);
  const view = viewOf({
    rivals: rows.flatMap((row) => row.rivals ?? []),
    events: rows.flatMap((row) => row.events ?? []),
    processes: lineFree ? processes : [...processes, busy],
  });
  return { view, run: idleRun({ nowMs: NOW_MS, lineFree, underWay: lineFree ? [] : [busy.eventId] }) };
}

/** Every choice of some of the rows, the last one ("nothing") always among them, each choice in the order of `rows`. */
export function choicesOf(rows: readonly RowCase[]): RowCase[][] {
  const [first, ...others] = rows;
  if (first === undefined || others.length === 0) return [[...rows]];
  const rest = choicesOf(others);
  return [...rest.map((choice) => [first, ...choice]), ...rest];
}
