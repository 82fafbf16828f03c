import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { type RunningSimulator, startSimulator } from '../support/simulator.js';
import { assertBroken, assertKept, verdictOf, waiting } from './conduct.js';
import { ask, assertion, get, postForm, token, tokenForm } from './wire.js';

let simulator: RunningSimulator;

before(async () => {
  simulator = await startSimulator();
});
after(() => simulator.stop());

const scopes = 'account:read apps:read apps:write users:read';
const minuteMs = 60_000;

test('assertion-correct: a wrong aud, kid or lifetime breaks it, in the words of the refusal', async () => {
  const wrong = [
    { changes: { claims: { aud: 'https://elsewhere.example/oauth/token' } }, what: /aud is "https:\/\/elsewhere/ },
    { changes: { kid: 'another' }, what: /kid is another/ },
    { changes: { claims: { exp: Math.floor(Date.now() / 1000) + 3600 } }, what: /exp is \d+ s ahead/ },
    { changes: { claims: { jti: undefined } }, what: /jti is missing/ },
  ];
  for (const { changes, what } of wrong) {
    const { id, prepared } = await waiting(simulator);
    await assertKept(simulator, 'assertion-correct', id);
    await postForm(prepared, tokenForm(await assertion(prepared, changes)));
    await assertBroken(simulator, 'assertion-correct', id, what);
  }
});

test('assertion-correct: an assertion used twice breaks it', async () => {
  const { id, prepared } = await waiting(simulator);
  const form = tokenForm(await assertion(prepared));
  await postForm(prepared, form);
  await postForm(prepared, form);
  await assertBroken(simulator, 'assertion-correct', id, /its jti was used before/);
});

test('signed-jwt-used: the client secret works, and breaks it', async () => {
  const { id, prepared } = await waiting(simulator);
  await assertKept(simulator, 'signed-jwt-used', id);
  const { client_id, client_secret } = prepared.event.data;
  const authorization = `Basic ${Buffer.from(`${client_id}:${client_secret}`).toString('base64')}`;
  const answer = await postForm(prepared, { grant_type: 'client_credentials', scope: scopes }, { authorization });
  assert.equal(answer.status, 200);
  await assertBroken(simulator, 'signed-jwt-used', id, /with the client secret/);
});

test('scopes-asked: one that is not granted breaks it, and so does a call whose scope was not asked for', async () => {
  const { id, prepared, url } = await waiting(simulator);
  await assertKept(simulator, 'scopes-asked', id);
  await postForm(prepared, tokenForm(await assertion(prepared), `${scopes} events:read`));
  await assertBroken(simulator, 'scopes-asked', id, /not granted: .*scope not granted: events:read\.$/);
  const other = await waiting(simulator);
  const few = await token(other.prepared, 'account:read');
  await get(other.url, few);
  await assertBroken(simulator, 'scopes-asked', other.id, /lacks the scope apps:read/);
  assert.notEqual(url, other.url);
});

test('right-token: the token of another installation breaks it for the one that was asked about', async () => {
  const { id, accessToken, url } = await waiting(simulator);
  const other = await waiting(simulator);
  await get(url, accessToken);
  await assertKept(simulator, 'right-token', id);
  await get(url, other.accessToken);
  const breach = await assertBroken(simulator, 'right-token', id, new RegExp(`another installation, ${other.id}\\.$`));
  assert.equal(breach.request, (await simulator.control.requests({ installation_id: id })).at(-1)?.n);
  await get(other.url, other.accessToken);
  await assertKept(simulator, 'right-token', other.id);
});

test('right-token: a call without one breaks it', async () => {
  const { id, url } = await waiting(simulator);
  await ask(url);
  await assertBroken(simulator, 'right-token', id, /^No bearer token/);
});

test('right-region: a gateway of another region breaks it', async () => {
  const { regions } = await simulator.control.health();
  const { id, accessToken, url, prepared } = await waiting(simulator, { region: 'eu' });
  const path = url.slice(simulator.url.length);
  assert.equal(prepared.event._links.root.href, regions['eu']);
  await get(`${regions['eu']}${path}`, accessToken);
  await assertKept(simulator, 'right-region', id);
  await get(`${regions['us']}${path}`, accessToken);
  await assertBroken(simulator, 'right-region', id, /another region than the installation lives in/);
});

test('token-reuse: one token for many calls keeps it, one for each call breaks it', async () => {
  const { id, accessToken, url } = await waiting(simulator);
  for (let call = 0; call < 4; call += 1) await get(url, accessToken);
  await assertKept(simulator, 'token-reuse', id);
  const other = await waiting(simulator);
  for (let call = 0; call < 4; call += 1) await get(other.url, await token(other.prepared));
  await assertBroken(simulator, 'token-reuse', other.id, /^4 tokens were fetched .* for 4 calls\.$/);
  const { figures } = await simulator.control.verdicts({ installation_id: other.id });
  assert.deepEqual(figures.tokens, { issued: 5, needless: 4, calls: 4, ratio: 1.25 });
});

test('what depends on time: refused-token-dropped, renewal, and assertions of a backend that was not told of a jump', async () => {
  const { id, prepared, accessToken, url } = await waiting(simulator);
  const other = await waiting(simulator);
  await simulator.control.advance(10 * minuteMs);
  for (const one of [{ url, accessToken }, other]) assert.equal((await get(one.url, one.accessToken)).status, 401);
  await assertKept(simulator, 'refused-token-dropped', id);

  await simulator.control.advance(2_000);
  await get(other.url, other.accessToken);
  await assertBroken(simulator, 'refused-token-dropped', other.id, /^The token was used again, although request \d+/);

  const { now } = await simulator.control.clock();
  for (let round = 0; round < 4; round += 1) {
    await get(url, await token(prepared, undefined, Date.parse(now) + round * 10 * minuteMs));
    await simulator.control.advance(10 * minuteMs);
  }
  await assertKept(simulator, 'token-reuse', id);

  assert.equal((await postForm(prepared, tokenForm(await assertion(prepared)))).status, 401);
  await assertKept(simulator, 'assertion-correct', id);
  assert.equal((await verdictOf(simulator, 'assertion-correct', id)).checked, 5);
});
