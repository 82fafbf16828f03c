import { describe } from 'node:test';
import { testDefects } from '../support/defects.js';

/** What an installation of a second account builds on, in the order of the report. */
const needsTokens = [
  ...['signature-refused', 'signature-forms', 'duplicate-delivery', 'unknown-event', 'update-approved'],
  ...['lost-update-event', 'token-reuse', 'retry-after-respected', 'failing-api', 'slow-api', 'uninstall-approved'],
  ...['uninstall-with-dead-credentials', 'out-of-order', 'reinstall', 'rotation', 'regions', 'trial-events'],
  'durable-acknowledgement',
];

describe('`check` against backends that call the API wrongly', { concurrency: true }, () => {
  testDefects({
    'token-in-url': {
      fails: 'no-secret-in-url',
      seen: /^\d+ requests had one in path or query: GET \S+\/users was answered 200/,
      blocked: [],
    },
    'ignores-retry-after': { fails: 'retry-after-respected', seen: /^It came after [01]\.\d\d s\.$/, blocked: [] },
    'wrong-aud': {
      fails: 'install-approved',
      seen: /\/oauth\/token was answered 401 \(refused: aud is "http:\/\/127\.0\.0\.1:\d+\/oauth\/token", not the token URL /,
      blocked: ['own-token-per-installation', ...needsTokens, 'no-secret-in-url'],
    },
    'one-token-for-all-installations': {
      fails: 'own-token-per-installation',
      seen: /^A token of another installation's client \S+ came: GET \S+\/users was answered 403 /,
      blocked: needsTokens,
    },
  });
});
