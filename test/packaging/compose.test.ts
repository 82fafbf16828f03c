import assert from 'node:assert/strict';
import { chmodSync } from 'node:fs';
import path from 'node:path';
import { describe, it } from 'node:test';
import { loadConfig } from '../../config/index.js';
import { composeProblems, readCompose } from './compose-rules.js';
import { brokenCopy, PROJECT_ROOT, readEnvFile } from './tree.js';

const FILE = 'docker-compose.yml';

/** What is changed in a copy, and what must then be said about it. */
const BROKEN: { name: string; file?: string; from: string; to: string; says: string }[] = [
  {
    name: 'a key that the Compose specification does not know',
    from: '    init: true\n    restart: unless-stopped\n    profiles',
    to: '    initialise: true\n    restart: unless-stopped\n    profiles',
    says: 'invalid-schema',
  },
  { name: 'a value of the wrong type', from: 'retries: 30', to: 'retries: [30]', says: 'invalid-schema' },
  { name: 'an image without a version', from: 'temporalio/ui:2.49.1', to: 'temporalio/ui', says: 'explicit-tag' },
  {
    name: 'a port open to every network',
    from: "'127.0.0.1:8233:8080'",
    to: "'8233:8080'",
    says: 'no-unbound-port-interfaces',
  },
  { name: 'a port published twice', from: '127.0.0.1:3001:3001', to: '127.0.0.1:3000:3001', says: 'duplicate' },
  {
    name: 'a setting that the service does not know',
    from: 'OPS_PORT: ',
    to: 'OPERATIONS_PORT: ',
    says: 'api: OPERATIONS_PORT is read by nobody',
  },
  {
    name: 'a setting that the simulator does not know',
    from: 'SIMULATOR_APP_ID',
    to: 'SIMULATOR_APP',
    says: 'simulator: SIMULATOR_APP is read by nobody',
  },
  {
    name: 'a variable that the Temporal server does not know',
    from: 'POSTGRES_SEEDS',
    to: 'POSTGRES_HOSTS',
    says: 'temporal: POSTGRES_HOSTS is read by nobody',
  },
  {
    name: 'a variable that a script reads and nobody sets',
    from: '      TEMPORAL_NAMESPACE: default\n    volumes',
    to: '    volumes',
    says: 'temporal-namespace: its script reads TEMPORAL_NAMESPACE, not set here',
  },
  {
    name: 'an unknown variable of the file',
    from: '${LOG_LEVEL:-info}',
    to: '${LOGGING:-info}',
    says: '${LOGGING} is neither in .env.example nor',
  },
  {
    name: 'a required variable that the demo does not set',
    file: 'docker/demo.env',
    from: 'PRODUCT_DB_PASSWORD=demo\n',
    to: '',
    says: '${PRODUCT_DB_PASSWORD} has no default and docker/demo.env does not set it',
  },
  {
    name: 'a demo value that nothing uses',
    file: 'docker/demo.env',
    from: 'NODE_ENV=development',
    to: 'NODE_ENV=development\nCOLOUR=blue',
    says: 'docker/demo.env sets COLOUR, which nothing uses',
  },
  {
    name: 'a command without a source',
    from: 'dist/worker/main.js',
    to: 'dist/worker/run.js',
    says: 'worker: dist/worker/run.js has no source worker/run.ts',
  },
  {
    name: 'a command that the build leaves out',
    file: 'tsconfig.build.json',
    from: '"scripts"',
    to: '"scripts", "simulator"',
    says: 'simulator: dist/simulator/main.js is not compiled',
  },
  {
    name: 'a script that is not mounted',
    from: '"/scripts/temporal-schema.sh"]',
    to: '"/scripts/schema.sh"]',
    says: 'temporal-schema: runs /scripts/schema.sh, which is not mounted',
  },
  {
    name: 'a mounted file that is not in the tree',
    from: './docker/apps.json:',
    to: './docker/applications.json:',
    says: 'worker: mounts ./docker/applications.json, which is not in the tree',
  },
  {
    name: 'a build context without a Dockerfile',
    from: 'build: .',
    to: 'build: ./docker',
    says: 'api: the build context ./docker has no Dockerfile',
  },
  {
    name: 'a setting that names a file where nothing is mounted',
    from: 'APPS_FILE: /etc/appconnect/apps.json',
    to: 'APPS_FILE: /etc/appconnect/my-apps.json',
    says: 'api: APPS_FILE names /etc/appconnect/my-apps.json, where nothing is mounted',
  },
  {
    name: 'a volume that is not declared',
    from: '- postgres-data:',
    to: '- database:',
    says: 'postgres: the volume database is not declared',
  },
  {
    name: 'a volume that is not used',
    from: 'volumes:\n  postgres-data:',
    to: 'volumes:\n  attic:\n  postgres-data:',
    says: 'the volume attic is used by no service',
  },
  {
    name: 'a wait for a service that does not exist',
    from: 'depends_on:\n      migrate:',
    to: 'depends_on:\n      migrations:',
    says: 'api: waits for migrations, which is no service',
  },
  {
    name: 'a wait for a service of a profile',
    from: '    depends_on:\n      migrate:\n        condition: service_completed_successfully\n    environment:',
    to: '    depends_on:\n      simulator:\n        condition: service_healthy\n    environment:',
    says: 'api: waits for simulator, which only starts with a profile that api does not have',
  },
  {
    name: 'a wait for the end of what stays up',
    from: '  migrate:\n    <<: *service\n    restart: on-failure:5\n',
    to: '  migrate:\n    <<: *service\n',
    says: 'api: waits for migrate with service_completed_successfully, which does not fit',
  },
  {
    name: 'a wait for the health of what has no health check',
    from: '      worker:\n        condition: service_healthy',
    to: '      temporal-ui:\n        condition: service_healthy',
    says: 'simulator: waits for temporal-ui to be healthy, which has no health check',
  },
  {
    name: 'a health check at the wrong port',
    from: 'http://127.0.0.1:3001/livez',
    to: 'http://127.0.0.1:3009/livez',
    says: 'api: its health check asks port 3009, where it does not listen',
  },
  {
    name: 'an address of a host that is no service',
    from: '@postgres:5432/appconnect',
    to: '@database:5432/appconnect',
    says: 'worker: DATABASE_URL names the host database, no service',
  },
];

/** The environment of one Compose service: variables filled in, mounted files named where they are in the tree. */
function environmentOf(service: string, variables: Map<string, string>): Record<string, string> {
  const { environment = {}, volumes = [] } = readCompose(PROJECT_ROOT).services[service] ?? {};
  const mounts = new Map(volumes.map((mount) => [mount.split(':')[1], mount.split(':')[0] ?? '']));
  const filled = Object.entries(environment).map(([name, value]) => {
    const text = value.replace(/\$\{(\w+)(?::-([^}]*)|:\?[^}]*)?\}/g, (_, key: string, fallback?: string) => {
      return variables.get(key) ?? fallback ?? '';
    });
    const mounted = mounts.get(text);
    return [name, mounted === undefined ? text : path.join(PROJECT_ROOT, mounted)];
  });
  return Object.fromEntries(filled) as Record<string, string>;
}

describe('docker-compose.yml', () => {
  it('fits the Compose specification, the settings and the tree', () => {
    assert.deepEqual(composeProblems(PROJECT_ROOT), []);
  });

  for (const { name, file = FILE, from, to, says } of BROKEN) {
    it(`is refused with ${name}`, (t) => {
      const problems = composeProblems(brokenCopy(t, [{ file, from, to }]));
      assert.ok(
        problems.some((problem) => problem.includes(says)),
        `said: ${problems.join('\n')}`,
      );
    });
  }

  it('is refused with a mounted script that may not be executed', (t) => {
    const root = brokenCopy(t, []);
    chmodSync(path.join(root, 'docker/postgres-init.sh'), 0o644);
    assert.deepEqual(composeProblems(root), ['postgres: mounts ./docker/postgres-init.sh, which may not be executed']);
  });

  for (const service of ['api', 'worker']) {
    it(`gives the ${service} a configuration that it accepts, in the demo and in production`, () => {
      const demo = readEnvFile(PROJECT_ROOT, 'docker/demo.env');
      const demoConfig = loadConfig(environmentOf(service, demo));
      assert.equal(demoConfig.production, false);
      assert.deepEqual(
        demoConfig.insecureHosts,
        [3002, 3003, 3004, 3005, 3006].map((port) => `simulator:${port}`),
      );
      assert.deepEqual(Object.keys(demoConfig.apps), ['demo-app']);

      for (const name of ['NODE_ENV', 'ALLOW_INSECURE_HTTP', 'TALKDESK_REGIONS_FILE']) {
        demo.delete(name);
      }
      const config = loadConfig({ ...environmentOf(service, demo), WORKFLOW_BUNDLE: '/app/dist/workflow-bundle.js' });
      assert.equal(config.production, true);
      assert.deepEqual(config.insecureHosts, []);
      assert.equal(config.databaseUrl, 'postgresql://appconnect:demo@postgres:5432/appconnect');
      assert.equal(config.temporal.connectionOptions.address, 'temporal:7233');
    });
  }

  it('is not taken as production with the values of the demo', () => {
    const demo = readEnvFile(PROJECT_ROOT, 'docker/demo.env');
    demo.set('NODE_ENV', 'production');
    assert.throws(() => loadConfig(environmentOf('api', demo)), /ALLOW_INSECURE_HTTP/);
  });
});
