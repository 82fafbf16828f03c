import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import { ProductConfigurationError } from '../../product/errors.js';
import { createProducts, loadProduct } from '../../product/load.js';

/** An adapter that writes down in `globalThis.made` what is created and closed. */
const ADAPTER = `
const method = async () => ({ status: 'done' });
export function createProduct(options) {
  const entry = { settings: options.settings, at: options.now(), closed: 0 };
  (globalThis.made ??= []).push(entry);
  return { provision: method, update: method, suspend: method, resume: method, deprovision: method, lookup: async () => null,
    syncUsers: method, previewUsers: method, onLogout: method, close: async () => { entry.closed += 1; } };
}`;

interface Made {
  settings: Record<string, string>;
  at: Date;
  closed: number;
}

const made = (): Made[] => {
  const holder = globalThis as { made?: Made[] };
  holder.made ??= [];
  return holder.made;
};

const AT = new Date('2031-01-01T00:00:00Z');
const now = () => AT;
let folder: string;

before(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'appconnect-adapters-'));
  const files: Record<string, string> = {
    'good.mjs': ADAPTER,
    'none.mjs': 'export const somethingElse = 1;',
    'partial.mjs': 'export const createProduct = () => ({ provision() {}, lookup() {}, close() {} });',
    'nothing.mjs': 'export const createProduct = () => undefined;',
    'broken.mjs': 'export const createProduct = ;',
    'throwing.mjs': "export const createProduct = async () => { throw new Error('no licence file'); };",
    'importing.mjs': "import 'a-package-that-is-not-there';",
  };
  for (const [name, text] of Object.entries(files)) await writeFile(path.join(folder, name), text);
});
after(() => rm(folder, { recursive: true, force: true }));

const load = (adapter: string) => loadProduct({ adapter }, { settings: { plan: 'x' }, now }, folder);

/** Whether the call fails with a configuration error whose message matches all patterns. */
async function failsWith(promise: Promise<unknown>, ...patterns: RegExp[]): Promise<void> {
  await assert.rejects(promise, (error: Error) => {
    assert.ok(error instanceof ProductConfigurationError, String(error));
    for (const pattern of patterns) assert.match(error.message, pattern);
    return true;
  });
}

describe('loading an adapter', () => {
  it('takes a path relative to the given folder, and an absolute one', async () => {
    const before = made().length;
    await load('./good.mjs');
    await load(path.join(folder, 'good.mjs'));
    assert.deepEqual(made().slice(before), [
      { settings: { plan: 'x' }, at: AT, closed: 0 },
      { settings: { plan: 'x' }, at: AT, closed: 0 },
    ]);
  });

  it('takes the shipped sample for the word sample and for nothing', async () => {
    for (const target of [{ adapter: 'sample' }, { adapter: '' }, {}]) {
      await failsWith(loadProduct(target, { settings: {}, now }, folder), /sample product needs a database/);
    }
  });

  it('takes the HTTP adapter for a URL, with the URL as a setting', async () => {
    const secret = { signingSecret: `whsec_${Buffer.alloc(32, 7).toString('base64')}` };
    const product = await loadProduct({ adapter: 'https://product.example/api' }, { settings: secret, now }, folder);
    await product.close();
    await failsWith(
      loadProduct({ adapter: 'https://product.example/api' }, { settings: {}, now }, folder),
      /needs the setting signingSecret/,
    );
  });

  it('hands the hosts of plain http to the HTTP adapter', async () => {
    const settings = { signingSecret: `whsec_${Buffer.alloc(32, 7).toString('base64')}` };
    const apps = { a: { product: { adapter: 'http://127.0.0.1:4100', settings } } };
    await failsWith(createProducts(apps, { now, cwd: folder }), /may only be used over https/);
    const products = await createProducts(apps, { now, cwd: folder, insecureHosts: ['127.0.0.1:4100'] });
    await products.close();
  });

  it('says what is wrong with one that cannot be used', async () => {
    await failsWith(load('./missing.mjs'), /missing\.mjs cannot be loaded/);
    await failsWith(load('./broken.mjs'), /broken\.mjs cannot be loaded/);
    await failsWith(load('./importing.mjs'), /importing\.mjs cannot be loaded.*a-package-that-is-not-there/);
    await failsWith(load('./none.mjs'), /none\.mjs does not export a function createProduct/);
    await failsWith(load('./nothing.mjs'), /incomplete.*provision, update/);
    await failsWith(load('./throwing.mjs'), /throwing\.mjs cannot be created: no licence file/);
    await assert.rejects(load('./partial.mjs'), {
      message:
        'The product adapter ./partial.mjs is incomplete: createProduct() gave no object with update, suspend, resume, deprovision, syncUsers, previewUsers, onLogout.',
    });
  });
});

describe('the products of all apps', () => {
  const good = (settings: Record<string, string>) => ({ product: { adapter: './good.mjs', settings } });

  it('shares one among apps with the same adapter and settings, and closes each once', async () => {
    const before = made().length;
    const products = await createProducts(
      { a: good({ x: '1', y: '2' }), b: good({ y: '2', x: '1' }), c: good({ x: '2' }) },
      { now, cwd: folder },
    );
    assert.deepEqual(
      made()
        .slice(before)
        .map(({ settings }) => settings),
      [{ x: '1', y: '2' }, { x: '2' }],
    );
    assert.equal(products.productFor('a'), products.productFor('b'));
    assert.notEqual(products.productFor('a'), products.productFor('c'));
    await products.close();
    assert.deepEqual(
      made()
        .slice(before)
        .map(({ closed }) => closed),
      [1, 1],
    );
  });

  it('knows no product for an app that is not configured', async () => {
    const products = await createProducts({ a: good({}) }, { now, cwd: folder });
    for (const appId of ['b', '__proto__', 'constructor']) {
      assert.throws(() => products.productFor(appId), /There is no product for app/);
    }
  });

  it('closes what was created when a later one cannot be loaded', async () => {
    const before = made().length;
    const apps = { a: good({ first: 'yes' }), b: { product: { adapter: './none.mjs', settings: {} } } };
    await failsWith(createProducts(apps, { now, cwd: folder }), /none\.mjs/);
    assert.deepEqual(made().slice(before), [{ settings: { first: 'yes' }, at: AT, closed: 1 }]);
  });
});
