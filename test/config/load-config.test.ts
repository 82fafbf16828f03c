import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, describe, it } from 'node:test';
import { ConfigurationError, type LoadConfigOptions, loadConfig } from '../../config/index.js';

const folder = mkdtempSync(path.join(tmpdir(), 'appconnect-config-'));
after(() => rmSync(folder, { recursive: true, force: true }));

/** Writes a file of this test and gives its path. */
function file(name: string, content: unknown): string {
  const target = path.join(folder, name);
  writeFileSync(target, typeof content === 'string' ? content : JSON.stringify(content));
  return target;
}

/** 32 bytes, all 0x41, and all 0x42. */
const KEY_A = 'QUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUE=';
const KEY_B = 'QkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkI=';
const SECRET = 'hunter2-do-not-show';

const appsFile = file('apps.json', { 'app-1': {} });
const complete = {
  DATABASE_URL: `postgresql://app:${SECRET}@db:5432/appconnect`,
  PRODUCT_DATABASE_URL: `postgresql://sample:${SECRET}@db:5432/sample`,
  SEALING_KEYS: `k1:${KEY_A}`,
  APPS_FILE: appsFile,
};

const load = (env: Record<string, string | undefined> = {}, options: LoadConfigOptions = {}) =>
  loadConfig({ ...complete, ...env }, { cwd: folder, ...options });

/** The problems of an environment, as `variable: problem`. */
function problemsOf(env: Record<string, string | undefined>, options: LoadConfigOptions = {}): string[] {
  try {
    load(env, options);
  } catch (error) {
    assert.ok(error instanceof ConfigurationError, String(error));
    assert.ok(!error.message.includes(SECRET), error.message);
    return error.problems.map(({ variable, problem }) => `${variable}: ${problem}`);
  }
  return assert.fail('the configuration was accepted');
}

describe('loadConfig', () => {
  it('fills in the defaults', () => {
    assert.deepEqual(load(), {
      nodeEnv: 'development',
      production: false,
      databaseUrl: complete.DATABASE_URL,
      databasePoolMax: 10,
      temporal: { connectionOptions: { address: 'localhost:7233' }, namespace: 'default', taskQueue: 'appconnect' },
      ingress: { host: '127.0.0.1', port: 3000 },
      ops: { host: '127.0.0.1', port: 3001 },
      regions: [],
      insecureHosts: [],
      sealingKeys: [{ id: 'k1', key: Buffer.alloc(32, 0x41) }],
      apps: Object.assign(Object.create(null), {
        'app-1': {
          product: { adapter: 'sample', settings: { databaseUrl: complete.PRODUCT_DATABASE_URL } },
          scopes: ['account:read', 'apps:read', 'apps:write', 'users:read'],
        },
      }),
      tokenAuth: 'private_key_jwt',
      workflowBundle: null,
      sweepIntervalMs: 5000,
      logLevel: 'info',
      dataDir: path.join(folder, '.data'),
    });
  });

  it('reads what is set', () => {
    const config = load({
      NODE_ENV: 'production',
      DATABASE_POOL_MAX: '25',
      TEMPORAL_TASK_QUEUE: 'other',
      HOST: '0.0.0.0',
      PORT: '0',
      OPS_HOST: '::1',
      OPS_PORT: '65535',
      TALKDESK_TOKEN_AUTH: 'basic',
      WORKFLOW_BUNDLE: 'dist/bundle.js',
      SWEEP_INTERVAL_MS: '250',
      LOG_LEVEL: 'debug',
      DATA_DIR: '/var/lib/x',
    });
    assert.equal(config.nodeEnv, 'production');
    assert.equal(config.production, true);
    assert.equal(config.databasePoolMax, 25);
    assert.equal(config.temporal.taskQueue, 'other');
    assert.deepEqual(config.ingress, { host: '0.0.0.0', port: 0 });
    assert.deepEqual(config.ops, { host: '::1', port: 65535 });
    assert.equal(config.tokenAuth, 'basic');
    assert.equal(config.workflowBundle, path.join(folder, 'dist/bundle.js'));
    assert.equal(config.sweepIntervalMs, 250);
    assert.equal(config.logLevel, 'debug');
    assert.equal(config.dataDir, '/var/lib/x');
  });

  it('takes an empty or blank variable as not set', () => {
    const config = load({
      PORT: '',
      LOG_LEVEL: '  ',
      SEALING_KEYS_FILE: '',
      TEMPORAL_ADDRESS: '',
      TEMPORAL_API_KEY: '',
    });
    assert.equal(config.ingress.port, 3000);
    assert.equal(config.logLevel, 'info');
    assert.deepEqual(config.temporal.connectionOptions, { address: 'localhost:7233' });
    assert.match(problemsOf({ DATABASE_URL: '' }).join(), /^DATABASE_URL: is missing/);
  });

  it('is frozen to the bottom', () => {
    const config = load({
      TALKDESK_REGIONS_FILE: file('r.json', [{ name: 'x', gateway: 'https://x', tokenHosts: ['y'] }]),
    });
    for (const part of [
      config,
      config.temporal.connectionOptions,
      config.ingress,
      config.regions[0]?.tokenHosts,
      config.apps,
      config.apps['app-1']?.product.settings,
      config.sealingKeys[0],
    ]) {
      assert.ok(part !== undefined && Object.isFrozen(part));
    }
  });

  it('reports all problems together, a line each, without secrets', () => {
    const env = {
      NODE_ENV: 'prod',
      DATABASE_URL: `mysql://app:${SECRET}@db/x`,
      DATABASE_POOL_MAX: '0',
      TEMPORAL_TLS: 'yes',
      PORT: '70000',
      OPS_PORT: '3001.5',
      HOST: 'http://0.0.0.0',
      TALKDESK_REGIONS_FILE: 'no-such.json',
      TALKDESK_TOKEN_AUTH: 'none',
      SEALING_KEYS: `k1:${SECRET}`,
      APPS_FILE: undefined,
      PRODUCT_URL: `https://x:${SECRET}@product`,
      SWEEP_INTERVAL_MS: '-1',
      LOG_LEVEL: 'loud',
    };
    assert.deepEqual(new Set(problemsOf(env).map((problem) => problem.split(':')[0])), new Set(Object.keys(env)));
    assert.throws(
      () => load(env),
      (error: Error) => {
        assert.ok(
          error.message.startsWith(
            'The configuration cannot be used:\n  NODE_ENV: must be one of development, test, production\n',
          ),
        );
        assert.equal(error.message.split('\n').length, 1 + Object.keys(env).length);
        return true;
      },
    );
  });

  for (const [name, values] of Object.entries({
    DATABASE_URL: ['db:5432', 'postgresql://db:5432', 'http://db/x'],
    DATABASE_POOL_MAX: ['ten', '1001', '1e3', '-5', '0x10'],
    PORT: ['65536', '-1', '80 80', '3000/tcp'],
    SWEEP_INTERVAL_MS: ['5s', '99', '3600001'],
    ALLOW_INSECURE_HTTP: ['localhost', 'http://localhost:3002', 'localhost:3002/x', 'a:1,b'],
    PRODUCT_DATABASE_URL: ['sample', complete.DATABASE_URL],
    PRODUCT_URL: ['https://product.example.com'],
    TEMPORAL_ADDRESS: ['http://localhost:7233', 'localhost', 'localhost:99999'],
    TEMPORAL_TLS_CLIENT_CERT_PATH: ['no-such.pem'],
    TEMPORAL_TLS_DISABLE_HOST_VERIFICATION: ['true'],
    TEMPORAL_CONFIG_FILE: ['no-such.toml'],
    TEMPORAL_PROFILE: ['no-such-profile'],
  })) {
    for (const value of values) {
      it(`refuses ${name}=${value.replace(SECRET, '…')}`, () => {
        const problems = problemsOf({ [name]: value });
        assert.ok(
          problems.some((problem) => problem.startsWith(name)),
          problems.join('\n'),
        );
      });
    }
  }

  it('refuses plain http in production, and takes it otherwise', () => {
    assert.deepEqual(load({ ALLOW_INSECURE_HTTP: ' LocalHost:3002, 127.0.0.1:3003 ,[::1]:3004' }).insecureHosts, [
      'localhost:3002',
      '127.0.0.1:3003',
      '[::1]:3004',
    ]);
    assert.deepEqual(
      problemsOf({ NODE_ENV: 'production', ALLOW_INSECURE_HTTP: 'localhost:3002', WORKFLOW_BUNDLE: 'x' }),
      ['ALLOW_INSECURE_HTTP: is refused when NODE_ENV is production: use https'],
    );
  });

  it('asks only a process with a worker for the bundle and the sample database', () => {
    const env = { NODE_ENV: 'production', PRODUCT_DATABASE_URL: undefined };
    assert.equal(load(env, { worker: false }).workflowBundle, null);
    assert.deepEqual(problemsOf(env), [
      'WORKFLOW_BUNDLE: is missing: a worker in production runs the bundle that npm run build makes',
      'PRODUCT_DATABASE_URL: is missing: the sample product needs a database (used by app-1)',
    ]);
  });
});

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
        }),
        PRODUCT_ADAPTER: 'adapters/shared.js',
      },
      { cwd: '/srv/app' },
    );
    const scopes = ['account:read', 'apps:read', 'apps:write', 'users:read'];
    assert.deepEqual(
      { ...apps },
      {
        a: { product: { adapter: path.join(folder, 'mine.js'), settings: { region: 'eu' } }, scopes: ['apps:read'] },
        b: { product: { adapter: 'sample', settings: { databaseUrl: 'postgresql://b/own' } }, scopes },
        c: { product: { adapter: '/srv/app/adapters/shared.js', settings: {} }, scopes },
      },
    );
  });

  it('are not found by names that every object has', () => {
    const { apps } = load(withApps('{"__proto__": {"scopes": ["x"]}, "a": {}}'));
    assert.deepEqual(Object.keys(apps), ['__proto__', 'a']);
    assert.equal(apps['constructor'], undefined);
    assert.deepEqual(apps['__proto__']?.scopes, ['x']);
  });

  for (const [name, content, ...expected] of [
    ['no JSON', '{"a": ', /^APPS_FILE: the file \S+ is not valid JSON$/],
    ['a list', [], /must hold a JSON object by app id$/],
    ['no app', {}, /names no app$/],
    ['an unknown key', { a: { scope: [] } }, /^APPS_FILE a: scope is unknown; allowed are product and scopes$/],
    ['a policy', { a: { policy: {} } }, /^APPS_FILE a: policy: decision policies are not part of this release$/],
    [
      'a URL',
      { a: { product: { url: 'https://x' } } },
      /^APPS_FILE a\.product: url: HTTP products are not part of this release/,
    ],
    [
      'an unknown product key',
      { a: { product: { path: 'x' } } },
      /product: path is unknown; allowed are adapter and settings$/,
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
      expected.forEach((pattern, index) => assert.match(problems[index] ?? '', pattern));
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
