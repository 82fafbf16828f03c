import assert from 'node:assert/strict';
import { createServer, type Server } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { after, afterEach, before, beforeEach, describe, it } from 'node:test';
import { type RunningSimulator, startSimulator } from '../support/simulator.js';
import { type Ended, runCheck, startIdleBackend } from './support/check.js';

const scopes = ['apps:read', 'apps:write', 'account:read', 'users:read'];
const dayMs = 86_400_000;

let simulator: RunningSimulator;
let backend: { webhook: string; stop(): void };

before(async () => {
  backend = await startIdleBackend(400);
});
after(() => {
  backend?.stop();
});
beforeEach(async () => {
  simulator = await startSimulator();
  await simulator.control.registerApp('known', { callback_url: backend.webhook, scopes });
});
afterEach(async () => {
  await simulator?.stop();
});

/** One scenario, which fails at once because the backend refuses everything: exit code 1 says that it was run. */
const check = (...words: string[]) =>
  runCheck(['--simulator', simulator.url, '--webhook', backend.webhook, '--only', 'install-approved', ...words]);

function assertRefused({ code, stdout, stderr }: Ended, lines: string[]): void {
  assert.deepEqual(stderr.replaceAll(simulator.url, 'URL').trimEnd().split('\n'), lines);
  assert.deepEqual({ code, stdout }, { code: 2, stdout: '' });
}

const notAsItStarts = 'The simulator at URL is not as it starts, and a correct backend would fail because of it:';
const resets = 'With --reset, faults, scenarios and switches go to their defaults first.';

async function setEverything(): Promise<void> {
  const { control } = simulator;
  await control.loadScenario(
    'name: storm\nswitches: { error_fields: always }\nfaults: [{ route: any, kind: reset, probability: 0.1 }]\n',
  );
  await control.fault({ route: 'token', kind: 'status', status: 500, times: 2 });
  await control.fault({ route: 'delivery', kind: 'duplicate' });
  await control.switches({ sign: { tamper: 'bad-hex' }, window_seconds: 60 });
}

describe('`check` on a simulator that was used before', () => {
  it('refuses what would fail a correct backend, each with the command that mends it', async () => {
    await setEverything();
    assertRefused(await check(), [
      notAsItStarts,
      '  scenario-1 (storm) is loaded: npm run simulator -- scenario remove scenario-1 --simulator URL',
      '  fault-2 (status on token), fault-3 (duplicate on delivery) are set: npm run simulator -- fault clear --simulator URL',
      "  switch window_seconds (60, not 604800), switch error_fields (always, not optional), switch sign.tamper (bad-hex, not none) are off the default: curl -X PATCH -H 'content-type: application/json' -d '" +
        `{"window_seconds":604800,"error_fields":"optional","sign":{"tamper":"none"}}' URL/_control/switches`,
      resets,
    ]);
  });

  it('puts it to its defaults with --reset, says so, and goes on', async () => {
    await setEverything();
    const { code, stderr } = await check('--reset');
    assert.deepEqual(stderr.split('\n').slice(0, 1), [
      'Reset: scenario-1 (storm) removed, fault-2 (status on token) removed, fault-3 (duplicate on delivery) removed, ' +
        'switch window_seconds put to 604800, switch sign.tamper put to none.',
    ]);
    assert.equal(code, 1);
    const again = await check('--reset');
    assert.equal(again.stderr.split('\n')[0], 'Reset: everything was at its default.');
  });

  it('refuses a clock that stands still, and one that nobody follows', async () => {
    const { control } = simulator;
    await control.advance(7 * dayMs + 60_000);
    await control.clockMode('frozen');
    const refused = await check('--reset');
    assertRefused({ ...refused, stderr: refused.stderr.replace(/is 7d.* ahead/, 'is 7d ahead') }, [
      'Reset: everything was at its default.',
      notAsItStarts,
      '  the clock stands still: npm run simulator -- clock run --simulator URL',
      "  the clock is 7d ahead of the machine's, and nobody is told: npm run simulator -- clock now --simulator URL, or name with --told-time where the backend takes the time",
    ]);
  });

  it('refuses an app id that the simulator does not know, and lists those that it does', async () => {
    assertRefused(await check('--app-id', 'knwon'), [
      'The simulator knows no app "knwon", only known. Give the app id that the backend is configured for with --app-id, or have knwon registered with --register.',
    ]);
    const apps = async () =>
      ((await (await fetch(`${simulator.url}/_control/apps`)).json()) as { apps: Array<{ app_id: string }> }).apps.map(
        ({ app_id }) => app_id,
      );
    assert.deepEqual(await apps(), ['known']);
    assert.equal((await check('--app-id', 'new', '--register')).code, 1);
    assert.deepEqual(await apps(), ['known', 'new']);
  });
});

describe('`check` where the time is told', () => {
  let follower: Server;
  let url: string;
  let told: Array<{ now: string; offset_ms: number }>;
  let status: number;

  beforeEach(async () => {
    told = [];
    status = 200;
    follower = createServer(async (request, response) => {
      const chunks: Buffer[] = [];
      for await (const chunk of request) chunks.push(chunk as Buffer);
      told.push(JSON.parse(Buffer.concat(chunks).toString()));
      response.writeHead(status, { 'content-type': 'application/json' }).end('{"error":"no time"}');
    });
    follower.listen(0, '127.0.0.1');
    await once(follower, 'listening');
    url = `http://127.0.0.1:${(follower.address() as AddressInfo).port}/time`;
  });
  afterEach(() => {
    follower.close();
    follower.closeAllConnections();
  });

  it('tells the backend of --told-time the time before it begins', async () => {
    await simulator.control.advance(7 * dayMs);
    assert.equal((await check('--told-time', url)).code, 1);
    const [first] = told;
    assert.ok(first !== undefined && Math.abs(first.offset_ms - 7 * dayMs) < 1_000);
    assert.ok(Math.abs(Date.parse(first.now) - Date.now() - 7 * dayMs) < 60_000);
    status = 500;
    assertRefused(await check('--told-time', url), [
      `--told-time: ${url} answered 500; it is to answer 2xx once the time is taken over.`,
    ]);
  });

  it('takes a clock far off when those who follow it have the time, and only then', async () => {
    await simulator.stop();
    simulator = await startSimulator({ env: { SIMULATOR_CLOCK_FOLLOWERS: url } });
    await simulator.control.registerApp('known', { callback_url: backend.webhook, scopes });
    await simulator.control.advance(7 * dayMs);
    assert.equal((await check()).code, 1);
    status = 500;
    await simulator.control.advance(0);
    assertRefused(await check(), [
      notAsItStarts,
      `  the clock is 7d ahead of the machine's, and ${url} has not taken it (it answered 500: no time): start what is to follow there, and look with npm run simulator -- clock --simulator URL`,
    ]);
  });
});
