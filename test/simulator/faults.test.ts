import assert from 'node:assert/strict';
import { after, afterEach, before, test } from 'node:test';
import { eventually } from '../support/eventually.js';
import { type FaultInput, type RouteFaultInput, type RunningSimulator, startSimulator } from '../support/simulator.js';
import { appId, type Answer, assertion, completed, decide, get, postForm, prepare, token, tokenForm } from './wire.js';

let simulator: RunningSimulator;
let one: Awaited<ReturnType<typeof completed>>;
let key: string;

before(async () => {
  simulator = await startSimulator();
  one = await completed(simulator, { users: 3 });
  const { headers } = await simulator.control.signed(one.prepared.event_id);
  key = `${simulator.url}/events/signature-keys/${headers['X-Hub-Ecdsa-Signature-Id']}`;
});
afterEach(() => simulator.control.clearFaults());
after(() => simulator.stop());

/** The answer of a GET with a fault on it. */
async function under(fault: RouteFaultInput, url = one.url): Promise<Answer> {
  await simulator.control.fault(fault);
  return await get(url, one.accessToken);
}

const lastEntry = async (route: string) => (await simulator.control.requests({ route })).at(-1);

test('refusals have the shape of their route', async () => {
  const refused = async (refusal: string, route: string, url: string) => {
    const { status, body } = await under({ route, kind: 'refusal', refusal } as RouteFaultInput, url);
    return [status, body];
  };
  assert.deepEqual(await refused('unauthorized', 'users', `${one.url}/users`), [401, '']);
  assert.deepEqual(await refused('unauthorized', 'installation', one.url), [
    401,
    { code: '0017000', message: 'Unauthorized' },
  ]);
  assert.deepEqual(await refused('unauthorized', 'account', `${simulator.url}/account`), [
    401,
    { code: '0060001', message: 'Access denied' },
  ]);
  assert.deepEqual(await refused('unauthorized', 'trial', `${one.url}/trial`), [
    401,
    { code: '0030010', message: 'Action is not authorized' },
  ]);
  assert.deepEqual(await refused('ip-not-allowed', 'subscription', `${one.url}/subscription`), [
    403,
    { error: 'IP address not allowed' },
  ]);
  assert.deepEqual(await refused('ip-not-allowed', 'installation', one.url), [
    403,
    { code: '0030009', message: 'IP address not allowed' },
  ]);
  assert.deepEqual(await refused('not-found', 'installation', one.url), [
    404,
    { code: '0030200', message: 'Installation not found for the app' },
  ]);
  assert.deepEqual(await refused('not-found', 'signature-keys', key), [
    404,
    { code: '0080021', message: 'Signature key not found' },
  ]);
  assert.deepEqual(await refused('bad-gateway', 'users', `${one.url}/users`), [502, { error: 'Bad Gateway' }]);
  for (const [refusal, status] of [
    ['server-error', 500],
    ['unavailable', 503],
    ['gateway-timeout', 504],
  ] as const) {
    assert.equal((await refused(refusal, 'any', `${one.url}/users`))[0], status);
  }
});

test('refusals of token, decision and acknowledgement', async () => {
  await simulator.control.fault({ route: 'token', kind: 'refusal', refusal: 'unauthorized' });
  const refused = await postForm(one.prepared, tokenForm(await assertion(one.prepared)));
  assert.deepEqual([refused.status, refused.body.error], [401, 'invalid_client']);
  await simulator.control.fault({ route: 'state', kind: 'refusal', refusal: 'conflict' });
  const conflict = await decide(simulator, one.prepared, one.accessToken, { state: 'approve' });
  assert.deepEqual([conflict.status, Object.keys(conflict.body)], [409, ['error']]);
  await simulator.control.fault({ route: 'credentials-state', kind: 'refusal', refusal: 'conflict' });
  const url = `${one.url}/credentials/${one.prepared.client_id}/state`;
  const headers = { authorization: `Bearer ${one.accessToken}`, 'content-type': 'application/json' };
  const response = await fetch(url, { method: 'POST', headers, body: '{"state":"acknowledged"}' });
  assert.deepEqual([response.status, ((await response.json()) as { code: string }).code], [409, '0030227']);
});

test('Retry-After in every form', async () => {
  const limited = (retry_after: string | undefined, more: object = {}) =>
    under({
      route: 'installation',
      kind: 'rate-limit',
      ...(retry_after && { retry_after }),
      ...more,
    } as RouteFaultInput);
  const plain = await limited(undefined);
  assert.deepEqual([plain.status, plain.headers.get('retry-after')], [429, '2']);
  assert.deepEqual(plain.body, { code: '0012001', message: 'API rate limit exceeded' });
  assert.equal((await limited('seconds', { retry_after_seconds: 7 })).headers.get('retry-after'), '7');
  const { headers } = await limited('date', { retry_after_seconds: 90, status: 503 });
  const [date, until] = [headers.get('date') ?? '', headers.get('retry-after') ?? ''];
  assert.match(until, /^[A-Z][a-z]{2}, \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d GMT$/);
  assert.equal(Date.parse(until) - Date.parse(date), 90_000);
  const inBody = await limited('body', { retry_after_seconds: 5 });
  assert.equal(inBody.headers.get('retry-after'), null);
  assert.deepEqual(inBody.body.fields, [{ name: 'retry-after', description: '5' }]);
  assert.equal((await limited('absurd')).headers.get('retry-after'), '315360000');
  assert.equal((await limited('negative')).headers.get('retry-after'), '-30');
  assert.equal((await limited('words')).headers.get('retry-after'), 'in a little while');
  assert.equal((await limited('absent')).headers.get('retry-after'), null);
});

test('the true answer, spoiled: half a JSON text, a cut connection, HTML, another content type', async () => {
  const whole = JSON.stringify((await get(one.url, one.accessToken)).body);
  await simulator.control.fault({ route: 'installation', kind: 'truncated' });
  const half = await fetch(one.url, { headers: { authorization: `Bearer ${one.accessToken}` } });
  assert.deepEqual([half.status, half.headers.get('content-type')], [200, 'application/json']);
  assert.equal(await half.text(), whole.slice(0, Math.ceil(whole.length / 2)));
  await simulator.control.fault({ route: 'installation', kind: 'truncated', cut: 'connection' });
  const cut = await fetch(one.url, { headers: { authorization: `Bearer ${one.accessToken}` } });
  assert.equal(cut.headers.get('content-length'), String(whole.length));
  await assert.rejects(cut.text(), TypeError);
  const html = await under({ route: 'installation', kind: 'html' });
  assert.deepEqual([html.status, html.headers.get('content-type')], [200, 'text/html']);
  assert.match(html.body, /^<!DOCTYPE html>/);
  const typed = await under({ route: 'installation', kind: 'content-type' });
  assert.deepEqual([typed.headers.get('content-type'), typed.body], ['text/plain', whole]);
});

test('a spoiled answer of a decision comes after it took effect', async () => {
  for (const kind of ['truncated', 'content-type', 'clock-skew'] as const) {
    const prepared = await prepare(simulator);
    const accessToken = await token(prepared);
    await simulator.control.fault({
      route: 'state',
      kind,
      ...(kind === 'clock-skew' ? { seconds: 1 } : {}),
    } as FaultInput);
    await decide(simulator, prepared, accessToken, { state: 'approve' }).catch(() => undefined);
    assert.equal((await simulator.control.installation(prepared.installation_id)).state, 'completed', kind);
  }
});

test('50 MB: white space, and the true answer at its end', async () => {
  const url = `${one.url}/users`;
  const truth = (await get(url, one.accessToken)).body;
  await simulator.control.fault({ route: 'users', kind: 'oversized' });
  const response = await fetch(url, { headers: { authorization: `Bearer ${one.accessToken}` } });
  let bytes = 0;
  let tail = Buffer.alloc(0);
  for await (const chunk of response.body ?? []) {
    bytes += chunk.length;
    tail = Buffer.concat([tail, chunk]).subarray(-65_536);
  }
  assert.equal(bytes, 50_000_000);
  assert.deepEqual(JSON.parse(tail.toString()), truth);
});

test('a caller that hangs up ends an answer without end', async () => {
  await simulator.control.fault({ route: 'users', kind: 'oversized', bytes: 1_000_000_000 });
  const hangUp = new AbortController();
  const headers = { authorization: `Bearer ${one.accessToken}` };
  const response = await fetch(`${one.url}/users`, { headers, signal: hangUp.signal });
  await response.body?.getReader().read();
  hangUp.abort();
  await eventually('the request is closed in the ledger', async () => (await lastEntry('users'))?.status === 200);
});

test('a drip: so many bytes per second', async () => {
  const text = JSON.stringify((await get(`${one.url}/subscription`, one.accessToken)).body);
  const startedMs = performance.now();
  const slow = await under(
    { route: 'subscription', kind: 'drip', bytes_per_second: text.length * 2 },
    `${one.url}/subscription`,
  );
  const tookMs = performance.now() - startedMs;
  assert.equal(JSON.stringify(slow.body), text);
  assert.ok(tookMs >= 450, `${text.length} bytes took ${tookMs} ms`);
});

test('silence: never an answer, before or after the decision took effect', async () => {
  for (const [when, state] of [
    ['before', 'installing'],
    ['after', 'completed'],
  ] as const) {
    const prepared = await prepare(simulator);
    const accessToken = await token(prepared);
    await simulator.control.fault({ route: 'state', kind: 'silence', when });
    const hangUp = new AbortController();
    const answer = fetch(`${simulator.url}/apps/${appId}/installations/${prepared.installation_id}/state`, {
      method: 'POST',
      headers: { authorization: `Bearer ${accessToken}`, 'content-type': 'application/json' },
      body: '{"state":"approve"}',
      signal: hangUp.signal,
    });
    await eventually('the request has come', async () => {
      const entry = await lastEntry('state');
      return entry?.installation_id === prepared.installation_id;
    });
    const late = new Promise((resolve) => setTimeout(resolve, 200, 'nothing'));
    assert.equal(await Promise.race([answer, late]), 'nothing');
    hangUp.abort();
    await assert.rejects(answer, { name: 'AbortError' });
    assert.equal((await simulator.control.installation(prepared.installation_id)).state, state);
    const entry = await lastEntry('state');
    assert.deepEqual([entry?.status, entry?.fault], [null, `silence, ${when} the request took effect`]);
  }
});

test('clock skew: the Date header and the times in the answer, in their form', async () => {
  const truth = (await get(one.url, one.accessToken)).body;
  const skewed = await under({ route: 'installation', kind: 'clock-skew', seconds: -3600 });
  assert.equal(Date.parse(truth.created_at) - Date.parse(skewed.body.created_at), 3_600_000);
  assert.match(skewed.body.created_at, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
  assert.equal(skewed.body.id, truth.id);
  const behindMs = Date.now() - Date.parse(skewed.headers.get('date') ?? '');
  assert.ok(Math.abs(behindMs - 3_600_000) < 5000, `${behindMs} ms behind`);
});

test('forged links: all of an answer, or those named', async () => {
  const forged = (await under({ route: 'installation', kind: 'forged-links' })).body;
  const path = `/apps/${appId}/installations/${one.id}`;
  assert.equal(forged._links.self.href, `https://elsewhere.example${path}`);
  assert.equal(forged._embedded.state._links.self.href, `https://elsewhere.example${path}/state`);
  const origin = 'http://127.0.0.1:9';
  const { _links } = (
    await under({ route: 'users', kind: 'forged-links', origin, links: ['next'] }, `${one.url}/users?per_page=1`)
  ).body;
  assert.equal(_links.next.href, `${origin}${path}/users?page=2&per_page=1`);
  assert.equal(_links.self.href, `${simulator.url}${path}/users?page=1&per_page=1`);
});

test('the key endpoint can be down, slow or empty', async () => {
  assert.equal((await under({ route: 'signature-keys', kind: 'refusal', refusal: 'unavailable' }, key)).status, 503);
  const startedMs = performance.now();
  assert.equal((await under({ route: 'signature-keys', kind: 'delay', delay_ms: 80 }, key)).status, 200);
  assert.ok(performance.now() - startedMs >= 75);
  assert.equal((await under({ route: 'signature-keys', kind: 'refusal', refusal: 'not-found' }, key)).status, 404);
  assert.equal((await get(key, '')).status, 200);
});
