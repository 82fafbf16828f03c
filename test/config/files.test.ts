import assert from 'node:assert/strict';
import path from 'node:path';
import { describe, it } from 'node:test';
import { KEY_A, KEY_B, SECRET, file, folder, load, problemsOf } from './environment.js';

describe('sealing keys', () => {
  it('come newest first, from the variable or a file, in lines or with commas', () => {
    const expected = [
      { id: 'new', key: Buffer.alloc(32, 0x42) },
      { id: 'old_1', key: Buffer.alloc(32, 0x41) },
    ];
    assert.deepEqual(load({ SEALING_KEYS: `new:${KEY_B}, old_1:${KEY_A}` }).sealingKeys, expected);
    const keys = file('keys', `\uFEFFnew:${KEY_B}\r\n\nold_1:${KEY_A.replace('=', '')}\n`);
    assert.deepEqual(load({ SEALING_KEYS: undefined, SEALING_KEYS_FILE: path.basename(keys) }).sealingKeys, expected);
  });

  for (const [name, text, problem] of [
    ['both given', undefined, /^SEALING_KEYS: set either this or SEALING_KEYS_FILE, not both$/],
    [
      '31 bytes',
      `k1:${Buffer.alloc(31).toString('base64')}`,
      /^SEALING_KEYS: key 1 is not base64 of exactly 32 bytes$/,
    ],
    ['33 bytes', `k1:${Buffer.alloc(33).toString('base64')}`, /key 1 is not base64 of exactly 32 bytes$/],
    ['no id', `k1:${KEY_A},${KEY_B}`, /key 2 is not of the form id:base64$/],
    ['a hostile id', `a.b:${KEY_A}`, /key 1: the id must be 1 to 64 letters/],
    ['an id twice', `k1:${KEY_A},k1:${KEY_B}`, /key 2 has an id that another key has$/],
    ['nothing but commas', ', ,', /^SEALING_KEYS: holds no key$/],
  ] as const) {
    it(`are refused: ${name}`, () => {
      const env = text === undefined ? { SEALING_KEYS_FILE: file('both', `k1:${KEY_A}`) } : { SEALING_KEYS: text };
      const problems = problemsOf(env);
      assert.equal(problems.length, 1);
      assert.match(problems[0] ?? '', problem);
      for (const key of [KEY_A, KEY_B]) assert.ok(!problems.join().includes(key));
    });
  }

  it('are refused when missing, with a way to make one', () => {
    assert.match(problemsOf({ SEALING_KEYS: undefined }).join(), /^SEALING_KEYS: is missing.*randomBytes\(32\)/);
  });
});

describe('apps', () => {
  const withApps = (content: unknown) => ({ APPS_FILE: file('some-apps.json', content) });

  it('take defaults for what an entry leaves out, and paths relative to the file', () => {
    const { apps } = load(
      {
        ...withApps({
          a: { product: { adapter: './mine.js', settings: { region: 'eu' } }, scopes: ['apps:read'] },
          b: { product: { adapter: 'sample', settings: { databaseUrl: 'postgresql://b/own' } } },
          c: {},
          d: { product: { url: 'https://product.example.com/v/', settings: { signingSecret: 'x' } }, seats: 'refuse' },
        }),
        PRODUCT_ADAPTER: 'adapters/shared.js',
      },
      { cwd: '/srv/app' },
    );
    const scopes = ['account:read', 'apps:read', 'apps:write', 'users:read'];
    const rest = { policy: [], seats: 'assignment-order', scopes };
    assert.deepEqual(
      { ...apps },
      {
        a: {
          ...rest,
          product: { adapter: path.join(folder, 'mine.js'), settings: { region: 'eu' } },
          scopes: ['apps:read'],
        },
        b: { ...rest, product: { adapter: 'sample', settings: { databaseUrl: 'postgresql://b/own' } } },
        c: { ...rest, product: { adapter: '/srv/app/adapters/shared.js', settings: {} } },
        d: {
          ...rest,
          product: { adapter: 'https://product.example.com/v', settings: { signingSecret: 'x' } },
          seats: 'refuse',
        },
      },
    );
  });

  it('are not found by names that every object has', () => {
    const { apps } = load(withApps('{"__proto__": {"scopes": ["x"]}, "a": {}}'));
    assert.deepEqual(Object.keys(apps), ['__proto__', 'a']);
    assert.equal(apps['constructor'], undefined);
    assert.deepEqual(Object.entries(apps)[0]?.[1].scopes, ['x']);
  });

  for (const [name, content, ...expected] of [
    ['no JSON', '{"a": ', /^APPS_FILE: the file \S+ is not valid JSON$/],
    ['a list', [], /must hold a JSON object by app id$/],
    ['no app', {}, /names no app$/],
    [
      'an unknown key',
      { a: { scope: [] } },
      /^APPS_FILE a: scope is unknown; allowed are product, policy, seats and scopes$/,
    ],
    [
      'plain http',
      { a: { product: { url: 'http://product:80' } } },
      /^APPS_FILE a\.product\.url: is plain http; add product:80 to ALLOW_INSECURE_HTTP/,
    ],
    [
      'a URL with a password',
      { a: { product: { url: `https://x:${SECRET}@product` } } },
      /^APPS_FILE a\.product\.url: must not hold a user name or password$/,
    ],
    [
      'a URL as adapter',
      { a: { product: { adapter: 'https://product' } } },
      /^APPS_FILE a\.product\.adapter: is a URL: give it as url instead$/,
    ],
    [
      'two products',
      { a: { product: { adapter: 'x.js', url: 'https://product' } } },
      /^APPS_FILE a\.product: give either adapter or url, not both$/,
    ],
    ['unknown seats', { a: { seats: 'lottery' } }, /a\.seats: must be one of assignment-order, product, refuse$/],
    [
      'an unknown product key',
      { a: { product: { path: 'x' } } },
      /product: path is unknown; allowed are adapter, url and settings$/,
    ],
    ['no scope', { a: { scopes: [] } }, /^APPS_FILE a\.scopes: must name at least one scope$/],
    ['two scopes in one', { a: { scopes: ['a b'] } }, /^APPS_FILE a\.scopes\.0: must be one scope without spaces$/],
    [
      'a number as setting',
      { a: { product: { settings: { x: 1 } } } },
      /^APPS_FILE a\.product\.settings\.x: must be a text$/,
    ],
    ['no object', { a: null, b: 'x' }, /^APPS_FILE a: must be an object/, /^APPS_FILE b: must be an object/],
    ['a long id', { ['a'.repeat(129)]: {} }, /an app id must have 1 to 128 characters/],
  ] as [string, unknown, ...RegExp[]][]) {
    it(`are refused: ${name}`, () => {
      const problems = problemsOf(withApps(content));
      assert.equal(problems.length, expected.length, problems.join('\n'));
      for (const [index, pattern] of expected.entries()) assert.match(problems[index] ?? '', pattern);
    });
  }
});

describe('regions', () => {
  const withRegions = (content: unknown) => ({ TALKDESK_REGIONS_FILE: file('regions.json', content) });

  it('are read, plain http only for hosts that are allowed to', () => {
    const local = { name: 'local', gateway: 'http://localhost:3002/', tokenHosts: ['localhost:3002'] };
    const xx = { name: 'xx', gateway: 'https://api.xx.example', tokenHosts: ['*.id.example', 'id.example:8443'] };
    assert.deepEqual(load({ ...withRegions([local, xx]), ALLOW_INSECURE_HTTP: 'localhost:3002' }).regions, [
      { ...local, gateway: 'http://localhost:3002' },
      xx,
    ]);
    assert.deepEqual(problemsOf(withRegions([local])), [
      'TALKDESK_REGIONS_FILE [0].gateway: is plain http; add localhost:3002 to ALLOW_INSECURE_HTTP (development only)',
    ]);
  });

  for (const [name, content, expected] of [
    ['an object', {}, /must hold a JSON array of regions$/],
    ['no gateway', [{ name: 'x', tokenHosts: [] }], /^TALKDESK_REGIONS_FILE \[0\]\.gateway: must be a URL$/],
    ['a bad gateway', [{ name: 'x', gateway: 'api', tokenHosts: [] }], /\[0\]\.gateway: is not a URL$/],
    ['another scheme', [{ name: 'x', gateway: 'ftp://api', tokenHosts: [] }], /must begin with https:/],
    ['user information', [{ name: 'x', gateway: 'https://a@b', tokenHosts: [] }], /must not hold a user name/],
    [
      'a URL as token host',
      [{ name: 'x', gateway: 'https://a', tokenHosts: ['https://b'] }],
      /tokenHosts\.0: must be host/,
    ],
    ['a star inside', [{ name: 'x', gateway: 'https://a', tokenHosts: ['a.*.b'] }], /tokenHosts\.0: must be host/],
    [
      'an unknown key',
      [{ name: 'x', gateway: 'https://a', tokenHosts: [], id: 1 }],
      /\[0\]: unknown: id; allowed are name, gateway/,
    ],
    ['no object', ['x'], /\[0\]: must be an object with name, gateway and tokenHosts$/],
    [
      'a name twice',
      ['a', 'b'].map((host) => ({ name: 'x', gateway: `https://${host}`, tokenHosts: [] })),
      /\[1\]\.name: is used twice$/,
    ],
  ] as [string, unknown, RegExp][]) {
    it(`are refused: ${name}`, () => {
      const problems = problemsOf(withRegions(content));
      assert.equal(problems.length, 1, problems.join('\n'));
      assert.match(problems[0] ?? '', expected);
    });
  }
});

describe('Temporal', () => {
  const connection = (env: Record<string, string>) => load(env).temporal.connectionOptions;

  it('is found by the variables of its own tools', () => {
    const { temporal } = load({
      TEMPORAL_ADDRESS: 'x.tmprl.cloud:7233',
      TEMPORAL_NAMESPACE: 'ns.abc',
      TEMPORAL_API_KEY: SECRET,
      TEMPORAL_GRPC_META_X_TEAM: 'blue',
    });
    assert.equal(temporal.namespace, 'ns.abc');
    assert.deepEqual(
      { ...temporal.connectionOptions },
      {
        address: 'x.tmprl.cloud:7233',
        apiKey: SECRET,
        tls: true,
        metadata: { 'x-team': 'blue' },
      },
    );
    assert.equal(connection({ TEMPORAL_API_KEY: SECRET, TEMPORAL_TLS: 'false' }).tls, false);
  });

  it('takes certificate and key together', () => {
    const TEMPORAL_TLS_CLIENT_CERT_PATH = file('cert.pem', 'certificate');
    const tls = connection({ TEMPORAL_TLS_CLIENT_CERT_PATH, TEMPORAL_TLS_CLIENT_KEY_DATA: 'key' }).tls;
    assert.ok(typeof tls === 'object' && tls !== null);
    assert.equal(Buffer.from(tls.clientCertPair?.crt ?? '').toString(), 'certificate');
    assert.equal(Buffer.from(tls.clientCertPair?.key ?? '').toString(), 'key');
    assert.deepEqual(problemsOf({ TEMPORAL_TLS_CLIENT_CERT_PATH }), [
      'TEMPORAL_TLS_CLIENT_KEY_PATH: is missing: mutual TLS needs certificate and key',
    ]);
  });

  it('is found by a profile of its configuration file', () => {
    const toml = '[profile.default]\naddress = "one:1"\n[profile.two]\naddress = "two:2"\nnamespace = "n2"\n';
    const TEMPORAL_CONFIG_FILE = file('temporal.toml', toml);
    assert.equal(connection({ TEMPORAL_CONFIG_FILE }).address, 'one:1');
    const { temporal } = load({ TEMPORAL_CONFIG_FILE, TEMPORAL_PROFILE: 'two', TEMPORAL_NAMESPACE: 'mine' });
    assert.equal(temporal.connectionOptions.address, 'two:2');
    assert.equal(temporal.namespace, 'mine');
  });

  it('does not repeat the lines of a file that cannot be read', () => {
    const TEMPORAL_CONFIG_FILE = file('broken.toml', `[profile.default]\napi_key = "${SECRET}" oops\n`);
    assert.match(problemsOf({ TEMPORAL_CONFIG_FILE }).join('\n'), /^TEMPORAL_CONFIG_FILE: .*cannot be read/);
  });
});
