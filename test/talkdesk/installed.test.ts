import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { TalkdeskDataError, TalkdeskError } from '../../talkdesk/errors.js';
import { assertKnownHosts, parseInstalled } from '../../talkdesk/installed.js';
import { createRegions, SHIPPED_REGIONS } from '../../talkdesk/regions.js';

const regions = createRegions(SHIPPED_REGIONS, []);

const DATA = {
  installation_id: '33333333333333333333333333333333',
  account_id: '44444444444444444444444444444444',
  account_name: 'acme',
  client_id: '55555555555555555555555555555555',
  client_secret: 'very-secret',
  private_key: 'cHJpdmF0ZQ==',
  public_key: 'cHVibGlj',
  key_id: '66666666666666666666666666666666',
  key_algorithm: 'ES256',
};
const LINKS = {
  root: { href: 'https://api.talkdeskapp.com' },
  self: { href: 'https://api.talkdeskapp.com/apps/1111/events/0a1b' },
  userinfo: { href: 'https://api.talkdeskapp.com/users/me' },
  authorization: { href: 'https://acme.talkdeskid.com/oauth/authorize' },
  token: { href: 'https://acme.talkdeskid.com/oauth/token' },
};
const EVENT = {
  id: '0a1b2c3d4e5f60718293a4b5c6d7e8f9',
  created_at: '2026-01-05T10:00:00Z',
  api_version: '1',
  type: 'app.installed',
  app_id: '11111111111111111111111111111111',
  app_version_id: '22222222222222222222222222222222',
  app_version_name: '1.4.0',
  data: DATA,
  _links: LINKS,
};

const parse = (event: unknown) => parseInstalled(Buffer.from(JSON.stringify(event)), regions);

function without<T extends object>(value: T, ...names: string[]): Partial<T> {
  return Object.fromEntries(Object.entries(value).filter(([name]) => !names.includes(name))) as Partial<T>;
}

function fieldsOfError(event: unknown): readonly string[] {
  try {
    parse(event);
  } catch (error) {
    assert.ok(error instanceof TalkdeskDataError);
    assert.ok(!error.message.includes('secret-value'), error.message);
    for (const field of error.fields) assert.ok(error.message.includes(field));
    return error.fields;
  }
  assert.fail('the event was accepted');
}

describe('app.installed', () => {
  it('is read whole', () => {
    assert.deepEqual(parse(EVENT), {
      installationId: DATA.installation_id,
      accountId: DATA.account_id,
      accountName: 'acme',
      appVersionId: '22222222222222222222222222222222',
      appVersionName: '1.4.0',
      credentials: {
        clientId: DATA.client_id,
        clientSecret: 'very-secret',
        privateKey: 'cHJpdmF0ZQ==',
        publicKey: 'cHVibGlj',
        keyId: DATA.key_id,
        keyAlgorithm: 'ES256',
      },
      apiRoot: 'https://api.talkdeskapp.com',
      tokenUrl: 'https://acme.talkdeskid.com/oauth/token',
      authorizationUrl: 'https://acme.talkdeskid.com/oauth/authorize',
      userinfoUrl: 'https://api.talkdeskapp.com/users/me',
    });
  });

  it('may have its fields at the top level, and extra ones anywhere', () => {
    const flat = parse({ ...without(EVENT, 'data'), ...DATA, extra: { a: 1 } });
    assert.equal(flat.installationId, DATA.installation_id);
    assert.equal(flat.credentials.privateKey, 'cHJpdmF0ZQ==');
  });

  it('may lack what is not needed', () => {
    const lean = parse({
      ...without(EVENT, 'app_version_id', 'app_version_name'),
      data: without(DATA, 'client_secret', 'public_key'),
      _links: {
        root: { href: 'https://api.talkdeskapp.eu/' },
        token: { href: 'https://acme.talkdeskid.eu/oauth/token' },
      },
    });
    assert.deepEqual(
      [lean.appVersionId, lean.appVersionName, lean.credentials.clientSecret, lean.credentials.publicKey],
      [null, null, null, null],
    );
    assert.deepEqual([lean.authorizationUrl, lean.userinfoUrl], [null, null]);
    assert.equal(lean.apiRoot, 'https://api.talkdeskapp.eu');
  });

  it('takes every algorithm that is documented, and no other', () => {
    for (const key_algorithm of ['ES256', 'ES384', 'ES512', 'PS256', 'PS384', 'PS512']) {
      assert.equal(parse({ ...EVENT, data: { ...DATA, key_algorithm } }).credentials.keyAlgorithm, key_algorithm);
    }
    for (const key_algorithm of ['HS256', 'none', 'RS256', 'es256', '', 7]) {
      assert.deepEqual(fieldsOfError({ ...EVENT, data: { ...DATA, key_algorithm } }), ['key_algorithm']);
    }
  });

  it('names each field that is missing or unusable, never a value', () => {
    for (const field of [
      'installation_id',
      'account_id',
      'account_name',
      'client_id',
      'private_key',
      'key_id',
      'key_algorithm',
    ]) {
      assert.deepEqual(fieldsOfError({ ...EVENT, data: without(DATA, field) }), [field]);
      assert.deepEqual(fieldsOfError({ ...EVENT, data: { ...DATA, [field]: ['secret-value'] } }), [field]);
      assert.deepEqual(fieldsOfError({ ...EVENT, data: { ...DATA, [field]: 'secret-value\0'.repeat(2_000) } }), [
        field,
      ]);
    }
    assert.deepEqual(fieldsOfError({ ...EVENT, data: without(DATA, 'client_id', 'key_id'), _links: {} }), [
      'client_id',
      'key_id',
      '_links.root.href',
    ]);
  });

  it('is unusable when it is no JSON object', () => {
    assert.throws(() => parseInstalled(Buffer.from('[]'), regions), TalkdeskDataError);
    assert.throws(() => parseInstalled(Buffer.from('{"data":'), regions), TalkdeskDataError);
  });
});

describe('the token URL', () => {
  const tokenUrl = (links: object, accountName = 'acme') =>
    parse({ ...EVENT, data: { ...DATA, account_name: accountName }, _links: { root: LINKS.root, ...links } }).tokenUrl;

  it('is the token link under any of its names', () => {
    for (const name of ['token', 'tokens', 'oauth_token']) {
      assert.equal(tokenUrl({ [name]: { href: 'https://acme.talkdeskid.com/t/' } }), 'https://acme.talkdeskid.com/t/');
    }
  });

  it('is made from the authorization link otherwise', () => {
    const authorization = { href: 'https://other.talkdeskid.com/base/oauth/authorize' };
    assert.equal(tokenUrl({ authorization }), 'https://other.talkdeskid.com/base/oauth/token');
    assert.equal(
      tokenUrl({ authorization, token: { href: 'not a url' } }),
      'https://other.talkdeskid.com/base/oauth/token',
    );
  });

  it('is made from account name and region at last', () => {
    assert.equal(tokenUrl({}, 'beta'), 'https://beta.talkdeskid.com/oauth/token');
    assert.equal(
      tokenUrl({ authorization: { href: 'https://x.talkdeskid.com/login' } }, 'beta'),
      'https://beta.talkdeskid.com/oauth/token',
    );
  });

  it('is a missing field when none of these gives it', () => {
    const event = { ...EVENT, _links: { root: { href: 'https://api.talkdeskapp.co.uk' } } };
    assert.deepEqual(fieldsOfError(event), ['_links.token.href']);
  });
});

describe('the hosts of an event', () => {
  it('pass when the region table has them', () => assertKnownHosts(parse(EVENT), regions));

  for (const [link, href] of [
    ['root', 'https://api.evil.example'],
    ['token', 'https://acme.talkdeskid.com.evil.example/oauth/token'],
    ['authorization', 'https://evil.example/oauth/authorize'],
    ['userinfo', 'https://evil.example/users/me'],
  ] as const) {
    it(`wait for a person when that of ${link} is unknown, who is told which`, () => {
      const installed = parse({ ...EVENT, _links: { ...LINKS, [link]: { href } } });
      assert.throws(
        () => assertKnownHosts(installed, regions),
        (error: unknown) =>
          error instanceof TalkdeskError &&
          error.failureClass === 'needs-person' &&
          error.message.includes(new URL(href).origin) &&
          !error.message.includes('/oauth'),
      );
    });
  }
});
