import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { loadConfig } from '../../config/index.js';
import { serviceEnvironment } from '../../local/service-env.js';
import { scratchDir } from './scratch.js';

const parts = (dataDir: string) => ({
  dataDir,
  databaseUrl: 'postgresql://postgres:x@127.0.0.1:1/appconnect',
  productDatabaseUrl: 'postgresql://postgres:x@127.0.0.1:1/product',
  temporalAddress: '127.0.0.1:7233',
  simulatorRegions: { us: 'http://127.0.0.1:3002', eu: 'https://eu.sim.example/base' },
  ingress: { host: '127.0.0.1', port: 0 },
  ops: { host: '127.0.0.1', port: 0 },
});

test('the service knows every region of the simulator beside those of the user, and trusts http where it is spoken', (t) => {
  const dataDir = scratchDir(t);
  const own = { name: 'own', gateway: 'https://own.example', tokenHosts: ['own.example'] };
  const file = join(dataDir, 'own-regions.json');
  writeFileSync(file, JSON.stringify([own]));
  const env = { TALKDESK_REGIONS_FILE: file, ALLOW_INSECURE_HTTP: 'other:80' };
  const config = loadConfig(serviceEnvironment(env, parts(dataDir)));
  assert.deepEqual(config.regions, [
    own,
    { name: 'simulator-us', gateway: 'http://127.0.0.1:3002', tokenHosts: ['127.0.0.1:3002'] },
    { name: 'simulator-eu', gateway: 'https://eu.sim.example', tokenHosts: ['eu.sim.example'] },
  ]);
  assert.deepEqual(config.insecureHosts, ['other:80', '127.0.0.1:3002']);
});
