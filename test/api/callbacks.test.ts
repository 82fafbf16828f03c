import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { createApp } from '../../api/app.js';
import type { CallbackDeps } from '../../api/callbacks.js';
import { type Listener, listen } from '../../api/listen.js';
import { createMetrics } from '../../api/metrics.js';
import type { RunReason } from '../../api/runs.js';
import { TemporalError } from '../../api/temporal-errors.js';
import { productCallbackUrl } from '../../contracts/callbacks.js';
import { readEnvelope } from '../../talkdesk/envelope.js';
import { createRates, createTokenBucket } from '../../talkdesk/token-bucket.js';
import { send } from './support/deliveries.js';
import { captureLog } from './support/log.js';

const TENANT = { appId: 'app-1', accountId: 'account-1' };
const FOUND = { tenant: TENANT, installationId: 'installation-1', eventId: 'event-1' };

interface Bench {
  listener: Listener;
  /** Process ids that the store was asked for. */
  asked: string[];
  woken: RunReason[];
  lines: string[];
  counts(): Promise<Record<string, number>>;
}

/** The ingress over a store that knows one process, `install:event/1 %`, and a Temporal that is there. */
async function newBench(
  changes: {
    find?: CallbackDeps['inbox']['tenantOfOpenProcess'];
    startOrWake?: CallbackDeps['starter']['startOrWake'];
    callbackRate?: CallbackDeps['callbackRate'];
    callbackRateOf?: CallbackDeps['callbackRateOf'];
  } = {},
): Promise<Bench> {
  const asked: string[] = [];
  const woken: RunReason[] = [];
  const { log, lines } = captureLog();
  const metrics = createMetrics();
  const unused = () => assert.fail('not part of a callback');
  const app = createApp({
    inbox: {
      accept: unused,
      quarantine: unused,
      keepRefused: unused,
      tenantOfOpenProcess: async (processId) => {
        asked.push(processId);
        if (changes.find !== undefined) return await changes.find(processId);
        return processId === 'install:event/1 %' ? FOUND : null;
      },
    },
    starter: {
      startOrWake: async (reason, options) => {
        woken.push(reason);
        return (await changes.startOrWake?.(reason, options)) ?? 'woken';
      },
    },
    callbackRate: changes.callbackRate ?? { take: () => true },
    callbackRateOf: changes.callbackRateOf ?? (() => ({ take: () => true })),
    verifier: { verify: unused },
    readEnvelope,
    dispatcher: { dispatch: unused },
    isKnownApp: () => true,
    bodyLimits: { maxBytes: 1_000, timeoutMs: 1_000, maxHeldBytes: 1_000 },
    metrics,
    now: () => new Date(),
    observe: unused,
    log,
  });
  const listener = await listen(app, { host: '127.0.0.1', port: 0, settings: 'HOST and PORT' });
  return {
    listener,
    asked,
    woken,
    lines,
    async counts() {
      const metric = await metrics.registry.getSingleMetric('appconnect_product_callbacks_total')?.get();
      return Object.fromEntries((metric?.values ?? []).map(({ labels, value }) => [String(labels['status']), value]));
    },
  };
}

describe('callbacks of products', () => {
  let bench: Bench;
  const urlOf = (processId: string) => productCallbackUrl(bench.listener.url, processId);

  before(async () => {
    bench = await newBench();
  });
  after(() => bench.listener.stop(0));

  it('wake the run of the process, once, and are answered 202 without words', async () => {
    const answer = await send(urlOf('install:event/1 %'));
    assert.equal(answer.status, 202);
    assert.equal(answer.body, '');
    assert.deepEqual(bench.asked, ['install:event/1 %']);
    assert.deepEqual(
      bench.woken.map(({ type, tenant, installationId }) => ({ type, tenant, installationId })),
      [{ type: 'product-callback', tenant: TENANT, installationId: 'installation-1' }],
    );
  });

  it('may carry a small body, which is ignored, and no large one', async () => {
    const before = bench.woken.length;
    for (const body of [Buffer.alloc(1_024, 'x'), Buffer.from('{"__proto__": 1'), Buffer.alloc(0)]) {
      const headers = { 'Content-Type': 'application/json' };
      assert.equal((await send(urlOf('install:event/1 %'), { body, headers })).status, 202);
    }
    assert.equal(bench.woken.length, before + 3);
    const large = Buffer.alloc(1_025);
    assert.equal((await send(urlOf('install:event/1 %'), { body: large })).status, 413);
    const chunked = await send(urlOf('install:event/1 %'), { write: (req) => req.end(large) });
    assert.equal(chunked.status, 413);
    assert.equal(bench.woken.length, before + 3);
  });

  it('are answered 404 for processes that are not open, and for paths that name none', async () => {
    const before = bench.woken.length;
    const unknown = await send(urlOf('install:event-2'));
    assert.equal(unknown.status, 404);
    assert.equal(unknown.body, 'no process waits under this address\n');
    const askedBefore = bench.asked.length;
    for (const path of ['%00', 'a%0Ab', 'x'.repeat(201), '%zz', '%ff', '', 'a/b']) {
      assert.equal((await send(`${bench.listener.url}/callbacks/product/${path}`)).status, 404, path);
    }
    assert.equal(bench.asked.length, askedBefore);
    assert.equal(bench.woken.length, before);
    assert.ok(!bench.lines.some((line) => JSON.parse(line).level >= 50));
  });

  it('are made by POST only', async () => {
    for (const method of ['GET', 'PUT', 'DELETE']) {
      const answer = await send(urlOf('install:event/1 %'), { method });
      assert.equal(answer.status, 405, method);
      assert.equal(answer.headers['allow'], 'POST');
    }
  });

  it('are limited in their rate, before the store is asked', async (t) => {
    const now = new Date('2026-01-05T10:00:00Z');
    const limited = await newBench({
      callbackRate: createTokenBucket({ capacity: 2, perSecond: 1, now: () => now }),
    });
    t.after(() => limited.listener.stop(0));
    const url = productCallbackUrl(limited.listener.url, 'install:event/1 %');
    for (const status of [202, 202, 429, 429]) assert.equal((await send(url)).status, status);
    assert.equal((await send(url)).headers['retry-after'], '5');
    assert.equal(limited.asked.length, 2);
    assert.deepEqual(await limited.counts(), { 202: 2, 429: 3 });
    now.setSeconds(now.getSeconds() + 1);
    assert.equal((await send(url)).status, 202);
  });

  it('are limited for each process, before its run is told: a run takes ten thousand signals', async (t) => {
    const now = new Date('2026-01-05T10:00:00Z');
    const told: string[] = [];
    const limited = await newBench({
      callbackRateOf: createRates({ capacity: 2, perSecond: 1 / 600, now: () => now }),
      find: async () => ({
        ...{ tenant: { appId: 'app-1', accountId: 'account-1' }, installationId: 'installation-1', eventId: 'event-1' },
      }),
      startOrWake: async ({ eventId }) => {
        told.push(eventId);
        return 'woken';
      },
    });
    t.after(() => limited.listener.stop(0));
    const url = productCallbackUrl(limited.listener.url, 'install:event/1 %');
    for (const status of [202, 202, 429, 429]) assert.equal((await send(url)).status, status);
    assert.equal((await send(url)).headers['retry-after'], '600');
    assert.equal(told.length, 2);
    // Another process has a rate of its own.
    assert.equal((await send(productCallbackUrl(limited.listener.url, 'install:another'))).status, 202);
    now.setMinutes(now.getMinutes() + 10);
    assert.equal((await send(url)).status, 202);
  });

  for (const [name, changes] of [
    ['the store', { find: () => Promise.reject(new Error('the database does not answer')) }],
    ['Temporal', { startOrWake: () => Promise.reject(new TemporalError('unavailable', 'start a run: no answer')) }],
    ['Temporal, for good', { startOrWake: () => Promise.reject(new TemporalError('refused', 'no such namespace')) }],
  ] as [string, Parameters<typeof newBench>[0]][]) {
    it(`are told to come again while they cannot be passed on: ${name}`, async (t) => {
      const away = await newBench(changes);
      t.after(() => away.listener.stop(0));
      const answer = await send(productCallbackUrl(away.listener.url, 'install:event/1 %'));
      assert.equal(answer.status, 503);
      assert.equal(answer.body, 'the callback cannot be passed on now, come again\n');
      assert.equal(answer.headers['retry-after'], '60');
    });
  }
});
