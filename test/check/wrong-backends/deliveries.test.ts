import { describe } from 'node:test';
import { testDefects } from '../support/defects.js';

describe('`check` against backends that take deliveries wrongly', { concurrency: true }, () => {
  testDefects({
    'no-dedupe': {
      fails: 'duplicate-delivery',
      seen: /^There were 7: POST \S+\/state was answered 200 \(approve took effect\); POST \S+\/state was answered 200 \(no effect, repeated/,
      blocked: [],
    },
    'no-signature-check': {
      fails: 'signature-refused',
      seen: /^Accepted were deliveries with no signature headers \(204\), with a signature that is not hex \(204\), .*changed after it was signed \(204\)\.$/,
      blocked: [],
    },
  });
});
