import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { decideNext, preEmptedBy } from '../../workflows/state.js';
import type { Fault } from './processes.js';
import { type Happening, play, stories } from './stories.js';
import type { AdminAction } from './talkdesk.js';
import { assertTrueEnd, endStateOf } from './truth.js';

/** The same stories each time, unless MODEL_SEED names other ones, or has them drawn: `random`. MODEL_RUNS asks for more of them. */
const wantedSeed = process.env['MODEL_SEED'] ?? '1';
const seed = wantedSeed === 'random' ? Date.now() % 2_147_483_647 : Number(wantedSeed);
const numRuns = Number(process.env['MODEL_RUNS'] ?? 1_500);
const LIMIT_MS = 12_000;

describe('any story, in any order of arrival', () => {
  it('ends where Talkdesk says it ends', (t) => {
    t.diagnostic(`MODEL_SEED=${seed} MODEL_RUNS=${numRuns}`);
    const interruptAfterTimeLimit = process.env['MODEL_RUNS'] === undefined ? LIMIT_MS : undefined;
    const told = fc.property(stories, (story) => {
      for (const run of play({ decideNext, preEmptedBy }, story)) assertTrueEnd(run);
    });
    void fc.assert(told, { seed, numRuns, ...(interruptAfterTimeLimit ? { interruptAfterTimeLimit } : {}) });
  });
});

const TENANT = { tenant: 0 };
const admin = (action: AdminAction, flag = 0): Happening => ({ do: 'admin', ...TENANT, action, flag });
const deliver = (pick: number): Happening => ({ do: 'deliver', ...TENANT, pick });
const turns = (...faults: Fault[]): Happening => ({ do: 'turns', ...TENANT, picks: faults.map((fault) => [0, fault]) });

/** The tenant's run after this story, and the events that came of it. */
function endOf(happenings: Happening[]) {
  const [run] = play({ decideNext, preEmptedBy }, { salt: 0, happenings, rest: [0] });
  assert.ok(run);
  assertTrueEnd(run);
  return { ...endStateOf(run), events: [...run.store.events.values()].map(({ event }) => event.type).sort() };
}

/** The turns of eight stories: the product refuses at the first of them, at the second, and so on. */
const REFUSALS = Array.from({ length: 8 }, (_, place) =>
  turns(...Array.from({ length: 8 }, (__, turn): Fault => (turn === place ? 'refuse' : 'none'))),
);

/** It comes back under its id before its uninstall was approved; the app.installed of that is still on its way. */
const COMES_BACK = [admin('uninstall'), deliver(0), deliver(0), admin('install-same-id'), turns('none', 'none')];

describe('an installation that comes back under its id, and a product that refuses', () => {
  // MODEL_SEED=429029462: an update overtook its install, its approval was the install's, and the refusal could not be told any more.
  it('is not updated before it is answered, so that a refusal of its install is told', () => {
    const ends = REFUSALS.map((refusal) =>
      endOf([...COMES_BACK, admin('update'), deliver(1), turns('none'), deliver(0), refusal]),
    );
    const inUse = { status: 'active', users: ['t0-i1-admin'] };
    for (const { talkdesk, account, events } of ends) {
      assert.deepEqual(events, ['app.installed', 'app.installed', 'app.uninstalled']);
      assert.deepEqual(account, talkdesk === 'rejected' ? null : inUse);
    }
    assert.deepEqual([...new Set(ends.map(({ talkdesk }) => talkdesk))].sort(), ['completed', 'rejected']);
  });

  it('is updated once it is answered, and stays as it was where the update is refused', () => {
    const answered = [...COMES_BACK, deliver(0), turns('none', 'none', 'none', 'none', 'none', 'none')];
    const ends = REFUSALS.map((refusal) => endOf([...answered, admin('update', 1), deliver(0), refusal]));
    for (const { talkdesk, account, events } of ends) {
      assert.deepEqual(events, ['app.installed', 'app.installed', 'app.uninstalled', 'app.updated']);
      assert.deepEqual([talkdesk, account?.status], ['completed', 'active']);
    }
    assert.deepEqual([...new Set(ends.map(({ account }) => account?.users.length))].sort(), [1, 2]);
  });
});
