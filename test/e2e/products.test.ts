import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { freePort } from '../../local/ports.js';
import { type PythonProduct, SIGNING_SECRET, startPythonProduct } from '../product/python-product.js';
import { awaitOutcomes } from '../support/outcomes.js';
import { startTestService, type TestService } from '../support/service.js';
import type { SimulatorControl } from '../support/simulator-control.js';
import { createSurroundings, type Surroundings } from '../support/stack.js';
import { fromRunner } from '../support/temporal.js';

/** An app whose product needs a moment for everything and calls back. */
const SLOW_APP = 'app-with-a-slow-product';
const SLOW_MS = 1_500;

let surroundings: Surroundings;
let service: TestService;
let python: PythonProduct;
let control: SimulatorControl;

before(async () => {
  python = await startPythonProduct();
  // The product must know it before the ingress does.
  const port = await freePort();
  surroundings = await createSurroundings({
    temporalAddress: fromRunner('TEST_TEMPORAL_ADDRESS'),
    env: { PORT: String(port), PUBLIC_URL: `http://127.0.0.1:${port}` },
  });
  const { env } = surroundings;
  env['ALLOW_INSECURE_HTTP'] = [env['ALLOW_INSECURE_HTTP'], new URL(python.url).host, `127.0.0.1:${port}`].join(',');
  control = surroundings.simulator.control;
  const apps = {
    [surroundings.appId]: { product: { url: python.url, settings: { signingSecret: SIGNING_SECRET } } },
    [SLOW_APP]: {
      product: { adapter: resolve('examples/typescript-product/product.ts'), settings: { pendingMs: String(SLOW_MS) } },
    },
  };
  await writeFile(join(surroundings.folder, 'apps.json'), JSON.stringify(apps));
  service = await startTestService(surroundings);
  await control.registerApp(SLOW_APP, { callback_url: `${service.ingressUrl}/webhooks/talkdesk` });
});
after(async () => {
  await service?.stop();
  await surroundings?.stop();
  await python?.stop();
});

describe('a product in another language, over HTTP', () => {
  it('is installed, updated, uninstalled and installed again', async () => {
    const product = await python.open();
    // Events have whole seconds, and their order within one is that of their ids: each install gets a second of its own.
    const make = (afterMs: number) =>
      control.createInstallation({
        ...{ app_id: surroundings.appId, account_name: 'http-a', users: 3 },
        created_at: new Date(Date.now() + afterMs).toISOString(),
      });
    const first = await make(0);
    assert.deepEqual(await awaitOutcomes(surroundings, [first.event_id]), ['approved']);
    const tenant = { appId: first.app_id, accountId: first.account_id };
    const lookup = () => product.lookup({ ...tenant, signal: AbortSignal.timeout(10_000) });
    const account = await lookup();
    assert.deepEqual([account?.status, account?.activeUsers], ['active', 3]);

    const update = await control.update(first.installation_id, { users: 5, licenses: 10 });
    assert.deepEqual(await awaitOutcomes(surroundings, [update.event_id]), ['approved']);
    assert.equal((await lookup())?.activeUsers, 5);

    const uninstall = await control.uninstall(first.installation_id);
    assert.deepEqual(await awaitOutcomes(surroundings, [uninstall.event_id]), ['approved']);
    assert.equal(await lookup(), null);

    const again = await make(1_000);
    assert.deepEqual(await awaitOutcomes(surroundings, [again.event_id]), ['approved']);
    assert.equal((await lookup())?.productAccountId, account?.productAccountId);
    await product.close();
  });
});

describe('a product that needs time', () => {
  it('calls back when it is done, and the install goes on at once', async () => {
    const startedMs = performance.now();
    const made = await control.createInstallation({ app_id: SLOW_APP, account_name: 'slow-a', users: 2 });
    // Its next poll would come after ten minutes.
    assert.deepEqual(await awaitOutcomes(surroundings, [made.event_id], 60_000), ['approved']);
    assert.ok(performance.now() - startedMs >= SLOW_MS, 'it was not approved before the product was done');
  });
});
