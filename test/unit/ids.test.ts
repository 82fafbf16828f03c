import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { fileDelivery } from '../../api/filing.js';
import { idempotencyKeyOf, processIdOf, workflowIdOf } from '../../contracts/ids.js';

describe('ids', () => {
  it('are readable for ordinary ids', () => {
    assert.equal(workflowIdOf({ appId: '1111', accountId: '4444' }), '1111/4444');
    assert.equal(processIdOf('install', 'e1'), 'install:e1');
    assert.equal(idempotencyKeyOf('install:e1', 'provision'), 'install:e1:provision');
  });

  it('keep tenants apart whose ids hold a slash', () => {
    assert.equal(workflowIdOf({ appId: 'a/b', accountId: 'c' }), 'a%2Fb/c');
    assert.equal(workflowIdOf({ appId: 'a', accountId: 'b/c' }), 'a/b%2Fc');
  });

  it('that would not fit into a workflow id send the event to quarantine', () => {
    const filed = (length: number) =>
      fileDelivery(
        {
          ok: true,
          envelope: {
            eventId: 'e1',
            type: 'app.installed',
            appId: 'a'.repeat(127),
            accountId: 'b'.repeat(length),
            installationId: 'i1',
            createdAt: new Date(0),
          },
        },
        () => true,
      ).kind;
    assert.equal(filed(127), 'accept');
    assert.equal(filed(128), 'quarantine');
  });
});
