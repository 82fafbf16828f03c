import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { type RunningSimulator, startSimulator } from '../support/simulator.js';
import { appId, ask, decide, get, type Prepared, prepare, token } from './wire.js';

let simulator: RunningSimulator;
let acme: Prepared;
let accessToken: string;
let installationUrl: string;

before(async () => {
  simulator = await startSimulator();
  // Not to let its window have ended: the clock goes to the day of the installation.
  await simulator.control.setClock('2026-01-05T10:00:04Z');
  acme = await prepare(simulator, {
    account_name: 'acme',
    account_id: '44444444444444444444444444444444',
    created_at: '2026-01-05T10:00:00Z',
    licenses: 20,
  });
  accessToken = await token(acme, undefined, Date.parse('2026-01-05T10:00:04Z'));
  installationUrl = `${simulator.url}/apps/${appId}/installations/${acme.installation_id}`;
});
after(() => simulator.stop());

// SHA-256 of "44444444444444444444444444444444:1" and ":2", the first 24 hex digits.
const user1 = 'b58e56cc7d9d645550d79bbf';
const user2 = '202a1b991ceb6e74c5fa0935';

test('GET account', async () => {
  const answer = await get(`${simulator.url}/account`, accessToken);
  assert.equal(answer.status, 200);
  assert.deepEqual(answer.body, {
    id: '44444444444444444444444444444444',
    name: 'acme',
    company_name: 'acme Inc.',
    timezone: 'Europe/Lisbon',
    created_at: '2026-01-05T10:00:00Z',
    _links: { self: { href: `${simulator.url}/account` } },
  });
});

const firstUser = () => ({
  id: user1,
  email: 'user1@acme.example',
  name: 'User 1 of acme',
  active: true,
  gender: 'unspecified',
  extension: 1001,
  external_phone_number: '+15550000001',
  created_at: '2026-01-05T10:00:00Z',
  _links: { self: { href: `${simulator.url}/users/${user1}` } },
});

test('GET installation', async () => {
  const answer = await get(installationUrl, accessToken);
  assert.equal(answer.status, 200);
  assert.deepEqual(answer.body, {
    id: acme.installation_id,
    app_id: appId,
    account_id: '44444444444444444444444444444444',
    scopes: ['apps:read', 'apps:write', 'account:read', 'users:read'],
    auto_provision_filters: [{ filter: 'none' }],
    total_licenses: 20,
    created_at: '2026-01-05T10:00:00Z',
    _embedded: {
      created_by: firstUser(),
      state: {
        state: 'installing',
        updated_at: '2026-01-05T10:00:00Z',
        _links: { self: { href: `${installationUrl}/state` } },
      },
    },
    _links: {
      self: { href: installationUrl },
      account: { href: `${simulator.url}/account` },
      users: { href: `${installationUrl}/users` },
      subscription: { href: `${installationUrl}/subscription` },
      auto_provision_filters: { href: `${installationUrl}/auto-provision-filters` },
      channels: { href: `${installationUrl}/channels` },
    },
  });
  await simulator.control.switches({ created_by: 'string' });
  const flat = await get(installationUrl, accessToken);
  assert.deepEqual([flat.body.created_by, flat.body._embedded.created_by], [user1, undefined]);
  await simulator.control.switches({ created_by: 'embedded' });
});

test('GET users, page by page', async () => {
  const one = await get(`${installationUrl}/users?page=1&per_page=2`, accessToken);
  assert.equal(one.status, 200);
  assert.deepEqual(one.body, {
    total: 3,
    page: 1,
    per_page: 2,
    _embedded: {
      users: [
        firstUser(),
        {
          id: user2,
          email: 'user2@acme.example',
          name: 'User 2 of acme',
          active: true,
          created_at: '2026-01-05T10:00:00Z',
          _links: { self: { href: `${simulator.url}/users/${user2}` } },
        },
      ],
    },
    _links: {
      self: { href: `${installationUrl}/users?page=1&per_page=2` },
      next: { href: `${installationUrl}/users?page=2&per_page=2` },
    },
  });
  const two = await get(one.body._links.next.href, accessToken);
  assert.deepEqual([two.body._embedded.users.length, two.body._links.next], [1, undefined]);
  assert.equal(two.body._embedded.users[0].email, 'user3@acme.example');
  const beyond = await get(`${installationUrl}/users?page=3&per_page=2`, accessToken);
  assert.deepEqual([beyond.status, beyond.body._embedded.users], [200, []]);
  const unpaged = await get(`${installationUrl}/users`, accessToken);
  assert.deepEqual([unpaged.body.per_page, unpaged.body._embedded.users.length], [20, 3]);
});

test('users: page sizes from 1 to 200, others are 400 0040001', async () => {
  const many = await prepare(simulator, { users: 201 });
  const manyToken = await token(many, undefined, Date.parse('2026-01-05T10:00:04Z'));
  const url = `${simulator.url}/apps/${appId}/installations/${many.installation_id}/users`;
  const full = await get(`${url}?per_page=200`, manyToken);
  assert.deepEqual([full.body._embedded.users.length, full.body.total], [200, 201]);
  assert.equal(new Set(full.body._embedded.users.map((user: { id: string }) => user.id)).size, 200);
  for (const query of ['per_page=0', 'per_page=201', 'page=0', 'page=x', 'page=-1']) {
    const answer = await get(`${url}?${query}`, manyToken);
    assert.deepEqual([answer.status, answer.body.code], [400, '0040001'], query);
  }
});

test('GET subscription', async () => {
  const answer = await get(`${installationUrl}/subscription`, accessToken);
  assert.equal(answer.status, 200);
  assert.deepEqual(answer.body, {
    id: `${appId}-paid-plus`,
    type: 'paid',
    license_type: 'individual',
    name: 'Paid Plus',
    price: 25,
    description: 'The plan Paid Plus',
    listing_summary: 'Paid Plus',
    min_licenses: 1,
    max_licenses: 1000,
    created_by: user1,
    total_licenses: 20,
    _links: { self: { href: `${installationUrl}/subscription` } },
  });
});

test('GET trial: 404 0030200 without one, thirty days from the approval with one', async () => {
  const none = await get(`${installationUrl}/trial`, accessToken);
  assert.equal(none.status, 404);
  assert.deepEqual(none.body, { code: '0030200', message: 'Installation not found for the app' });

  const trying = await prepare(simulator, { plan: 'Trial' });
  const tryingToken = await token(trying, undefined, Date.parse('2026-01-05T10:00:04Z'));
  const url = `${simulator.url}/apps/${appId}/installations/${trying.installation_id}`;
  assert.equal((await get(`${url}/trial`, tryingToken)).status, 404);
  assert.equal((await get(`${url}/subscription`, tryingToken)).body.type, 'trial');
  assert.equal((await decide(simulator, trying, tryingToken, { state: 'approve' })).status, 200);
  const { body } = await get(`${url}/trial`, tryingToken);
  assert.match(body.started_at, /^2026-01-05T10:00:\d\dZ$/);
  assert.equal(body.expires_at, body.started_at.replace('2026-01-05', '2026-02-04'));
  assert.deepEqual(
    [body.state, body.subscription_name, Object.keys(body)],
    ['active', 'Trial', ['state', 'started_at', 'expires_at', 'subscription_name', '_links']],
  );
});

/** Every route with a token, and how it words 401 and 403. */
const routes = [
  { path: '/account', ofAccount: true, unauthorized: { code: '0060001', message: 'Access denied' } },
  { path: '', ofAccount: false, unauthorized: { code: '0017000', message: 'Unauthorized' } },
  { path: '/trial', ofAccount: false, unauthorized: { code: '0030010', message: 'Action is not authorized' } },
  { path: '/users', ofAccount: false, unauthorized: '' },
  { path: '/subscription', ofAccount: false, unauthorized: '' },
  { path: '/state', ofAccount: false, unauthorized: '' },
];

function call(
  path: string,
  ofAccount: boolean,
  bearer: string | null,
  installationId = acme.installation_id,
  app = appId,
) {
  const url = ofAccount
    ? `${simulator.url}${path}`
    : `${simulator.url}/apps/${app}/installations/${installationId}${path}`;
  const headers = { 'content-type': 'application/json', ...(bearer === null ? {} : { authorization: bearer }) };
  return ask(url, path === '/state' ? { method: 'POST', headers, body: '{"state":"approve"}' } : { headers });
}

for (const { path, ofAccount, unauthorized } of routes) {
  const coded = unauthorized !== '';
  const forbidden = (message: string) =>
    coded ? { code: ofAccount ? '0060002' : '0030009', message } : { error: message };

  test(`${path || 'installation'}: no token, a made-up one and another scheme are 401`, async () => {
    for (const bearer of [null, 'Bearer made-up', `Token ${accessToken}`]) {
      const answer = await call(path, ofAccount, bearer);
      assert.deepEqual([answer.status, answer.body], [401, unauthorized]);
    }
  });

  test(`${path || 'installation'}: a token without the scope is 403`, async () => {
    const weak = await token(acme, 'users:read', Date.parse('2026-01-05T10:00:04Z'));
    const answer = await call(path, ofAccount, `Bearer ${weak}`);
    assert.deepEqual([answer.status, answer.body], [403, forbidden('Insufficient scope')]);
  });

  if (ofAccount) continue;

  test(`${path || 'installation'}: the token of another installation is 403`, async () => {
    const other = await prepare(simulator);
    const otherToken = await token(other, undefined, Date.parse('2026-01-05T10:00:04Z'));
    const answer = await call(path, ofAccount, `Bearer ${otherToken}`);
    assert.deepEqual([answer.status, answer.body], [403, forbidden('Forbidden')]);
    const [entry] = (await simulator.control.requests({ installation_id: acme.installation_id })).slice(-1);
    assert.equal(entry?.verdict, `refused: the token belongs to installation ${other.installation_id}`);
  });

  test(`${path || 'installation'}: an unknown installation or app is 404`, async () => {
    const noInstallation = await call(path, ofAccount, `Bearer ${accessToken}`, 'f'.repeat(32));
    const notFound = 'Installation not found for the app';
    assert.equal(noInstallation.status, 404);
    assert.deepEqual(noInstallation.body, coded ? { code: '0030200', message: notFound } : { error: notFound });
    const noApp = await call(path, ofAccount, `Bearer ${accessToken}`, acme.installation_id, 'another-app');
    assert.equal(noApp.status, 404);
    assert.deepEqual(noApp.body, coded ? { code: '0030100', message: 'App not found' } : { error: 'App not found' });
  });
}
