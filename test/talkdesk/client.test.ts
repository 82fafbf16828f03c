import assert from 'node:assert/strict';
import { once } from 'node:events';
import { describe, it } from 'node:test';
import { type Answer, json, startServer } from './support/server.js';
import { answers, failureOfCall, INSTALLATION_PATH, limits, startTalkdesk } from './support/talkdesk.js';

describe('opaque ids', () => {
  it('are one path segment each', async (context) => {
    const { client, access, apiRequests } = await startTalkdesk(context, answers({ state: 'installing' }));
    await client.readInstallation({ ...access, appId: 'a/../b?c#d', installationId: 'é %2e' }, limits());
    assert.equal(apiRequests()[0]?.path, '/apps/a%2F..%2Fb%3Fc%23d/installations/%C3%A9%20%252e');
  });

  it('made of dots are not sent', async (context) => {
    const { client, access, server } = await startTalkdesk(context, answers({ state: 'installing' }));
    for (const id of ['.', '..', '', 'half-\ud800']) {
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
