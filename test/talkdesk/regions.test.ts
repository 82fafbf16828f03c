import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createRegions, SHIPPED_REGIONS } from '../../talkdesk/regions.js';

const regions = createRegions(
  [...SHIPPED_REGIONS, { name: 'local', gateway: 'http://127.0.0.1:3002', tokenHosts: ['127.0.0.1:3002'] }],
  ['127.0.0.1:3002'],
);

describe('gateways of the shipped table', () => {
  it('are those of talkdesk-api.md 3.1', () => {
    assert.deepEqual(createRegions(SHIPPED_REGIONS, []).gateways(), [
      'https://api.talkdeskapp.com',
      'https://api.talkdeskapp.eu',
      'https://api.talkdeskappca.com',
      'https://api.talkdeskapp.au',
      'https://api.mytalkdesk.au',
      'https://api.talkdeskapp.co.uk',
    ]);
  });

  it('are allowed with and without a trailing slash and with their own port', () => {
    assert.equal(regions.allowsGateway('https://evil-api.talkdeskapp.com'), false);
    for (const url of ['https://api.talkdeskapp.com', 'https://api.mytalkdesk.au/', 'https://api.talkdeskapp.eu:443']) {
      assert.equal(regions.allowsGateway(url), true, url);
    }
    assert.equal(regions.allowsGateway('http://127.0.0.1:3002'), true);
  });
});

describe('the region of a gateway', () => {
  it('is the name of its entry', () => {
    for (const [url, name] of [
      ['https://api.talkdeskapp.com', 'us'],
      ['https://api.talkdeskapp.eu/', 'eu'],
      ['https://api.mytalkdesk.au:443', 'au-mytalkdesk'],
      ['http://127.0.0.1:3002', 'local'],
    ] as const) {
      assert.equal(regions.regionOf(url), name);
    }
  });

  it('is that of the first entry where several share a gateway, and of the later one where they share a name', () => {
    const gateway = 'https://api.example.com';
    const shared = createRegions(
      [
        { name: 'a', gateway: 'https://old.example.com', tokenHosts: [] },
        { name: 'a', gateway, tokenHosts: [] },
        { name: 'b', gateway, tokenHosts: [] },
      ],
      [],
    );
    assert.equal(shared.regionOf(gateway), 'a');
    assert.equal(shared.regionOf('https://old.example.com'), null);
  });
});

/** Each leads, for one parser or another, to a host that is not Talkdesk's, or asks for what a gateway has not. */
const HOSTILE = [
  '',
  'api.talkdeskapp.com',
  '//api.talkdeskapp.com',
  'http://api.talkdeskapp.com',
  'ftp://api.talkdeskapp.com',
  'https:api.talkdeskapp.com',
  'https:/api.talkdeskapp.com',
  'https:///api.talkdeskapp.com',
  'javascript://api.talkdeskapp.com',
  'https://api.talkdeskapp.com.',
  'https://api.talkdeskapp.com:8443',
  'https://api.talkdeskapp.com.evil.example',
  'https://x.api.talkdeskapp.com',
  'https://talkdeskapp.com',
  'https://api.talkdeskapp.com@evil.example',
  'https://api.talkdeskapp.com:443@evil.example',
  'https://user@api.talkdeskapp.com',
  'https://@api.talkdeskapp.com',
  'https://evil.example\\@api.talkdeskapp.com',
  'https://evil.example\\.api.talkdeskapp.com',
  'https:\\\\api.talkdeskapp.com',
  'https://evil.example#@api.talkdeskapp.com',
  'https://evil.example?@api.talkdeskapp.com',
  'https://evil.example/https://api.talkdeskapp.com',
  'https://api.talkdeskapp.com#x',
  'https://api%2Etalkdeskapp.com',
  'https://api.talkdeskapp%E3%80%82com',
  'https://api。talkdeskapp。com',
  'https://аpi.talkdeskapp.com',
  ' https://api.talkdeskapp.com',
  'https://api.talkdeskapp.com\n',
  'https://api.talk\tdeskapp.com',
  'https://api.talkdeskapp.com\0.evil.example',
  'https://127.0.0.1',
  'https://0x7f000001',
  'https://[::1]',
  'http://127.0.0.1:3003',
  'http://127.0.0.1',
  'http://localhost:3002',
  'https://127.0.0.1:3002',
  `https://api.talkdeskapp.com/${'a'.repeat(3_000)}`,
];

describe('hostile addresses', () => {
  for (const url of HOSTILE) {
    it(`refuses ${JSON.stringify(url.slice(0, 60))}`, () => {
      assert.equal(regions.allowsGateway(url), false);
      assert.equal(regions.regionOf(url), null);
      assert.equal(regions.allowsApiUrl(url), false);
      const asToken = `${url.replaceAll('api.talkdeskapp.com', 'acme.talkdeskid.com')}`;
      if (asToken !== 'https://127.0.0.1:3002') assert.equal(regions.allowsTokenUrl(asToken), false);
    });
  }

  it('refuses paths and queries on a gateway, but not on an address below it', () => {
    for (const url of [
      'https://api.talkdeskapp.com/x',
      'https://api.talkdeskapp.com/?x=1',
      'https://api.talkdeskapp.com?x=1',
    ]) {
      assert.equal(regions.allowsGateway(url), false, url);
      assert.equal(regions.allowsApiUrl(url), true, url);
    }
  });
});

describe('token hosts', () => {
  it('cover exactly one label before the domain', () => {
    for (const url of [
      'https://acme.talkdeskid.com/oauth/token',
      'https://a-1.talkdeskidca.com/x',
      'https://ACME.talkdeskid.au/oauth/token',
    ]) {
      assert.equal(regions.allowsTokenUrl(url), true, url);
    }
    for (const url of [
      'https://talkdeskid.com/oauth/token',
      'https://.talkdeskid.com/oauth/token',
      'https://a.b.talkdeskid.com/oauth/token',
      'https://-a.talkdeskid.com/oauth/token',
      'https://evil-talkdeskid.com/oauth/token',
      'https://acme.talkdeskid.com:8443/oauth/token',
      'https://acme.talkdeskid.com.evil.example/oauth/token',
      'http://acme.talkdeskid.com/oauth/token',
      'https://api.talkdeskapp.com/oauth/token',
    ]) {
      assert.equal(regions.allowsTokenUrl(url), false, url);
    }
  });

  it('may be exact, with a port, over plain http only where that is allowed', () => {
    assert.equal(regions.allowsTokenUrl('http://127.0.0.1:3002/acme/oauth/token'), true);
    assert.equal(regions.allowsTokenUrl('http://127.0.0.1:3003/acme/oauth/token'), false);
    const strict = createRegions([{ name: 'x', gateway: 'https://gw.example', tokenHosts: ['id.example'] }], []);
    assert.equal(strict.allowsTokenUrl('https://id.example/oauth/token'), true);
    assert.equal(strict.allowsTokenUrl('http://id.example/oauth/token'), false);
    assert.equal(strict.allowsTokenUrl('https://id.example:444/oauth/token'), false);
  });
});

describe('a derived token URL', () => {
  it('is made of the account name and the region of the gateway', () => {
    assert.equal(
      regions.derivedTokenUrl('acme', 'https://api.talkdeskapp.com'),
      'https://acme.talkdeskid.com/oauth/token',
    );
    assert.equal(
      regions.derivedTokenUrl('Acme', 'https://api.talkdeskapp.eu/'),
      'https://acme.talkdeskid.eu/oauth/token',
    );
    assert.equal(
      regions.derivedTokenUrl('acme', 'https://api.talkdeskappca.com'),
      'https://acme.talkdeskidca.com/oauth/token',
    );
    assert.equal(
      regions.derivedTokenUrl('acme', 'https://api.mytalkdesk.au'),
      'https://acme.talkdeskid.au/oauth/token',
    );
  });

  it('is not made for a region without a known token domain, an unknown gateway, or a name that is no host label', () => {
    assert.equal(regions.derivedTokenUrl('acme', 'https://api.talkdeskapp.co.uk'), null);
    assert.equal(regions.derivedTokenUrl('acme', 'http://127.0.0.1:3002'), null);
    assert.equal(regions.derivedTokenUrl('acme', 'https://evil.example'), null);
    for (const name of ['', 'a.b', 'a/b', 'evil.example/', 'a@b', '-a', 'a b', 'a#', 'é']) {
      assert.equal(regions.derivedTokenUrl(name, 'https://api.talkdeskapp.com'), null, name);
    }
  });
});

describe('the table as data', () => {
  it('lets a later entry replace an earlier one of the same name', () => {
    const changed = createRegions(
      [...SHIPPED_REGIONS, { name: 'us', gateway: 'https://gw.example/base/', tokenHosts: ['*.id.example'] }],
      [],
    );
    assert.equal(changed.allowsGateway('https://api.talkdeskapp.com'), false);
    assert.equal(changed.allowsGateway('https://gw.example/base'), true);
    assert.equal(changed.allowsGateway('https://gw.example'), false);
    assert.equal(changed.allowsApiUrl('https://gw.example/base/apps'), true);
    assert.equal(changed.allowsApiUrl('https://gw.example/baseless'), false);
    assert.equal(changed.derivedTokenUrl('acme', 'https://gw.example/base'), 'https://acme.id.example/oauth/token');
    assert.equal(changed.gateways().length, SHIPPED_REGIONS.length);
  });

  it('names the region of an entry that cannot be read', () => {
    assert.throws(
      () => createRegions([{ name: 'bad', gateway: 'nonsense', tokenHosts: [] }], []),
      /Region bad: the gateway/,
    );
    assert.throws(
      () => createRegions([{ name: 'bad', gateway: 'https://gw.example', tokenHosts: ['a/b'] }], []),
      /Region bad: a token host/,
    );
  });
});
