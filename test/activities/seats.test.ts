import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { SeatPolicy } from '../../activities/policy.js';
import { seat } from '../../activities/seats.js';
import type { UserRow } from '../../store/types.js';
import { userRow } from './support/records.js';

const day = (n: number) => new Date(Date.UTC(2026, 0, n));

/** Licensed one after the other, the admin last. */
const FIRST = userRow('user-c', { assignedAt: day(1) });
const SECOND = userRow('user-a', { assignedAt: day(2) });
const THIRD = userRow('user-b', { assignedAt: day(3) });
const ADMIN = userRow('user-d', { assignedAt: day(4), admin: true });
const ALL = [SECOND, THIRD, FIRST, ADMIN];

/** Who gets a seat, in the order of the list. */
function seated(users: UserRow[], licenses: number | null, policy: SeatPolicy = 'assignment-order'): string[] {
  const seating = seat(users, licenses, policy);
  assert.equal(seating.kind, 'seated');
  if (seating.kind !== 'seated') return [];
  // Nobody is dropped, and the order stays.
  assert.deepEqual(
    seating.users.map(({ talkdeskUserId }) => talkdeskUserId),
    users.map(({ talkdeskUserId }) => talkdeskUserId),
  );
  return seating.users.filter((user) => user.seat === 'active').map(({ talkdeskUserId }) => talkdeskUserId);
}

describe('seats', () => {
  for (const policy of ['assignment-order', 'product', 'refuse'] as const) {
    it(`are for everybody while the licences suffice, and where no limit is known: ${policy}`, () => {
      const everybody = ['user-a', 'user-b', 'user-c', 'user-d'];
      for (const licenses of [4, 5, null]) assert.deepEqual(seated(ALL, licenses, policy), everybody);
    });

    it(`are not for users whom Talkdesk reports as inactive; they need no licence: ${policy}`, () => {
      const users = [{ ...ADMIN, active: false }, FIRST, { ...SECOND, active: null }];
      assert.deepEqual(seated(users, 2, policy), ['user-c', 'user-a']);
    });
  }

  it('go on as the product knows them: what it gets is who the users are, not what it said before', () => {
    const user = userRow('user-1', { seat: 'suspended', email: 'one@acme.test', name: 'One', admin: true });
    assert.deepEqual(seat([user], 1, 'assignment-order'), {
      kind: 'seated',
      users: [{ talkdeskUserId: 'user-1', email: 'one@acme.test', name: 'One', admin: true, seat: 'active' }],
    });
  });

  it('may be for nobody at all', () => {
    assert.deepEqual(seat([], 0, 'refuse'), { kind: 'seated', users: [] });
  });
});

describe('fewer licences than users', () => {
  it('by order of assignment: the admin first, then who was licensed first', () => {
    assert.deepEqual(seated(ALL, 3), ['user-a', 'user-c', 'user-d']);
    assert.deepEqual(seated(ALL, 2), ['user-c', 'user-d']);
    assert.deepEqual(seated(ALL, 1), ['user-d']);
    assert.deepEqual(seated(ALL, 0), []);
  });

  it('by order of assignment: who was licensed at the same time, by id, whatever the order of the list', () => {
    const users = ['user-b', 'user-a', 'user-c'].map((id) => userRow(id, { assignedAt: day(1) }));
    assert.deepEqual(seated(users, 1), ['user-a']);
    assert.deepEqual(seated([...users].reverse(), 2), ['user-a', 'user-b']);
  });

  it('by order of assignment: an inactive user keeps no seat from others, an inactive admin neither', () => {
    assert.deepEqual(seated([{ ...FIRST, active: false }, SECOND, THIRD], 1), ['user-a']);
    assert.deepEqual(seated([FIRST, SECOND, { ...ADMIN, active: false }], 1), ['user-c']);
  });

  it('by the product: it is given all of them as active', () => {
    assert.deepEqual(seated(ALL, 1, 'product'), ['user-a', 'user-b', 'user-c', 'user-d']);
  });

  it('refused: the reason says how many are licensed, and how many licences there are', () => {
    assert.deepEqual(seat([...ALL, userRow('user-e', { active: false })], 3, 'refuse'), {
      kind: 'refused',
      reason: '4 users are licensed, and the plan has 3 licences. Remove users or add licences.',
    });
  });

  it('are given without mixing up users with strange ids', () => {
    const users = ['__proto__', 'a/b', 'a%2Fb', '..'].map((id, n) => userRow(id, { assignedAt: day(n + 1) }));
    assert.deepEqual(seated(users, 2), ['__proto__', 'a/b']);
  });
});
