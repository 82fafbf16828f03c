import assert from 'node:assert/strict';
import { execFile, fork } from 'node:child_process';
import { once } from 'node:events';
import { networkInterfaces } from 'node:os';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { startSimulator } from '../support/simulator.js';
import { endsWithNpm } from '../support/npm-shell.js';
import { ask } from './wire.js';

const main = fileURLToPath(new URL('../../simulator/main.ts', import.meta.url));
const nodeArguments = ['--import', 'tsx', main];
const run = promisify(execFile);

/** Starts it with a channel and waits until it has printed something. */
async function startForked() {
  const child = fork(main, {
    execArgv: ['--import', 'tsx'],
    env: { ...process.env, SIMULATOR_PORT: '0' },
    silent: true,
  });
  const printed: string[] = [];
  child.stdout?.on('data', (chunk: Buffer) => printed.push(chunk.toString()));
  await once(child.stdout ?? child, 'data');
  return { child, printed: () => printed.join('') };
}

test('it prints one line when it listens, and ends with 0 on SIGTERM and on SIGINT', async () => {
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    const { child, printed } = await startForked();
    assert.match(printed(), /^\{"listening":"http:\/\/127\.0\.0\.1:\d+","regions":\{"us":[^\n]+\}\}\n$/);
    const { listening, regions } = JSON.parse(printed()) as { listening: string; regions: Record<string, string> };
    assert.deepEqual(Object.keys(regions), ['us', 'eu', 'ca', 'au', 'uk']);
    assert.equal(regions['us'], listening);
    assert.equal(new Set(Object.values(regions)).size, 5);
    const line = printed();
    assert.equal((await ask(`${listening}/_control/health`)).body.ok, true);
    child.kill(signal);
    assert.deepEqual(await once(child, 'exit'), [0, null]);
    assert.equal(printed(), line);
    for (const url of Object.values(regions)) await assert.rejects(ask(`${url}/_control/health`));
  }
});

test('it ends when its parent goes away', async () => {
  const { child } = await startForked();
  child.disconnect();
  assert.deepEqual(await once(child, 'exit'), [0, null]);
});

test('it ends when npm, which started it, was ended', async () => {
  await endsWithNpm([main], { SIMULATOR_PORT: '0', npm_lifecycle_event: 'start:simulator' });
});

test('it ends with 0 although a request is held', async () => {
  const simulator = await startSimulator();
  await simulator.control.fault({ route: 'signature-keys', kind: 'hold' });
  const held = ask(`${simulator.url}/events/signature-keys/latest`);
  held.catch(() => undefined);
  while ((await simulator.control.holds()).length === 0) await new Promise((resolve) => setImmediate(resolve));
  assert.equal(await simulator.stop(), 0);
  await assert.rejects(held);
});

test('an app can be known from the start', async () => {
  const env = { SIMULATOR_APP_ID: 'demo', SIMULATOR_CALLBACK_URL: 'http://127.0.0.1:9/callback' };
  const simulator = await startSimulator({ env });
  try {
    const created = await simulator.control.createInstallation({ app_id: 'demo', deliver: false });
    assert.equal(created.app_id, 'demo');
  } finally {
    await simulator.stop();
  }
});

test('serve --help names every setting', async () => {
  const { stdout } = await run(process.execPath, [...nodeArguments, 'serve', '--help']);
  const regions = ['REGIONS', 'REGION_PORTS', 'REGION_BASE_URLS'];
  for (const name of ['HOST', 'PORT', 'BASE_URL', ...regions, 'APP_ID', 'CALLBACK_URL'])
    assert.ok(stdout.includes(`SIMULATOR_${name}`));
});

test('wrong settings are named, all of them, and it ends with 1', async () => {
  const env = { ...process.env, SIMULATOR_PORT: '70000', SIMULATOR_BASE_URL: 'ftp://x' };
  await assert.rejects(run(process.execPath, nodeArguments, { env }), (error: { code: number; stderr: string }) => {
    assert.equal(error.code, 1);
    assert.match(error.stderr, /SIMULATOR_PORT: .*\nSIMULATOR_BASE_URL: must be an absolute http or https URL\n$/);
    return true;
  });
});

test('a port in use is said in a sentence', async () => {
  const simulator = await startSimulator();
  try {
    const env = { ...process.env, SIMULATOR_PORT: new URL(simulator.url).port };
    await assert.rejects(run(process.execPath, nodeArguments, { env }), {
      code: 1,
      stderr: 'SIMULATOR_PORT: the port is in use; choose another one, or 0 for any free one\n',
    });
  } finally {
    await simulator.stop();
  }
});

const outside = Object.values(networkInterfaces())
  .flat()
  .find((address) => address?.family === 'IPv4' && !address.internal)?.address;

test("the control API answers this machine's loopback only", { skip: outside === undefined }, async () => {
  const simulator = await startSimulator({ env: { SIMULATOR_HOST: '0.0.0.0' } });
  try {
    const { port } = new URL(simulator.url);
    const refused = await ask(`http://${outside}:${port}/_control/secrets`);
    assert.equal(refused.status, 403);
    assert.equal((await ask(`http://${outside}:${port}/events/signature-keys/latest`)).status, 200);
    assert.equal((await simulator.control.health()).ok, true);
  } finally {
    await simulator.stop();
  }
});
