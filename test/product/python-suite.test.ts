import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import { Webhook } from 'standardwebhooks';
import { describeProduct } from '../../product/suite/describe.js';
import { createTenant } from '../../product/suite/tenant.js';
import { freePort } from '../../local/ports.js';
import { type PythonProduct, SIGNING_SECRET, startPythonProduct } from './python-product.js';

const REFUSED_ACCOUNT = 'unwelcome';

let folder: string;
let python: PythonProduct;
let slow: PythonProduct;

const start = (port: number) =>
  startPythonProduct([
    ...['--port', String(port), '--file', path.join(folder, 'accounts.sqlite')],
    ...['--refused-account', REFUSED_ACCOUNT],
  ]);

before(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'python-product-'));
  [python, slow] = await Promise.all([start(await freePort()), startPythonProduct(['--pending-ms', '300'])]);
});
after(async () => {
  const codes = await Promise.all([python?.stop(), slow?.stop()]);
  await rm(folder, { recursive: true, force: true });
  assert.deepEqual(codes, [0, 0], 'the processes end on SIGTERM');
});

describeProduct(
  'the Python sample, over HTTP',
  {
    open: () => python.open(),
    openPending: () => slow.open(),
    refusedAccountName: REFUSED_ACCOUNT,
    async whileHanging(work) {
      await python.pause();
      try {
        await work();
      } finally {
        python.goOn();
      }
    },
    async whileFailing(work) {
      await python.kill();
      try {
        await work();
      } finally {
        python = await start(python.port);
      }
    },
  },
  { describe, it, before, after },
);

describe('the Python sample', () => {
  it('knows its accounts and answers after it was killed', async () => {
    const product = await python.open();
    try {
      const tenant = createTenant(new AbortController().signal);
      const provision = tenant.provision('p1');
      const answer = await product.provision(provision);
      const found = await product.lookup(tenant.lookup);
      await python.kill();
      python = await start(python.port);
      assert.deepEqual(await product.lookup(tenant.lookup), found);
      assert.deepEqual(await product.provision(provision), answer);
    } finally {
      await product.close();
    }
  });

  it('does not answer what is not signed, signed long ago, or signed for another path', async () => {
    const lookup = JSON.stringify({ call: 'lookup', appId: 'a', accountId: 'b' });
    const now = new Date();
    const ask = async (name: string, at: Date, signed = lookup, secret = SIGNING_SECRET) => {
      const response = await fetch(`${python.url}/v1/${name}`, {
        method: 'POST',
        headers: {
          'webhook-id': 'call_1',
          'webhook-timestamp': String(Math.floor(at.getTime() / 1_000)),
          'webhook-signature': `v1,bm90IHRoaXM= ${new Webhook(secret).sign('call_1', at, signed)}`,
        },
        body: lookup,
      });
      return [response.status, await response.json()];
    };
    const notOpen = [404, { reason: 'this account is not open' }];
    const unsigned = [401, {}];
    assert.deepEqual(await ask('lookup', now), notOpen);
    assert.deepEqual(await ask('lookup', new Date(now.getTime() - 240_000)), notOpen);
    assert.deepEqual(await ask('lookup', new Date(now.getTime() - 360_000)), unsigned);
    assert.deepEqual(await ask('lookup', new Date(now.getTime() + 360_000)), unsigned);
    assert.deepEqual(await ask('lookup', now, `${lookup} `), unsigned);
    assert.deepEqual(await ask('lookup', now, lookup, `whsec_${Buffer.alloc(32, 1).toString('base64')}`), unsigned);
    assert.deepEqual(await ask('deprovision', now), [404, {}]);
    assert.equal((await fetch(`${python.url}/v1/lookup`, { method: 'POST', body: lookup })).status, 401);
    assert.equal((await fetch(`${python.url}/v1/work/x`)).status, 401);
  });
});
