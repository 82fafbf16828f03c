import assert from 'node:assert/strict';
import { eventually } from '../../support/eventually.js';
import type { CreatedInstallation } from '../../support/simulator.js';
import type { Surroundings } from '../../support/stack.js';
import type { FaultyService } from './service.js';

/** An installation whose event waits to be delivered; without a name, the account gets one. */
export async function prepareInstall(
  { simulator, appId }: Surroundings,
  accountName?: string,
): Promise<CreatedInstallation> {
  return await simulator.control.createInstallation({
    app_id: appId,
    users: 2,
    deliver: false,
    ...(accountName === undefined ? {} : { account_name: accountName }),
  });
}

/** Some of them. */
export async function prepareInstalls(surroundings: Surroundings, count: number): Promise<CreatedInstallation[]> {
  return await Promise.all(Array.from({ length: count }, () => prepareInstall(surroundings)));
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
      const made = await prepareInstall(surroundings, `${accountName}-${index + 1}`);
      await deliverTo(surroundings, service, made);
      return made;
    }),
  );
}

/** An installation that stands in the middle of its run: Talkdesk's answer to it is held until `release`. */
export async function holdAnInstall(
  surroundings: Surroundings,
): Promise<{ made: CreatedInstallation; release(): Promise<void> }> {
  const { simulator } = surroundings;
  const made = await prepareInstall(surroundings);
  await simulator.control.fault({ route: 'users', kind: 'hold', installation_id: made.installation_id });
  assert.equal((await simulator.control.deliver(made.event_id)).status, 200);
  const hold = await eventually('the run is under way', async () =>
    (await simulator.control.holds()).find(({ installation_id: id }) => id === made.installation_id),
  );
  return { made, release: async () => void (await simulator.control.release(hold.id)) };
}

/** Talkdesk's later attempts, which come at once here: each event that was made is answered 2xx in the end. */
export async function deliverAgain({ simulator }: Surroundings, eventIds: readonly string[]): Promise<void> {
  const { control } = simulator;
  await eventually('every event was answered 2xx', async () => {
    const events = await Promise.all(eventIds.map((id) => control.event(id)));
    const waiting = events.filter(({ delivered }) => !delivered);
    for (const { event_id: id } of waiting) await control.deliver(id);
    return waiting.length === 0;
  });
}
