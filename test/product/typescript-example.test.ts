import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import { createProduct } from '../../examples/typescript-product/product.js';
import { ProductConfigurationError } from '../../product/errors.js';
import { createTenant, usersOf } from '../../product/suite/tenant.js';

const signal = new AbortController().signal;
let folder: string;
before(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'typescript-product-'));
});
after(() => rm(folder, { recursive: true, force: true }));

const open = (settings: Record<string, string>) => createProduct({ settings, now: () => new Date() });

describe('the TypeScript example', () => {
  it('keeps accounts, users, answers and undone processes in its file', async () => {
    const file = path.join(folder, 'accounts.json');
    const tenant = createTenant(signal);
    const undone = createTenant(signal);
    const provision = tenant.provision('p1', { generation: 2 });
    const first = await open({ file });
    const answer = await first.provision(provision);
    assert.ok(answer.status === 'done');
    const sync = tenant.sync('p1', answer.productAccountId, usersOf(3), { generation: 2 });
    const users = await first.syncUsers(sync);
    await first.deprovision(undone.call('p1'));
    const found = await first.lookup(tenant.lookup);

    const second = await open({ file });
    assert.deepEqual(await second.lookup(tenant.lookup), found);
    assert.equal(found?.activeUsers, 3);
    assert.deepEqual(await second.provision(provision), answer);
    assert.deepEqual(await second.syncUsers(sync), users);
    assert.equal((await second.provision(tenant.provision('p0', { generation: 1 }))).status, 'refused');
    assert.equal((await second.provision(undone.provision('p1'))).status, 'refused');
  });

  it('refuses an older installation while the work of a newer one is pending', async () => {
    const product = await open({ pendingMs: '60000' });
    const tenant = createTenant(signal);
    assert.equal((await product.provision(tenant.provision('new', { generation: 2 }))).status, 'pending');
    assert.equal((await product.provision(tenant.provision('old', { generation: 1 }))).status, 'refused');
    assert.equal((await product.deprovision(tenant.call('old', 1))).status, 'refused');
  });

  it('says which setting cannot be used, and reads no file that is not its own', async () => {
    await assert.rejects(open({ pendingMs: 'soon' }), ProductConfigurationError);
    await assert.rejects(open({ file: folder }), { code: 'EISDIR' });
  });
});
