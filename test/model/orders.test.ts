import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { decideNext, preEmptedBy } from '../../workflows/state.js';
import { createModelRun, type ModelRun } from './run.js';
import type { AdminAction } from './talkdesk.js';
import { assertTrueEnd, type EndState, endStateOf } from './truth.js';

/** A trial that becomes a paid plan, with a user more and new credentials; then the end of it. Installing starts the trial. */
const SCRIPT: readonly AdminAction[] = ['install', 'update', 'rotate', 'upgrade', 'uninstall'];
const TRIAL = 1;
const START_MS = Date.parse('2026-01-05T10:00:00Z');

/** Every order of the numbers below `count`. */
function orders(count: number): number[][] {
  if (count === 0) return [[]];
  return orders(count - 1).flatMap((order) =>
    Array.from({ length: count }, (_, place) => [...order.slice(0, place), count - 1, ...order.slice(place)]),
  );
}

/** Plays the script at Talkdesk, delivers its six events in this order, and runs to the end; `betweenEach`: whenever one has come. */
function played(
  script: readonly AdminAction[],
  order: readonly number[],
  salt: number,
  betweenEach: boolean,
): ModelRun {
  const clock = { nowMs: START_MS };
  const run = createModelRun({ decideNext, preEmptedBy }, 't', salt, clock);
  for (const action of script) {
    run.happen(action, TRIAL);
    clock.nowMs += 60_000;
  }
  // The update that comes with the upgrade is left out: it says nothing that the others do not.
  const events = run
    .takeUndelivered()
    .filter((event) => !(event.type === 'app.updated' && event.createdAtMs > START_MS + 120_000));
  assert.equal(events.length, order.length);
  for (const place of order) {
    const event = events[place];
    assert.ok(event);
    run.store.receive(event, clock.nowMs);
    clock.nowMs += 1_000;
    if (betweenEach) for (let turns = 0; turns < 12; turns += 1) run.turn(turns, 'none');
  }
  run.settleDown();
  assertTrueEnd(run);
  return run;
}

function sameEnd(script: readonly AdminAction[], count: number, end: EndState): void {
  for (const order of orders(count)) {
    for (const betweenEach of [false, true]) {
      const run = played(script, order, order[0] ?? 0, betweenEach);
      assert.deepEqual(endStateOf(run), end, `order ${order.join(' ')}, ${betweenEach ? 'one by one' : 'all at once'}`);
    }
  }
}

describe('one script in every order of arrival', () => {
  it('ends the same in all 720 orders of installed, updated, rotated, trial started, plan upgraded and uninstalled', () => {
    assert.equal(orders(6).length, 720);
    sameEnd(SCRIPT, 6, { talkdesk: 'revoked', account: null, mapping: null, credentials: [] });
  });

  it('ends the same in all 120 orders of the first five: in use, paid, with the new user and the new credentials', () => {
    const users = ['t-i1-admin', 't-i1-user-2-0'];
    sameEnd(SCRIPT.slice(0, -1), 5, {
      talkdesk: 'completed',
      account: { status: 'active', users },
      mapping: users,
      credentials: ['t-i1-client-3'],
    });
  });
});
