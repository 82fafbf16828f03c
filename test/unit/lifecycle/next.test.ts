import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { OpenEvent } from '../../../contracts/events.js';
import type { ProcessRef, Rival } from '../../../contracts/messages.js';
import { decideNext } from '../../../workflows/state.js';
import { choicesOf, ROWS, viewOfRows } from './rows.js';
import { at, idleRun, openEvent, openProcess, orders, rival, viewOf } from './views.js';

const MINUTE_MS = 60_000;
const BUSY = openProcess('update', { eventId: 'busy', installationId: 'i9', second: 1 });
const LINE_HELD = { lineFree: false, underWay: ['busy'] };

/** Decides with the processes and events listed in every order, and expects the same each time. */
function nextOf(
  parts: {
    rivals?: Rival[];
    events?: OpenEvent[];
    processes?: ProcessRef[];
    newestInstall?: { eventId: string; installationId: string; second: number };
  },
  run: Parameters<typeof idleRun>[0] = {},
) {
  const processes = orders(parts.processes ?? []);
  const steps = processes.map((order) => decideNext(viewOf({ ...parts, processes: order }), idleRun(run)));
  for (const step of steps) assert.deepEqual(step, steps[0]);
  return steps[0];
}

describe('what comes next: the rows', () => {
  it('takes the first row that applies, whichever others apply, with a free line and with a held one', () => {
    const choices = choicesOf(ROWS);
    assert.equal(choices.length, 64);
    for (const choice of choices) {
      for (const lineFree of [true, false]) {
        const { view, run } = viewOfRows(choice, lineFree);
        const first = choice.find((row) => lineFree || !row.needsFreeLine);
        const label = `${lineFree ? 'free' : 'held'}: ${choice.map((row) => row.words).join(' + ')}`;
        assert.deepEqual(decideNext(view, run), first?.step, label);
      }
    }
  });
});

describe('what comes next: supersede', () => {
  const first = openProcess('install', { eventId: 'e1', installationId: 'i1', second: 10 });
  const second = openProcess('install', { eventId: 'e2', installationId: 'i2', second: 20 });
  const third = { eventId: 'e3', installationId: 'i3', second: 30 };
  const parts = { newestInstall: third, processes: [openProcess('install', third), second, first] };

  it('takes the oldest first', () => {
    const step = nextOf(parts);
    assert.ok(step?.do === 'supersede');
    assert.deepEqual(step.process, first);
  });

  it('leaves alone what is under way: that is told, and frees the line itself', () => {
    assert.deepEqual(nextOf(parts, { lineFree: false, underWay: ['e1'] }), { do: 'rest' });
    const uninstall = openProcess('uninstall', { eventId: 'u1', installationId: 'i1', second: 5 });
    const again = { eventId: 'e4', installationId: 'i1', second: 6 };
    assert.deepEqual(
      nextOf(
        {
          newestInstall: again,
          rivals: [rival('app.installed', again)],
          processes: [uninstall, openProcess('install', again)],
        },
        { underWay: ['u1'] },
      ),
      { do: 'run', process: openProcess('install', again) },
    );
  });

  it('does not run an overtaken rotation while it waits for the line', () => {
    const older = openProcess('rotation', { eventId: 'r1', installationId: 'i1', second: 10 });
    const newer = { eventId: 'r2', installationId: 'i1', second: 20 };
    const rotations = {
      rivals: [rival('app.credentials_rotated', newer)],
      processes: [BUSY, older, openProcess('rotation', newer)],
    };
    assert.deepEqual(nextOf(rotations, LINE_HELD), { do: 'run', process: openProcess('rotation', newer) });
    assert.deepEqual(nextOf(rotations, { lineFree: false, underWay: ['busy', 'r2'] }), { do: 'rest' });
    assert.deepEqual(nextOf(rotations, { underWay: ['busy', 'r2'] }), {
      do: 'supersede',
      process: older,
      byEventId: 'r2',
    });
  });

  it('knows that an install and an uninstall of one second belong in this order', () => {
    const install = openProcess('install', { eventId: 'zz', installationId: 'i1', second: 10 });
    const uninstall = openProcess('uninstall', { eventId: 'aa', installationId: 'i1', second: 10 });
    const both = {
      newestInstall: { eventId: 'zz', installationId: 'i1', second: 10 },
      rivals: [
        rival('app.uninstalled', { eventId: 'aa', installationId: 'i1', second: 10 }),
        rival('app.installed', { eventId: 'zz', installationId: 'i1', second: 10 }),
      ],
    };
    assert.deepEqual(nextOf({ ...both, processes: [install, uninstall] }), {
      do: 'supersede',
      process: install,
      byEventId: 'aa',
    });
    assert.deepEqual(nextOf({ ...both, processes: [uninstall] }), { do: 'run', process: uninstall });
  });
});

describe('what comes next: rotations', () => {
  const one = openProcess('rotation', { eventId: 'r1', installationId: 'i1', second: 10 });
  const two = openProcess('rotation', { eventId: 'r2', installationId: 'i2', second: 20 });

  it('run beside the line, each installation its own, the older first', () => {
    assert.deepEqual(nextOf({ processes: [two, one, BUSY] }, LINE_HELD), { do: 'run', process: one });
    assert.deepEqual(nextOf({ processes: [two, one] }, { underWay: ['r1'] }), { do: 'run', process: two });
    assert.deepEqual(nextOf({ processes: [two, one] }, { underWay: ['r1', 'r2'] }), { do: 'rest' });
  });

  it('run while the uninstall that may need them is open, and are superseded once it has ended', () => {
    const gone = { eventId: 'u1', installationId: 'i1', second: 30 };
    const uninstall = openProcess('uninstall', gone);
    assert.deepEqual(nextOf({ rivals: [rival('app.uninstalled', gone)], processes: [uninstall, one] }), {
      do: 'run',
      process: one,
    });
    assert.deepEqual(nextOf({ rivals: [rival('app.uninstalled', gone, true)], processes: [one] }), {
      do: 'supersede',
      process: one,
      byEventId: 'u1',
    });
  });
});

describe('what comes next: trials', () => {
  const started = openEvent('app.trial_started', { eventId: 't1', installationId: 'i1', second: 10 });
  const ended = openEvent('app.trial_ended', { eventId: 't2', installationId: 'i1', second: 20 });
  const extended = openEvent('app.trial_extended', { eventId: 't3', installationId: 'i1', second: 20 });
  const elsewhere = openEvent('app.trial_ended', { eventId: 't4', installationId: 'i2', second: 30 });

  it('are applied one after the other within an installation, by time and then by id', () => {
    for (const events of orders([started, ended, extended])) {
      assert.deepEqual(nextOf({ events }), { do: 'apply-trial', event: started });
      assert.deepEqual(nextOf({ events }, { underWay: ['t1'] }), { do: 'rest' });
    }
    for (const events of orders([ended, extended])) {
      assert.deepEqual(nextOf({ events }), { do: 'apply-trial', event: ended });
    }
    assert.deepEqual(nextOf({ events: [extended] }), { do: 'apply-trial', event: extended });
    assert.deepEqual(nextOf({ events: [started, ended, elsewhere] }, { underWay: ['t1'] }), {
      do: 'apply-trial',
      event: elsewhere,
    });
  });

  it('wait for the install of their installation, and for no other', () => {
    const install = openProcess('install', { eventId: 'e1', installationId: 'i1', second: 5 });
    const other = openProcess('install', { eventId: 'e2', installationId: 'i2', second: 5 });
    assert.deepEqual(nextOf({ events: [started], processes: [install] }), { do: 'run', process: install });
    assert.deepEqual(nextOf({ events: [started], processes: [install] }, { lineFree: false, underWay: ['e1'] }), {
      do: 'rest',
    });
    assert.deepEqual(nextOf({ events: [started], processes: [other] }), { do: 'apply-trial', event: started });
  });

  it('are applied while an update or uninstall of their installation holds the line', () => {
    for (const kind of ['update', 'uninstall'] as const) {
      const process = openProcess(kind, { eventId: 'p1', installationId: 'i1', second: 5 });
      const step = nextOf({ events: [ended], processes: [process] }, { lineFree: false, underWay: ['p1'] });
      assert.deepEqual(step, { do: 'apply-trial', event: ended });
    }
  });
});

describe('what comes next: events that overtook their app.installed', () => {
  const OUTCOMES = {
    'app.updated': 'quarantined',
    'app.uninstalled': 'credentials-gone',
    'app.credentials_rotated': 'quarantined',
    'app.trial_started': 'recorded',
    'app.trial_extended': 'recorded',
    'app.trial_ended': 'recorded',
  } as const;
  const receivedAtMs = at(7_200);
  const waiting = (type: keyof typeof OUTCOMES, eventId = 'w1', received = receivedAtMs) =>
    openEvent(type, { eventId, installationId: 'i1', second: 0 }, { taken: false, receivedAtMs: received });

  it('wait twenty minutes from when they were received, not from when they were made', () => {
    for (const type of Object.keys(OUTCOMES) as (keyof typeof OUTCOMES)[]) {
      const event = waiting(type);
      const untilMs = receivedAtMs + 20 * MINUTE_MS;
      for (const nowMs of [receivedAtMs, untilMs - 1]) {
        assert.deepEqual(nextOf({ events: [event] }, { nowMs }), { do: 'wait', untilMs }, type);
      }
      const settle = { do: 'settle', event, outcome: OUTCOMES[type] };
      for (const nowMs of [untilMs, untilMs + 1, untilMs + 7 * 86_400_000]) {
        assert.deepEqual(nextOf({ events: [event] }, { nowMs }), settle, type);
      }
    }
  });

  it('end while the line is held', () => {
    const event = waiting('app.uninstalled');
    const nowMs = receivedAtMs + 20 * MINUTE_MS;
    const step = nextOf({ events: [event], processes: [BUSY] }, { ...LINE_HELD, nowMs });
    assert.deepEqual(step, { do: 'settle', event, outcome: 'credentials-gone' });
  });

  it('wake the run for the first of several, whichever was made first', () => {
    const late = waiting('app.updated', 'w1', receivedAtMs + 3 * MINUTE_MS);
    const soon = waiting('app.uninstalled', 'w2', receivedAtMs);
    for (const events of orders([late, soon])) {
      const run = { nowMs: receivedAtMs + 4 * MINUTE_MS };
      assert.deepEqual(nextOf({ events }, run), { do: 'wait', untilMs: receivedAtMs + 20 * MINUTE_MS });
      const later = { nowMs: receivedAtMs + 21 * MINUTE_MS };
      assert.deepEqual(nextOf({ events }, later), { do: 'settle', event: soon, outcome: 'credentials-gone' });
    }
  });
});

describe('what comes next: the line', () => {
  it('takes the oldest by time, then by id', () => {
    const update = openProcess('update', { eventId: 'b', installationId: 'i1', second: 20 });
    const uninstall = openProcess('uninstall', { eventId: 'c', installationId: 'i2', second: 20 });
    const older = openProcess('uninstall', { eventId: 'z', installationId: 'i3', second: 19 });
    assert.deepEqual(nextOf({ processes: [update, uninstall, older] }), { do: 'run', process: older });
    assert.deepEqual(nextOf({ processes: [update, uninstall] }), { do: 'run', process: update });
  });

  it('takes an install before the update of its second, whatever their ids', () => {
    const install = openProcess('install', { eventId: 'z', installationId: 'i1', second: 20 });
    const update = openProcess('update', { eventId: 'a', installationId: 'i1', second: 20 });
    const step = nextOf({
      newestInstall: { eventId: 'z', installationId: 'i1', second: 20 },
      processes: [update, install],
    });
    assert.deepEqual(step, { do: 'run', process: install });
  });

  it('goes on beside an uninstall whose access has ended', () => {
    const old = { eventId: 'u1', installationId: 'i1', second: 10 };
    const fresh = { eventId: 'e2', installationId: 'i2', second: 20 };
    const processes = [openProcess('uninstall', old), openProcess('install', fresh)];
    const parts = { newestInstall: fresh, rivals: [rival('app.uninstalled', old)], processes };
    assert.deepEqual(nextOf(parts), { do: 'run', process: processes[0] });
    assert.deepEqual(nextOf(parts, { lineFree: false, underWay: ['u1'] }), { do: 'rest' });
    assert.deepEqual(nextOf(parts, { underWay: ['u1'] }), { do: 'run', process: processes[1] });
    assert.deepEqual(nextOf(parts, { lineFree: false, underWay: ['u1', 'e2'] }), { do: 'rest' });
  });

  it('answers the older uninstall after the install that came first', () => {
    const old = openProcess('uninstall', { eventId: 'u1', installationId: 'i1', second: 10 });
    const fresh = { eventId: 'e2', installationId: 'i2', second: 20 };
    const parts = { newestInstall: fresh, processes: [openProcess('install', fresh), old] };
    assert.deepEqual(nextOf(parts, { lineFree: false, underWay: ['e2'] }), { do: 'rest' });
    assert.deepEqual(nextOf({ newestInstall: fresh, processes: [old] }), { do: 'run', process: old });
  });

  it('has nothing to do for a tenant without open events', () => {
    assert.deepEqual(nextOf({ newestInstall: { eventId: 'e1', installationId: 'i1', second: 0 } }), { do: 'rest' });
  });
});
