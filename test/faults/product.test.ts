import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { accountAtRest, awaitOutcomes, decidedProcesses } from '../support/outcomes.js';
import { startTestService, type TestService } from '../support/service.js';
import { createSurroundings, type Surroundings } from '../support/stack.js';
import { fromRunner } from '../support/temporal.js';
import { violations } from './support/invariants.js';
import { accountFor, ENDS, eventFor, type Kind } from './support/processes.js';
import { report } from './support/report.js';
import { startWire, type Wire } from './support/wire.js';

/** Calls that change the product, by the process that makes them. */
const CALLS = [
  ['install', 'provision'],
  ['install', 'users'],
  ['update', 'update'],
  ['update', 'users'],
  ['uninstall', 'deprovision'],
] as const satisfies readonly (readonly [Kind, string])[];

let surroundings: Surroundings;
let service: TestService;
let wire: Wire;

before(async () => {
  surroundings = await createSurroundings({ temporalAddress: fromRunner('TEST_TEMPORAL_ADDRESS') });
  const { hostname, port } = new URL(surroundings.product.url);
  wire = await startWire({ host: hostname, port: Number(port) });
  surroundings.env['PRODUCT_DATABASE_URL'] = wire.through(surroundings.product.url);
  service = await startTestService(surroundings);
});
after(async () => {
  await service?.stop();
  await wire?.stop();
  await surroundings?.stop();
});

/** The commit of the call with this key, on a wire that serves one process at a time. */
function commitOf(key: string): (bytes: Buffer) => boolean {
  let begun = false;
  return (bytes) => {
    begun ||= bytes.includes(key);
    return begun && bytes.includes('COMMIT');
  };
}

async function ledgerOf(key: string) {
  return await surroundings.product.query<{ calls: number; answered: boolean }>(
    'SELECT calls, answer IS NOT NULL AS answered FROM call_ledger WHERE idempotency_key = $1',
    [key],
  );
}

for (const [kind, call] of CALLS) {
  describe(`the product’s connection, reset while ${kind} calls ${call}`, () => {
    for (const when of ['before', 'after'] as const) {
      it(`${when} the effect: the same key again, one effect`, async () => {
        const installed = await accountFor(surroundings, kind);
        const { eventId } = await eventFor(surroundings, kind, installed);
        const key = `${kind}:${eventId}:${call}`;
        const reset = wire.resetAt(commitOf(key), when);
        assert.equal((await surroundings.simulator.control.deliver(eventId)).status, 200);
        await reset;
        assert.deepEqual(await awaitOutcomes(surroundings, [eventId]), [ENDS[kind].outcome]);

        // What was rolled back was never counted; what was done is told again, not done again.
        const calls = when === 'after' ? 2 : 1;
        assert.deepEqual(await ledgerOf(key), [{ calls, answered: true }]);
        assert.deepEqual(await decidedProcesses(surroundings, installed.installation_id), ENDS[kind].decided);
        const account = await accountAtRest(surroundings, installed.account_id);
        assert.equal(account?.status, kind === 'uninstall' ? 'closed' : 'active');
        const found = await violations(surroundings);
        assert.deepEqual(found, []);
        report({
          group: 'fault',
          name: `product: ${kind}, ${call}, connection reset ${when} the effect`,
          hit: `the connection was reset at its COMMIT; calls with one key: ${calls}`,
          runs: 1,
          violations: found.length,
        });
      });
    }
  });
}
