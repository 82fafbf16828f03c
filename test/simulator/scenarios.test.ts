import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { after, afterEach, before, test } from 'node:test';
import { eventually } from '../support/eventually.js';
import { type RunningSimulator, startSimulator } from '../support/simulator.js';
import {
  appId,
  ask,
  assertion,
  decide,
  get,
  type Prepared,
  postForm,
  prepare,
  startPartner,
  token,
  tokenForm,
} from './wire.js';

let simulator: RunningSimulator;
let partner: Awaited<ReturnType<typeof startPartner>>;

before(async () => {
  simulator = await startSimulator();
  partner = await startPartner(204);
});
afterEach(async () => {
  for (const { scenario_id } of await simulator.control.scenarios())
    await simulator.control.removeScenario(scenario_id);
  await simulator.control.clearFaults();
});
after(async () => {
  await partner.stop();
  await simulator.stop();
});

const folder = new URL('../../examples/scenarios/', import.meta.url);
const exampleNames = readdirSync(folder).map((file) => file.replace('.yaml', ''));

/** Loads an example, with an app registered whose callback URL is the partner's. */
async function load(name: string) {
  partner.received.length = 0;
  await simulator.control.registerApp(appId, { callback_url: partner.url });
  return await simulator.control.loadScenario(readFileSync(new URL(`${name}.yaml`, folder), 'utf8'));
}

async function refused(type: string, body: string, query = ''): Promise<string[]> {
  const url = `${simulator.url}/_control/scenarios${query}`;
  const answer = await ask(url, { method: 'POST', headers: { 'content-type': type }, body });
  assert.equal(answer.status, 400);
  return (answer.body.error as string).split('\n');
}

const nowMs = async () => Date.parse((await simulator.control.clock()).now);
const eventTypes = () => partner.received.map(({ body }) => JSON.parse(body.toString()).type);

/** An installation with a token, from before a scenario is loaded. */
async function ready() {
  const prepared = await prepare(simulator);
  const accessToken = await token(prepared, undefined, await nowMs());
  return { prepared, accessToken, url: `${simulator.url}/apps/${appId}/installations/${prepared.installation_id}` };
}

test('every example loads, and can be taken back without a trace', async () => {
  const switches = await simulator.control.switches();
  assert.ok(exampleNames.length >= 6);
  for (const name of exampleNames) {
    const loaded = await load(name);
    assert.equal(loaded.name, name);
    assert.ok(loaded.fault_ids.length > 0);
    await simulator.control.removeScenario(loaded.scenario_id);
    assert.deepEqual(await simulator.control.faults(), []);
  }
  assert.deepEqual(await simulator.control.switches(), switches);
});

test('outage-of-an-hour: 503, then told to wait; an event of the meantime is delivered', async () => {
  const { prepared, url, accessToken } = await ready();
  await load('outage-of-an-hour');
  assert.equal((await get(url, accessToken)).status, 503);
  await simulator.control.advance(10 * 60_000);
  await eventually('the event of the meantime', async () => eventTypes().includes('app.installed'));
  await simulator.control.advance(50 * 60_000);
  const limited = await postForm(prepared, tokenForm(await assertion(prepared, { nowMs: await nowMs() })));
  assert.deepEqual([limited.status, limited.headers.get('retry-after')], [429, '2']);
  const fresh = await token(prepared, undefined, await nowMs());
  const dated = await get(url, fresh);
  assert.equal(dated.status, 503);
  assert.match(dated.headers.get('retry-after') ?? '', /GMT$/);
  assert.equal((await get(`${url}/users`, fresh)).body.fields[0].name, 'retry-after');
  assert.equal((await get(`${url}/subscription`, fresh)).headers.get('retry-after'), 'in a little while');
  assert.equal((await get(url, fresh)).status, 200);
  const [scenario] = await simulator.control.scenarios();
  assert.deepEqual(new Set(scenario?.steps.map(({ outcome }) => outcome)), new Set(['done']));
});

test('bad-signatures: five that do not hold, forged links, and three that hold', async () => {
  await load('bad-signatures');
  const faults: (string | null)[] = [];
  for (let number = 0; number < 9; number += 1) {
    const { event_id } = await simulator.control.createInstallation({ app_id: appId });
    await simulator.control.advance(0);
    faults.push((await simulator.control.event(event_id)).attempts[0]?.fault ?? null);
  }
  assert.deepEqual(faults, [
    'signed with tamper unsigned',
    'signed with tamper bad-hex',
    'signed with tamper unknown-key-id',
    'signed with tamper other-key',
    'signed with tamper changed-body',
    'forged-links',
    'signed with curve p384',
    'signed with curve p521, signature_container raw',
    'signed with key_container raw, hex_case upper',
  ]);
  assert.equal(partner.received[0]?.headers['x-hub-ecdsa-signature'], undefined);
  const forged = JSON.parse(partner.received[5]?.body.toString() ?? '');
  assert.equal(forged._links.root.href, 'https://attacker.example');
});

test('out-of-order-and-duplicated: three at once, the uninstall before its install, and again a day later', async () => {
  await load('out-of-order-and-duplicated');
  await simulator.control.advance(0);
  assert.deepEqual(eventTypes(), ['app.installed', 'app.installed', 'app.installed']);
  partner.received.length = 0;
  await simulator.control.advance(60_000);
  assert.deepEqual(eventTypes(), []);
  await simulator.control.advance(60_000);
  assert.deepEqual(eventTypes(), ['app.uninstalled', 'app.installed']);
  await simulator.control.advance(86_400_000);
  assert.deepEqual(eventTypes(), ['app.uninstalled', 'app.installed', 'app.uninstalled']);
  assert.deepEqual(partner.received[2]?.body, partner.received[0]?.body);
});

test('lost-answers: the token, the decision and the delivery took effect, and the caller does not know', async () => {
  const { prepared, url, accessToken } = await ready();
  await load('lost-answers');
  await assert.rejects(postForm(prepared, tokenForm(await assertion(prepared, { nowMs: await nowMs() }))), TypeError);
  const headers = { authorization: `Bearer ${accessToken}`, 'content-type': 'application/json' };
  const approve = () => ask(`${url}/state`, { method: 'POST', headers, body: '{"state":"approve"}' });
  await assert.rejects(approve(), TypeError);
  const seen = await simulator.control.installation(prepared.installation_id);
  assert.deepEqual([seen.state, seen.token_requests], ['completed', 2]);
  const again = await approve();
  assert.deepEqual([again.status, again.headers.get('content-type')], [502, 'text/html']);
  const { event_id } = await simulator.control.createInstallation({ app_id: appId });
  await simulator.control.advance(0);
  await eventually('the event arrives', async () => partner.received.length === 1);
  assert.equal((await simulator.control.event(event_id)).attempts[0]?.status, null);
});

test('switches of a scenario are as before when it is removed, also those of its steps', async () => {
  const { scenario_id } = await simulator.control.loadScenario(`
name: switched
switches: { delivered_by: only-200, sign: { curve: p384 } }
steps:
  - { at: 1m, do: switches, with: { created_by: string } }
  - { at: 2m, do: app.updated, installation_id: nobody }
`);
  const seen = async () => {
    const { delivered_by, created_by, sign } = (await simulator.control.switches()) as Record<string, never>;
    return [delivered_by, created_by, (sign as unknown as { curve: string }).curve];
  };
  assert.deepEqual(await seen(), ['only-200', 'embedded', 'p384']);
  await simulator.control.advance(60_000);
  assert.deepEqual(await seen(), ['only-200', 'string', 'p384']);
  await simulator.control.advance(60_000);
  const [loaded] = await simulator.control.scenarios();
  assert.deepEqual(
    loaded?.steps.map(({ outcome }) => outcome),
    ['done', 'There is no installation of this id.'],
  );
  await simulator.control.removeScenario(scenario_id);
  assert.deepEqual(await seen(), ['any-2xx', 'embedded', 'p256']);
  await assert.rejects(simulator.control.removeScenario(scenario_id), /404: There is no scenario scenario-\d+/);
});

test('a step of a scenario that was removed does not happen', async () => {
  await simulator.control.registerApp(appId, { callback_url: partner.url });
  const text = 'name: later\nsteps: [{ at: 1h, do: app.installed }]';
  const { scenario_id } = await simulator.control.loadScenario(text);
  const before = (await simulator.control.installations()).length;
  await simulator.control.removeScenario(scenario_id);
  await simulator.control.advance(2 * 3_600_000);
  assert.equal((await simulator.control.installations()).length, before);
});

test('all mistakes of a file are told together, each with its line and column, and nothing is set', async () => {
  const yaml = `name: wrong
seed: -3
faults:
  - route: state
    kind: explode
  - route: token
    kind: reset
    tims: 3
deliveries:
  - kind: delay
    delay: 3 hours
steps:
  - at: +5m
    do: app.installed
    with: { usrs: 3 }
stps: []
`;
  const mistakes = await refused('application/yaml', yaml, '?file=wrong.yaml');
  const expected = [
    /^wrong\.yaml:2:7: seed: must be 0 or more$/,
    /^wrong\.yaml:5:11: faults\[0\]\.kind: must be one of status, refusal, /,
    /^wrong\.yaml:8:5: faults\[1\]: unknown field "tims"; allowed: route, times, /,
    /^wrong\.yaml:11:12: deliveries\[0\]\.delay: must be a time span such as 90s, 5m, 1h30m or 2d$/,
    /^wrong\.yaml:15:13: steps\[0\]\.with: unknown field "usrs"; allowed: app_id, /,
    /^wrong\.yaml:16:1: unknown field "stps"; allowed: name, description, seed, switches, faults, deliveries, steps$/,
  ];
  assert.equal(mistakes.length, expected.length, mistakes.join('\n'));
  expected.forEach((pattern, index) => {
    assert.match(mistakes[index] ?? '', pattern);
  });
  assert.match((await refused('application/json', '{"name":"j",\n  "seed": "x"}'))[0] ?? '', /^scenario:2:11: seed: /);
  assert.match((await refused('application/yaml', 'name: a\nname: b'))[0] ?? '', /^scenario:2:1: no YAML: .*unique/);
  assert.match((await refused('application/yaml', ''))[0] ?? '', /^scenario:1:1: .*must be a JSON object$/);
  assert.deepEqual([await simulator.control.faults(), await simulator.control.scenarios()], [[], []]);
});

test('a step or fault of no kind does not hide what else is wrong with it', async () => {
  const yaml = `name: wrong
faults:
  - { kind: explode, route: nowhere, status: 9000, times: 2 }
steps:
  - { at: soon, do: app.exploded, wth: {} }
  - { do: nothing }
  - { at: 1m, do: app.updated, with: { installation_id: abc } }
`;
  const told = await refused('application/yaml', yaml, '?file=w.yaml');
  const expected = [
    /^w\.yaml:3:13: faults\[0\]\.kind: must be one of status, /,
    /^w\.yaml:3:29: faults\[0\]\.route: must be one of "token"/,
    /^w\.yaml:3:46: faults\[0\]\.status: must be at most 599$/,
    /^w\.yaml:5:11: steps\[0\]\.at: must be a time span from now, /,
    /^w\.yaml:5:21: steps\[0\]\.do: must be one of app\.installed, /,
    /^w\.yaml:5:35: steps\[0\]: unknown field "wth"; allowed: at, do, with, installation_id$/,
    /^w\.yaml:6:5: steps\[1\]\.at: is missing; it must be text$/,
    /^w\.yaml:6:11: steps\[1\]\.do: must be one of app\.installed, /,
    /^w\.yaml:7:40: steps\[2\]\.with: unknown field "installation_id"; .*; it stands beside "with", not under it$/,
  ];
  assert.equal(told.length, expected.length, told.join('\n'));
  expected.forEach((pattern, index) => {
    assert.match(told[index] ?? '', pattern);
  });
});

test('what YAML has and a scenario has not is refused where it stands, in words about scenarios', async () => {
  const refusals: [string, string][] = [
    ['name: a\nseed: *none', 'scenario:2:7: unknown alias "*none"; an anchor "&none" must stand before it'],
    ['name: a\n---\nname: b', 'scenario:2:1: a scenario file is one document; leave out this one and what follows'],
    ['name: a\nseed: !lucky 7', 'scenario:2:7: unknown tag !lucky; leave it out'],
  ];
  for (const [yaml, sentence] of refusals) assert.deepEqual(await refused('application/yaml', yaml), [sentence]);
});

test('the example of the documentation does every step where a backend approves', async () => {
  const pages = readFileSync(new URL('../../docs/simulator.md', import.meta.url), 'utf8');
  const [, example = ''] = /```yaml\n(name: busy-monday\n[^`]*)```/.exec(pages) ?? [];
  await simulator.control.registerApp(appId, { callback_url: partner.url });
  const before = new Set((await simulator.control.installations()).map(({ installation_id }) => installation_id));
  await simulator.control.loadScenario(example);
  await simulator.control.advance(0);
  const installed = (await simulator.control.installations()).find(({ installation_id: id }) => !before.has(id));
  assert.ok(installed);
  const made = (await simulator.control.events({ installation_id: installed.installation_id }))[0];
  const { body_base64 } = await simulator.control.signed(made?.event_id ?? '');
  const prepared = {
    ...installed,
    event: JSON.parse(Buffer.from(body_base64, 'base64').toString()),
  } as unknown as Prepared;
  const accessToken = await token(prepared, undefined, await nowMs());
  assert.equal((await decide(simulator, prepared, accessToken, { state: 'approve' })).status, 200);
  await simulator.control.advance(3 * 3_600_000);
  const [loaded] = await simulator.control.scenarios();
  assert.deepEqual(
    loaded?.steps.map(({ outcome }) => outcome),
    ['done', 'done', 'done'],
  );
});
