import assert from 'node:assert/strict';
import { after, afterEach, before, test } from 'node:test';
import { type RunningSimulator, startSimulator } from '../support/simulator.js';
import { appId, ask, assertion, decide, get, postForm, prepare, token, tokenForm } from './wire.js';

let simulator: RunningSimulator;

before(async () => {
  simulator = await startSimulator();
});
afterEach(() => simulator.control.clearFaults());
after(() => simulator.stop());

const installationUrl = (id: string) => `${simulator.url}/apps/${appId}/installations/${id}`;

async function until<T>(read: () => Promise<T[]>): Promise<T> {
  const endsMs = Date.now() + 5000;
  while (Date.now() < endsMs) {
    const [first] = await read();
    if (first !== undefined) return first;
    await new Promise((resolve) => setImmediate(resolve));
  }
  throw new Error('It did not happen within 5 s.');
}

test('the ledger has every request of an installation in order, with its verdict and without a secret', async () => {
  const prepared = await prepare(simulator);
  const id = prepared.installation_id;
  const signed = await assertion(prepared);
  const answer = await postForm(prepared, tokenForm(signed));
  const accessToken: string = answer.body.access_token;
  await get(`${simulator.url}/account`, accessToken);
  await get(`${installationUrl(id)}/users?page=1&per_page=50`, accessToken);
  await decide(simulator, prepared, accessToken, { state: 'approve', reason: 'ready' });

  const requests = await simulator.control.requests({ installation_id: id });
  assert.deepEqual(
    requests.map(({ route, method, status }) => [route, method, status]),
    [
      ['token', 'POST', 200],
      ['account', 'GET', 200],
      ['users', 'GET', 200],
      ['state', 'POST', 200],
    ],
  );
  const [ofToken, , ofUsers, ofState] = requests;
  assert.equal(ofToken?.path, `/${prepared.account_name}/oauth/token`);
  assert.equal((ofToken?.body as Record<string, string> | undefined)?.['client_assertion'], '[redacted]');
  assert.deepEqual([ofToken?.assertion?.['iss'], ofToken?.assertion?.['alg']], [prepared.client_id, 'ES256']);
  assert.equal(ofUsers?.headers['authorization'], 'Bearer [redacted]');
  assert.deepEqual([ofUsers?.query, ofUsers?.secret_in_url], ['page=1&per_page=50', false]);
  assert.deepEqual([ofState?.body, ofState?.verdict], [{ state: 'approve', reason: 'ready' }, 'approve took effect']);
  assert.equal((await simulator.control.installation(id)).token_requests, 1);

  const secrets = await simulator.control.secrets();
  const { client_secret, private_key } = prepared.event.data;
  for (const secret of [signed, accessToken, client_secret, private_key]) assert.ok(secrets.includes(secret));
  const ledger = JSON.stringify(requests);
  assert.deepEqual(
    secrets.filter((secret) => ledger.includes(secret)),
    [],
  );
});

test('a secret in a query string is noticed, and redacted', async () => {
  const prepared = await prepare(simulator);
  const accessToken = await token(prepared);
  await get(`${simulator.url}/account?access_token=x&other=${accessToken}&page=1`, accessToken);
  const [entry] = (await simulator.control.requests({ route: 'account' })).slice(-1);
  assert.equal(entry?.secret_in_url, true);
  assert.equal(entry?.query, 'access_token=%5Bredacted%5D&other=%5Bredacted%5D&page=1');
});

test('a status fault: so many times, with headers and body as given, then it is over', async () => {
  const prepared = await prepare(simulator);
  const accessToken = await token(prepared);
  const url = installationUrl(prepared.installation_id);
  await simulator.control.fault({
    route: 'installation',
    kind: 'status',
    status: 429,
    times: 2,
    headers: { 'retry-after': '7' },
    body: { code: '0012001', message: 'API rate limit exceeded' },
  });
  for (let time = 0; time < 2; time += 1) {
    const limited = await get(url, accessToken);
    assert.deepEqual([limited.status, limited.headers.get('retry-after')], [429, '7']);
    assert.deepEqual(limited.body, { code: '0012001', message: 'API rate limit exceeded' });
  }
  assert.equal((await get(url, accessToken)).status, 200);

  const html = '<html>Bad gateway</html>';
  const headers = { 'content-type': 'text/html' };
  await simulator.control.fault({ route: 'installation', kind: 'status', status: 502, headers, body: html });
  const broken = await get(url, accessToken);
  assert.deepEqual([broken.status, broken.headers.get('content-type'), broken.body], [502, 'text/html', html]);
});

test('a fault for one installation leaves the others alone', async () => {
  const [one, other] = [await prepare(simulator), await prepare(simulator)];
  await simulator.control.fault({ route: 'token', kind: 'status', status: 503, installation_id: one.installation_id });
  assert.equal((await postForm(other, tokenForm(await assertion(other)))).status, 200);
  assert.equal((await postForm(one, tokenForm(await assertion(one)))).status, 503);
});

test('reset: before it had no effect, after it did, and the caller knows neither', async () => {
  for (const [when, state, effective] of [
    ['before', 'installing', 0],
    ['after', 'completed', 1],
  ] as const) {
    const prepared = await prepare(simulator);
    const accessToken = await token(prepared);
    await simulator.control.fault({ route: 'state', kind: 'reset', when });
    await assert.rejects(decide(simulator, prepared, accessToken, { state: 'approve' }), TypeError);
    const seen = await simulator.control.installation(prepared.installation_id);
    assert.deepEqual([seen.state, seen.decisions.length], [state, effective]);
    const [entry] = (await simulator.control.requests({ route: 'state' })).slice(-1);
    assert.deepEqual([entry?.status, entry?.fault], [null, `reset, ${when} the request took effect`]);
  }
});

test('a status after the request took effect: a lost answer in another dress', async () => {
  const prepared = await prepare(simulator);
  const accessToken = await token(prepared);
  await simulator.control.fault({ route: 'state', kind: 'status', status: 500, when: 'after' });
  const answer = await decide(simulator, prepared, accessToken, { state: 'approve' });
  assert.deepEqual([answer.status, answer.body], [500, '']);
  assert.equal((await simulator.control.installation(prepared.installation_id)).state, 'completed');
});

test('hold: visible, without or with effect until it is released', async () => {
  for (const [when, stateWhileHeld] of [
    ['before', 'installing'],
    ['after', 'completed'],
  ] as const) {
    const prepared = await prepare(simulator);
    const accessToken = await token(prepared);
    await simulator.control.fault({ route: 'state', kind: 'hold', when });
    const answer = decide(simulator, prepared, accessToken, { state: 'approve' });
    const hold = await until(() => simulator.control.holds());
    assert.deepEqual([hold.route, hold.when, hold.client_gone], ['state', when, false]);
    assert.equal(hold.installation_id, prepared.installation_id);
    assert.equal((await simulator.control.installation(prepared.installation_id)).state, stateWhileHeld);
    await simulator.control.release(hold.id);
    assert.equal((await answer).status, 200);
    assert.deepEqual(await simulator.control.holds(), []);
    assert.equal((await simulator.control.installation(prepared.installation_id)).state, 'completed');
  }
  await assert.rejects(simulator.control.release('hold-0'), /404.*There is no hold of this id/);
});

test('a held request whose caller hung up still takes effect when released', async () => {
  const prepared = await prepare(simulator);
  const accessToken = await token(prepared);
  await simulator.control.fault({ route: 'state', kind: 'hold' });
  const hangUp = new AbortController();
  const answer = fetch(`${installationUrl(prepared.installation_id)}/state`, {
    method: 'POST',
    headers: { authorization: `Bearer ${accessToken}`, 'content-type': 'application/json' },
    body: '{"state":"reject"}',
    signal: hangUp.signal,
  });
  await until(() => simulator.control.holds());
  hangUp.abort();
  await assert.rejects(answer, { name: 'AbortError' });
  const hold = await until(async () => (await simulator.control.holds()).filter(({ client_gone }) => client_gone));
  await simulator.control.release(hold.id);
  const decisions = async () => (await simulator.control.installation(prepared.installation_id)).decisions;
  assert.equal((await until(decisions)).effective, true);
});

test('delay: the answer comes, later', async () => {
  const prepared = await prepare(simulator);
  const accessToken = await token(prepared);
  await simulator.control.fault({ route: 'account', kind: 'delay', delay_ms: 120 });
  const startedMs = performance.now();
  assert.equal((await get(`${simulator.url}/account`, accessToken)).status, 200);
  assert.ok(performance.now() - startedMs >= 115);
});

test("the clock is the machine's until it is moved, forwards or back", async () => {
  const own = await startSimulator();
  try {
    assert.equal((await own.control.clock()).offset_ms, 0);
    const apart = Math.abs(Date.parse((await own.control.health()).now) - Date.now());
    assert.ok(apart < 1000, `${apart} ms apart`);
    assert.equal((await own.control.setClock('2026-01-05T10:00:00Z')).now.slice(0, 18), '2026-01-05T10:00:0');
    assert.equal((await own.control.advance(3_600_000)).now.slice(0, 18), '2026-01-05T11:00:0');
    assert.equal((await own.control.setClock('2025-12-31T00:00:00Z')).now.slice(0, 18), '2025-12-31T00:00:0');
  } finally {
    await own.stop();
  }
});

test('a known account name is the same account again; a contradiction is refused', async () => {
  const first = await prepare(simulator, { account_name: 'again' });
  const second = await prepare(simulator, { account_name: 'again' });
  assert.equal(second.account_id, first.account_id);
  assert.notEqual(second.installation_id, first.installation_id);
  assert.notEqual(second.client_id, first.client_id);
  await assert.rejects(prepare(simulator, { account_id: first.account_id, account_name: 'other' }), /400.*is "again"/);
});

test('an app may be granted fewer scopes', async () => {
  await simulator.control.registerApp('few', { callback_url: 'http://127.0.0.1:9/', scopes: ['apps:read'] });
  const few = await prepare(simulator, { app_id: 'few' });
  const answer = await postForm(few, tokenForm(await assertion(few), 'apps:write'));
  assert.deepEqual([answer.status, answer.body.error], [400, 'invalid_scope']);
  const all = await postForm(few, tokenForm(await assertion(few), ''));
  assert.equal(all.body.scope, 'openid apps:read');
});

test('bad control input is a 400 with a sentence that says what is allowed', async () => {
  const send = (method: string, path: string, body: string) =>
    ask(`${simulator.url}/_control${path}`, { method, headers: { 'content-type': 'application/json' }, body });
  const cases: Array<[string, string, string, RegExp]> = [
    ['PUT', '/apps/a', '{"callback_url":"ftp://x"}', /callback_url: must be an absolute http or https URL/],
    ['POST', '/installations', '{}', /app_id: .*Allowed fields: app_id, account_name/],
    [
      'POST',
      '/installations',
      '{"app_id":"unknown"}',
      /unknown is not registered; PUT \/_control\/apps\/unknown first/,
    ],
    ['POST', '/installations', `{"app_id":"${appId}","usrs":3}`, /"usrs".*Allowed fields: .*users/],
    [
      'POST',
      '/installations',
      `{"app_id":"${appId}","key_algorithm":"RS256"}`,
      /key_algorithm: must be one of ES256, ES384/,
    ],
    ['POST', '/clock', '{}', /give one of advance_ms, set and mode/],
    [
      'POST',
      '/clock',
      '{"advance_ms":-1}',
      /advance_ms: must be 0 or more: the clock goes forwards. Allowed fields: advance_ms, set, mode/,
    ],
    ['POST', '/faults', '{"route":"nowhere","kind":"hold"}', /route: .*"token"\|"account"/],
    ['POST', '/faults', '{"route":"token","kind":"explode"}', /kind: /],
    ['PATCH', '/switches', '{"created_by":"number"}', /created_by: must be one of embedded, string\./],
    ['POST', '/faults', 'not json', /^The body must be JSON\.$/],
    ['POST', '/faults', 'null', /^The body must be a JSON object\.$/],
    ['POST', '/faults', '"x"', /^The body must be a JSON object\.$/],
    ['POST', '/faults', '[]', /^input: must be a JSON object/],
    ['PUT', '/apps/b%20c', '{"callback_url":"http://127.0.0.1:9/"}', /^app_id: must be 1 to 64 letters/],
    [
      'PUT',
      '/apps/a',
      '{"callback_url":"http://me:secret@127.0.0.1/"}',
      /^callback_url: must hold no user name and no/,
    ],
    ['PUT', '/apps/a', '{}', /^callback_url: must be an absolute http or https URL/],
    ['POST', '/installations', '{"users":"many"}', /users: must be a whole number from 0 to 100000, or a list\./],
    ['POST', '/installations', '{"users":-3}', /app_id: is missing; it must be text; users: must be 0 or more\./],
    [
      'POST',
      '/faults',
      '{"route":"token","kind":"status"}',
      /^status: is missing; it must be a whole number from 200 to 599/,
    ],
    ['POST', '/faults', '{"route":"token","kind":"rate-limit","status":418}', /^status: must be one of 429, 503\./],
    ['POST', '/faults', '{"route":"token","kind":"reset","lasts":"0s"}', /^lasts: must be longer than 0s/],
    [
      'POST',
      '/faults',
      '{"route":"delivery","kind":"signature","sign":{}}',
      /^sign: must name at least one of curve, key_cont/,
    ],
    [
      'POST',
      '/faults',
      '{"route":"token","kind":"status","status":200,"headers":{"Content-Length":"7"}}',
      /^headers\.Content-Length: must be none of connection, content-length, transfer-encoding/,
    ],
  ];
  for (const [method, path, body, sentence] of cases) {
    const answer = await send(method, path, body);
    assert.equal(answer.status, 400, `${method} ${path} ${body}`);
    assert.match(answer.body.error, sentence);
  }
  const queries: [string, RegExp][] = [
    ['/requests?route=nope', /^route: must be one of token, account, /],
    ['/requests?foo=1', /^query: unknown field "foo"\. Allowed fields: installation_id, route\.$/],
    ['/events?kind=zzz', /^query: unknown field "kind"\. Allowed fields: installation_id, type\.$/],
    ['/installations?state=zzz', /^query: unknown field "state"\.$/],
  ];
  for (const [path, sentence] of queries) {
    const answer = await ask(`${simulator.url}/_control${path}`);
    assert.equal(answer.status, 400, path);
    assert.match(answer.body.error, sentence);
  }
  assert.equal((await ask(`${simulator.url}/_control/installations/none`)).status, 404);
  assert.equal((await ask(`${simulator.url}/_control/nothing`)).status, 404);
});
