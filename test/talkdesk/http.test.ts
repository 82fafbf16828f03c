import assert from 'node:assert/strict';
import { getEventListeners, once } from 'node:events';
import { describe, it, type TestContext } from 'node:test';
import { inspect } from 'node:util';
import { gzipSync } from 'node:zlib';
import { createAddressCheck } from '../../talkdesk/addresses.js';
import { createHttpClient, type HttpObservation, type HttpRequest } from '../../talkdesk/http.js';
import { type Answer, closedHost, startServer } from './support/server.js';
import { failureOfCall } from './support/talkdesk.js';

const SECRET = 'Bearer the-secret-token';

async function setUp(context: TestContext, answer: Answer, maxResponseBytes = 1_000) {
  const server = await startServer(context, answer);
  const observations: HttpObservation[] = [];
  const http = createHttpClient({
    insecureHosts: [server.host],
    maxResponseBytes,
    observe: (observation) => observations.push(observation),
  });
  context.after(() => http.close());
  const request = (changes: Partial<HttpRequest> = {}): HttpRequest => ({
    operation: 'try',
    method: 'GET',
    url: `${server.url}/x`,
    headers: { authorization: SECRET },
    signal: new AbortController().signal,
    timeoutMs: 3_000,
    ...changes,
  });
  return { server, http, request, observations };
}

describe('a request', () => {
  it('carries what it was given, our agent name and a correlation id, and is not repeated', async (context) => {
    const { server, http, request, observations } = await setUp(context, (_seen, response) => {
      response.writeHead(503, { 'retry-after': '1' });
      response.end('later');
    });
    const response = await http.send(request({ method: 'POST', body: '{"a":1}', headers: { 'content-type': 'x/y' } }));
    assert.deepEqual([response.status, response.body, response.headers['retry-after']], [503, 'later', '1']);
    assert.equal(server.requests.length, 1);
    const [seen] = server.requests;
    assert.deepEqual([seen?.method, seen?.path, seen?.body], ['POST', '/x', '{"a":1}']);
    assert.equal(seen?.headers['user-agent'], 'appconnect-lifecycle');
    assert.match(String(seen?.headers['x-correlation-id']), /^[0-9a-f-]{36}$/);
    assert.equal(seen?.headers['content-type'], 'x/y');
    assert.equal(observations.length, 1);
    assert.equal(observations[0]?.correlationId, seen?.headers['x-correlation-id']);
    assert.equal(observations[0]?.status, 503);
  });

  for (const status of [301, 302, 303, 307, 308]) {
    it(`is not led elsewhere by ${status}`, async (context) => {
      const { server, http, request } = await setUp(context, (seen, response) => {
        response.writeHead(seen.path === '/x' ? status : 200, { location: '/elsewhere' });
        response.end();
      });
      assert.equal((await http.send(request())).status, status);
      assert.equal(server.requests.length, 1);
    });
  }

  it('leaves nothing behind on its signal', async (context) => {
    const { http, request } = await setUp(context, (_seen, response) => void response.end('ok'));
    const { signal } = new AbortController();
    for (const ignoreBody of [true, false]) await http.send(request({ signal, ignoreBody }));
    await failureOfCall(http.send(request({ signal, url: 'nonsense' })));
    assert.equal(getEventListeners(signal, 'abort').length, 0);
  });

  it('uses a connection again', async (context) => {
    const ports = new Set<number | undefined>();
    const { http, request } = await setUp(context, (_seen, response, raw) => {
      ports.add(raw.socket.remotePort);
      response.end('ok');
    });
    for (let index = 0; index < 3; index += 1) await http.send(request());
    assert.equal(ports.size, 1);
  });
});

describe('an answer', () => {
  it('is read when it is compressed', async (context) => {
    const { http, request } = await setUp(context, (_seen, response) => {
      response.writeHead(200, { 'content-encoding': 'gzip' });
      response.end(gzipSync('hello'));
    });
    assert.equal((await http.send(request())).body, 'hello');
  });

  it('may be empty', async (context) => {
    const { http, request } = await setUp(context, (_seen, response) => void response.writeHead(204).end());
    assert.deepEqual(await http.send(request()).then(({ status, body }) => ({ status, body })), {
      status: 204,
      body: '',
    });
  });

  for (const [name, answer] of [
    ['longer than the cap', (_seen, response) => response.end('x'.repeat(1_001))],
    [
      'endless',
      (_seen, response) => {
        const more = () => {
          while (!response.destroyed && response.write('x'.repeat(100)));
          if (!response.destroyed) response.once('drain', more);
        };
        more();
      },
    ],
    [
      'longer than the cap once unpacked',
      (_seen, response) => {
        response.writeHead(200, { 'content-encoding': 'gzip' });
        response.end(gzipSync('x'.repeat(1_000_000)));
      },
    ],
  ] as [string, Answer][]) {
    it(`that is ${name} is not read`, async (context) => {
      const { http, request } = await setUp(context, answer);
      const error = await failureOfCall(http.send(request()));
      assert.deepEqual([error.failureClass, error.code, error.status], ['retryable', 'TOO_LARGE', 200]);
    });
  }

  const brokenOff =
    (status: number): Answer =>
    (_seen, response) => {
      response.writeHead(status, { 'content-length': '100' });
      response.write('{"half":');
      setImmediate(() => response.destroy());
    };

  it('that breaks off is none', async (context) => {
    const { http, request } = await setUp(context, brokenOff(200));
    const error = await failureOfCall(http.send(request()));
    assert.deepEqual([error.failureClass, error.status], ['retryable', 200]);
    assert.match(error.message, /broke off/);
  });

  it('outside 2xx counts by its status even if it breaks off', async (context) => {
    const { http, request } = await setUp(context, brokenOff(404));
    assert.equal((await http.send(request())).status, 404);
  });

  it('counts by its status even if it breaks off when its body is not wanted', async (context) => {
    const { http, request } = await setUp(context, brokenOff(200));
    assert.deepEqual(await http.send(request({ ignoreBody: true })).then(({ status, body }) => [status, body]), [
      200,
      '',
    ]);
  });
});

describe('a request without an answer', () => {
  it('ends with its time limit', async (context) => {
    const { http, request } = await setUp(context, () => undefined);
    const error = await failureOfCall(http.send(request({ timeoutMs: 60 })));
    assert.deepEqual([error.failureClass, error.code, error.status], ['retryable', 'ETIMEDOUT', null]);
  });

  it('ends with its time limit when the body never comes to its end', async (context) => {
    const { http, request } = await setUp(context, (_seen, response) => void response.writeHead(200).write('x'));
    assert.equal((await failureOfCall(http.send(request({ timeoutMs: 60 })))).code, 'ETIMEDOUT');
  });

  it('is cut off by its signal, and the server sees that', async (context) => {
    const controller = new AbortController();
    let closed: Promise<unknown> | null = null;
    const { http, request } = await setUp(context, (_seen, response) => {
      closed = once(response, 'close');
      controller.abort();
    });
    const error = await failureOfCall(http.send(request({ signal: controller.signal })));
    assert.deepEqual([error.failureClass, error.code], ['retryable', 'ABORTED']);
    await closed;
  });

  it('is not even sent when it is cut off before', async (context) => {
    const { server, http, request } = await setUp(context, (_seen, response) => void response.end());
    assert.equal((await failureOfCall(http.send(request({ signal: AbortSignal.abort() })))).code, 'ABORTED');
    assert.equal(server.requests.length, 0);
  });

  it('says which host refused the connection', async (context) => {
    const host = await closedHost();
    const http = createHttpClient({ insecureHosts: [host] });
    context.after(() => http.close());
    const signal = new AbortController().signal;
    const error = await failureOfCall(
      http.send({ operation: 'try', method: 'GET', url: `http://${host}/x`, signal, timeoutMs: 1_000 }),
    );
    assert.deepEqual([error.failureClass, error.code], ['retryable', 'ECONNREFUSED']);
    assert.ok(error.message.includes(host));
  });

  it('is not made again: it may have had its effect', async (context) => {
    const { server, http, request } = await setUp(context, (_seen, response) => void response.destroy());
    await failureOfCall(http.send(request({ method: 'POST', body: '{}' })));
    assert.equal(server.requests.length, 1);
  });

  it('leaves no trace of its headers, path or body in the error', async (context) => {
    const { http, request } = await setUp(context, (_seen, response) => void response.destroy());
    const error = await failureOfCall(
      http.send(
        request({ method: 'POST', url: request().url.replace('/x', '/the-secret-path'), body: 'the-secret-body' }),
      ),
    );
    assert.ok(!inspect(error, { depth: 20, showHidden: true, getters: true }).includes('the-secret'));
    assert.equal(error.cause, undefined);
  });
});

describe('an address that may not be used', () => {
  for (const url of [
    'http://api.talkdeskapp.com/',
    'https://127.0.0.1/',
    'https://127.1/',
    'https://2130706433/',
    'https://[::1]/',
    'https://[::ffff:127.0.0.1]/',
    'https://[64:ff9b::a9fe:a9fe]/',
    'https://[fd00:ec2::254]/',
    'https://169.254.169.254/latest/meta-data',
    'https://10.0.0.1/',
    'https://localhost/',
    'ftp://api.talkdeskapp.com/',
    'https://user:pass@api.talkdeskapp.com/',
    'nonsense',
  ]) {
    it(`${url} needs a person`, async (context) => {
      const http = createHttpClient({ insecureHosts: ['127.0.0.1:1'] });
      context.after(() => http.close());
      const signal = new AbortController().signal;
      const error = await failureOfCall(http.send({ operation: 'try', method: 'GET', url, signal, timeoutMs: 2_000 }));
      assert.deepEqual([error.failureClass, error.code], ['needs-person', 'ADDRESS_REFUSED']);
    });
  }

  it('is told by the network it lies in', () => {
    const isRefused = createAddressCheck();
    const refused = [
      '0.0.0.0',
      '10.255.255.255',
      '100.64.0.1',
      '100.100.100.200',
      '127.0.0.53',
      '168.63.129.16',
      '169.254.169.254',
      '172.16.0.1',
      '172.31.255.255',
      '192.0.0.192',
      '192.168.1.1',
      '198.18.0.1',
      '224.0.0.1',
      '255.255.255.255',
      '::',
      '::1',
      '::127.0.0.1',
      '::ffff:10.0.0.1',
      '::ffff:a00:1',
      '64:ff9b::7f00:1',
      '64:ff9b:1::1',
      '2001:db8::1',
      '2002:7f00:1::',
      'fc00::1',
      'fd00:ec2::254',
      'fe80::1',
      'ff02::1',
      'no address',
    ];
    for (const address of refused) assert.equal(isRefused(address), true, address);
    const allowed = [
      '1.1.1.1',
      '172.15.0.1',
      '172.32.0.1',
      '100.63.0.1',
      '168.63.129.17',
      '192.169.0.1',
      '2606:4700::1',
      '64:ff9b::101:101',
      '::ffff:1.1.1.1',
    ];
    for (const address of allowed) assert.equal(isRefused(address), false, address);
  });
});
