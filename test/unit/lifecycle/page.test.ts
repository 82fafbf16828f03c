import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { EVENT_TYPES, type KnownEventType } from '../../../contracts/events.js';
import { PROCESS_KINDS, type ProcessKind } from '../../../contracts/ids.js';
import { decideNext, EVENT_CLASSES, preEmptedBy } from '../../../workflows/state.js';
import { type EndingRule, readEnding, tableOf } from './page.js';
import { choicesOf, ROWS, viewOfRows } from './rows.js';
import { openProcess, rival, viewOf } from './views.js';

const OWN = { eventId: 'm', installationId: 'i1', second: 10 };
const MOMENTS = [
  { second: 9, eventId: 'z' },
  { second: 10, eventId: 'a' },
  { second: 10, eventId: 'z' },
  { second: 11, eventId: 'a' },
];

/** What the words of a cell mean for an event at this moment. */
function ends(rule: EndingRule, moment: (typeof MOMENTS)[number], same: boolean, settled: boolean): boolean {
  if (!same && !rule.anyInstallation) return false;
  if (rule.onceEnded && !settled) return false;
  if (rule.when === 'a later second') return moment.second > OWN.second;
  if (rule.when === 'same second or later') return moment.second >= OWN.second;
  if (rule.when === 'later') {
    return moment.second > OWN.second || (moment.second === OWN.second && moment.eventId > OWN.eventId);
  }
  return false;
}

const withoutTicks = (cell: string) => cell.replaceAll('`', '');

describe('docs/lifecycle.md and the code', () => {
  it('agree on the classes', () => {
    const [, ...rows] = tableOf('Classes of events');
    const known = rows.filter(([type]) => type !== 'any other type');
    assert.equal(known.length, rows.length - 1);
    assert.deepEqual(Object.fromEntries(known.map(([type = '', name]) => [withoutTicks(type), name])), EVENT_CLASSES);
  });

  it('agree on what ends an open process early, cell by cell', () => {
    const [[, ...types] = [], ...rows] = tableOf('What ends an open process early');
    assert.deepEqual(types.map(withoutTicks), EVENT_TYPES);
    assert.deepEqual(
      rows.map(([kind]) => kind),
      PROCESS_KINDS,
    );
    for (const [kind, ...cells] of rows) {
      assert.equal(cells.length, EVENT_TYPES.length);
      const process = openProcess(kind as ProcessKind, OWN);
      for (const [column, cell] of cells.entries()) {
        const rule = readEnding(cell);
        const type = EVENT_TYPES[column] as KnownEventType;
        for (const moment of MOMENTS) {
          for (const installationId of ['i1', 'i2']) {
            for (const settled of [false, true]) {
              const view = viewOf({
                rivals: [rival(type, { ...moment, installationId }, settled)],
                processes: [process],
              });
              const expected = ends(rule, moment, installationId === 'i1', settled) ? moment.eventId : null;
              const label = `${kind} against ${type} (${cell}), second ${moment.second}, id ${moment.eventId}, ${installationId}`;
              assert.equal(preEmptedBy(process, view), expected, label);
            }
          }
        }
      }
    }
  });

  it('agree on what comes next, row by row and in the order of the page', () => {
    const [, ...rows] = tableOf('What comes next');
    const cases = rows.map(([situation = '', next = '']) => {
      // The longest words that fit: one row's words begin another's.
      const fitting = ROWS.filter((row) => situation.startsWith(row.words));
      const [found] = fitting.sort((one, other) => other.words.length - one.words.length);
      assert.ok(found, `A situation that no test knows: ${situation}`);
      assert.ok(next.startsWith(found.nextWords), `"${situation}" leads to "${next}", not "${found.nextWords}"`);
      return found;
    });
    assert.deepEqual(new Set(cases), new Set(ROWS));
    for (const choice of choicesOf(cases)) {
      for (const lineFree of [true, false]) {
        const { view, run } = viewOfRows(choice, lineFree);
        const first = choice.find((row) => lineFree || !row.needsFreeLine);
        assert.deepEqual(decideNext(view, run), first?.step, choice.map((row) => row.words).join(' + '));
      }
    }
  });

  it('agree on how an event ends whose install never came', () => {
    const [, ...rows] = tableOf('What comes next');
    const next = withoutTicks(rows.find(([, text = '']) => text.startsWith('end it'))?.[1] ?? '');
    assert.equal(
      next,
      'end it: app.uninstalled as credentials-gone, app.updated and app.credentials_rotated in quarantine with their bodies, ' +
        'a trial event as recorded',
    );
  });
});
