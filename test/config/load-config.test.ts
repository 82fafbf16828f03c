import assert from 'node:assert/strict';
import path from 'node:path';
import { describe, it } from 'node:test';
import { SECRET, complete, file, folder, load, problemsOf } from './environment.js';

const signedAppsFile = file('signed-apps.json', { 'app-1': { product: { settings: { signingSecret: 'whsec_x' } } } });

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
      publicUrl: null,
      regions: [],
      insecureHosts: [],
      sealingKeys: [{ id: 'k1', key: Buffer.alloc(32, 0x41) }],
      apps: Object.assign(Object.create(null), {
        'app-1': {
          product: { adapter: 'sample', settings: { databaseUrl: complete.PRODUCT_DATABASE_URL } },
          policy: [],
          seats: 'assignment-order',
          scopes: ['account:read', 'apps:read', 'apps:write', 'users:read'],
        },
      }),
      tokenAuth: 'private_key_jwt',
      workflowBundle: null,
      sweepIntervalMs: 5000,
      logLevel: 'info',
      developmentClock: false,
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
      PUBLIC_URL: 'https://hooks.example.com/appconnect/',
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
    assert.equal(config.publicUrl, 'https://hooks.example.com/appconnect');
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
      PUBLIC_URL: `https://x:${SECRET}@hooks`,
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
    DEVELOPMENT_CLOCK: ['yes', '2'],
    ALLOW_INSECURE_HTTP: ['localhost', 'http://localhost:3002', 'localhost:3002/x', 'a:1,b'],
    PRODUCT_DATABASE_URL: ['sample', complete.DATABASE_URL],
    PRODUCT_ADAPTER: ['https://product.example.com'],
    PRODUCT_URL: [
      'product.example.com',
      'ftp://product',
      'http://product:8080',
      'https://product/?a=1',
      'https://product/#a',
    ],
    PUBLIC_URL: ['hooks.example.com', 'http://localhost:3000', 'https://hooks/?'],
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

  it('lets the clock be moved in development only, and only where ingress and worker are one process', () => {
    assert.equal(load({ DEVELOPMENT_CLOCK: '1' }).developmentClock, true);
    assert.equal(load({ DEVELOPMENT_CLOCK: '0' }).developmentClock, false);
    assert.deepEqual(problemsOf({ NODE_ENV: 'production', DEVELOPMENT_CLOCK: '1', WORKFLOW_BUNDLE: 'x' }), [
      'DEVELOPMENT_CLOCK: is refused when NODE_ENV is production',
    ]);
    const apart = ['DEVELOPMENT_CLOCK: needs ingress and worker in one process: start the service with start:service'];
    for (const part of [{ worker: false }, { ingress: false }]) {
      assert.deepEqual(problemsOf({ DEVELOPMENT_CLOCK: '1' }, part), apart);
    }
  });

  it('takes plain http for product and callbacks from the hosts that may be used so', () => {
    const config = load({
      APPS_FILE: signedAppsFile,
      ALLOW_INSECURE_HTTP: 'localhost:8080,localhost:3000',
      PRODUCT_URL: 'http://localhost:8080/api/',
      PUBLIC_URL: 'http://LOCALHOST:3000',
    });
    assert.equal(config.apps['app-1']?.product.adapter, 'http://localhost:8080/api');
    assert.equal(config.publicUrl, 'http://LOCALHOST:3000');
    assert.deepEqual(problemsOf({ PUBLIC_URL: 'http://localhost:3000' }), [
      'PUBLIC_URL: is plain http; add localhost:3000 to ALLOW_INSECURE_HTTP (development only)',
    ]);
  });

  it('takes one product for apps that name none', () => {
    const both = { PRODUCT_URL: 'https://product.example.com', PRODUCT_ADAPTER: 'mine.js', APPS_FILE: signedAppsFile };
    assert.deepEqual(problemsOf(both), ['PRODUCT_URL: set either this or PRODUCT_ADAPTER, not both']);
    assert.deepEqual(problemsOf({ PRODUCT_ADAPTER: 'HTTPS://product.example.com' }), [
      'PRODUCT_ADAPTER: is a URL: give it as PRODUCT_URL instead',
    ]);
  });

  it('asks only a process with a worker for the signing secret of an HTTP product', () => {
    const env = { PRODUCT_URL: 'https://product.example.com' };
    assert.equal(load(env, { worker: false }).apps['app-1']?.product.adapter, 'https://product.example.com');
    assert.deepEqual(problemsOf(env), [
      'APPS_FILE app-1.product.settings.signingSecret: is missing: calls to an HTTP product are signed with it, ' +
        'whsec_ and base64 of 32 random bytes',
    ]);
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
