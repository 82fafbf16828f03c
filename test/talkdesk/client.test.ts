import assert from 'node:assert/strict';
import { once } from 'node:events';
import { describe, it } from 'node:test';
import type { StateMeaning } from '../../talkdesk/types.js';
import { type Answer, json, type SeenRequest, startServer } from './support/server.js';
import { failureOfCall, limits, startTalkdesk } from './support/talkdesk.js';

const INSTALLATION_PATH = '/apps/app-1/installations/installation-1';

const answers =
  (body: unknown, status = 200): Answer =>
  (_request, response) =>
    json(response, status, body);

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
      createdBy: { id: 'admin-1', email: null, name: null },
    };
    assert.deepEqual(await client.readInstallation(access, limits()), expected);
    server.answer = route(server.answer, answers({ state: 'rejected', _embedded: 'x', created_by: { name: 'x' } }));
    const top = await client.readInstallation(access, limits());
    assert.deepEqual([top.stateWord, top.state, top.createdBy], ['rejected', 'refused', null]);
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

/** Keeps the token route of the first answer and takes the rest from another. */
function route(tokens: Answer, rest: Answer): Answer {
  return (request, response, raw) => (request.path === '/acme/oauth/token' ? tokens : rest)(request, response, raw);
}

describe('opaque ids', () => {
  it('are one path segment each', async (context) => {
    const { client, access, apiRequests } = await startTalkdesk(context, answers(INSTALLATION));
    await client.readInstallation({ ...access, appId: 'a/../b?c#d', installationId: 'é %2e' }, limits());
    assert.equal(apiRequests()[0]?.path, '/apps/a%2F..%2Fb%3Fc%23d/installations/%C3%A9%20%252e');
  });

  it('made of dots are not sent', async (context) => {
    const { client, access, server } = await startTalkdesk(context, answers(INSTALLATION));
    for (const id of ['.', '..', '']) {
      const error = await failureOfCall(client.readInstallation({ ...access, installationId: id }, limits()));
      assert.equal(error.failureClass, 'needs-person');
    }
    assert.equal(server.requests.length, 0);
  });
});

describe('a gateway that the region table does not have', () => {
  it('is never called, not even for a token', async (context) => {
    const { client, access, server } = await startTalkdesk(context, answers({}));
    const stranger = await startServer(context, answers({}));
    const error = await failureOfCall(client.readAccount({ ...access, apiRoot: stranger.url }, limits()));
    assert.equal(error.failureClass, 'needs-person');
    assert.ok(error.message.includes(stranger.url));
    assert.equal(stranger.requests.length + server.requests.length, 0);
  });
});

describe('a token that is not accepted', () => {
  it('is replaced once, and the call repeated', async (context) => {
    const { client, access, apiRequests, tokenRequests } = await startTalkdesk(context, (request, response) =>
      request.headers['authorization'] === 'Bearer token-1'
        ? void response.writeHead(401).end()
        : json(response, 200, {}),
    );
    await client.readAccount(access, limits());
    assert.equal(tokenRequests(), 2);
    assert.deepEqual(
      apiRequests().map(({ headers }) => headers['authorization']),
      ['Bearer token-1', 'Bearer token-2'],
    );
    assert.deepEqual(await client.ensureToken(access, limits()), { fresh: false });
  });

  it('twice in a row means that the credentials are not accepted', async (context) => {
    const { client, access, apiRequests, tokenRequests } = await startTalkdesk(
      context,
      (_request, response) => void response.writeHead(401).end(),
    );
    const error = await failureOfCall(client.postState(access, 'approve', 'x', limits()));
    assert.deepEqual([error.failureClass, error.status], ['credentials', 401]);
    assert.deepEqual([tokenRequests(), apiRequests().length], [2, 2]);
  });

  it('is replaced once for all calls that run into it together', async (context) => {
    const { client, access, tokenRequests } = await startTalkdesk(context, (request, response) =>
      request.headers['authorization'] === 'Bearer token-1'
        ? void response.writeHead(401).end()
        : json(response, 200, {}),
    );
    await Promise.all(Array.from({ length: 8 }, () => client.readAccount(access, limits())));
    assert.equal(tokenRequests(), 2);
  });
});

describe('the classes of failed calls', () => {
  for (const [status, expected] of [
    [400, 'refused'],
    [403, 'needs-person'],
    [404, 'gone'],
    [409, 'conflict'],
    [422, 'refused'],
    [429, 'retryable'],
    [500, 'retryable'],
    [307, 'retryable'],
  ] as const) {
    it(`${status} is ${expected}, and is not tried again`, async (context) => {
      const { client, access, apiRequests } = await startTalkdesk(context, (_request, response) =>
        json(response, status, { code: '0030000' }, { 'retry-after': '3', location: '/account' }),
      );
      const error = await failureOfCall(client.readInstallation(access, limits()));
      assert.deepEqual(
        [error.failureClass, error.status, error.code, error.retryAfterMs],
        [expected, status, '0030000', 3_000],
      );
      assert.equal(apiRequests().length, 1);
    });
  }

  it('an account that is not found says nothing about the installation', async (context) => {
    const { client, access } = await startTalkdesk(context, answers({ code: '0060000' }, 404));
    assert.equal((await failureOfCall(client.readAccount(access, limits()))).failureClass, 'needs-person');
  });
});

describe('posting a decision', () => {
  it('sends the verb and the reason', async (context) => {
    const { client, access, apiRequests } = await startTalkdesk(context, answers({}));
    await client.postState(access, 'reject', 'the account "acme" is blocked', limits());
    const [request] = apiRequests();
    assert.deepEqual([request?.method, request?.path], ['POST', `${INSTALLATION_PATH}/state`]);
    assert.equal(request?.headers['content-type'], 'application/json');
    assert.equal(request?.body, '{"state":"reject","reason":"the account \\"acme\\" is blocked"}');
  });

  for (const [name, answer] of [
    ['200 with a state of its own', answers({ state: 'completed' })],
    ['202', answers({}, 202)],
    ['204', (_request, response) => void response.writeHead(204).end()],
    ['200 with HTML', (_request, response) => void response.end('<html>')],
    [
      '200 and a body that breaks off',
      (_request, response) => {
        response.writeHead(200, { 'content-length': '100' });
        response.write('{');
        setImmediate(() => response.destroy());
      },
    ],
  ] as [string, Answer][]) {
    it(`is done with ${name}`, async (context) => {
      const { client, access, apiRequests } = await startTalkdesk(context, answer);
      await client.postState(access, 'approve', 'provisioned', limits());
      assert.equal(apiRequests().length, 1);
    });
  }

  it('is cut off by its signal, and not sent again', async (context) => {
    const controller = new AbortController();
    let closed: Promise<unknown> | null = null;
    const { client, access, apiRequests } = await startTalkdesk(context, (_request, response) => {
      closed = once(response, 'close');
      controller.abort();
    });
    const call = client.postState(access, 'approve', 'x', { signal: controller.signal, timeoutMs: 5_000 });
    assert.deepEqual(await failureOfCall(call).then(({ failureClass, code }) => [failureClass, code]), [
      'retryable',
      'ABORTED',
    ]);
    await closed;
    assert.equal(apiRequests().length, 1);
  });

  it('ends with its time limit', async (context) => {
    const { client, access } = await startTalkdesk(context, () => undefined);
    await client.ensureToken(access, limits());
    assert.equal((await failureOfCall(client.postState(access, 'approve', 'x', limits(60)))).code, 'ETIMEDOUT');
  });
});

const user = (number: number) => ({
  id: `u-${number}`,
  email: `u${number}@acme.example`,
  name: `U ${number}`,
  active: true,
});
const range = (from: number, to: number) => Array.from({ length: to - from }, (_, index) => user(from + index));
const pageOf = (request: SeenRequest) => Number(new URL(request.path, 'http://x').searchParams.get('page'));

describe('reading users', () => {
  it('follows the next links to the last page', async (context) => {
    const { client, access, server, apiRequests } = await startTalkdesk(context, (request, response) => {
      const page = pageOf(request);
      const next =
        page < 3 ? { next: { href: `${server.url}${INSTALLATION_PATH}/users?page=${page + 1}&per_page=200` } } : {};
      json(response, 200, {
        total: 450,
        _embedded: { users: range((page - 1) * 200, Math.min(page * 200, 450)) },
        _links: next,
      });
    });
    const users = await client.readUsers(access, limits());
    assert.equal(users.length, 450);
    assert.deepEqual(users[449], { id: 'u-449', email: 'u449@acme.example', name: 'U 449', active: true });
    assert.deepEqual(
      apiRequests().map(({ path }) => path),
      [1, 2, 3].map((page) => `${INSTALLATION_PATH}/users?page=${page}&per_page=200`),
    );
  });

  it('understands relative next links', async (context) => {
    const { client, access } = await startTalkdesk(context, (request, response) => {
      const next = pageOf(request) === 1 ? { next: { href: '?page=2' } } : {};
      json(response, 200, { _embedded: { users: [user(pageOf(request))] }, _links: next });
    });
    assert.deepEqual(
      (await client.readUsers(access, limits())).map(({ id }) => id),
      ['u-1', 'u-2'],
    );
  });

  for (const [name, facts] of [
    ['page and total_pages', (page: number) => ({ page, total_pages: 3 })],
    ['total', () => ({ total: 5 })],
    ['total and page as texts', (page: number) => ({ total: '5', page: `${page}` })],
  ] as const) {
    it(`counts pages by ${name} when there are no links`, async (context) => {
      const { client, access, apiRequests } = await startTalkdesk(context, (request, response) => {
        const page = pageOf(request);
        json(response, 200, { ...facts(page), _embedded: { users: range((page - 1) * 2, Math.min(page * 2, 5)) } });
      });
      assert.deepEqual(
        (await client.readUsers(access, limits())).map(({ id }) => id),
        ['u-0', 'u-1', 'u-2', 'u-3', 'u-4'],
      );
      assert.equal(apiRequests().length, 3);
    });
  }

  it('stops when page numbers are ignored, and says that users are missing', async (context) => {
    const { client, access, apiRequests, warnings } = await startTalkdesk(
      context,
      answers({ total: 5, _embedded: { users: range(0, 2) } }),
    );
    assert.equal((await client.readUsers(access, limits())).length, 2);
    assert.equal(apiRequests().length, 2);
    assert.deepEqual(
      warnings.map(({ fields }) => fields),
      [{ total: 5, read: 2 }],
    );
  });

  it('gives each user once, as last seen, and reads again when the total has changed', async (context) => {
    let reading = 0;
    const { client, access, apiRequests } = await startTalkdesk(context, (request, response) => {
      const page = pageOf(request);
      if (page === 1) reading += 1;
      const total = reading === 1 && page === 1 ? 3 : 4;
      const users = page === 1 ? range(0, 2) : [{ ...user(1), name: 'Renamed' }, user(2), user(3)];
      json(response, 200, { total, page, total_pages: 2, _embedded: { users } });
    });
    const users = await client.readUsers(access, limits());
    assert.deepEqual(
      users.map(({ id, name }) => `${id} ${name}`),
      ['u-0 U 0', 'u-1 Renamed', 'u-2 U 2', 'u-3 U 3'],
    );
    assert.equal(apiRequests().length, 4);
  });

  it('takes users with little said of them, leaves out those without an id, and reads the misspelt list', async (context) => {
    const entries = [
      { id: 'a' },
      { id: 'b', email: 7, name: null, active: 'yes' },
      { email: 'x' },
      { id: 7 },
      null,
      'c',
    ];
    const { client, access, server } = await startTalkdesk(context, answers({ _embdedded: { users: entries } }));
    const expected = [
      { id: 'a', email: null, name: null, active: null },
      { id: 'b', email: null, name: null, active: null },
    ];
    assert.deepEqual(await client.readUsers(access, limits()), expected);
    server.answer = route(server.answer, answers({ _embedded: { users: [] }, _embdedded: { users: entries } }));
    assert.deepEqual(await client.readUsers(access, limits()), []);
  });

  it('takes a page without a list for a fault, not for an empty account', async (context) => {
    for (const body of [{}, { _embedded: {} }, { _embedded: { users: {} } }, { users: [] }]) {
      const { client, access } = await startTalkdesk(context, answers(body));
      assert.equal((await failureOfCall(client.readUsers(access, limits()))).failureClass, 'retryable');
    }
  });

  it('never takes the token to another host', async (context) => {
    const stranger = await startServer(context, answers({ _embedded: { users: [] } }));
    const port = new URL(stranger.url).port;
    for (const forge of [
      () => `${stranger.url}${INSTALLATION_PATH}/users?page=2`,
      () => `//127.0.0.1:${port}/users`,
      (own: string) => own.replace('http://', 'https://'),
      (own: string) => own.replace('http://', 'http://user:pass@'),
      (own: string) => own.replace('http://', `http://127.0.0.1:${port}\\@`),
      () => 'https://api.talkdeskapp.com/users?page=2',
      () => 'javascript:alert(1)',
      () => 'http://[',
    ]) {
      const { client, access, server, apiRequests } = await startTalkdesk(context, (_request, response) =>
        json(response, 200, {
          _embedded: { users: [user(1)] },
          _links: { next: { href: forge(`${server.url}/users?page=2`) } },
        }),
      );
      const error = await failureOfCall(client.readUsers(access, limits()));
      assert.equal(error.failureClass, 'needs-person');
      assert.equal(apiRequests().length, 1);
    }
    assert.equal(stranger.requests.length, 0);
  });

  it('does not take the token to another gateway of the table either', async (context) => {
    const neighbour = await startServer(context, answers({ _embedded: { users: [user(2)] } }));
    const { access, client } = await startTalkdesk(
      context,
      (_request, response) => {
        const next = { href: `${neighbour.url}${INSTALLATION_PATH}/users?page=2` };
        json(response, 200, { _embedded: { users: [user(1)] }, _links: { next } });
      },
      { neighbours: [neighbour] },
    );
    const error = await failureOfCall(client.readUsers(access, limits()));
    assert.equal(error.failureClass, 'needs-person');
    assert.ok(error.message.includes(neighbour.url));
    assert.equal(neighbour.requests.length, 0);
  });

  it('does not walk in circles or without end', async (context) => {
    for (const next of [() => '?page=1&per_page=200', (page: number) => `?page=${page + 1}`]) {
      const { client, access, apiRequests } = await startTalkdesk(context, (request, response) =>
        json(response, 200, { _embedded: { users: [user(1)] }, _links: { next: { href: next(pageOf(request)) } } }),
      );
      assert.equal((await failureOfCall(client.readUsers(access, limits()))).failureClass, 'retryable');
      assert.ok(apiRequests().length <= 1_000);
    }
  });
});
