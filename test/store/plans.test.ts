import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { eventually } from '../support/eventually.js';
import { at, install, openStore, type TestStore } from './fixtures.js';

const FEW = 12;
const MANY = 300;
const CLAIMS = 20;

let t: TestStore;
before(async () => {
  // One connection: the plans that it keeps are the ones looked at.
  t = await openStore({ poolMax: 1 });
});
after(async () => {
  await t.end();
});

async function claimAnew(processId: string, attemptToken: string): Promise<void> {
  const claim = await t.store.processes.claim({ processId, attemptToken, leaseMs: 5_000, at: at('10:00:03.000') });
  assert.equal(claim.kind, 'claimed');
  await t.store.processes.release(processId, attemptToken);
}

/** Lookups in an index, and entries that they read, as far as the backends have told. */
async function readsOf(index: string): Promise<{ lookups: number; entries: number }> {
  const [row] = await t.database.query<{ lookups: number; entries: number }>(
    `SELECT idx_scan::int AS lookups, idx_tup_read::int AS entries FROM pg_stat_user_indexes WHERE indexrelname = '${index}'`,
  );
  return row ?? { lookups: 0, entries: 0 };
}

describe('a claim', () => {
  it('reads no more of an index once there are many installations, with the plan it made when there were few', async () => {
    const nth = (n: number) => ({ accountId: `account-${n}`, installationId: `installation-${n}` });
    for (let n = 0; n < FEW; n += 1) await claimAnew(await install(t.store, nth(n)), `first-${n}`);
    for (let n = FEW; n < MANY; n += 1) await install(t.store, nth(n));
    const processId = await install(t.store, nth(MANY));

    for (const index of ['credential_current_key', 'inbox_event_install_idx', 'inbox_event_change_idx']) {
      const earlier = await readsOf(index);
      const later = await eventually(`the lookups in ${index} were told`, async () => {
        for (let n = 0; n < CLAIMS; n += 1) await claimAnew(processId, `later-${n}`);
        const now = await readsOf(index);
        return now.lookups >= earlier.lookups + CLAIMS ? now : null;
      });
      const entries = later.entries - earlier.entries;
      const lookups = later.lookups - earlier.lookups;
      assert.ok(entries <= lookups * 3, `${entries} entries of ${index} read in ${lookups} lookups`);
    }
  });
});
