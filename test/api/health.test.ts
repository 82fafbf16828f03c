import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { after, before, beforeEach, describe, it } from 'node:test';
import { createHealth } from '../../api/health.js';
import { type Listener, listen } from '../../api/listen.js';
import { createMetrics } from '../../api/metrics.js';
import { createStore } from '../../store/index.js';
import { createSealer } from '../../store/sealing.js';
import type { Store } from '../../store/types.js';
import { createTestDatabase, type TestDatabase } from '../support/database.js';
import { send } from './support/deliveries.js';
import { captureLog } from './support/log.js';

describe('health and metrics', () => {
  const { log } = captureLog();
  const metrics = createMetrics();
  let database: TestDatabase;
  let store: Store;
  let listener: Listener;
  let probes = 0;
  let stopping = false;
  let probe: () => Promise<void>;

  before(async () => {
    database = await createTestDatabase();
    const sealer = createSealer([{ id: 'k1', key: randomBytes(32) }]);
    store = createStore({ databaseUrl: database.url, sealer, poolMax: 2, log });
  });
  beforeEach(async () => {
    await listener?.stop(0);
    probes = 0;
    stopping = false;
    probe = () => store.inbox.probe();
    const inbox = {
      probe: () => {
        probes += 1;
        return probe();
      },
    };
    // A new one each time: its answer is remembered for a second.
    const health = createHealth({ inbox, metrics, isStopping: () => stopping, log });
    listener = await listen(health, { host: '127.0.0.1', port: 0, settings: 'OPS_HOST and OPS_PORT' });
  });
  after(async () => {
    await listener?.stop(0);
    await store?.close();
    await database?.drop();
  });

  const get = (path: string) => send(`${listener.url}${path}`, { method: 'GET' });

  it('is alive whatever the inbox does', async () => {
    probe = () => Promise.reject(new Error('away'));
    const answer = await get('/livez');
    assert.equal(answer.status, 200);
    assert.equal(answer.body, 'alive\n');
    assert.equal(probes, 0);
  });

  it('is ready when the inbox can commit', async () => {
    const answer = await get('/readyz');
    assert.equal(answer.status, 200);
    assert.equal(answer.body, 'ready\n');
  });

  it('says in words that the inbox cannot commit', async () => {
    await database.query('ALTER TABLE inbox_event RENAME TO inbox_event_away');
    try {
      const answer = await get('/readyz');
      assert.equal(answer.status, 503);
      assert.match(answer.body, /^not ready: the inbox cannot commit \(.+\)\n$/);
    } finally {
      await database.query('ALTER TABLE inbox_event_away RENAME TO inbox_event');
    }
  });

  it('is not ready once the process has begun to stop', async () => {
    stopping = true;
    const answer = await get('/readyz');
    assert.equal(answer.status, 503);
    assert.equal(answer.body, 'stopping\n');
  });

  it('asks the inbox once a second at most', async () => {
    const startedMs = performance.now();
    await Promise.all(Array.from({ length: 20 }, () => get('/readyz')));
    await get('/readyz');
    const most = 1 + Math.floor((performance.now() - startedMs) / 1_000);
    assert.ok(probes >= 1 && probes <= most, `${probes} probes, ${most} at most`);
  });

  it('shows the counters as Prometheus text', async () => {
    metrics.delivery('accepted');
    metrics.delivery('accepted');
    metrics.acknowledged(0.003);
    metrics.dispatch('started');
    metrics.claimed('audit', 3);
    const answer = await get('/metrics');
    assert.equal(answer.status, 200);
    assert.match(String(answer.headers['content-type']), /^text\/plain; version=0\.0\.4/);
    for (const line of [
      'appconnect_deliveries_total{answer="accepted"} 2',
      'appconnect_ack_duration_seconds_bucket{le="0.002"} 0',
      'appconnect_ack_duration_seconds_bucket{le="0.004"} 1',
      'appconnect_dispatches_total{result="started"} 1',
      'appconnect_sweeper_claims_total{reason="audit"} 3',
    ]) {
      assert.ok(answer.body.split('\n').includes(line), line);
    }
  });

  it('knows nothing else, the webhook included', async () => {
    for (const path of ['/', '/webhooks/talkdesk']) assert.equal((await get(path)).status, 404);
  });
});
