import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, afterEach, before, test } from 'node:test';
import { type RunningSimulator, startSimulator } from '../../support/simulator.js';
import { appId, get, prepare, token } from '../wire.js';

let simulator: RunningSimulator;

before(async () => {
  simulator = await startSimulator();
});
afterEach(async () => {
  for (const { scenario_id } of await simulator.control.scenarios())
    await simulator.control.removeScenario(scenario_id);
});
after(() => simulator.stop());

const load = (name: string) =>
  simulator.control.loadScenario(
    readFileSync(new URL(`../../../examples/scenarios/${name}.yaml`, import.meta.url), 'utf8'),
  );

/** An installation with a token, from before a scenario is loaded. */
async function ready() {
  const prepared = await prepare(simulator);
  const accessToken = await token(prepared);
  return { prepared, accessToken, url: `${simulator.url}/apps/${appId}/installations/${prepared.installation_id}` };
}

test('flaky-api: about one request in five goes wrong, the same ones again', async () => {
  const { url, accessToken } = await ready();
  const row = async () => {
    const { scenario_id } = await load('flaky-api');
    for (let request = 0; request < 60; request += 1) await get(url, accessToken).catch(() => undefined);
    await simulator.control.removeScenario(scenario_id);
    return (await simulator.control.requests({ route: 'installation' })).slice(-60).map(({ fault }) => fault);
  };
  const first = await row();
  assert.deepEqual(await row(), first);
  const wrong = first.filter((fault) => fault !== null);
  assert.ok(wrong.length >= 6 && wrong.length <= 20, `${wrong.length} of 60`);
  assert.deepEqual(new Set(wrong.map((fault) => fault?.split(',')[0])).size, 4);
});

test('slow-and-huge: too much, too slowly, never, and with wrong times', async () => {
  const { prepared, url, accessToken } = await ready();
  const headers = { authorization: `Bearer ${accessToken}` };
  const truth = (await get(url, accessToken)).body;
  await load('slow-and-huge');
  let bytes = 0;
  for await (const chunk of (await fetch(`${url}/users`, { headers })).body ?? []) bytes += chunk.length;
  assert.equal(bytes, 50_000_000);
  const within = (path: string) => fetch(path, { headers, signal: AbortSignal.timeout(500) }).then((got) => got.text());
  await assert.rejects(within(`${url}/subscription`), { name: 'TimeoutError' });
  await assert.rejects(within(`${simulator.url}/account`), { name: 'TimeoutError' });
  const half = await (await fetch(url, { headers })).text();
  assert.equal(half, JSON.stringify(truth).slice(0, Math.ceil(JSON.stringify(truth).length / 2)));
  assert.equal((await fetch(url, { headers })).headers.get('content-type'), 'text/html');
  assert.equal(Date.parse((await get(url, accessToken)).body.created_at) - Date.parse(truth.created_at), 86_400_000);
  assert.equal((await simulator.control.installation(prepared.installation_id)).state, 'installing');
});
