import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { ProcessKind } from '../../store/index.js';
import { at, change, delivery, install, openStore, type TestStore } from './fixtures.js';

let t: TestStore;
before(async () => {
  t = await openStore();
});
after(() => t.end());

/**
 * When an event ends an open process early, by hand from docs/lifecycle.md. `later`: by (created_at, id). `later second`: by created_at.
 * `same second`: of that second or later. `settled`: only once it has its outcome.
 */
type Rule = { from: 'later' | 'later second' | 'same second'; of: 'tenant' | 'installation'; settled?: true } | 'never';

const TYPES = [
  'app.installed',
  'app.updated',
  'app.uninstalled',
  'app.trial_started',
  'app.trial_extended',
  'app.trial_ended',
  'app.credentials_rotated',
  'user.logout',
] as const;

const TABLE: Record<ProcessKind, Rule[]> = {
  install: [
    { from: 'later', of: 'tenant' },
    'never',
    { from: 'same second', of: 'installation' },
    'never',
    'never',
    'never',
    'never',
    'never',
  ],
  update: [
    { from: 'later second', of: 'tenant' },
    { from: 'later second', of: 'installation' },
    { from: 'same second', of: 'installation' },
    'never',
    'never',
    'never',
    'never',
    'never',
  ],
  uninstall: [
    { from: 'later second', of: 'installation' },
    'never',
    'never',
    'never',
    'never',
    'never',
    'never',
    'never',
  ],
  rotation: [
    { from: 'later second', of: 'installation' },
    'never',
    { from: 'same second', of: 'installation', settled: true },
    'never',
    'never',
    'never',
    { from: 'later', of: 'installation' },
    'never',
  ],
};

/** Ids are compared within a second; the process's own event is `m`. */
const TIMES = [
  { when: 'an earlier second', id: 'z', time: '09:59:59.000', later: false, laterSecond: false, sameSecond: false },
  {
    when: 'the same second, a smaller id',
    id: 'a',
    time: '10:00:00.000',
    later: false,
    laterSecond: false,
    sameSecond: true,
  },
  {
    when: 'the same second, a greater id',
    id: 'z',
    time: '10:00:00.000',
    later: true,
    laterSecond: false,
    sameSecond: true,
  },
  { when: 'a later second', id: 'a', time: '10:00:01.000', later: true, laterSecond: true, sameSecond: true },
];
const INSTALLATIONS = ['installation-1', 'installation-2'];
const STATUSES = ['received', 'taken', 'settled', 'quarantined'] as const;

function expected(rule: Rule, time: (typeof TIMES)[number], same: boolean, status: (typeof STATUSES)[number]): boolean {
  if (rule === 'never' || status === 'quarantined') return false;
  if (rule.of === 'installation' && !same) return false;
  if (rule.settled === true && status !== 'settled') return false;
  if (rule.from === 'later') return time.later;
  return rule.from === 'later second' ? time.laterSecond : time.sameSecond;
}

/** Puts the event there as it is with that status, without what takes it there. */
async function place(eventId: string, status: (typeof STATUSES)[number]): Promise<void> {
  const outcome = { received: null, taken: null, settled: 'superseded', quarantined: 'quarantined' }[status];
  await t.database.query(
    `UPDATE inbox_event SET status = CASE WHEN $2::text IS NULL THEN $3 ELSE 'settled' END, outcome = $2,
      settled_at = CASE WHEN $2::text IS NULL THEN NULL ELSE received_at END WHERE id = $1`,
    [eventId, outcome, status],
  );
}

describe('what ends an open process early', () => {
  for (const kind of ['install', 'update', 'uninstall', 'rotation'] as const) {
    for (const [column, type] of TYPES.entries()) {
      it(`${kind}, ${type}`, async () => {
        await t.clear();
        // The installation is known by an install that no event of the table is older than.
        if (kind !== 'install') await install(t.store, { eventId: '0', createdAt: at('09:00:00.000') });
        const processId =
          kind === 'install' ? await install(t.store, { eventId: 'm' }) : await change(t.store, kind, { eventId: 'm' });
        const rule = TABLE[kind][column];
        assert.ok(rule !== undefined);
        for (const time of TIMES) {
          for (const installationId of INSTALLATIONS) {
            await t.store.inbox.accept(delivery({ eventId: time.id, type, installationId, createdAt: at(time.time) }));
            for (const status of STATUSES) {
              await place(time.id, status);
              const claim = await t.store.processes.claim({
                processId,
                attemptToken: 'one',
                leaseMs: 60_000,
                at: at('10:05:00.000'),
              });
              const ends = expected(rule, time, installationId === 'installation-1', status);
              const what = `${time.when}, ${installationId}, ${status}`;
              assert.deepEqual(
                claim.kind === 'preempted' ? claim : { kind: claim.kind },
                ends ? { kind: 'preempted', byEventId: time.id } : { kind: 'claimed' },
                what,
              );
            }
            await t.database.query('DELETE FROM inbox_event WHERE id = $1', [time.id]);
          }
        }
      });
    }
  }

  it('is of the same app and account, also where an installation id is another tenant’s', async () => {
    await t.clear();
    const processId = await install(t.store, { eventId: 'm' });
    for (const type of ['app.installed', 'app.uninstalled']) {
      await t.store.inbox.accept(
        delivery({ eventId: `${type} account`, type, accountId: 'account-2', createdAt: at('11:00:00.000') }),
      );
      await t.store.inbox.accept(
        delivery({ eventId: `${type} app`, type, appId: 'app-2', createdAt: at('11:00:00.000') }),
      );
    }
    const claim = await t.store.processes.claim({ processId, attemptToken: 'one', leaseMs: 1, at: at('10:05:00.000') });
    assert.equal(claim.kind, 'claimed');
  });
});
