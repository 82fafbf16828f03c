import type { ProductUser } from '../product/port.js';
import type { UserRow } from '../store/types.js';
import type { SeatPolicy } from './policy.js';

/** The users for the product, or why they cannot have their seats, in words for the customer. */
export type Seating = { kind: 'seated'; users: ProductUser[] } | { kind: 'refused'; reason: string };

/**
 * Gives seats to licensed users. Whom Talkdesk itself reports as inactive gets none. When there are more users than licences:
 * - `assignment-order`: who was licensed first keeps the seat, the admin before anybody else;
 * - `product`: all are handed over as active, and the product chooses (it is told the number of seats);
 * - `refuse`: nothing changes and the process is rejected.
 *
 * @param licenses null: no limit known
 */
export function seat(users: readonly UserRow[], licenses: number | null, policy: SeatPolicy): Seating {
  const wanting = users.filter((user) => user.active !== false);
  const limited = licenses !== null && wanting.length > licenses;
  if (limited && policy === 'refuse') {
    return {
      kind: 'refused',
      reason: `${wanting.length} users are licensed, and the plan has ${licenses} licences. Remove users or add licences.`,
    };
  }
  const seated = new Set(
    (limited && policy === 'assignment-order' ? [...wanting].sort(byAssignment).slice(0, licenses) : wanting).map(
      (user) => user.talkdeskUserId,
    ),
  );
  return {
    kind: 'seated',
    users: users.map(({ talkdeskUserId, email, name, admin }) => ({
      talkdeskUserId,
      email,
      name,
      admin,
      seat: seated.has(talkdeskUserId) ? 'active' : 'suspended',
    })),
  };
}

function byAssignment(a: UserRow, b: UserRow): number {
  if (a.admin !== b.admin) return a.admin ? -1 : 1;
  const byTime = a.assignedAt.getTime() - b.assignedAt.getTime();
  if (byTime !== 0) return byTime;
  return a.talkdeskUserId < b.talkdeskUserId ? -1 : 1;
}
