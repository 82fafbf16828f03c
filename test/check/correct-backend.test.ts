import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { refusalOf } from './support/backend.js';
import { judged } from './support/judged.js';

describe('`check` against the correct backend of examples/wrong-backends', () => {
  it('passes every scenario, killed and started again on the way', { timeout: 230_000 }, async () => {
    const { code, scenarios, stderr } = await judged();
    const others = scenarios.filter(({ status }) => status !== 'passed');
    assert.deepEqual(
      others.map(({ name, status, failure, reason }) => ({ name, status, failure, reason })),
      [],
      stderr,
    );
    assert.equal(scenarios.length, 23);
    assert.equal(code, 0);
  });
});

describe('the backend of examples/wrong-backends', () => {
  it('names its defects when it is given another one', async () => {
    assert.deepEqual(await refusalOf('no-sleep'), {
      code: 1,
      stderr:
        '--defect must be one of no-dedupe, acks-before-commit, no-signature-check, applies-deltas, approves-after-uninstall, ' +
        'token-in-url, ignores-retry-after, wrong-aud, one-token-for-all-installations, never-approves-updates\n',
    });
  });
});
