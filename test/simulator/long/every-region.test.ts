import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { eventually } from '../../support/eventually.js';
import { startTestService, type TestService } from '../../support/service.js';
import { createSurroundings, type Surroundings } from '../../support/stack.js';
import { fromRunner } from '../../support/temporal.js';

let surroundings: Surroundings;
let service: TestService;

before(async () => {
  surroundings = await createSurroundings({ temporalAddress: fromRunner('TEST_TEMPORAL_ADDRESS') });
  service = await startTestService(surroundings);
});
after(async () => {
  await service?.stop();
  await surroundings?.stop();
});

describe('an installation in each region, through the service', () => {
  for (const region of ['us', 'eu', 'ca', 'au', 'uk']) {
    it(`${region}: installed, updated and uninstalled, with calls to the gateway of the region alone`, async () => {
      const { control, regions } = surroundings.simulator;
      const installed = await control.createInstallation({
        app_id: surroundings.appId,
        account_name: `acme-${region}`,
        region,
        users: 3,
      });
      const id = installed.installation_id;
      const reaches = (state: string) =>
        eventually(`${region} is ${state}`, async () => (await control.installation(id)).state === state);
      await reaches('completed');
      await control.update(id, { users: 5 });
      await eventually(`${region} is updated`, async () => (await control.installation(id)).users_total === 5);
      await control.uninstall(id);
      await reaches('revoked');
      const { decisions } = await control.installation(id);
      assert.deepEqual(
        decisions.filter(({ effective }) => effective).map(({ verb, process }) => [verb, process?.kind]),
        [
          ['approve', 'install'],
          ['approve', 'update'],
          ['approve', 'uninstall'],
        ],
      );
      const requests = await control.requests({ installation_id: id });
      const hosts = new Set(requests.map(({ headers }) => headers['host']));
      assert.deepEqual([...hosts], [new URL(regions[region] ?? '').host]);
    });
  }
});
