import { describe } from 'node:test';
import { testDefects } from '../support/defects.js';

describe('`check` against a backend that acknowledges what it has not written', () => {
  testDefects({
    'acks-before-commit': {
      fails: 'durable-acknowledgement',
      seen: /^The event was acknowledged, and no call about this installation came/,
      blocked: [],
    },
  });
});
