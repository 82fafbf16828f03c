import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { ProductConfigurationError } from '../../product/errors.js';
import { createProduct } from '../../product/http/adapter.js';
import { createAddressCheck } from '../../product/http/addresses.js';
import { createTenant } from '../../product/suite/tenant.js';
import { SIGNING_SECRET } from './python-product.js';

const GOOD = { url: 'https://product.example/talkdesk', signingSecret: SIGNING_SECRET };
const create = (settings: Record<string, string>, insecureHosts: string[] = []) =>
  createProduct({ settings, now: () => new Date(), insecureHosts });
const secretOf = (bytes: number) => `whsec_${Buffer.alloc(bytes, 5).toString('base64')}`;

/** The message of the configuration error. */
function messageOf(settings: Record<string, string>): string {
  try {
    create(settings);
  } catch (error) {
    assert.ok(error instanceof ProductConfigurationError, String(error));
    return error.message;
  }
  assert.fail(`no error for ${JSON.stringify(settings)}`);
}

describe('the settings of a product over HTTP', () => {
  it('are an address and a secret', async () => {
    for (const signingSecret of [
      secretOf(24),
      secretOf(64),
      `${secretOf(32)} ${secretOf(24)}`,
      `\n${secretOf(25)}\n`,
    ]) {
      await create({ ...GOOD, signingSecret }).close();
    }
  });

  it('are refused with words that hold no secret', () => {
    const { url } = GOOD;
    assert.match(messageOf({ url }), /needs the setting signingSecret/);
    for (const signingSecret of [
      ' ',
      'plain-text-secret',
      secretOf(23),
      secretOf(65),
      `${secretOf(32)} x`,
      'whsec_abc',
    ]) {
      const message = messageOf({ url, signingSecret });
      assert.match(message, /needs the setting signingSecret/);
      assert.ok(signingSecret.trim() === '' || !message.includes(signingSecret));
    }
    assert.match(messageOf({ ...GOOD, privateAddresses: 'yes' }), /privateAddresses .* can only be: allowed/);
  });

  it('take a plain https address only', () => {
    assert.match(messageOf({ ...GOOD, url: '' }), /not an http or https URL/);
    assert.match(messageOf({ ...GOOD, url: 'ftp://product.example' }), /not an http or https URL/);
    assert.match(messageOf({ ...GOOD, url: 'http://product.example' }), /over https.*product\.example:80/);
    for (const url of ['https://me:my-password@product.example', 'https://product.example/?key=my-password']) {
      const message = messageOf({ ...GOOD, url });
      assert.match(message, /must be a plain URL/);
      assert.doesNotMatch(message, /my-password/);
    }
  });

  it('allow plain http for the named hosts alone', async () => {
    const url = 'http://127.0.0.1:4100';
    await create({ ...GOOD, url }, ['127.0.0.1:4100']).close();
    assert.throws(() => create({ ...GOOD, url }, ['127.0.0.1:4101']), ProductConfigurationError);
  });
});

describe('the address of a product over HTTP', () => {
  const lookup = async (settings: Record<string, string>) => {
    const product = create({ ...GOOD, ...settings });
    try {
      return await product.lookup(createTenant(AbortSignal.timeout(5_000)).lookup);
    } finally {
      await product.close();
    }
  };

  it('must be a public one, whether it is named or looked up', async () => {
    for (const host of ['127.0.0.1:1', '[::1]:1', '[::ffff:10.0.0.1]:1', 'localhost:1']) {
      await assert.rejects(lookup({ url: `https://${host}` }), (error: Error) => {
        assert.ok(error instanceof ProductConfigurationError, String(error));
        return /inside a private or reserved network.*privateAddresses/.test(error.message);
      });
    }
  });

  it('may be a private one where the settings say so', async () => {
    for (const host of ['127.0.0.1:1', 'localhost:1']) {
      await assert.rejects(lookup({ url: `https://${host}`, privateAddresses: 'allowed' }), /ECONNREFUSED/);
    }
  });

  it('is told from private ones by its network', () => {
    const isRefused = createAddressCheck();
    const open = ['8.8.8.8', '172.15.255.255', '172.32.0.0', '2606:4700::1111', '2a00:1450::1', '::ffff:8.8.8.8'];
    const closed = [
      ...['0.0.0.0', '10.1.2.3', '100.64.0.1', '127.9.9.9', '169.254.169.254', '172.31.255.255', '192.168.1.1'],
      ...['168.63.129.16', '224.0.0.1', '255.255.255.255', '::', '::1', '::ffff:127.0.0.1', '::ffff:7f00:1'],
      ...['64:ff9b::a00:1', 'fc00::1', 'fe80::1', 'fe80::1%eth0', 'ff02::1', '2001:db8::1', '2002:a00:1::', 'name', ''],
    ];
    assert.deepEqual(open.filter(isRefused), []);
    assert.deepEqual(
      closed.filter((address) => !isRefused(address)),
      [],
    );
  });
});
