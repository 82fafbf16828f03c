import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { type OwnService, startOwnService } from './support/own-service.js';

let service: OwnService;

before(async () => {
  service = await startOwnService();
});
after(async () => {
  await service?.stop();
});

/** These have a file of their own, because they take as long as all others together. */
const elsewhere = ['acknowledgement-load', 'durable-acknowledgement', 'window'];

describe('`check` against this service', () => {
  it('passes every scenario of conduct', async () => {
    const passed = await service.check(['--skip', elsewhere.join(',')]);
    assert.deepEqual(passed, [
      'install-approved',
      'own-token-per-installation',
      'signature-refused',
      'signature-forms',
      'duplicate-delivery',
      'unknown-event',
      'update-approved',
      'lost-update-event',
      'token-reuse',
      'retry-after-respected',
      'failing-api',
      'slow-api',
      'uninstall-approved',
      'uninstall-with-dead-credentials',
      'out-of-order',
      'reinstall',
      'rotation',
      'regions',
      'trial-events',
      'no-secret-in-url',
    ]);
  });
});
