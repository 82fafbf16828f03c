import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { DecisionVerb, FinalState, ProcessOutcome } from '../../contracts/outcomes.js';
import { mustUndo, outcomeAtClose, outcomeBeforeActing } from '../../workflows/outcomes.js';

/** By what is behind the state: nothing of ours, our approve, our reject. Written by hand from docs/lifecycle.md, How windows end. */
type Ends = [nothing: ProcessOutcome, approve: ProcessOutcome, reject: ProcessOutcome];
const BEHIND: (DecisionVerb | null)[] = [null, 'approve', 'reject'];
const all = (outcome: ProcessOutcome): Ends => [outcome, outcome, outcome];

const INSTALL: Record<FinalState, Ends> = {
  waiting: all('expired'),
  accepted: ['contradicted', 'approved', 'contradicted'],
  suspended: ['contradicted', 'approved', 'contradicted'],
  refused: ['contradicted', 'contradicted', 'rejected'],
  dead: all('expired'),
  gone: all('expired'),
  'credentials-dead': all('expired'),
};
const UPDATE: Record<FinalState, Ends> = {
  waiting: all('expired'),
  accepted: ['expired', 'approved', 'rejected'],
  suspended: all('expired'),
  refused: ['expired', 'expired', 'rejected'],
  dead: all('expired'),
  gone: all('superseded'),
  'credentials-dead': all('expired'),
};

for (const [kind, table] of [
  ['install', INSTALL],
  ['update', UPDATE],
] as const) {
  describe(`an ${kind} at its close`, () => {
    for (const [state, ends] of Object.entries(table) as [FinalState, Ends][]) {
      it(`that Talkdesk calls ${state}: ${[...new Set(ends)].join(', ')}`, () => {
        assert.deepEqual(
          BEHIND.map((attempted) => outcomeAtClose(kind, state, attempted)),
          ends,
        );
      });
    }
  });
}

describe('a state found before anything is done', () => {
  it('lets go on what waits or was accepted, and ends the rest', () => {
    const ends = (kind: 'install' | 'update') =>
      (['waiting', 'accepted', 'refused', 'dead', 'gone'] as const).map((state) => outcomeBeforeActing(kind, state));
    assert.deepEqual(ends('install'), [null, null, 'rejected', 'expired', 'superseded']);
    assert.deepEqual(ends('update'), [null, null, 'contradicted', 'expired', 'superseded']);
  });
});

describe('what was begun in the product', () => {
  it('stays where the installation is in use, and is undone where it is not', () => {
    const undone = (outcome: ProcessOutcome, states: (FinalState | null)[]) =>
      states.map((state) => mustUndo(outcome, state));
    assert.deepEqual(undone('approved', ['accepted', 'suspended', null]), [false, false, false]);
    assert.deepEqual(undone('contradicted', ['accepted', 'suspended']), [false, false]);
    assert.deepEqual(undone('contradicted', ['refused', 'dead', 'gone']), [true, true, true]);
    assert.deepEqual(undone('rejected', ['refused', null]), [true, true]);
    assert.deepEqual(undone('expired', ['waiting', 'dead', 'gone', 'credentials-dead']), [true, true, true, true]);
  });
});
