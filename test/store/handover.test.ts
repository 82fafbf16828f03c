import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, it } from 'node:test';
import { delivery, install, openStore, type TestStore } from './fixtures.js';

const SWEEP = { graceMs: 3_000, leaseMs: 60_000, namespaceId: 'namespace-1', openMax: 10, openForMs: 15_000 };
let current: TestStore;

/** Lets the database believe that the rows were stored, handed over and leased that much earlier. */
async function age(store: TestStore, ageMs: number): Promise<void> {
  await store.database.query(
    `UPDATE inbox_event SET stored_at = stored_at - $1 * interval '1 ms', dispatched_at = dispatched_at - $1 * interval '1 ms',
       dispatch_lease_until = dispatch_lease_until - $1 * interval '1 ms', audited_at = audited_at - $1 * interval '1 ms'`,
    [ageMs],
  );
}

const ids = (items: { eventId: string }[]): string[] => items.map((item) => item.eventId);

describe('hand-over', () => {
  before(async () => {
    current = await openStore();
  });
  beforeEach(() => current.clear());
  after(() => current.end());

  it('leaves the first moments to whoever accepted the event', async () => {
    await current.store.inbox.accept(delivery({ eventId: 'e1' }));
    assert.deepEqual(await current.store.inbox.claimUndispatched(SWEEP), []);
    await age(current, 3_100);
    assert.deepEqual(await current.store.inbox.claimUndispatched(SWEEP), [
      {
        eventId: 'e1',
        type: 'app.installed',
        tenant: { appId: 'app-1', accountId: 'account-1' },
        installationId: 'installation-1',
        createdAt: new Date('2026-01-05T10:00:00.000Z'),
      },
    ]);
  });

  it('gives a row out once for the length of the lease, and counts', async () => {
    await current.store.inbox.accept(delivery({ eventId: 'e1' }));
    await age(current, 10_000);
    assert.deepEqual(ids(await current.store.inbox.claimUndispatched(SWEEP)), ['e1']);
    assert.deepEqual(ids(await current.store.inbox.claimUndispatched(SWEEP)), []);
    await age(current, 50_000);
    assert.deepEqual(ids(await current.store.inbox.claimUndispatched(SWEEP)), []);
    await age(current, 11_000);
    assert.deepEqual(ids(await current.store.inbox.claimUndispatched(SWEEP)), ['e1']);
    const [row] = await current.database.query('SELECT dispatch_attempts FROM inbox_event');
    assert.equal(row?.['dispatch_attempts'], 2);
  });

  it('gives each row to one of several that sweep at the same time', async () => {
    const eventIds = Array.from({ length: 30 }, (_, index) => `e${String(index).padStart(2, '0')}`);
    for (const eventId of eventIds)
      await current.store.inbox.accept(delivery({ eventId, accountId: `account-${eventId}` }));
    await age(current, 10_000);
    const sweep = { ...SWEEP, openMax: 30 };
    const sweeps = await Promise.all(Array.from({ length: 6 }, () => current.store.inbox.claimUndispatched(sweep)));
    let claimed = sweeps.flat();
    // A sweep passes over rows that another has just locked; what is left comes with the next one.
    for (let more = await current.store.inbox.claimUndispatched(sweep); more.length > 0; ) {
      claimed = [...claimed, ...more];
      more = await current.store.inbox.claimUndispatched(sweep);
    }
    assert.deepEqual(ids(claimed).sort(), eventIds);
  });

  it('lets those go first that wait longest, so that failing ones hold up nobody', async () => {
    await current.store.inbox.accept(delivery({ eventId: 'failing' }));
    await age(current, 100_000);
    assert.deepEqual(ids(await current.store.inbox.claimUndispatched({ ...SWEEP, leaseMs: 10_000 })), ['failing']);
    await current.store.inbox.accept(delivery({ eventId: 'newer', accountId: 'account-2' }));
    await age(current, 15_000);
    assert.deepEqual(ids(await current.store.inbox.claimUndispatched({ ...SWEEP, openMax: 1 })), ['newer']);
    assert.deepEqual(ids(await current.store.inbox.claimUndispatched({ ...SWEEP, openMax: 2 })), ['failing']);
  });

  it('gives out no more than may be under way, whoever began it, until those are settled or have had their time', async () => {
    const { inbox, processes } = current.store;
    const eventIds = Array.from({ length: 8 }, (_, index) => `e${index}`);
    for (const eventId of eventIds) await inbox.accept(delivery({ eventId, accountId: `account-${eventId}` }));
    await age(current, 10_000);
    const sweep = { ...SWEEP, openMax: 3 };
    assert.deepEqual(ids(await inbox.claimUndispatched(sweep)), ['e0', 'e1', 'e2']);
    assert.deepEqual(ids(await inbox.claimUndispatched(sweep)), [], 'claimed ones count');
    for (const eventId of ['e0', 'e1', 'e2']) await inbox.markDispatched(eventId, 'namespace-1');
    assert.deepEqual(ids(await inbox.claimUndispatched(sweep)), [], 'handed over ones count');
    await processes.quarantineTaken({ eventId: 'e1', reason: 'No credentials.', at: new Date() });
    assert.deepEqual(ids(await inbox.claimUndispatched(sweep)), ['e3'], 'a settled one makes room for one');
    await inbox.markDispatched('e3', 'namespace-1');
    await age(current, 10_000);
    assert.deepEqual(ids(await inbox.claimUndispatched(sweep)), []);
    await age(current, 6_000);
    assert.deepEqual(ids(await inbox.claimUndispatched(sweep)), ['e4', 'e5', 'e6'], 'stuck ones do not count for ever');
  });

  it('does not count what was handed over right after its acknowledgement', async () => {
    for (const n of [1, 2, 3]) {
      await current.store.inbox.accept(delivery({ eventId: `fresh-${n}`, accountId: `account-${n}` }));
      await current.store.inbox.markDispatched(`fresh-${n}`, 'namespace-1');
    }
    await current.store.inbox.accept(delivery({ eventId: 'left', accountId: 'account-4' }));
    await age(current, 4_000);
    assert.deepEqual(ids(await current.store.inbox.claimUndispatched({ ...SWEEP, openMax: 1 })), ['left']);
  });

  it('gives out one event of a tenant at a time, the oldest, and each logout for itself', async () => {
    const { inbox } = current.store;
    const createdAt = (second: number) => new Date(Date.UTC(2026, 0, 5, 10, 0, second));
    await inbox.accept(delivery({ eventId: 'second', type: 'app.updated', createdAt: createdAt(2) }));
    await inbox.accept(delivery({ eventId: 'first', createdAt: createdAt(1) }));
    for (const n of [3, 4])
      await inbox.accept(delivery({ eventId: `logout-${n}`, type: 'user.logout', createdAt: createdAt(n) }));
    await age(current, 10_000);
    assert.deepEqual(ids(await inbox.claimUndispatched(SWEEP)), ['first', 'logout-3', 'logout-4']);
    assert.deepEqual(ids(await inbox.claimUndispatched(SWEEP)), []);
    await inbox.markDispatched('first', 'namespace-1');
    assert.deepEqual(ids(await inbox.claimUndispatched(SWEEP)), [], 'the run of the first takes the second, too');
    await age(current, 16_000);
    assert.deepEqual(ids(await inbox.claimUndispatched(SWEEP)), ['second'], 'unless it is stuck');
  });

  it('lets the next event of a tenant go first after one that was refused', async () => {
    const { inbox } = current.store;
    const createdAt = (second: number) => new Date(Date.UTC(2026, 0, 5, 10, 0, second));
    for (const n of [1, 2]) await inbox.accept(delivery({ eventId: `e${n}`, createdAt: createdAt(n) }));
    await age(current, 10_000);
    const claimed: string[] = [];
    for (let turn = 0; turn < 3; turn += 1) {
      claimed.push(...ids(await inbox.claimUndispatched({ ...SWEEP, leaseMs: 1_000 })));
      await age(current, 2_000);
    }
    assert.deepEqual(claimed, ['e1', 'e2', 'e1']);
  });

  it('is done with what was handed over, until Temporal is another one', async () => {
    await current.store.inbox.accept(delivery({ eventId: 'e1' }));
    await current.store.inbox.markDispatched('e1', 'namespace-1');
    await age(current, 600_000);
    assert.deepEqual(ids(await current.store.inbox.claimUndispatched(SWEEP)), []);
    assert.deepEqual(ids(await current.store.inbox.claimUndispatched({ ...SWEEP, namespaceId: 'namespace-2' })), [
      'e1',
    ]);
    await current.store.inbox.markDispatched('e1', 'namespace-2');
    await age(current, 600_000);
    assert.deepEqual(ids(await current.store.inbox.claimUndispatched({ ...SWEEP, namespaceId: 'namespace-2' })), []);
  });

  it('gives out what a run has taken and not settled, to another Temporal and to the audit', async () => {
    const { store } = current;
    await install(store, { eventId: 'taken' });
    await store.inbox.markDispatched('taken', 'namespace-1');
    await age(current, 600_000);
    assert.deepEqual(ids(await store.inbox.claimForAudit({ quietMs: 600_000, limit: 10 })), ['taken']);
    assert.deepEqual(ids(await store.inbox.claimUndispatched({ ...SWEEP, namespaceId: 'namespace-2' })), ['taken']);
  });

  it('never gives out what is recorded or quarantined', async () => {
    await current.store.inbox.accept(delivery({ eventId: 'recorded', type: 'x', disposition: 'record' }));
    await current.store.inbox.accept(delivery({ eventId: 'unusable' }));
    await current.store.processes.quarantineTaken({ eventId: 'unusable', reason: 'No credentials.', at: new Date() });
    await age(current, 600_000);
    assert.deepEqual(await current.store.inbox.claimUndispatched(SWEEP), []);
    assert.deepEqual(await current.store.inbox.claimForAudit({ quietMs: 0, limit: 10 }), []);
  });

  it('looks again at what was handed over and is not settled, once in the quiet time', async () => {
    const { inbox } = current.store;
    for (const eventId of ['e1', 'e2', 'undispatched']) await inbox.accept(delivery({ eventId }));
    await inbox.markDispatched('e1', 'namespace-1');
    await inbox.markDispatched('e2', 'namespace-1');
    const audit = { quietMs: 600_000, limit: 10 };
    assert.deepEqual(ids(await inbox.claimForAudit(audit)), []);
    await age(current, 601_000);
    assert.deepEqual(ids(await inbox.claimForAudit({ ...audit, limit: 1 })), ['e1']);
    assert.deepEqual(ids(await inbox.claimForAudit(audit)), ['e2']);
    assert.deepEqual(ids(await inbox.claimForAudit(audit)), []);
    await age(current, 601_000);
    assert.deepEqual(ids(await inbox.claimForAudit(audit)), ['e1', 'e2']);
  });
});
