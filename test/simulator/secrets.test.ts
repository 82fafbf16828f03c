import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { type RunningSimulator, startSimulator } from '../support/simulator.js';
import { verdictOf, waiting } from './conduct.js';
import { appId, ask, decide, get, postForm } from './wire.js';

let simulator: RunningSimulator;

before(async () => {
  simulator = await startSimulator();
});
after(() => simulator.stop());

type Waiting = Awaited<ReturnType<typeof waiting>>;

const base64 = (text: string) => Buffer.from(text).toString('base64');
const control = (path: string) => ask(`${simulator.url}/_control${path}`);

/** Nothing that anybody is shown holds any of these, nor a part of them that could be used. */
async function assertNowhere(what: string, ...hidden: string[]): Promise<void> {
  const paths = ['/requests', '/decisions', '/installations', '/overview?log=500', '/verdicts', '/events', '/accounts'];
  for (const path of paths) {
    const text = JSON.stringify((await control(path)).body);
    for (const secret of hidden) assert.ok(!text.includes(secret), `${what}: ${path} holds it`);
  }
}

const inQuery: [string, (waiting: Waiting) => string, RegExp][] = [
  [
    'a bearer token under its header name',
    (w) => `authorization=Bearer%20${w.accessToken}`,
    /^authorization=%5Bredacted%5D$/,
  ],
  ['a bare token', (w) => w.accessToken, /^%5Bredacted%5D=$/],
  [
    'a token in base64',
    (w) => `auth=${encodeURIComponent(base64(`x:${w.accessToken}`))}`,
    /^auth=.{0,4}%5Bredacted%5D/,
  ],
  [
    'a token in base64 that is not percent-encoded',
    (w) => `auth=${base64(`~~>:${w.accessToken}`)}`,
    /^auth=.*%5Bredacted%5D/,
  ],
  ['a token after an encoded hash', (w) => `a=b%23${w.accessToken}`, /^a=b%23%5Bredacted%5D$/],
  ['a token that is percent-encoded wholly', (w) => `a=${hexed(w.accessToken)}`, /^a=%5Bredacted%5D$/],
  ['a token that is encoded twice', (w) => `a=${encodeURIComponent(hexed(w.accessToken))}`, /^a=%5Bredacted%5D$/],
  [
    'a client secret in the middle of a value',
    (w) => `q=x${w.prepared.event.data.client_secret}y`,
    /^q=x%5Bredacted%5Dy$/,
  ],
  ['a client secret in base64', (w) => `foo=${base64(w.prepared.event.data.client_secret)}`, /^foo=%5Bredacted%5D/],
  ['a private key', (w) => `k=${encodeURIComponent(w.prepared.event.data.private_key)}`, /^k=%5Bredacted%5D/],
  ['a private key that is not percent-encoded', (w) => `k=${w.prepared.event.data.private_key}`, /^k=%5Bredacted%5D/],
  ['a token of another Talkdesk', () => `next=${foreignToken}`, /^next=%5Bredacted%5D$/],
];
const hexed = (text: string) => Buffer.from(text).toString('hex').replace(/../g, '%$&');
const foreignToken = `${base64('{"alg":"none"}').replace('=', '')}.${base64('{"sub":"someone"}').replace('=', '')}.`;

for (const [what, query, shown] of inQuery) {
  test(`${what} in a query is noticed, and shown nowhere`, async () => {
    const made = await waiting(simulator);
    const sent = query(made);
    assert.equal((await get(`${made.url}/users?${sent}`, made.accessToken)).status, 200);
    const [entry] = await simulator.control.requests({ installation_id: made.id, route: 'users' });
    assert.match(entry?.query ?? '', shown);
    assert.equal(entry?.secret_in_url, true);
    assert.equal((await verdictOf(simulator, 'no-secret-in-url', made.id)).broken_total, 1);
    const { client_secret, private_key } = made.prepared.event.data;
    await assertNowhere(what, made.accessToken, client_secret, private_key, sent, foreignToken);
  });
}

const inPath: [string, (waiting: Waiting) => string, string][] = [
  ['a token', (w) => `/users/${w.accessToken}`, '/users/[redacted]'],
  ['a client secret', (w) => `/users/a-${w.prepared.event.data.client_secret}`, '/users/a-[redacted]'],
  ['a token in base64', (w) => `/users/${base64(w.accessToken).replaceAll('/', '_')}`, '/users/[redacted]'],
  ['a token that is percent-encoded', (w) => `/users/${hexed(w.accessToken)}`, '/users/[redacted]'],
  ['a token for an app', (w) => `/apps/${w.accessToken}/installations/${w.id}`, '/apps/[redacted]/installations/<id>'],
  [
    'a token for an installation',
    (w) => `/apps/${appId}/installations/${w.accessToken}/users`,
    `/apps/${appId}/installations/[redacted]/users`,
  ],
];
for (const [what, path, shown] of inPath) {
  test(`${what} in a path is noticed, and shown nowhere`, async () => {
    const made = await waiting(simulator);
    const before = (await simulator.control.requests()).length;
    await get(`${simulator.url}${path(made)}`, made.accessToken);
    const [entry] = (await simulator.control.requests()).slice(before);
    assert.equal(entry?.path.replace(made.id, '<id>'), shown);
    assert.equal(entry?.secret_in_url, true);
    const { rules } = (await control('/verdicts')).body;
    const { broken } = rules.find(({ rule }: { rule: string }) => rule === 'no-secret-in-url');
    assert.ok(broken.some(({ request }: { request: number }) => request === entry?.n));
    await assertNowhere(what, made.accessToken, made.prepared.event.data.client_secret, hexed(made.accessToken));
  });
}

test('a token or client secret in the reason of a decision is shown nowhere', async () => {
  for (const state of ['approve', 'reject']) {
    const made = await waiting(simulator);
    const { client_secret } = made.prepared.event.data;
    const reason = `ready with ${made.accessToken} and ${client_secret}, or ${base64(client_secret)}.`;
    await decide(simulator, made.prepared, made.accessToken, { state, reason });
    const [decision] = (await simulator.control.installation(made.id)).decisions;
    assert.match(decision?.reason ?? '', /^ready with \[redacted\] and \[redacted\], or \[redacted\]/);
    const [entry] = await simulator.control.requests({ installation_id: made.id, route: 'state' });
    assert.equal(entry?.secret_in_url, false);
    await assertNowhere('reason', made.accessToken, client_secret, base64(client_secret));
  }
});

test('secrets in headers, nested bodies, scopes and claims are shown nowhere, and break no rule about URLs', async () => {
  const made = await waiting(simulator);
  const { client_id, client_secret, private_key } = made.prepared.event.data;
  const headers = {
    authorization: `${made.accessToken} x`,
    cookie: `session=${client_secret}; a=b`,
    'user-agent': `backend/1 (${made.accessToken})`,
    'x-key': private_key,
    referer: `https://backend.example/?t=${encodeURIComponent(base64(made.accessToken))}`,
  };
  await ask(`${made.url}/users`, { headers });
  const body = {
    state: 'approve',
    more: [{ deep: { note: `a ${client_secret}`, token: 'short' } }],
    [client_secret]: 1,
  };
  await decide(simulator, made.prepared, made.accessToken, body);
  await postForm(
    made.prepared,
    { grant_type: 'client_credentials', scope: client_secret },
    {
      authorization: `Basic ${base64(`${client_id}:${client_secret}`)}`,
    },
  );
  await assertNowhere('headers and bodies', made.accessToken, client_secret, private_key, base64(made.accessToken));
  const [ofState] = await simulator.control.requests({ installation_id: made.id, route: 'state' });
  assert.deepEqual(ofState?.body, {
    state: 'approve',
    more: [{ deep: { note: 'a [redacted]', token: '[redacted]' } }],
    '[redacted]': 1,
  });
  assert.equal((await verdictOf(simulator, 'no-secret-in-url', made.id)).broken_total, 0);
});

test('a body that is nested without end is kept down to a depth, and the simulator goes on', async () => {
  const made = await waiting(simulator);
  const depth = 50_000;
  const body = `{"state":"approve","deep":${'['.repeat(depth)}${']'.repeat(depth)}}`;
  const answer = await ask(`${made.url}/state`, {
    method: 'POST',
    headers: { authorization: `Bearer ${made.accessToken}`, 'content-type': 'application/json' },
    body,
  });
  assert.equal(answer.status, 200);
  const [entry] = await simulator.control.requests({ installation_id: made.id, route: 'state' });
  assert.match(JSON.stringify(entry?.body), /"\[too deep to be kept\]"\]+\}$/);
});

test('ordinary ids and long words are no secrets', async () => {
  const made = await waiting(simulator);
  const query = `search=${'long-and-harmless'.repeat(5)}&cursor=${base64('{"page":2,"of":"an ordinary cursor"}').replace('=', '')}&q=a+b`;
  await get(`${made.url}/users?${query}`, made.accessToken);
  const [entry] = await simulator.control.requests({ installation_id: made.id, route: 'users' });
  assert.equal(entry?.secret_in_url, false);
  assert.equal(entry?.query, query);
  assert.equal(entry?.path, `/apps/${appId}/installations/${made.id}/users`);
});
