import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { StateMeaning } from '../../talkdesk/types.js';
import type { Answer } from './support/server.js';
import { answers, failureOfCall, INSTALLATION_PATH, limits, route, startTalkdesk } from './support/talkdesk.js';

/** The example of talkdesk-api.md 4.2. */
const INSTALLATION = {
  id: 'installation-1',
  app_id: 'app-1',
  account_id: 'account-1',
  scopes: ['apps:read', 'apps:write'],
  auto_provision_filters: [{ filter: 'role_id', match: 'x' }],
  total_licenses: 20,
  created_at: '2026-01-05T10:00:00Z',
  _embedded: {
    created_by: { id: 'admin-1', email: 'ada@acme.example', name: 'Ada', active: true, extension: 1 },
    state: { state: 'installing', reason: 'x', updated_at: '2026-01-05T10:00:01Z' },
  },
  _links: { self: {}, account: {}, users: {} },
};

describe('reading', () => {
  it('sends the token of the installation', async (context) => {
    const { client, access, apiRequests } = await startTalkdesk(context, answers({}));
    await client.readAccount(access, limits());
    const [request] = apiRequests();
    assert.deepEqual([request?.method, request?.path], ['GET', '/account']);
    assert.equal(request?.headers['authorization'], 'Bearer token-1');
    assert.equal(request?.headers['accept'], 'application/json');
  });

  it('gives the account, whatever of it is there', async (context) => {
    const { client, access, server } = await startTalkdesk(context, answers(null));
    const cases: [unknown, unknown][] = [
      [
        { id: 'a', name: 'acme', company_name: 'Acme, Inc.\0', timezone: 'Europe/Lisbon', created_at: 'x', _links: {} },
        { id: 'a', name: 'acme', companyName: 'Acme, Inc.', timezone: 'Europe/Lisbon' },
      ],
      [{}, { id: null, name: null, companyName: null, timezone: null }],
      [
        { id: 7, name: null, company_name: ['x'], timezone: {} },
        { id: null, name: null, companyName: null, timezone: null },
      ],
    ];
    for (const [body, expected] of cases) {
      server.answer = route(server.answer, answers(body));
      assert.deepEqual(await client.readAccount(access, limits()), expected);
    }
  });

  it('gives the installation', async (context) => {
    const { client, access, apiRequests } = await startTalkdesk(context, answers(INSTALLATION));
    assert.deepEqual(await client.readInstallation(access, limits()), {
      id: 'installation-1',
      accountId: 'account-1',
      stateWord: 'installing',
      state: 'waiting',
      stateUpdatedAt: new Date(Date.UTC(2026, 0, 5, 10, 0, 1)),
      scopes: ['apps:read', 'apps:write'],
      totalLicenses: 20,
      autoProvisionFilters: [{ filter: 'role_id', match: 'x' }],
      createdBy: { id: 'admin-1', email: 'ada@acme.example', name: 'Ada' },
    });
    assert.equal(apiRequests()[0]?.path, INSTALLATION_PATH);
  });

  it('gives the installation in its other forms', async (context) => {
    const lean = {
      created_by: 'admin-1',
      _embedded: { state: { state: 'completed' } },
      total_licenses: '7',
      scopes: 'x',
    };
    const { client, access, server } = await startTalkdesk(context, answers(lean));
    const expected = {
      id: null,
      accountId: null,
      stateWord: 'completed',
      state: 'accepted',
      stateUpdatedAt: null,
      scopes: [],
      totalLicenses: 7,
      autoProvisionFilters: [],
      createdBy: { id: 'admin-1', email: null, name: null },
    };
    assert.deepEqual(await client.readInstallation(access, limits()), expected);
    server.answer = route(server.answer, answers({ state: 'rejected', _embedded: 'x', created_by: { name: 'x' } }));
    const top = await client.readInstallation(access, limits());
    assert.deepEqual([top.stateWord, top.state, top.createdBy], ['rejected', 'refused', null]);
  });

  it('takes what is usable of its lists, and no words without end', async (context) => {
    const filters = [
      { filter: 'all' },
      { filter: 'roleid', match: 'r\0' },
      { filter: 'none', match: 7 },
      { match: 'x' },
      'all',
      null,
    ];
    const body = {
      scopes: ['apps:read', 7, null, 'a\0b', 'x'.repeat(200)],
      auto_provision_filters: filters,
      total_licenses: 1e15,
      state: 'x'.repeat(100_000),
      created_by: { id: '__proto__', name: 'x'.repeat(100_000) },
    };
    const { client, access, server } = await startTalkdesk(context, answers(body));
    const read = await client.readInstallation(access, limits());
    assert.deepEqual(read.scopes, ['apps:read']);
    assert.deepEqual(read.autoProvisionFilters, [
      { filter: 'all', match: null },
      { filter: 'role_id', match: 'r' },
      { filter: 'none', match: null },
    ]);
    assert.deepEqual([read.state, read.stateWord, read.totalLicenses], ['unknown', 'x'.repeat(100), null]);
    assert.deepEqual(read.createdBy, { id: '__proto__', email: null, name: null });
    for (const odd of [null, 'all', {}, 7]) {
      server.answer = route(server.answer, answers({ state: 'completed', auto_provision_filters: odd }));
      assert.deepEqual((await client.readInstallation(access, limits())).autoProvisionFilters, []);
    }
  });

  it('understands the union of state words', async (context) => {
    const { client, access, server } = await startTalkdesk(context, answers({}));
    const words: [string, StateMeaning][] = [
      ['approve', 'accepted'],
      ['completed', 'accepted'],
      ['reject', 'refused'],
      ['rejected', 'refused'],
      ['installing', 'waiting'],
      ['pending', 'waiting'],
      ['updating', 'waiting'],
      ['timeout', 'dead'],
      ['failed', 'dead'],
      ['suspended', 'suspended'],
      ['revoked', 'gone'],
      ['uninstalled', 'gone'],
      ['hibernating', 'unknown'],
      ['constructor', 'unknown'],
    ];
    const base = server.answer;
    for (const [word, meaning] of words) {
      server.answer = route(base, answers({ _embedded: { state: { state: word } } }));
      const read = await client.readInstallation(access, limits());
      assert.deepEqual([read.stateWord, read.state], [word, meaning]);
    }
  });

  it('gives the subscription, or an empty one when there is none', async (context) => {
    const body = { id: 's', type: 'trial', license_type: 'individual', name: 'Free', price: 5, total_licenses: 3 };
    const { client, access, server, apiRequests } = await startTalkdesk(context, answers(body));
    assert.deepEqual(await client.readSubscription(access, limits()), {
      id: 's',
      type: 'trial',
      licenseType: 'individual',
      name: 'Free',
      totalLicenses: 3,
    });
    assert.equal(apiRequests()[0]?.path, `${INSTALLATION_PATH}/subscription`);
    server.answer = route(server.answer, answers({ error: 'not found' }, 404));
    assert.deepEqual(await client.readSubscription(access, limits()), {
      id: null,
      type: null,
      licenseType: null,
      name: null,
      totalLicenses: null,
    });
  });

  it('knows two kinds of plan', async (context) => {
    const { client, access, server } = await startTalkdesk(context, answers({}));
    const base = server.answer;
    for (const [word, expected] of [
      ['paid', 'paid'],
      [' Trial ', 'trial'],
      ['free', null],
      ['constructor', null],
      ['', null],
      [7, null],
      [{ type: 'paid' }, null],
      [undefined, null],
    ] as const) {
      server.answer = route(base, answers({ type: word }));
      assert.equal((await client.readSubscription(access, limits())).type, expected);
    }
  });

  for (const [name, answer] of [
    ['HTML', (_request, response) => void response.end('<html>maintenance</html>')],
    ['cut JSON', (_request, response) => void response.end('{"_embedded":{"state":')],
    ['an empty body', (_request, response) => void response.end()],
    ['a list', answers([])],
    ['an installation without a state', answers({ id: 'installation-1' })],
  ] as [string, Answer][]) {
    it(`tries again later after ${name}`, async (context) => {
      const { client, access } = await startTalkdesk(context, answer);
      const error = await failureOfCall(client.readInstallation(access, limits()));
      assert.deepEqual([error.failureClass, error.status], ['retryable', 200]);
      assert.ok(!error.message.includes('maintenance'));
    });
  }
});
