import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { Webhook } from 'standardwebhooks';
import type { Product } from '../../product/port.js';
import { createTenant } from '../../product/suite/tenant.js';
import { type ScriptedProduct, startScriptedProduct } from './http-server.js';
import { SIGNING_SECRET } from './python-product.js';

const NOW = new Date('2031-05-06T07:08:09Z');
const DONE = { status: 200, body: { productAccountId: 'account-1' } };

let server: ScriptedProduct;
let product: Product;
beforeEach(async () => {
  server = await startScriptedProduct(() => NOW);
  product = server.adapter();
});
afterEach(() => server.close());

const call = createTenant(new AbortController().signal).provision('p1');
const ask = (operation?: string) => product.provision(operation === undefined ? call : { ...call, operation });
const requests = () => server.seen.map(({ method, path }) => `${method} ${path}`);

describe('pending work with a status address', () => {
  it('is asked about there, with a signed GET, until it is done', async () => {
    server.script.push({ status: 202, headers: { location: '/work/7?x=1' } }, { status: 202 }, DONE);
    const operation = `GET ${server.origin}/work/7?x=1`;
    assert.deepEqual(await ask(), { status: 'pending', operation });
    assert.deepEqual(await ask(operation), { status: 'pending', operation });
    assert.deepEqual(await ask(operation), { status: 'done', productAccountId: 'account-1' });
    assert.deepEqual(requests(), ['POST /v1/provision', 'GET /work/7?x=1', 'GET /work/7?x=1']);
    for (const { path, headers, body } of server.seen.slice(1)) {
      assert.equal(body, '');
      new Webhook(SIGNING_SECRET).verify(path, headers as Record<string, string>, { jsonParse: false });
    }
  });

  it('may move, fail and be refused there', async () => {
    server.script.push({ status: 202, headers: { location: '8' } }, { status: 503 });
    server.script.push({ status: 422, body: { reason: 'no seats left' } });
    const operation = `GET ${server.origin}/work/7`;
    assert.deepEqual(await ask(operation), { status: 'pending', operation: `GET ${server.origin}/work/8` });
    await assert.rejects(ask(operation), /answered 503 to provision/);
    assert.deepEqual(await ask(operation), { status: 'refused', reason: 'no seats left' });
  });

  it('that the product has forgotten is asked for again with the same key', async () => {
    for (const status of [404, 410]) {
      server.script.push({ status }, DONE);
      assert.equal((await ask(`GET ${server.origin}/work/7`)).status, 'done');
      const again = server.seen.at(-1);
      assert.equal(again?.path, '/v1/provision');
      assert.equal(again?.headers['idempotency-key'], encodeURIComponent(call.idempotencyKey));
      assert.doesNotMatch(again?.body ?? '', /"operation"/);
    }
  });

  it('is never asked about at another host', async () => {
    const host = server.origin.slice('http://'.length);
    for (const location of [
      `http://user@${host}/work`,
      `http://:pw@${host}/work`,
      'https://evil.example/work',
      '//evil.example',
      'http://[',
    ]) {
      server.script.push({ status: 202, headers: { location } });
      await assert.rejects(ask(), /named a status address that is not on/);
    }
    assert.equal(server.seen.length, 5);
  });

  it('is asked for again with the same key when the product has moved to another host', async () => {
    server.script.push(DONE);
    assert.equal((await ask('GET https://before.example/work/7')).status, 'done');
    assert.deepEqual(requests(), ['POST /v1/provision']);
  });
});

describe('pending work with a name', () => {
  it('is asked for by the same call, with the name', async () => {
    const pending = { status: 202, body: { operation: 'job 7' } };
    server.script.push(pending, pending, DONE);
    assert.deepEqual(await ask(), { status: 'pending', operation: 'POST job 7' });
    assert.deepEqual(await ask('POST job 7'), { status: 'pending', operation: 'POST job 7' });
    assert.equal((await ask('POST job 7')).status, 'done');
    assert.deepEqual(requests(), ['POST /v1/provision', 'POST /v1/provision', 'POST /v1/provision']);
    assert.deepEqual(
      server.seen.map(({ body }) => JSON.parse(body).operation),
      [undefined, 'job 7', 'job 7'],
    );
  });

  it('may have none, or one that is not too long', async () => {
    server.script.push({ status: 202 }, { status: 202, body: { operation: 'x'.repeat(2_000) } });
    assert.deepEqual(await ask(), { status: 'pending' });
    await assert.rejects(ask(), /more than 2000 characters/);
  });
});

describe('when to ask about pending work again', () => {
  it('is taken from Retry-After: seconds, or a date by the clock of the product', async () => {
    const cases: [Record<string, string>, number | undefined][] = [
      [{ 'retry-after': '90' }, 90_000],
      [{ 'retry-after': 'Tue, 01 Jan 2030 00:02:00 GMT', date: 'Tue, 01 Jan 2030 00:00:00 GMT' }, 120_000],
      [{ 'retry-after': 'Tue, 01 Jan 2030 00:00:00 GMT', date: 'Tue, 01 Jan 2030 00:00:05 GMT' }, 0],
      [{ 'retry-after': 'Tue, 06 May 2031 07:08:39 GMT', date: 'unreadable' }, 30_000],
      [{ 'retry-after': 'soon' }, undefined],
      [{ 'retry-after': '-5' }, undefined],
      [{}, undefined],
    ];
    for (const [headers, expected] of cases) {
      server.script.push({ status: 202, headers });
      const answer = await ask();
      assert.ok(answer.status === 'pending');
      assert.equal(answer.retryAfterMs, expected, JSON.stringify(headers));
    }
  });
});
