import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { type RunningSimulator, startSimulator } from '../support/simulator.js';
import { appId, ask, assertion, decide, get, type Prepared, postForm, prepare, token, tokenForm } from './wire.js';

let simulator: RunningSimulator;
let acme: Prepared;
let accessToken: string;
const nowMs = Date.parse('2026-01-05T10:00:04Z');

before(async () => {
  simulator = await startSimulator();
  await simulator.control.setClock('2026-01-05T10:00:04Z');
  acme = await prepare(simulator, {
    account_name: 'acme',
    account_id: '44444444444444444444444444444444',
    created_at: '2026-01-05T10:00:00Z',
    users: 2,
  });
  accessToken = await token(acme, undefined, nowMs);
  // Known to the account, not licensed for the app.
  await simulator.control.changeUser(acme.account_id, 'outsider', { email: 'out@side.example', name: 'Out Side' });
  await simulator.control.changeUser(acme.account_id, 'gone', { email: 'gone@side.example', active: false });
});
after(() => simulator.stop());

// SHA-256 of "44444444444444444444444444444444:1" and ":2", the first 24 hex digits.
const user1 = 'b58e56cc7d9d645550d79bbf';
const user2 = '202a1b991ceb6e74c5fa0935';

const second = () => ({
  id: user2,
  email: 'user2@acme.example',
  name: 'User 2 of acme',
  active: true,
  created_at: '2026-01-05T10:00:00Z',
  _links: { self: { href: `${simulator.url}/users/${user2}` } },
});

test('GET users: everybody of the account, page by page, with all links', async () => {
  const { url } = simulator;
  const page = await get(`${url}/users?page=2&per_page=1`, accessToken);
  assert.equal(page.status, 200);
  assert.deepEqual(page.body, {
    count: 1,
    total: 4,
    page: 2,
    per_page: 1,
    total_pages: 4,
    _embedded: { users: [second()] },
    _links: {
      self: { href: `${url}/users?page=2&per_page=1` },
      next: { href: `${url}/users?page=3&per_page=1` },
      first: { href: `${url}/users?page=1&per_page=1` },
      last: { href: `${url}/users?page=4&per_page=1` },
      show: { href: `${url}/users/{id}`, templated: true },
      index: { href: `${url}/users{?active,email,page,per_page}`, templated: true },
    },
  });
  const all = await get(`${url}/users`, accessToken);
  const ids = all.body._embedded.users.map(({ id }: { id: string }) => id);
  assert.deepEqual([ids, all.body.per_page], [[user1, user2, 'outsider', 'gone'], 20]);
  assert.equal(all.body._links.next, undefined);
});

test('GET users: by activity and by e-mail address; the links keep the filter', async () => {
  const ids = async (query: string) => {
    const { body } = await get(`${simulator.url}/users?${query}`, accessToken);
    return body._embedded.users.map(({ id }: { id: string }) => id);
  };
  assert.deepEqual(await ids('active=false'), ['gone']);
  assert.deepEqual(await ids('active=true'), [user1, user2, 'outsider']);
  assert.deepEqual(await ids('email=out%40side.example'), ['outsider']);
  assert.deepEqual(await ids('email=nobody%40side.example'), []);
  const { body } = await get(`${simulator.url}/users?active=true&per_page=2`, accessToken);
  assert.equal(body._links.next.href, `${simulator.url}/users?page=2&per_page=2&active=true`);
  assert.deepEqual((await get(body._links.next.href, accessToken)).body.count, 1);
});

test('GET users: bad paging is 400 0040001, a page beyond the last one 0040021', async () => {
  for (const query of ['per_page=0', 'per_page=201', 'page=0', 'page=x', 'active=maybe']) {
    const answer = await get(`${simulator.url}/users?${query}`, accessToken);
    assert.deepEqual([answer.status, answer.body.code], [400, '0040001'], query);
  }
  const beyond = await get(`${simulator.url}/users?page=2`, accessToken);
  assert.equal(beyond.status, 400);
  assert.deepEqual(beyond.body, {
    code: '0040021',
    message: 'Paging out of bounds',
    fields: [{ name: 'page', description: 'must be at most 1' }],
  });
});

test('GET user: a user of the account; anybody else is 404 0040000', async () => {
  const answer = await get(`${simulator.url}/users/${user2}`, accessToken);
  assert.deepEqual([answer.status, answer.body], [200, second()]);
  const unknown = await get(`${simulator.url}/users/ffffffffffffffffffffffff`, accessToken);
  assert.deepEqual([unknown.status, unknown.body], [404, { code: '0040000', message: 'User not found' }]);
});

test('GET users/me: a token of a client has no user context, 400', async () => {
  const answer = await get(acme.event._links.root.href.concat('/users/me'), accessToken);
  assert.deepEqual([answer.status, answer.body], [400, { code: '0040001', message: 'No user context' }]);
});

test('users want a token in force with users:read, users/me one with openid', async () => {
  const weak = await token(acme, 'apps:read', nowMs);
  await simulator.control.switches({ openid_scope: 'not-added' });
  const withoutOpenid = await token(acme, 'apps:read', nowMs);
  await simulator.control.switches({ openid_scope: 'added' });
  const cases: Array<[string, string, number, object]> = [
    ['/users', 'made-up', 401, { code: '0040002', message: 'Unauthorized' }],
    ['/users', weak, 403, { code: '0040003', message: 'Insufficient scope' }],
    [`/users/${user2}`, 'made-up', 401, { code: '0040002', message: 'Unauthorized' }],
    [`/users/${user2}`, weak, 403, { code: '0040003', message: 'Insufficient scope' }],
    ['/users/me', 'made-up', 401, { code: '0070010', message: 'Unauthorized' }],
    ['/users/me', withoutOpenid, 403, { code: '0070011', message: 'Insufficient scope' }],
  ];
  for (const [path, bearer, status, body] of cases) {
    const answer = await get(`${simulator.url}${path}`, bearer);
    assert.deepEqual([answer.status, answer.body], [status, body], path);
  }
});

test('an IP allow-list refuses other callers with 403, for its account alone; tokens are still given', async () => {
  const other = await prepare(simulator);
  const otherToken = await token(other, undefined, nowMs);
  const { account_id: id } = acme;
  const url = `${simulator.url}/apps/${appId}/installations/${acme.installation_id}`;
  const view = await simulator.control.allowAddresses(id, ['203.0.113.7', '198.51.100.0/24', '2001:db8::/32']);
  assert.deepEqual(view.ip_allow_list, ['203.0.113.7', '198.51.100.0/24', '2001:db8::/32']);
  const message = 'The IP address is not allowed';
  const refusals: Array<[string, object]> = [
    [url, { code: '0030009', message }],
    [`${url}/users`, { error: message }],
    [`${simulator.url}/account`, { code: '0060002', message }],
    [`${simulator.url}/users`, { code: '0040003', message }],
  ];
  for (const [address, body] of refusals) {
    const answer = await get(address, accessToken);
    assert.deepEqual([answer.status, answer.body], [403, body], address);
  }
  assert.equal((await decide(simulator, acme, accessToken, { state: 'approve' })).status, 403);
  assert.equal((await simulator.control.installation(acme.installation_id)).state, 'installing');
  assert.equal((await get(`${simulator.url}/account`, otherToken)).status, 200);
  assert.equal((await postForm(acme, tokenForm(await assertion(acme, { nowMs })))).status, 200);
  for (const addresses of [['127.0.0.0/8'], ['127.0.0.1'], []]) {
    await simulator.control.allowAddresses(id, addresses);
    assert.equal((await get(url, accessToken)).status, 200, String(addresses));
  }
  for (const wrong of ['127.0.0.1/33', 'localhost', '1.2.3', '::1/129', '1.2.3.4/8/8']) {
    const refused = simulator.control.allowAddresses(id, [wrong]);
    await assert.rejects(refused, /400: addresses\.0: must be IP addresses or networks such as 203\.0\.113\.0\/24/);
  }
  const missing = await ask(`${simulator.url}/_control/accounts/nobody/ip-allow-list`, {
    method: 'PUT',
    headers: { 'content-type': 'application/json' },
    body: '{"addresses":[]}',
  });
  assert.equal(missing.status, 404);
});
