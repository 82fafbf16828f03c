import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { EVENT_TYPES, type KnownEventType } from '../../../contracts/events.js';
import { PROCESS_KINDS, type ProcessKind } from '../../../contracts/ids.js';
import { EVENT_CLASSES, preEmptedBy } from '../../../workflows/state.js';
import { openEvent, openProcess, orders, rival, viewOf } from './views.js';

/**
 * What ends an open process early, typed by hand from docs/lifecycle.md before the code. Each group has four marks, for an event one second
 * before the process, in its second with a smaller id, in its second with a greater id, and one second after it; X: it ends the process.
 * The groups: event of the same installation, without an outcome and with one; of another installation of the tenant, the same two.
 */
const CELLS = `
  install    app.installed            ..XX ..XX   ..XX ..XX
  install    app.updated              .... ....   .... ....
  install    app.uninstalled          .XXX .XXX   .... ....
  install    app.trial_started        .... ....   .... ....
  install    app.trial_extended       .... ....   .... ....
  install    app.trial_ended          .... ....   .... ....
  install    app.credentials_rotated  .... ....   .... ....
  install    user.logout              .... ....   .... ....
  update     app.installed            ...X ...X   ...X ...X
  update     app.updated              ...X ...X   .... ....
  update     app.uninstalled          .XXX .XXX   .... ....
  update     app.trial_started        .... ....   .... ....
  update     app.trial_extended       .... ....   .... ....
  update     app.trial_ended          .... ....   .... ....
  update     app.credentials_rotated  .... ....   .... ....
  update     user.logout              .... ....   .... ....
  uninstall  app.installed            ...X ...X   .... ....
  uninstall  app.updated              .... ....   .... ....
  uninstall  app.uninstalled          .... ....   .... ....
  uninstall  app.trial_started        .... ....   .... ....
  uninstall  app.trial_extended       .... ....   .... ....
  uninstall  app.trial_ended          .... ....   .... ....
  uninstall  app.credentials_rotated  .... ....   .... ....
  uninstall  user.logout              .... ....   .... ....
  rotation   app.installed            ...X ...X   .... ....
  rotation   app.updated              .... ....   .... ....
  rotation   app.uninstalled          .... .XXX   .... ....
  rotation   app.trial_started        .... ....   .... ....
  rotation   app.trial_extended       .... ....   .... ....
  rotation   app.trial_ended          .... ....   .... ....
  rotation   app.credentials_rotated  ..XX ..XX   .... ....
  rotation   user.logout              .... ....   .... ....
`;

const OWN = { eventId: 'm', installationId: 'i1', second: 10 };

/** The four moments of a group. Ids point the other way where the seconds decide. */
const MOMENTS = [
  { second: 9, eventId: 'z' },
  { second: 10, eventId: 'a' },
  { second: 10, eventId: 'z' },
  { second: 11, eventId: 'a' },
];

interface Cell {
  kind: ProcessKind;
  type: KnownEventType;
  groups: { installationId: string; settled: boolean; marks: string }[];
}

function cells(): Cell[] {
  const lines = CELLS.trim().split('\n');
  return lines.map((line) => {
    const [kind, type, sameOpen = '', sameSettled = '', otherOpen = '', otherSettled = ''] = line.trim().split(/\s+/);
    return {
      kind: kind as ProcessKind,
      type: type as KnownEventType,
      groups: [
        { installationId: 'i1', settled: false, marks: sameOpen },
        { installationId: 'i1', settled: true, marks: sameSettled },
        { installationId: 'i2', settled: false, marks: otherOpen },
        { installationId: 'i2', settled: true, marks: otherSettled },
      ],
    };
  });
}

describe('what ends an open process early', () => {
  it('has a cell for every kind of process and every type of event', () => {
    const named = cells().map(({ kind, type }) => `${kind} ${type}`);
    assert.deepEqual(
      named,
      PROCESS_KINDS.flatMap((kind) => EVENT_TYPES.map((type) => `${kind} ${type}`)),
    );
  });

  for (const { kind, type, groups } of cells()) {
    it(`${kind} against ${type}`, () => {
      const process = openProcess(kind, OWN);
      for (const { installationId, settled, marks } of groups) {
        const seen = MOMENTS.map((moment) => {
          const happening = { ...moment, installationId };
          const by = preEmptedBy(
            process,
            viewOf({
              rivals: [rival(type, happening, settled)],
              events: settled ? [] : [openEvent(type, happening)],
              processes: [process],
            }),
          );
          if (by !== null) assert.equal(by, moment.eventId);
          return by === null ? '.' : 'X';
        });
        assert.equal(seen.join(''), marks, `${installationId}, ${settled ? 'with' : 'without'} an outcome`);
      }
    });
  }

  it('knows a newer install of the tenant from the record alone', () => {
    for (const { kind, groups } of cells().filter(({ type }) => type === 'app.installed')) {
      const process = openProcess(kind, OWN);
      for (const { installationId, marks } of groups) {
        const seen = MOMENTS.map((moment) => {
          const by = preEmptedBy(
            process,
            viewOf({ newestInstall: { ...moment, installationId }, processes: [process] }),
          );
          return by === null ? '.' : 'X';
        });
        assert.equal(seen.join(''), marks, `${kind}, newest install of ${installationId}`);
      }
    }
  });

  it('never lets an event end its own process', () => {
    const install = openProcess('install', OWN);
    const own = viewOf({
      newestInstall: OWN,
      rivals: [rival('app.installed', OWN)],
      events: [openEvent('app.installed', OWN)],
      processes: [install],
    });
    assert.equal(preEmptedBy(install, own), null);
    for (const [kind, type] of [
      ['update', 'app.updated'],
      ['uninstall', 'app.uninstalled'],
      ['rotation', 'app.credentials_rotated'],
    ] as const) {
      const process = openProcess(kind, OWN);
      const view = viewOf({ rivals: [rival(type, OWN)], events: [openEvent(type, OWN)], processes: [process] });
      assert.equal(preEmptedBy(process, view), null, kind);
    }
  });

  it('names the earliest of several rivals by time and then by id, in whatever order they are listed', () => {
    const process = openProcess('update', OWN);
    const reinstall = { eventId: 'a', installationId: 'i2', second: 14 };
    const byTime = [
      rival('app.updated', { eventId: 'b', installationId: 'i1', second: 13 }),
      rival('app.uninstalled', { eventId: 'z', installationId: 'i1', second: 12 }, true),
      rival('app.installed', reinstall),
      rival('app.uninstalled', { eventId: 'c', installationId: 'i2', second: 11 }),
    ];
    const byId = [
      rival('app.updated', { eventId: 'y', installationId: 'i1', second: 12 }),
      rival('app.uninstalled', { eventId: 'q', installationId: 'i1', second: 12 }, true),
    ];
    for (const rivals of orders(byTime)) {
      assert.equal(preEmptedBy(process, viewOf({ newestInstall: reinstall, rivals, processes: [process] })), 'z');
    }
    for (const rivals of orders(byId)) {
      assert.equal(preEmptedBy(process, viewOf({ newestInstall: reinstall, rivals, processes: [process] })), 'q');
    }
    assert.equal(preEmptedBy(process, viewOf({ newestInstall: reinstall, processes: [process] })), 'a');
  });

  it('is not moved by types that nobody documented, nor by events without an installation', () => {
    for (const kind of PROCESS_KINDS) {
      const process = openProcess(kind, OWN);
      const later = { eventId: 'z', installationId: 'i1', second: 20 };
      const odd = ['app.invented', '__proto__', 'constructor', 'toString', ''].map((type) => rival(type, later, true));
      const nowhere = { ...rival('app.uninstalled', later, true), installationId: null };
      assert.equal(preEmptedBy(process, viewOf({ rivals: [...odd, nowhere], processes: [process] })), null, kind);
    }
  });
});

describe('classes of events', () => {
  it('are those of design.md 3.4', () => {
    assert.deepEqual(EVENT_CLASSES, {
      'app.installed': 'next',
      'app.updated': 'next',
      'app.uninstalled': 'pre-empts',
      'app.trial_started': 'interleaves',
      'app.trial_extended': 'interleaves',
      'app.trial_ended': 'interleaves',
      'app.credentials_rotated': 'interleaves',
      'user.logout': 'apart',
    });
  });
});
