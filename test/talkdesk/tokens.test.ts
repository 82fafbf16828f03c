import assert from 'node:assert/strict';
import { verify } from 'node:crypto';
import { describe, it } from 'node:test';
import { decodeProtectedHeader, jwtVerify } from 'jose';
import { KEY_ALGORITHMS } from '../../talkdesk/types.js';
import { type Answer, json, type SeenRequest } from './support/server.js';
import {
  CLIENT_SECRET,
  failureOfCall,
  limits,
  makeCredentialKey,
  NOW,
  SCOPES,
  startTalkdesk,
} from './support/talkdesk.js';

const notFound: Answer = (_request, response) => json(response, 404, {});
const form = (request: SeenRequest | undefined) => new URLSearchParams(request?.body ?? '');

const SECOND_MS = 1_000;
/** @param aheadMs Talkdesk's clock against ours */
const tokenAnswer =
  (body: unknown, status = 200, aheadMs = 0): Answer =>
  (_request, response) =>
    json(response, status, body, { date: new Date(NOW.getTime() + aheadMs).toUTCString() });
const withoutDate: Answer = (_request, response) => {
  response.sendDate = false;
  json(response, 401, {});
};

describe('a token request', () => {
  for (const algorithm of KEY_ALGORITHMS) {
    it(`proves the client with ${algorithm}`, async (context) => {
      const { client, access, server, publicKey } = await startTalkdesk(context, notFound, { algorithm });
      assert.deepEqual(await client.ensureToken(access, limits()), { fresh: true });
      const [request] = server.requests;
      assert.deepEqual([request?.method, request?.path], ['POST', '/acme/oauth/token']);
      assert.equal(request?.headers['content-type'], 'application/x-www-form-urlencoded');
      assert.equal(request?.headers['accept'], 'application/json');
      assert.equal(request?.headers['authorization'], undefined);
      const fields = form(request);
      assert.deepEqual([...fields.keys()].sort(), ['client_assertion', 'client_assertion_type', 'grant_type', 'scope']);
      assert.equal(fields.get('grant_type'), 'client_credentials');
      assert.equal(fields.get('scope'), 'account:read apps:read apps:write users:read');
      assert.equal(fields.get('client_assertion_type'), 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer');
      const assertion = fields.get('client_assertion') ?? '';
      assert.deepEqual(decodeProtectedHeader(assertion), { alg: algorithm, kid: 'key-1', typ: 'JWT' });
      const { payload } = await jwtVerify(assertion, publicKey, { algorithms: [algorithm], currentDate: NOW });
      assert.deepEqual(Object.keys(payload).sort(), ['aud', 'exp', 'iat', 'iss', 'jti', 'sub']);
      assert.deepEqual(
        [payload.iss, payload.sub, payload.aud],
        ['client-1', 'client-1', `${server.url}/acme/oauth/token`],
      );
      // 2026-01-05T10:00:00Z, and five minutes later.
      assert.deepEqual([payload.iat, payload.exp], [1_767_607_200, 1_767_607_500]);
      assert.match(String(payload.jti), /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    });
  }

  it('carries a signature that node:crypto accepts, r and s side by side', async (context) => {
    const { client, access, server, publicKey } = await startTalkdesk(context, notFound);
    await client.ensureToken(access, limits());
    const [header, payload, signature = ''] = (form(server.requests[0]).get('client_assertion') ?? '').split('.');
    const signed = Buffer.from(`${header}.${payload}`);
    const key = { key: publicKey, dsaEncoding: 'ieee-p1363' as const };
    assert.equal(verify('sha256', signed, key, Buffer.from(signature, 'base64url')), true);
  });

  it('uses an assertion once', async (context) => {
    const { client, access, server } = await startTalkdesk(context, notFound);
    await client.ensureToken(access, limits());
    client.forgetTokens(access.installationId);
    await client.ensureToken(access, limits());
    const ids = server.requests.map((request) => form(request).get('client_assertion'));
    assert.equal(new Set(ids).size, 2);
  });

  it('sends the secret only where Basic is switched on', async (context) => {
    const { client, access, server } = await startTalkdesk(context, notFound, { client: { tokenAuth: 'basic' } });
    await client.ensureToken(access, limits());
    const [request] = server.requests;
    const expected = `Basic ${Buffer.from('client-1:the-client-secret').toString('base64')}`;
    assert.equal(request?.headers['authorization'], expected);
    assert.deepEqual([...form(request).keys()].sort(), ['grant_type', 'scope']);
    const bare = { ...access, installationId: 'other', credentials: { ...access.credentials, clientSecret: null } };
    assert.equal((await failureOfCall(client.ensureToken(bare, limits()))).failureClass, 'credentials');
  });

  it('is not sent to a host that the region table does not have', async (context) => {
    const { client, access, server } = await startTalkdesk(context, notFound);
    const elsewhere = { ...access, tokenUrl: 'https://acme.evil.example/oauth/token' };
    const error = await failureOfCall(client.ensureToken(elsewhere, limits()));
    assert.equal(error.failureClass, 'needs-person');
    assert.match(error.message, /https:\/\/acme\.evil\.example\./);
    assert.equal(server.requests.length, 0);
  });

  it('is not made with a key that cannot be used', async (context) => {
    const { client, access, server } = await startTalkdesk(context, notFound);
    for (const privateKey of ['<opaque>', makeCredentialKey('PS256').privateKey]) {
      const bad = { ...access, credentials: { ...access.credentials, privateKey } };
      const error = await failureOfCall(client.ensureToken(bad, limits()));
      assert.equal(error.failureClass, 'credentials');
      assert.match(error.message, /^Could not get a token: The private key/);
      assert.ok(!error.message.includes(privateKey));
    }
    assert.equal(server.requests.length, 0);
  });
});

describe('a token', () => {
  it('is used until a minute before its end', async (context) => {
    const { client, access, clock, tokenRequests } = await startTalkdesk(context, notFound);
    await client.ensureToken(access, limits());
    clock.advance((599 - 60) * 1_000 - 1);
    assert.deepEqual(await client.ensureToken(access, limits()), { fresh: false });
    clock.advance(1);
    assert.deepEqual(await client.ensureToken(access, limits()), { fresh: true });
    assert.equal(tokenRequests(), 2);
  });

  it('with a short life is used for half of it', async (context) => {
    const token = tokenAnswer({ access_token: 't', token_type: 'Bearer', expires_in: 10, scope: SCOPES.join(' ') });
    const { client, access, clock, tokenRequests } = await startTalkdesk(context, notFound, { token });
    await client.ensureToken(access, limits());
    clock.advance(4_999);
    assert.equal((await client.ensureToken(access, limits())).fresh, false);
    clock.advance(1);
    assert.equal((await client.ensureToken(access, limits())).fresh, true);
    assert.equal(tokenRequests(), 2);
  });

  it('without a stated life is used for a while, not asked for in a loop', async (context) => {
    for (const expires_in of [undefined, null, 0, -5, 'soon', 1e12]) {
      const { client, access, clock, tokenRequests } = await startTalkdesk(context, notFound, {
        token: tokenAnswer({ access_token: 't', expires_in }),
      });
      await client.ensureToken(access, limits());
      clock.advance(29_999);
      assert.equal((await client.ensureToken(access, limits())).fresh, false);
      clock.advance(1);
      assert.equal((await client.ensureToken(access, limits())).fresh, true);
      assert.equal(tokenRequests(), 2);
    }
  });

  it('is asked for once by many callers at the same time', async (context) => {
    const { client, access, tokenRequests } = await startTalkdesk(context, notFound);
    await Promise.all(Array.from({ length: 50 }, () => client.ensureToken(access, limits())));
    assert.equal(tokenRequests(), 1);
  });

  it('belongs to one installation, one client and one key', async (context) => {
    const { client, access, tokenRequests } = await startTalkdesk(context, notFound);
    await client.ensureToken(access, limits());
    await client.ensureToken({ ...access, installationId: 'installation-2' }, limits());
    const { credentials } = access;
    await client.ensureToken({ ...access, credentials: { ...credentials, clientId: 'client-2' } }, limits());
    await client.ensureToken({ ...access, credentials: { ...credentials, keyId: 'key-2' } }, limits());
    assert.equal(tokenRequests(), 4);
    assert.deepEqual(await client.ensureToken(access, limits()), { fresh: false });
  });

  it('proves a new set of credentials by that set alone, while the old one keeps its token', async (context) => {
    const { client, access, server } = await startTalkdesk(context, notFound);
    await client.ensureToken(access, limits());
    const { privateKey, publicKey } = makeCredentialKey('PS256');
    const pending = { clientId: 'client-2', keyId: 'key-2', privateKey, keyAlgorithm: 'PS256' as const };
    const proof = { ...access, credentials: { ...access.credentials, ...pending } };
    assert.deepEqual(await client.ensureToken(proof, limits()), { fresh: true });
    const assertion = form(server.requests.at(-1)).get('client_assertion') ?? '';
    const { payload } = await jwtVerify(assertion, publicKey, { algorithms: ['PS256'], currentDate: NOW });
    assert.equal(payload.iss, 'client-2');
    assert.deepEqual(await client.ensureToken(access, limits()), { fresh: false });
  });

  it('is dropped for one installation when it is forgotten', async (context) => {
    const { client, access, tokenRequests } = await startTalkdesk(context, notFound);
    const other = { ...access, installationId: 'installation-2' };
    await client.ensureToken(access, limits());
    await client.ensureToken(other, limits());
    client.forgetTokens(access.installationId);
    assert.equal((await client.ensureToken(other, limits())).fresh, false);
    assert.equal((await client.ensureToken(access, limits())).fresh, true);
    assert.equal(tokenRequests(), 3);
  });

  it('that was on its way when it was forgotten is not kept', async (context) => {
    const forget = () => client.forgetTokens(access.installationId);
    const { client, access, tokenRequests } = await startTalkdesk(context, notFound, {
      token: (_request, response) => {
        forget();
        json(response, 200, { access_token: 't', expires_in: 599 });
      },
    });
    await client.ensureToken(access, limits());
    assert.equal((await client.ensureToken(access, limits())).fresh, true);
    assert.equal(tokenRequests(), 2);
  });

  it('with fewer scopes than asked for is used, with a warning; more scopes are fine', async (context) => {
    const { client, access, warnings } = await startTalkdesk(context, notFound, {
      token: tokenAnswer({ access_token: 't', expires_in: 599, scope: 'openid apps:read account:read users:read' }),
    });
    await client.ensureToken(access, limits());
    assert.deepEqual(
      warnings.map(({ fields }) => fields),
      [{ installationId: 'installation-1', missing: ['apps:write'] }],
    );
    const fine = await startTalkdesk(context, notFound);
    await fine.client.ensureToken(fine.access, limits());
    assert.deepEqual(fine.warnings, []);
  });
});

describe('a caller that leaves', () => {
  it('leaves the request to the others', async (context) => {
    let release = () => {};
    let arrived = () => {};
    const reached = new Promise<void>((resolve) => (arrived = resolve));
    const { client, access, tokenRequests } = await startTalkdesk(context, notFound, {
      token: async (_request, response) => {
        await new Promise<void>((resolve) => {
          release = resolve;
          arrived();
        });
        json(response, 200, { access_token: 't', expires_in: 599 });
      },
    });
    const controller = new AbortController();
    const leaving = failureOfCall(client.ensureToken(access, { signal: controller.signal, timeoutMs: 5_000 }));
    const staying = client.ensureToken(access, limits());
    const hurried = await failureOfCall(client.ensureToken(access, limits(20)));
    assert.deepEqual([hurried.failureClass, hurried.code], ['retryable', 'ETIMEDOUT']);
    await reached;
    controller.abort();
    assert.deepEqual([(await leaving).failureClass, (await leaving).code], ['retryable', 'ABORTED']);
    release();
    assert.deepEqual(await staying, { fresh: true });
    assert.equal((await client.ensureToken(access, limits())).fresh, false);
    assert.equal(tokenRequests(), 1);
  });
});

describe('a token request that fails', () => {
  for (const [name, answer, expected] of [
    ['invalid_client', tokenAnswer({ error: 'invalid_client' }, 400), 'credentials'],
    ['401', tokenAnswer({ error: 'unauthorized', error_description: 'x' }, 401), 'credentials'],
    ['401 and clocks 90 s apart', tokenAnswer({}, 401, 90 * SECOND_MS), 'credentials'],
    ['401 and no date', withoutDate, 'credentials'],
    ['401 and a clock ahead of ours', tokenAnswer({}, 401, 91 * SECOND_MS), 'retryable'],
    ['401 and a clock behind ours', tokenAnswer({}, 401, -91 * SECOND_MS), 'retryable'],
    [
      'invalid_scope and a clock behind ours',
      tokenAnswer({ error: 'invalid_scope' }, 400, -91 * SECOND_MS),
      'needs-person',
    ],
    ['invalid_scope', tokenAnswer({ error: 'invalid_scope' }, 400), 'needs-person'],
    ['503', tokenAnswer({}, 503), 'retryable'],
    ['no token', tokenAnswer({ token_type: 'Bearer', expires_in: 599 }), 'retryable'],
    ['a token that cannot be a header', tokenAnswer({ access_token: 'a\r\nx: y', expires_in: 599 }), 'retryable'],
    ['HTML', (_request, response) => void response.end('<html>'), 'retryable'],
    ['nothing', (_request, response) => void response.end(), 'retryable'],
    ['a redirect', (_request, response) => void response.writeHead(307, { location: '/x' }).end(), 'retryable'],
  ] as [string, Answer, string][]) {
    it(`with ${name} is ${expected}, is not repeated, and is not remembered`, async (context) => {
      const { client, access, tokenRequests } = await startTalkdesk(context, notFound, { token: answer });
      const error = await failureOfCall(client.ensureToken(access, limits()));
      assert.equal(error.failureClass, expected);
      assert.equal(tokenRequests(), 1);
      await failureOfCall(client.ensureToken(access, limits()));
      assert.equal(tokenRequests(), 2);
      const shown = `${error.message} ${JSON.stringify(error)}`;
      for (const secret of [CLIENT_SECRET, access.credentials.privateKey, 'eyJ']) assert.ok(!shown.includes(secret));
    });
  }
});
