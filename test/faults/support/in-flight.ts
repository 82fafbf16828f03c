import assert from 'node:assert/strict';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { Client, Connection } from '@temporalio/client';
import { eventually } from '../../support/eventually.js';
import { awaitOutcomes } from '../../support/outcomes.js';
import type { CreatedInstallation } from '../../support/simulator.js';
import type { Surroundings } from '../../support/stack.js';
import { fromRunner } from '../../support/temporal.js';
import { diagnosis } from './diagnosis.js';
import { violations } from './invariants.js';
import type { FaultyService } from './service.js';
import { failingTasks, openRuns } from './temporal-at-rest.js';
import type { FaultWorld } from './world.js';

/** After healing, everything has its outcome within this time (invariant I2). */
const HEALING_LIMIT_MS = 60_000;

/** Makes an installation whose event nobody was sent yet. */
export async function prepare({ simulator, appId }: Surroundings, accountName: string): Promise<CreatedInstallation> {
  return await simulator.control.createInstallation({
    app_id: appId,
    account_name: accountName,
    users: 2,
    deliver: false,
  });
}

/** Has the event sent to this process, which then begins its run. */
export async function deliverTo(
  { simulator }: Surroundings,
  service: FaultyService,
  made: CreatedInstallation,
): Promise<void> {
  await simulator.control.deliver(made.event_id, { callback_url: `${service.ingressUrl}/webhooks/talkdesk` });
}

/** Makes so many installations and has their events sent to this process. */
export async function install(
  surroundings: Surroundings,
  service: FaultyService,
  accountName: string,
  count: number,
): Promise<CreatedInstallation[]> {
  return await Promise.all(
    Array.from({ length: count }, async (_, index) => {
      const made = await prepare(surroundings, `${accountName}-${index + 1}`);
      await deliverTo(surroundings, service, made);
      return made;
    }),
  );
}

/** Waits until all of them are approved, as they must be within a minute of healing. */
export async function assertApproved(surroundings: Surroundings, made: readonly CreatedInstallation[]): Promise<void> {
  const ids = made.map(({ event_id: id }) => id);
  const outcomes = await awaitOutcomes(surroundings, ids, HEALING_LIMIT_MS).catch(async (error: Error) => {
    assert.fail([error.message, ...(await diagnosis(surroundings)), ...(await failingTasks(surroundings))].join('\n'));
  });
  assert.deepEqual(new Set(outcomes), new Set(['approved']));
}

/** Nothing lost, nothing doubled, and no run that cannot come to its end. Gives the number of violations, for the report. */
export async function assertSound(surroundings: Surroundings): Promise<number> {
  const closed = async () => (await openRuns(surroundings)) === 0;
  await eventually('every run has closed', closed, HEALING_LIMIT_MS).catch(async (error: Error) => {
    assert.fail([error.message, ...(await failingTasks(surroundings))].join('\n'));
  });
  const found = await violations(surroundings);
  assert.deepEqual(found, []);
  return found.length;
}

/** A client of the world's Temporal server, not through the wire. Close its connection. */
export async function operatorOf({ temporal, surroundings }: FaultWorld): Promise<Client> {
  const connection = await Connection.connect({ address: temporal.address });
  return new Client({ connection, namespace: surroundings.env['TEMPORAL_NAMESPACE'] as string });
}

/** The product of services that are started from now on is the one that can keep its answers back. */
export function holdProduct({ env, folder, appId }: Surroundings): HeldProduct {
  const adapter = join(dirname(fromRunner('TEST_FAULTY_SERVICE')), 'held-product.js');
  const settings = { databaseUrl: env['PRODUCT_DATABASE_URL'], folder };
  writeFileSync(env['APPS_FILE'] as string, JSON.stringify({ [appId]: { product: { adapter, settings } } }));
  return {
    heldIn(accountName) {
      const file = join(folder, `entered-${accountName}`);
      return existsSync(file) ? readFileSync(file, 'utf8').trim().split('\n').map(Number) : [];
    },
    release: (accountName) => writeFileSync(join(folder, `release-${accountName}`), ''),
  };
}

/** Answers that are kept back. */
export interface HeldProduct {
  /** Processes whose calls for the account were held, one entry for each call. */
  heldIn(accountName: string): number[];
  release(accountName: string): void;
}
