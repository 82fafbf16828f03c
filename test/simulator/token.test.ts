import assert from 'node:assert/strict';
import { generateKeyPairSync, randomUUID } from 'node:crypto';
import { after, before, test } from 'node:test';
import { type RunningSimulator, startSimulator } from '../support/simulator.js';
import { type Answer, ask, assertion, get, type Prepared, postForm, prepare, token, tokenForm } from './wire.js';

let simulator: RunningSimulator;
let prepared: Prepared;

before(async () => {
  simulator = await startSimulator();
  prepared = await prepare(simulator);
});
after(() => simulator.stop());

async function lastVerdict(): Promise<string> {
  return (await simulator.control.requests({ route: 'token' })).at(-1)?.verdict ?? '';
}

async function assertRefused(answer: Answer, verdict: RegExp): Promise<void> {
  assert.equal(answer.status, 401);
  assert.deepEqual(answer.body, { error: 'invalid_client', error_description: 'Client authentication failed' });
  assert.match(await lastVerdict(), verdict);
}

test('a right assertion gets a token of 599 s with the scopes asked for and openid', async () => {
  const answer = await postForm(prepared, tokenForm(await assertion(prepared)));
  assert.equal(answer.status, 200);
  const { access_token, ...others } = answer.body;
  assert.match(access_token, /^[\w-]+\.[\w-]+\.[\w-]+$/);
  assert.deepEqual(others, {
    token_type: 'Bearer',
    expires_in: 599,
    scope: 'openid account:read apps:read apps:write users:read',
  });
  assert.equal(answer.headers.get('cache-control'), 'no-store');
  assert.match(await lastVerdict(), /^token issued: assertion verified \(ES256/);
});

test('fewer scopes give fewer, no scope gives all that were granted', async () => {
  const fewer = await postForm(prepared, tokenForm(await assertion(prepared), 'apps:read'));
  assert.equal(fewer.body.scope, 'openid apps:read');
  const { scope: _, ...form } = tokenForm(await assertion(prepared));
  assert.equal((await postForm(prepared, form)).body.scope, 'openid apps:read apps:write account:read users:read');
});

for (const algorithm of ['ES256', 'ES384', 'ES512', 'PS256', 'PS384', 'PS512'] as const) {
  test(`a key of ${algorithm} works`, async () => {
    const other = await prepare(simulator, { key_algorithm: algorithm });
    assert.equal(other.event.data.key_algorithm, algorithm);
    assert.equal((await postForm(other, tokenForm(await assertion(other)))).status, 200);
  });
}

const nowSeconds = () => Math.floor(Date.now() / 1000);

test('aud must be the token URL, exactly', async () => {
  const { href } = prepared.event._links.token;
  for (const aud of [`${href}/`, new URL(href).origin, [href, 'https://elsewhere.example'], undefined]) {
    const answer = await postForm(prepared, tokenForm(await assertion(prepared, { claims: { aud } })));
    await assertRefused(answer, /aud is .*, not the token URL/);
  }
});

test('alg must be the registered one, also when the key could do another', async () => {
  const rsa = await prepare(simulator, { key_algorithm: 'PS256' });
  await assertRefused(
    await postForm(rsa, tokenForm(await assertion(rsa, { alg: 'PS512' }))),
    /alg is PS512, the client's key is registered for PS256/,
  );
});

test('kid must be the registered one', async () => {
  const signed = await assertion(prepared, { kid: 'another' });
  await assertRefused(await postForm(prepared, tokenForm(signed)), /kid is another/);
});

test('exp must be there, ahead, and at most five minutes (and a minute of skew) ahead', async () => {
  const cases: Array<[number | undefined, RegExp]> = [
    [undefined, /exp is missing/],
    [nowSeconds() - 1, /exp has passed/],
    [nowSeconds() + 375, /exp is 37\d s ahead, at most 300 s/],
  ];
  for (const [exp, verdict] of cases) {
    const signed = await assertion(prepared, { claims: { exp } });
    await assertRefused(await postForm(prepared, tokenForm(signed)), verdict);
  }
  const withSkew = await assertion(prepared, { claims: { exp: nowSeconds() + 350 } });
  assert.equal((await postForm(prepared, tokenForm(withSkew))).status, 200);
});

test('iat may not lie in the future beyond a minute', async () => {
  const signed = await assertion(prepared, { claims: { iat: nowSeconds() + 75 } });
  await assertRefused(await postForm(prepared, tokenForm(signed)), /iat is 7\d s in the future/);
});

test('a jti is good once, also for two requests at the same time', async () => {
  const jti = randomUUID();
  const copies = await Promise.all([
    assertion(prepared, { claims: { jti } }),
    assertion(prepared, { claims: { jti } }),
  ]);
  const answers = await Promise.all(copies.map((copy) => postForm(prepared, tokenForm(copy))));
  assert.deepEqual(answers.map((answer) => answer.status).sort(), [200, 401]);
  await assertRefused(await postForm(prepared, tokenForm(copies[0] ?? '')), /its jti was used before/);
  const without = await assertion(prepared, { claims: { jti: undefined } });
  await assertRefused(await postForm(prepared, tokenForm(without)), /jti is missing/);
});

test('another key of the right kind does not do', async () => {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const signed = await assertion(prepared, { key: privateKey });
  await assertRefused(await postForm(prepared, tokenForm(signed)), /not made with the key of this client/);
});

test('iss and sub must be the client', async () => {
  const signed = await assertion(prepared, { claims: { sub: 'someone-else' } });
  await assertRefused(await postForm(prepared, tokenForm(signed)), /iss and sub are not the same/);
  const unknown = await assertion(prepared, { claims: { iss: 'nobody', sub: 'nobody' } });
  await assertRefused(await postForm(prepared, tokenForm(unknown)), /no client nobody is registered/);
  await assertRefused(await postForm(prepared, tokenForm('no.jwt')), /not a JWT/);
});

test('a client is refused at the token URL of another account', async () => {
  const other = await prepare(simulator);
  const { href } = other.event._links.token;
  const signed = await assertion(prepared, { claims: { aud: href } });
  const answer = await ask(href, { method: 'POST', body: new URLSearchParams(tokenForm(signed)) });
  await assertRefused(answer, /does not belong to account/);
});

test('a malformed request is a 400 and says what is wrong', async () => {
  const form = tokenForm(await assertion(prepared));
  const { grant_type: _, ...withoutGrant } = form;
  const missing = await postForm(prepared, withoutGrant);
  assert.equal(missing.status, 400);
  assert.deepEqual(missing.body, { error: 'invalid_request', error_description: 'Missing grant type' });

  const otherGrant = await postForm(prepared, { ...form, grant_type: 'password' });
  assert.deepEqual([otherGrant.status, otherGrant.body.error], [400, 'unsupported_grant_type']);

  const otherType = await postForm(prepared, { ...form, client_assertion_type: 'jwt' });
  assert.deepEqual([otherType.status, otherType.body.error], [400, 'invalid_request']);

  const json = await ask(prepared.event._links.token.href, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(form),
  });
  assert.deepEqual([json.status, json.body.error], [400, 'invalid_request']);

  const twice = new URLSearchParams([...Object.entries(form), ['scope', 'apps:read']]);
  const repeated = await ask(prepared.event._links.token.href, { method: 'POST', body: twice });
  assert.deepEqual([repeated.status, repeated.body.error_description], [400, 'Parameter scope is repeated']);
});

test('without client authentication: 401 unauthorized', async () => {
  const answer = await postForm(prepared, { grant_type: 'client_credentials' });
  assert.equal(answer.status, 401);
  assert.deepEqual(answer.body, { error: 'unauthorized', error_description: 'Client authentication is missing' });
});

test('a scope that was not granted is refused, by the switch with 401', async () => {
  const refused = await postForm(prepared, tokenForm(await assertion(prepared), 'apps:read events:read'));
  assert.equal(refused.status, 400);
  assert.deepEqual(refused.body, { error: 'invalid_scope', error_description: 'A scope is not granted' });
  await simulator.control.switches({ ungranted_scope_status: 401 });
  assert.equal((await postForm(prepared, tokenForm(await assertion(prepared), 'events:read'))).status, 401);
  await simulator.control.switches({ ungranted_scope_status: 400 });
});

test('Basic is accepted with the right secret, and by the switch refused', async () => {
  const { client_id, client_secret } = prepared.event.data;
  const basic = (secret: string) => ({
    authorization: `Basic ${Buffer.from(`${client_id}:${secret}`).toString('base64')}`,
  });
  const form = { grant_type: 'client_credentials', scope: 'apps:read' };
  const accepted = await postForm(prepared, form, basic(client_secret));
  assert.deepEqual([accepted.status, accepted.body.scope], [200, 'openid apps:read']);
  await assertRefused(await postForm(prepared, form, basic('wrong')), /client secret is wrong/);
  await simulator.control.switches({ basic_authentication: 'refused' });
  await assertRefused(await postForm(prepared, form, basic(client_secret)), /Basic authentication is switched off/);
  await simulator.control.switches({ basic_authentication: 'accepted' });
});

test('times are those of the simulator: a token ends after 599 s, an assertion is judged by the moved clock', async () => {
  const own = await startSimulator();
  try {
    const moved = await prepare(own);
    const accessToken = await token(moved);
    const account = `${own.url}/account`;
    await own.control.advance(590_000);
    assert.equal((await get(account, accessToken)).status, 200);
    const late = await postForm(moved, tokenForm(await assertion(moved)));
    assert.equal(late.status, 401);
    assert.equal(typeof (await token(moved, undefined, Date.now() + 590_000)), 'string');
    await own.control.advance(10_000);
    const expired = await get(account, accessToken);
    assert.deepEqual([expired.status, expired.body], [401, { code: '0060001', message: 'Access denied' }]);
  } finally {
    await own.stop();
  }
});
