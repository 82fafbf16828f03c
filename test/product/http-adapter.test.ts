import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { Webhook } from 'standardwebhooks';
import { ProductConfigurationError } from '../../product/errors.js';
import type { Product } from '../../product/port.js';
import { createTenant } from '../../product/suite/tenant.js';
import { eventually } from '../support/eventually.js';
import { type ScriptedProduct, startScriptedProduct } from './http-server.js';
import { SIGNING_SECRET } from './python-product.js';

const NOW = new Date('2031-05-06T07:08:09Z');
const never = new AbortController().signal;
const tenant = createTenant(never);
const account = (process: string) => ({ ...tenant.call(process), productAccountId: 'account-1' });

let server: ScriptedProduct;
let product: Product;
beforeEach(async () => {
  server = await startScriptedProduct(() => NOW);
  product = server.adapter();
});
afterEach(() => server.close());

const suspend = () => product.suspend(account('p1'));
const bodies = () => server.seen.map(({ body }) => (body === '' ? null : JSON.parse(body)));

describe('a request to a product over HTTP', () => {
  it('carries the call, its key and a signature that standard libraries accept', async () => {
    server.script.push({ status: 200, body: { productAccountId: 'account-1' } });
    const { signal, ...call } = tenant.provision('p/1', { idempotencyKey: `install:1/ü "%":provision` });
    const callbackUrl = 'https://service.example/callbacks/1';
    assert.deepEqual(await product.provision({ ...call, callbackUrl, signal }), {
      status: 'done',
      productAccountId: 'account-1',
    });
    const [request] = server.seen;
    assert.ok(request);
    assert.equal(`${request.method} ${request.path}`, 'POST /v1/provision');
    assert.equal(request.headers['content-type'], 'application/json');
    assert.equal(request.headers['idempotency-key'], 'install%3A1%2F%C3%BC%20%22%25%22%3Aprovision');
    const headers = request.headers as Record<string, string>;
    assert.deepEqual(new Webhook(SIGNING_SECRET).verify(request.body, headers), {
      call: 'provision',
      ...call,
      callbackUrl,
    });
  });

  it('goes to the path of its call below the base address', async () => {
    product = server.adapter({ url: `${server.origin}/talkdesk` });
    const done = { status: 200, body: {} };
    server.script.push(done, done, done, done, done, done, { status: 200, body: { users: [] } });
    server.script.push(
      { status: 200, body: { add: 0, resume: 0, suspend: 0 } },
      { status: 404, body: { reason: '-' } },
    );
    await product.update({ ...account('p'), accountName: 'n', planName: null, licenses: null });
    await product.suspend(account('p'));
    await product.resume(account('p'));
    await product.deprovision(tenant.call('p'));
    await product.onLogout({ ...account('p'), talkdeskUserId: 'u' });
    await product.suspend(account('p'));
    await product.syncUsers(tenant.sync('p', 'account-1', []));
    await product.previewUsers(tenant.sync('p', 'account-1', []));
    await product.lookup(tenant.lookup);
    const names = [
      'update',
      'suspend',
      'resume',
      'deprovision',
      'logout',
      'suspend',
      'sync-users',
      'preview-users',
      'lookup',
    ];
    assert.deepEqual(
      server.seen.map(({ path }) => path),
      names.map((name) => `/talkdesk/v1/${name}`),
    );
    assert.deepEqual(
      bodies().map(({ call }) => call),
      names,
    );
  });

  it('has no key where nothing changes', async () => {
    server.script.push(
      { status: 200, body: { add: 1, resume: 2, suspend: 3 } },
      { status: 404, body: { reason: '-' } },
    );
    const preview = await product.previewUsers({ ...tenant.sync('p', 'account-1', []), operation: 'x' });
    assert.deepEqual(preview, { status: 'done', add: 1, resume: 2, suspend: 3 });
    await product.lookup(tenant.lookup);
    for (const { headers, body } of server.seen) {
      assert.equal(headers['idempotency-key'], undefined);
      assert.doesNotMatch(body, /idempotencyKey|operation|callbackUrl/);
    }
    assert.deepEqual(Object.keys(bodies()[1]).sort(), ['accountId', 'appId', 'call']);
  });

  it('is new for each attempt, with the same key', async () => {
    server.script.push({ status: 500 }, { status: 200 });
    const call = account('p1');
    await assert.rejects(product.suspend(call));
    assert.deepEqual(await product.suspend(call), { status: 'done' });
    const [first, second] = server.seen;
    assert.notEqual(first?.headers['webhook-id'], second?.headers['webhook-id']);
    assert.equal(first?.headers['idempotency-key'], second?.headers['idempotency-key']);
  });

  it('is signed with the old secret and the new one while both are set', async () => {
    const next = `whsec_${Buffer.alloc(32, 'next').toString('base64')}`;
    product = server.adapter({ signingSecret: `${next} ${SIGNING_SECRET}` });
    server.script.push({ status: 200 });
    await suspend();
    const [request] = server.seen;
    for (const secret of [next, SIGNING_SECRET]) {
      new Webhook(secret).verify(request?.body ?? '', request?.headers as Record<string, string>);
    }
  });
});

describe('an answer over HTTP', () => {
  it('is done with 200 or 204 where nothing is needed, whatever the body', async () => {
    server.script.push({ status: 204 }, { status: 200, body: '<ok/>' }, { status: 200, body: '' });
    for (let n = 0; n < 3; n += 1) assert.deepEqual(await suspend(), { status: 'done' });
  });

  it('must hold what is needed, and nothing else is handed on', async () => {
    const user = { talkdeskUserId: 'u', productUserId: 'p', seat: 'active' };
    const sync = () => product.syncUsers(tenant.sync('p', 'account-1', []));
    server.script.push({ status: 200, body: { users: [{ ...user, password: 'x' }], more: 1 } });
    assert.deepEqual(await sync(), { status: 'done', users: [user] });
    server.script.push({ status: 200, body: { users: [{ ...user, seat: 'secret-value', productUserId: 7 }] } });
    await assert.rejects(sync(), (error: Error) => {
      assert.match(error.message, /to sync-users cannot be used, because of: users\.0\.productUserId, users\.0\.seat/);
      return !error.message.includes('secret-value');
    });
    server.script.push(
      { status: 200, body: '<html>' },
      { status: 204 },
      { status: 200, body: { productAccountId: '' } },
    );
    for (let n = 0; n < 3; n += 1) await assert.rejects(product.provision(tenant.provision('p')), /cannot be used/);
  });

  it('is a refusal with 409 or 422 and a reason, and with nothing else', async () => {
    server.script.push({ status: 422, body: { reason: 'There are unpaid invoices.' } });
    server.script.push({ status: 409, body: { reason: 'followed by 2' } }, { status: 409, body: { reason: 'older' } });
    assert.deepEqual(await suspend(), { status: 'refused', reason: 'There are unpaid invoices.' });
    assert.deepEqual(await suspend(), { status: 'refused', reason: 'followed by 2' });
    const preview = await product.previewUsers(tenant.sync('p', 'account-1', []));
    assert.deepEqual(preview, { status: 'refused', reason: 'older' });
    // What frameworks answer when they cannot read a request says nothing about the customer.
    for (const body of [{ detail: [{ loc: ['body'] }] }, '<html>', { reason: ' ' }, '']) {
      server.script.push({ status: 422, body });
      await assert.rejects(suspend(), /answered 422 to suspend without a reason/);
    }
  });

  it('of lookup is null for a 404 with a reason; any other 404 is a wrong address', async () => {
    const found = { productAccountId: 'a', accountName: 'n', status: 'suspended', generation: 2, activeUsers: 3 };
    server.script.push({ status: 200, body: found }, { status: 404, body: { reason: 'not open' } });
    assert.deepEqual(await product.lookup(tenant.lookup), found);
    assert.equal(await product.lookup(tenant.lookup), null);
    server.script.push({ status: 404, body: 'Cannot POST /v1/lookup' }, { status: 202 });
    await assert.rejects(product.lookup(tenant.lookup), /answered 404 to lookup without a reason/);
    await assert.rejects(product.lookup(tenant.lookup), /answered 202/);
  });

  it('is a failure with any other status: without its text, and without following a redirect', async () => {
    for (const status of [201, 302, 307, 400, 404, 408, 429, 500, 503]) {
      server.script.push({ status, headers: { location: `${server.origin}/elsewhere` }, body: 'internal text' });
      await assert.rejects(suspend(), (error: Error) => {
        assert.match(error.message, new RegExp(`^127\\.0\\.0\\.1:\\d+ answered ${status} to suspend\\.$`));
        return !(error instanceof ProductConfigurationError);
      });
    }
    assert.equal(server.seen.length, 9);
  });

  it('of 401 or 403 asks for the secret to be checked', async () => {
    for (const status of [401, 403]) {
      server.script.push({ status });
      await assert.rejects(suspend(), (error: Error) => {
        assert.ok(error instanceof ProductConfigurationError);
        return /Check signingSecret/.test(error.message);
      });
    }
  });

  it('that breaks off or is too large is a failure', async () => {
    server.script.push((response) => {
      response.writeHead(200, { 'content-length': '100' }).write('{');
      response.socket?.destroySoon();
    });
    await assert.rejects(product.provision(tenant.provision('p')), /no complete answer of .* to provision/);
    server.script.push((response) => void response.end(Buffer.alloc(16 * 1024 * 1024 + 1, ' ')));
    await assert.rejects(product.provision(tenant.provision('p')), /larger than is accepted/);
    server.script.push((response) => void response.socket?.destroy());
    await assert.rejects(suspend(), /no complete answer of .* to suspend \(/);
  });

  it('that does not come is not waited for once the call is cut off', async () => {
    let closed = false;
    server.script.push((response) => {
      response.once('close', () => {
        closed = true;
      });
    });
    const cutting = new AbortController();
    const reason = new Error('cut off');
    const call = product.suspend({ ...account('p'), signal: cutting.signal });
    await eventually('the request arrives', async () => server.seen.length === 1);
    cutting.abort(reason);
    await assert.rejects(call, reason);
    await eventually('the connection ends', async () => closed);
  });
});
