import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { CallLimits, InstallationAccess, TalkdeskClient } from '../../talkdesk/types.js';
import { type Answer, json } from './support/server.js';
import { answers, CLIENT_SECRET, failureOfCall, INSTALLATION_PATH, limits, startTalkdesk } from './support/talkdesk.js';

type Call = (client: TalkdeskClient, access: InstallationAccess, limits: CallLimits) => Promise<void>;

const acknowledge: Call = (client, access, callLimits) => client.acknowledgeCredentials(access, 'client-2', callLimits);
const rotate: Call = (client, access, callLimits) => client.requestRotation(access, callLimits);

const CALLS: [string, Call][] = [
  ['acknowledging credentials', acknowledge],
  ['asking for a rotation', rotate],
];

describe('acknowledging credentials', () => {
  it('names the client in the address', async (context) => {
    const { client, access, apiRequests } = await startTalkdesk(context, answers({ state: 'acknowledged' }, 202));
    await acknowledge(client, access, limits());
    const [request] = apiRequests();
    assert.deepEqual([request?.method, request?.path], ['POST', `${INSTALLATION_PATH}/credentials/client-2/state`]);
    assert.equal(request?.headers['content-type'], 'application/json');
    assert.equal(request?.headers['authorization'], 'Bearer token-1');
    assert.equal(request?.body, '{"state":"acknowledged"}');
  });

  it('is done when Talkdesk says that it was done before', async (context) => {
    const { client, access, apiRequests } = await startTalkdesk(context, answers({ code: '0030227' }, 409));
    await acknowledge(client, access, limits());
    assert.equal(apiRequests().length, 1);
  });

  for (const [name, status, body] of [
    ['a conflict of another kind', 409, { code: '0030700' }],
    ['a conflict without a code', 409, { error: 'conflict' }],
    ['the code with another status', 422, { code: '0030227' }],
  ] as const) {
    it(`is not done with ${name}`, async (context) => {
      const { client, access } = await startTalkdesk(context, answers(body, status));
      const error = await failureOfCall(acknowledge(client, access, limits()));
      assert.deepEqual([error.failureClass, error.status], [status === 409 ? 'conflict' : 'refused', status]);
    });
  }

  it('takes an opaque client id as one path segment, and none that would walk the path', async (context) => {
    const { client, access, server, apiRequests } = await startTalkdesk(context, answers({}, 202));
    for (const id of ['.', '..', '', 'half-\ud800']) {
      const error = await failureOfCall(client.acknowledgeCredentials(access, id, limits()));
      assert.equal(error.failureClass, 'needs-person');
      assert.match(error.message, /the id of the client cannot be part of an address/);
    }
    assert.equal(server.requests.length, 0);
    for (const id of ['../../x', '%2e%2e', 'é/💥?#', '__proto__', '...']) {
      await client.acknowledgeCredentials(access, id, limits());
    }
    assert.deepEqual(
      apiRequests().map(({ path }) => path),
      ['..%2F..%2Fx', '%252e%252e', '%C3%A9%2F%F0%9F%92%A5%3F%23', '__proto__', '...'].map(
        (segment) => `${INSTALLATION_PATH}/credentials/${segment}/state`,
      ),
    );
  });
});

describe('asking for a rotation', () => {
  it('is a request without a body', async (context) => {
    const { client, access, apiRequests } = await startTalkdesk(context, answers({}, 201));
    await rotate(client, access, limits());
    const [request] = apiRequests();
    assert.deepEqual([request?.method, request?.path], ['POST', `${INSTALLATION_PATH}/credentials/actions/rotate`]);
    assert.deepEqual([request?.body, request?.headers['content-length']], ['', '0']);
    assert.equal(request?.headers['content-type'], undefined);
  });
});

for (const [name, call] of CALLS) {
  describe(`${name}: the answer`, () => {
    for (const [what, answer] of [
      ['200', answers({ state: { unknown: true } })],
      ['201', answers({}, 201)],
      ['202 with HTML', (_request, response) => void response.writeHead(202).end('<html>')],
      ['202 without a body', (_request, response) => void response.writeHead(202).end()],
      ['204', (_request, response) => void response.writeHead(204).end()],
      [
        '202 and a body that breaks off',
        (_request, response) => {
          response.writeHead(202, { 'content-length': '100' });
          response.write('{');
          setImmediate(() => response.destroy());
        },
      ],
    ] as [string, Answer][]) {
      it(`${what} is a success`, async (context) => {
        const { client, access, apiRequests } = await startTalkdesk(context, answer);
        await call(client, access, limits());
        assert.equal(apiRequests().length, 1);
      });
    }

    for (const [status, body, expected, code] of [
      [400, { code: '0030002', message: 'leak', fields: [{ name: 'x', description: 'leak' }] }, 'refused', '0030002'],
      [403, { error: 'leak' }, 'needs-person', null],
      [403, { code: '0030009', message: 'leak' }, 'needs-person', '0030009'],
      [404, { code: '0030200', message: 'leak' }, 'gone', '0030200'],
      [404, { error: 'leak', error_description: 'leak' }, 'gone', null],
      [429, { code: '0012001', message: 'leak' }, 'retryable', '0012001'],
      [503, '<html>leak', 'retryable', null],
    ] as const) {
      it(`${status} ${JSON.stringify(body)} is ${expected}`, async (context) => {
        const { client, access, apiRequests } = await startTalkdesk(context, answers(body, status));
        const error = await failureOfCall(call(client, access, limits()));
        assert.deepEqual([error.failureClass, error.status, error.code], [expected, status, code]);
        const shown = `${error.message} ${JSON.stringify(error)}`;
        for (const text of ['leak', 'token-1', CLIENT_SECRET]) assert.ok(!shown.includes(text), shown);
        assert.equal(apiRequests().length, 1);
      });
    }

    it('401 with an empty body is answered with one fresh token', async (context) => {
      const { client, access, apiRequests } = await startTalkdesk(context, (request, response) =>
        request.headers['authorization'] === 'Bearer token-1'
          ? void response.writeHead(401).end()
          : json(response, 202, {}),
      );
      await call(client, access, limits());
      assert.deepEqual(
        apiRequests().map(({ headers }) => headers['authorization']),
        ['Bearer token-1', 'Bearer token-2'],
      );
    });

    it('401 twice means that the credentials are not accepted', async (context) => {
      const { client, access, apiRequests } = await startTalkdesk(
        context,
        (_request, response) => void response.writeHead(401).end(),
      );
      const error = await failureOfCall(call(client, access, limits()));
      assert.deepEqual([error.failureClass, error.status, apiRequests().length], ['credentials', 401, 2]);
    });

    it('that does not come ends with the time limit', async (context) => {
      const { client, access } = await startTalkdesk(context, () => undefined);
      await client.ensureToken(access, limits());
      assert.equal((await failureOfCall(call(client, access, limits(60)))).code, 'ETIMEDOUT');
    });
  });
}
