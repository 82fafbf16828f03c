import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { describeSettings, settingsHelp } from '../../config/index.js';

/** Settings that the project's interface names; a change here is a change for everybody who runs the service. */
const NAMES = [
  ...['NODE_ENV', 'DATABASE_URL', 'DATABASE_POOL_MAX'],
  ...['TEMPORAL_ADDRESS', 'TEMPORAL_NAMESPACE', 'TEMPORAL_API_KEY', 'TEMPORAL_TLS'],
  ...['TEMPORAL_TLS_CLIENT_CERT_PATH', 'TEMPORAL_TLS_CLIENT_CERT_DATA', 'TEMPORAL_TLS_CLIENT_KEY_PATH'],
  ...['TEMPORAL_TLS_CLIENT_KEY_DATA', 'TEMPORAL_TLS_SERVER_CA_CERT_PATH', 'TEMPORAL_TLS_SERVER_CA_CERT_DATA'],
  ...['TEMPORAL_TLS_SERVER_NAME', 'TEMPORAL_CONFIG_FILE', 'TEMPORAL_PROFILE', 'TEMPORAL_TASK_QUEUE'],
  ...['HOST', 'PORT', 'PUBLIC_URL', 'OPS_HOST', 'OPS_PORT'],
  ...['TALKDESK_REGIONS_FILE', 'ALLOW_INSECURE_HTTP', 'TALKDESK_TOKEN_AUTH'],
  ...['SEALING_KEYS', 'SEALING_KEYS_FILE', 'APPS_FILE', 'PRODUCT_ADAPTER', 'PRODUCT_URL', 'PRODUCT_DATABASE_URL'],
  ...['WORKFLOW_BUNDLE', 'SWEEP_INTERVAL_MS', 'DEVELOPMENT_CLOCK', 'DATA_DIR', 'LOG_LEVEL'],
];

const example = readFileSync(new URL('../../.env.example', import.meta.url), 'utf8');

describe('the list of settings', () => {
  it('holds exactly the names of the interface', () => {
    assert.deepEqual(
      describeSettings().map(({ name }) => name),
      NAMES,
    );
  });

  it('is what --help says, a line each', () => {
    const lines = settingsHelp().split('\n');
    assert.equal(lines.length, NAMES.length);
    for (const [index, name] of NAMES.entries()) assert.match(lines[index] ?? '', new RegExp(`^ {2}${name} +\\S.*\\(`));
  });

  it('is what .env.example holds, each name once and in the same order', () => {
    const names = [...example.matchAll(/^#? ?([A-Z][A-Z0-9_]*)=/gm)].map(([, name]) => name);
    assert.deepEqual(names, NAMES);
  });

  it('agrees with .env.example on what must be set', () => {
    const set = [...example.matchAll(/^([A-Z][A-Z0-9_]*)=/gm)].map(([, name]) => name);
    assert.deepEqual(set, ['DATABASE_URL', 'SEALING_KEYS_FILE', 'APPS_FILE', 'PRODUCT_DATABASE_URL']);
  });
});
