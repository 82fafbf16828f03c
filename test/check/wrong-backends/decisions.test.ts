import { describe } from 'node:test';
import { testDefects } from '../support/defects.js';

describe('`check` against backends that decide wrongly', { concurrency: true }, () => {
  testDefects({
    'applies-deltas': {
      fails: 'lost-update-event',
      seen: /^The update was approved without reading the users and the subscription\.$/,
      blocked: [],
    },
    'approves-after-uninstall': {
      fails: 'uninstall-approved',
      seen: /^After it more decisions came: POST \S+\/state was answered 200 \(no effect, repeated: already revoked\)\.$/,
      blocked: ['uninstall-with-dead-credentials', 'out-of-order', 'reinstall'],
    },
    'never-approves-updates': {
      fails: 'update-approved',
      seen: /^The event was acknowledged, and no call about this installation came after it\.$/,
      blocked: ['lost-update-event', 'token-reuse', 'out-of-order'],
    },
  });
});
