import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startSimulator } from '../support/simulator.js';
import { startSwitched } from './switched.js';
import { type Answer, appId, ask, assertion, bodyOf, completed, get, prepare, token, tokenForm } from './wire.js';

const { simulator } = await startSwitched();

const names = ['us', 'eu', 'ca', 'au', 'uk'] as const;
const at = (name: string) => simulator.regions[name] as string;
const keyStatus = async (name: string, id: string) => (await ask(`${at(name)}/events/signature-keys/${id}`)).status;

for (const name of names) {
  test(`${name}: every link of events and answers is of the region`, async () => {
    const url = at(name);
    const { id, prepared, accessToken } = await completed(simulator, { region: name, account_name: `acme-${name}` });
    const installation = `${url}/apps/${appId}/installations/${id}`;
    assert.deepEqual(prepared.event._links, {
      root: { href: url },
      self: { href: `${url}/apps/${appId}/events/${prepared.event_id}` },
      userinfo: { href: `${url}/users/me` },
      authorization: { href: `${url}/acme-${name}/oauth/authorize` },
      token: { href: `${url}/acme-${name}/oauth/token` },
    });
    const { event_id: logout } = await simulator.control.logout(id, { deliver: false });
    const { _links: links, data } = await bodyOf(simulator, logout);
    assert.deepEqual(links, {
      root: { href: url },
      self: { href: `${url}/apps/${appId}/events/${logout}` },
      user: { href: `${url}/users/${data.user_id}` },
      installation: { href: installation },
    });
    const answers = [
      `${url}/account`,
      installation,
      `${installation}/users?per_page=2`,
      `${installation}/subscription`,
    ];
    for (const address of answers) {
      const { status, body } = await get(address, accessToken);
      assert.equal(status, 200, address);
      const hrefs = JSON.stringify(body).match(/"href":"[^"]+"/g) ?? [];
      assert.ok(hrefs.length > 0 && hrefs.every((href) => href.startsWith(`"href":"${url}/`)), `${address}: ${hrefs}`);
    }
    const view = await simulator.control.installation(id);
    assert.deepEqual([prepared.region, view.region], [name, name]);
  });
}

test('a token of one region is unknown at the gateway of another: 401 in the words of the route', async () => {
  const { id, accessToken } = await completed(simulator, { region: 'eu' });
  const installation = `/apps/${appId}/installations/${id}`;
  const cases: Array<[string, unknown]> = [
    ['/account', { code: '0060001', message: 'Access denied' }],
    [installation, { code: '0017000', message: 'Unauthorized' }],
    [`${installation}/users`, ''],
    [`${installation}/subscription`, ''],
    [`${installation}/trial`, { code: '0030010', message: 'Action is not authorized' }],
  ];
  for (const [path, body] of cases) {
    for (const name of ['us', 'uk']) {
      const answer = await get(`${at(name)}${path}`, accessToken);
      assert.deepEqual([answer.status, answer.body], [401, body], `${name} ${path}`);
    }
  }
  const verdict = (await simulator.control.requests({ installation_id: id })).at(-1)?.verdict;
  assert.equal(verdict, "refused: the token is of region eu, not of this gateway's uk");
});

test("another region's token service refuses the client, whatever the assertion is meant for", async () => {
  const prepared = await prepare(simulator, { region: 'ca', account_name: 'maple' });
  const elsewhere = `${at('au')}/maple/oauth/token`;
  const post = async (aud: string): Promise<Answer> => {
    const form = tokenForm(await assertion(prepared, { claims: { aud } }));
    return ask(elsewhere, { method: 'POST', body: new URLSearchParams(form) });
  };
  for (const aud of [elsewhere, `${at('ca')}/maple/oauth/token`]) {
    const answer = await post(aud);
    const body = { error: 'invalid_client', error_description: 'Client authentication failed' };
    assert.deepEqual([answer.status, answer.body], [401, body]);
  }
  const verdicts = (await simulator.control.requests({ route: 'token' })).slice(-2).map(({ verdict }) => verdict);
  assert.equal(verdicts[0], "refused: the client is of region ca, not of this token service's au");
  assert.match(verdicts[1] ?? '', /aud is .*, not the token URL/);
  assert.equal(typeof (await token(prepared)), 'string');
});

test("an event is signed with a key of its region, which its region's gateway serves, by the switch another or every one", async () => {
  const { event_id } = await prepare(simulator, { region: 'eu' });
  const keyId = (await simulator.control.signed(event_id)).headers['X-Hub-Ecdsa-Signature-Id'] ?? '';
  const served = () => Promise.all(names.map((name) => keyStatus(name, keyId)));
  assert.deepEqual(await served(), [404, 200, 404, 404, 404]);
  const elsewhere = await ask(`${at('us')}/events/signature-keys/${keyId}`);
  assert.deepEqual(elsewhere.body, { code: '0080021', message: 'Signature key not found' });
  assert.equal((await ask(`${at('eu')}/events/signature-keys/latest`)).body.key_id, keyId);
  assert.notEqual((await ask(`${at('us')}/events/signature-keys/latest`)).body.key_id, keyId);
  await simulator.control.switches({ signature_keys_served_by: 'first-region' });
  assert.deepEqual(await served(), [200, 404, 404, 404, 404]);
  await simulator.control.switches({ signature_keys_served_by: 'every-region' });
  assert.deepEqual(await served(), [200, 200, 200, 200, 200]);
});

test('a new signing key is of one region; the other ones keep theirs', async () => {
  const latest = async (name: string) => (await ask(`${at(name)}/events/signature-keys/latest`)).body.key_id;
  const before = { eu: await latest('eu'), us: await latest('us') };
  const rotated = await simulator.control.rotateSigningKey('eu');
  assert.deepEqual(rotated, { region: 'eu', key_id: await latest('eu') });
  assert.notEqual(rotated.key_id, before.eu);
  assert.equal(await latest('us'), before.us);
});

test('bytes as they are go out with a key of the region that is asked for', async () => {
  const raw = { callback_url: 'http://127.0.0.1:9/', text: 'hello', deliver: false };
  const { event_id } = await simulator.control.sendRaw({ ...raw, region: 'uk' });
  const { headers } = await simulator.control.signed(event_id);
  const keyId = headers['X-Hub-Ecdsa-Signature-Id'] ?? '';
  assert.deepEqual([await keyStatus('uk', keyId), await keyStatus('us', keyId)], [200, 404]);
});

test('an account lives in one region: the same name is the same account, another region for it is refused', async () => {
  const first = await prepare(simulator, { region: 'uk', account_name: 'crown' });
  const again = await prepare(simulator, { account_name: 'crown' });
  assert.deepEqual([again.account_id, again.region], [first.account_id, 'uk']);
  const refused = prepare(simulator, { region: 'us', account_name: 'crown' });
  await assert.rejects(refused, /400: region: the account crown lives in uk; leave it out, or name another account\./);
  await assert.rejects(prepare(simulator, { region: 'moon' }), /400: region: must be one of us, eu, ca, au, uk/);
});

test('which regions there are, and where they are reached, is a setting; the control API answers at each', async () => {
  const own = await startSimulator({
    env: {
      SIMULATOR_REGIONS: 'eu, au',
      SIMULATOR_BASE_URL: 'https://eu.sim.example:8443/',
      SIMULATOR_REGION_BASE_URLS: 'au=https://au.sim.example',
    },
  });
  try {
    assert.deepEqual(Object.keys(own.regions), ['eu', 'au']);
    assert.equal(own.regions['eu'], own.url);
    const regions = { eu: 'https://eu.sim.example:8443', au: 'https://au.sim.example' };
    for (const url of Object.values(own.regions)) {
      const { body } = await ask(`${url}/_control/health`);
      assert.deepEqual([body.base_url, body.regions], [regions.eu, regions]);
    }
    const { region, event } = await prepare(own, { account_name: 'acme' });
    assert.deepEqual([region, event._links.token.href], ['eu', 'https://eu.sim.example:8443/acme/oauth/token']);
    const australian = await prepare(own, { account_name: 'joey', region: 'au' });
    assert.equal(australian.event._links.root.href, 'https://au.sim.example');
    await assert.rejects(prepare(own, { region: 'us' }), /400: region: us is not served here; allowed are eu, au/);
  } finally {
    await own.stop();
  }
});

test('wrong settings of regions are said in sentences', async () => {
  const wrong: Array<[Record<string, string>, RegExp]> = [
    [
      { SIMULATOR_REGIONS: 'us,moon', SIMULATOR_REGION_PORTS: '3012', SIMULATOR_REGION_BASE_URLS: 'eu=ftp://x' },
      /REGIONS: must be names of regions .*: us, eu, ca, au, uk\nSIM.*PORTS: must be such as eu=3012,.*\nSIM.*_URLS: must be such as/,
    ],
    [
      { SIMULATOR_REGION_PORTS: 'us=3012' },
      /SIMULATOR_REGION_PORTS: us is the first region; set SIMULATOR_PORT for it/,
    ],
    [{ SIMULATOR_REGIONS: 'us', SIMULATOR_REGION_PORTS: 'eu=0' }, /_PORTS: eu is not among SIMULATOR_REGIONS/],
  ];
  await Promise.all(wrong.map(([env, sentence]) => assert.rejects(startSimulator({ env }), sentence)));
});

test('a port that is in use is said by the region', async () => {
  const { port } = new URL(at('eu'));
  const refused = startSimulator({ env: { SIMULATOR_REGION_PORTS: `ca=${port}` } });
  await assert.rejects(refused, /SIMULATOR_REGION_PORTS, ca: the port is in use/);
});
