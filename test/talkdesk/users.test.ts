import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { json, type SeenRequest, startServer } from './support/server.js';
import { answers, failureOfCall, INSTALLATION_PATH, limits, route, startTalkdesk } from './support/talkdesk.js';

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

  it('tells after each page how many are read, and begins anew when the list has changed', async (context) => {
    let reading = 0;
    const { client, access } = await startTalkdesk(context, (request, response) => {
      const page = pageOf(request);
      if (page === 1) reading += 1;
      const total = reading === 1 && page === 2 ? '4' : page === 1 && reading === 2 ? undefined : 3;
      json(response, 200, { total, page, total_pages: 2, _embedded: { users: range((page - 1) * 2, page * 2) } });
    });
    const told: unknown[] = [];
    await client.readUsers(access, limits(), (progress) => told.push(progress));
    assert.deepEqual(told, [
      { read: 2, total: 3 },
      { read: 4, total: 4 },
      { read: 2, total: null },
      { read: 4, total: 3 },
    ]);
  });

  it('reads ten thousand in fifty pages', async (context) => {
    const { client, access, apiRequests } = await startTalkdesk(context, (request, response) => {
      const page = pageOf(request);
      const next = page < 50 ? { next: { href: `?page=${page + 1}&per_page=200` } } : {};
      json(response, 200, {
        total: 10_000,
        _embedded: { users: range((page - 1) * 200, page * 200) },
        _links: next,
      });
    });
    let pages = 0;
    const users = await client.readUsers(access, limits(), () => (pages += 1));
    assert.deepEqual([users.length, users.at(-1)?.id, pages, apiRequests().length], [10_000, 'u-9999', 50, 50]);
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
