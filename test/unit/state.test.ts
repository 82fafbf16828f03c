import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { EventRef } from '../../contracts/events.js';
import { EVENT_TYPES } from '../../contracts/events.js';
import type { ProcessRef, TenantView } from '../../contracts/messages.js';
import {
  decideNext,
  EVENT_CLASSES,
  mustUndo,
  outcomeAtClose,
  outcomeBeforeProvisioning,
  outcomeInsteadOfDecision,
} from '../../workflows/state.js';

const T0 = Date.parse('2026-01-05T10:00:00Z');

function event(eventId: string, type: string, installationId: string, secondsAfter: number): EventRef {
  return { eventId, type, installationId, createdAtMs: T0 + secondsAfter * 1_000 };
}

function install(eventId: string, installationId: string, secondsAfter: number): ProcessRef {
  return {
    processId: `install:${eventId}`,
    kind: 'install',
    eventId,
    installationId,
    createdAtMs: T0 + secondsAfter * 1_000,
    needsUndo: false,
  };
}

function view(part: Partial<TenantView>): TenantView {
  return { record: { newestInstall: null }, events: [], processes: [], ...part };
}

/** Every order of a list. */
function orders<T>(items: T[]): T[][] {
  if (items.length < 2) return [items];
  return items.flatMap((item, index) =>
    orders(items.filter((_, other) => other !== index)).map((rest) => [item, ...rest]),
  );
}

describe('the pure table: next step of a tenant', () => {
  it('rests when nothing is unsettled', () => {
    assert.deepEqual(decideNext(view({})), { do: 'rest' });
  });

  it('carries out the only install', () => {
    const process = install('e1', 'i1', 0);
    const facts = view({
      record: { newestInstall: { eventId: 'e1', createdAtMs: T0, installationId: 'i1' } },
      events: [event('e1', 'app.installed', 'i1', 0)],
      processes: [process],
    });
    assert.deepEqual(decideNext(facts), { do: 'install', process });
  });

  it('supersedes the older of two installs first, whatever the order of arrival', () => {
    const older = install('e1', 'i1', 0);
    const newer = install('e2', 'i2', 60);
    for (const processes of orders([older, newer])) {
      const facts = view({
        record: { newestInstall: { eventId: 'e2', createdAtMs: T0 + 60_000, installationId: 'i2' } },
        processes,
      });
      assert.deepEqual(decideNext(facts), { do: 'supersede', process: older, byEventId: 'e2' });
    }
  });

  it('supersedes an older install that arrives after the newer one has ended', () => {
    const older = install('e1', 'i1', 0);
    const facts = view({
      record: { newestInstall: { eventId: 'e2', createdAtMs: T0 + 60_000, installationId: 'i2' } },
      processes: [older],
    });
    assert.deepEqual(decideNext(facts), { do: 'supersede', process: older, byEventId: 'e2' });
  });

  it('orders two installs of one second by their ids', () => {
    const first = install('aa', 'i1', 0);
    const second = install('ab', 'i2', 0);
    const facts = view({
      record: { newestInstall: { eventId: 'ab', createdAtMs: T0, installationId: 'i2' } },
      processes: [second, first],
    });
    assert.deepEqual(decideNext(facts), { do: 'supersede', process: first, byEventId: 'ab' });
  });

  it('supersedes an install whose installation was uninstalled later or in the same second', () => {
    for (const secondsAfter of [0, 30]) {
      const process = install('e1', 'i1', 0);
      const facts = view({
        record: { newestInstall: { eventId: 'e1', createdAtMs: T0, installationId: 'i1' } },
        events: [event('e0', 'app.uninstalled', 'i1', secondsAfter)],
        processes: [process],
      });
      assert.deepEqual(decideNext(facts), { do: 'supersede', process, byEventId: 'e0' });
    }
  });

  it('lets an uninstall of another installation, or an earlier one, pass', () => {
    const process = install('e2', 'i2', 60);
    const facts = view({
      record: { newestInstall: { eventId: 'e2', createdAtMs: T0 + 60_000, installationId: 'i2' } },
      events: [event('e3', 'app.uninstalled', 'i1', 90), event('e1', 'app.uninstalled', 'i2', 30)],
      processes: [process],
    });
    assert.deepEqual(decideNext(facts), { do: 'install', process });
  });

  it('is not moved by events on which this release does not act, nor by types it does not know', () => {
    const process = install('e1', 'i1', 0);
    const others = [
      'app.updated',
      'app.trial_started',
      'app.credentials_rotated',
      'user.logout',
      'app.invented',
      '__proto__',
    ];
    const facts = view({
      record: { newestInstall: { eventId: 'e1', createdAtMs: T0, installationId: 'i1' } },
      events: others.map((type, index) => event(`x${index}`, type, 'i1', 10)),
      processes: [process],
    });
    assert.deepEqual(decideNext(facts), { do: 'install', process });
  });

  it('has a class for every documented event type', () => {
    assert.deepEqual(
      EVENT_TYPES.map((type) => [type, EVENT_CLASSES[type]]),
      [
        ['app.installed', 'next'],
        ['app.updated', 'kept'],
        ['app.uninstalled', 'pre-empts'],
        ['app.trial_started', 'kept'],
        ['app.trial_extended', 'kept'],
        ['app.trial_ended', 'kept'],
        ['app.credentials_rotated', 'kept'],
        ['user.logout', 'kept'],
      ],
    );
  });
});

describe('the pure table: what a remote state means for an install', () => {
  it('before provisioning', () => {
    const meanings = (['waiting', 'accepted', 'dead', 'gone', 'refused'] as const).map(outcomeBeforeProvisioning);
    assert.deepEqual(meanings, [null, null, 'expired', 'superseded', 'contradicted']);
  });

  it('instead of our decision', () => {
    const meanings = (['accepted', 'refused', 'dead', 'gone'] as const).map(outcomeInsteadOfDecision);
    assert.deepEqual(meanings, ['contradicted', 'contradicted', 'expired', 'superseded']);
  });

  it('after the close: lost answers count when Talkdesk reports them, dead credentials mean expired', () => {
    const table = [
      ['waiting', null, 'expired'],
      ['waiting', 'approve', 'expired'],
      ['dead', null, 'expired'],
      ['gone', null, 'expired'],
      ['credentials-dead', null, 'expired'],
      ['accepted', 'approve', 'approved'],
      ['accepted', 'reject', 'contradicted'],
      ['accepted', null, 'contradicted'],
      ['refused', 'reject', 'rejected'],
      ['refused', 'approve', 'contradicted'],
      ['suspended', null, 'contradicted'],
    ] as const;
    for (const [state, attempted, outcome] of table) {
      assert.equal(outcomeAtClose(state, attempted), outcome, `${state} after ${attempted}`);
    }
  });

  it('undoes what did not succeed, and never an account that Talkdesk calls accepted', () => {
    assert.equal(mustUndo('approved', 'accepted'), false);
    assert.equal(mustUndo('rejected', 'refused'), true);
    assert.equal(mustUndo('expired', 'credentials-dead'), true);
    assert.equal(mustUndo('superseded', null), true);
    assert.equal(mustUndo('cancelled', null), false);
    assert.equal(mustUndo('contradicted', 'accepted'), false);
    assert.equal(mustUndo('contradicted', 'suspended'), false);
    assert.equal(mustUndo('contradicted', 'refused'), true);
  });
});
