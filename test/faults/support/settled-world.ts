import assert from 'node:assert/strict';
import { eventually } from '../../support/eventually.js';
import { awaitOutcomes } from '../../support/outcomes.js';
import type { CreatedInstallation, InstallationInput } from '../../support/simulator.js';
import { createSurroundings, type Surroundings } from '../../support/stack.js';
import { fromRunner } from '../../support/temporal.js';
import { violations } from './invariants.js';
import { type FaultyService, startFaultyService } from './service.js';
import { type Find, rewriteTalkdesk } from './rewriting.js';
import { type Mend, tamperWith } from './tampering.js';

/** Installations to which everything has happened that will. */
interface Settled {
  /** Three users, and two seats for them. */
  crowded: CreatedInstallation;
  /** On another plan, with other users. */
  updated: CreatedInstallation & { updateId: string };
  rotated: CreatedInstallation & { rotated_client_id: string };
  uninstalled: CreatedInstallation & { uninstallId: string };
  /** By the product, which has no account of it. */
  rejected: CreatedInstallation;
  /** Its trial ran out. */
  suspended: CreatedInstallation;
  /** A logout, which begins no process, of `crowded`. */
  logoutId: string;
}

/** One service, and everything around it, at rest. */
export interface SettledWorld extends Settled {
  surroundings: Surroundings;
  service: FaultyService;
  /** Each of these breaks something behind everybody's back, has exactly these sentences come of it, and takes it back. */
  brokenInTables(table: string, sql: string, sentences: string[]): Promise<void>;
  brokenInProduct(table: string, sql: string, sentences: string[]): Promise<void>;
  brokenAtTalkdesk(change: (find: Find) => void, sentences: string[]): Promise<void>;
  stop(): Promise<void>;
}

/** Starts a service and has it settle one installation of each kind. */
export async function startSettledWorld(): Promise<SettledWorld> {
  const surroundings = await createSurroundings({ temporalAddress: fromRunner('TEST_TEMPORAL_ADDRESS') });
  const service = await startFaultyService(surroundings, 'service-1');
  const settled = await settleOneOfEach(surroundings);
  const found = async (mend: Mend, sentences: string[]) => {
    try {
      assert.deepEqual((await violations(surroundings)).sort(), [...sentences].sort());
    } finally {
      await mend();
    }
  };
  return {
    ...settled,
    surroundings,
    service,
    brokenInTables: async (table, sql, sentences) =>
      found(await tamperWith(surroundings.database, table, sql), sentences),
    brokenInProduct: async (table, sql, sentences) =>
      found(await tamperWith(surroundings.product, table, sql), sentences),
    brokenAtTalkdesk: async (change, sentences) => found(await rewriteTalkdesk(surroundings, change), sentences),
    async stop() {
      await service.signal('SIGKILL');
      await surroundings.stop();
    },
  };
}

async function settleOneOfEach(surroundings: Surroundings): Promise<Settled> {
  const { simulator, appId, product } = surroundings;
  const { control } = simulator;
  const settle = async (eventId: string, outcome: string) =>
    assert.deepEqual(await awaitOutcomes(surroundings, [eventId]), [outcome]);
  const install = async (input: Partial<InstallationInput>, outcome = 'approved') => {
    const made = await control.createInstallation({ app_id: appId, users: 3, ...input });
    await settle(made.event_id, outcome);
    return made;
  };

  await control.switches({ trial_over_state: 'suspended' });
  await product.query(`INSERT INTO blocked_account VALUES ('blocked', 'it owes us money')`);
  const [crowded, updated, rotated, uninstalled, rejected, suspended] = await Promise.all([
    install({ licenses: 2 }),
    install({}),
    install({}),
    install({}),
    install({ account_name: 'blocked' }, 'rejected'),
    install({ plan: 'Trial' }),
  ]);

  const logout = await control.logout(crowded.installation_id);
  const update = await control.update(updated.installation_id, { users: 5, plan: 'Paid Max', licenses: 9 });
  const rotation = await control.rotate(rotated.installation_id);
  const uninstall = await control.uninstall(uninstalled.installation_id);
  const started = await eventually('the trial has started', async () =>
    (await control.events({ type: 'app.trial_started' })).find(({ delivered }) => delivered),
  );
  await settle(started.event_id, 'recorded');
  const ended = await control.endTrial(suspended.installation_id);
  await settle(logout.event_id, 'recorded');
  await settle(update.event_id, 'approved');
  await settle(rotation.event_id, 'acknowledged');
  await settle(uninstall.event_id, 'approved');
  await settle(ended.event_id, 'recorded');
  return {
    crowded,
    updated: { ...updated, updateId: update.event_id },
    rotated: { ...rotated, rotated_client_id: rotation.client_id },
    uninstalled: { ...uninstalled, uninstallId: uninstall.event_id },
    rejected,
    suspended,
    logoutId: logout.event_id,
  };
}
