import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { loadOperatorConfig } from '../../config/index.js';
import { file, folder } from './environment.js';

describe('loadOperatorConfig', () => {
  it('needs nothing but what it is asked for', () => {
    assert.deepEqual(loadOperatorConfig({}, { apps: false }), {
      temporal: { connectionOptions: { address: 'localhost:7233' }, namespace: 'default', taskQueue: 'appconnect' },
      appIds: [],
      databaseUrl: '',
    });
  });

  it('does not look at the apps unasked', () => {
    assert.deepEqual(loadOperatorConfig({ APPS_FILE: 'no-such.json' }, { apps: false }).appIds, []);
  });

  it('reads where Temporal is and which apps there are, whatever else their entries say', () => {
    file('ops-apps.json', { one: { policy: 'of a later release' }, two: {} });
    const env = {
      TEMPORAL_ADDRESS: 'temporal:7233',
      TEMPORAL_NAMESPACE: 'other',
      TEMPORAL_TASK_QUEUE: 'queue',
      APPS_FILE: 'ops-apps.json',
    };
    assert.deepEqual(loadOperatorConfig(env, { apps: true, cwd: folder }), {
      temporal: { connectionOptions: { address: 'temporal:7233' }, namespace: 'other', taskQueue: 'queue' },
      appIds: ['one', 'two'],
      databaseUrl: '',
    });
  });

  it('gives the database where a command reads it, and says when it is missing', () => {
    const DATABASE_URL = 'postgresql://user:password@host:5432/database';
    assert.equal(loadOperatorConfig({ DATABASE_URL }, { apps: false, database: true }).databaseUrl, DATABASE_URL);
    assert.equal(loadOperatorConfig({ DATABASE_URL }, { apps: false }).databaseUrl, '');
    assert.throws(() => loadOperatorConfig({}, { apps: false, database: true }), {
      message: /DATABASE_URL: is missing/,
    });
  });

  it('reports all problems together', () => {
    assert.throws(
      () =>
        loadOperatorConfig(
          { TEMPORAL_ADDRESS: 'x', TEMPORAL_TASK_QUEUE: 'q'.repeat(201), APPS_FILE: '/nowhere/apps.json' },
          { apps: true },
        ),
      {
        message:
          'The configuration cannot be used:\n' +
          '  TEMPORAL_TASK_QUEUE: must have at most 200 characters\n' +
          '  TEMPORAL_ADDRESS: must be host:port, without a scheme, for example localhost:7233\n' +
          '  APPS_FILE: the file /nowhere/apps.json does not exist',
      },
    );
  });
});
