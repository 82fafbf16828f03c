import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { startSimulator } from '../support/simulator.js';
import { startSwitched } from './switched.js';
import {
  acknowledge,
  appId,
  ask,
  assertion,
  completed,
  decide,
  get,
  type Prepared,
  postForm,
  prepare,
  token,
  tokenForm,
  withCredentialsOf,
} from './wire.js';

const { simulator, defaults } = await startSwitched();

/** One row of the table of docs/simulator.md. */
interface Row {
  name: string;
  values: string;
  default: string;
  source: string;
}

function documentedRows(): Row[] {
  const text = readFileSync(new URL('../../docs/simulator.md', import.meta.url), 'utf8');
  const section = text.split(/^## /m).find((part) => part.startsWith('Switches\n')) ?? '';
  return [...section.matchAll(/^\| `([\w.]+)` \| ([^|]+) \| ([^|]+) \| ([^|]+) \| [^|]+ \|$/gm)].map(
    ([, name = '', values = '', byDefault = '', source = '']) => ({ name, values, default: byDefault, source }),
  );
}

/** `{ sign: { curve: 'p256' } }` as `sign.curve` and `p256`. */
function flat(switches: Record<string, unknown>, prefix = ''): Array<[string, string]> {
  return Object.entries(switches).flatMap(
    ([name, value]): Array<[string, string]> =>
      typeof value === 'object' && value !== null
        ? flat(value as Record<string, unknown>, `${name}.`)
        : [[prefix + name, String(value)]],
  );
}

function changeOf(name: string, text: string): Record<string, unknown> {
  const value = /^-?\d+$/.test(text) ? Number(text) : text === 'true' ? true : text === 'false' ? false : text;
  const [outer = '', inner] = name.split('.');
  return { [outer]: inner === undefined ? value : { [inner]: value } };
}

const patch = (change: Record<string, unknown>) =>
  ask(`${simulator.url}/_control/switches`, {
    method: 'PATCH',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(change),
  });

test('docs/simulator.md has every switch with its default, in the order of the program, and a source', () => {
  const rows = documentedRows();
  assert.deepEqual(
    rows.map((row) => [row.name, row.default]),
    flat(defaults),
  );
  for (const { name, source } of rows) assert.match(source, /^contract \d+(\.\d+| Q\d)?(, \d*(\.?\d+| ?Q\d))*$/, name);
});

test('docs/simulator.md has exactly the values that a switch takes', async () => {
  for (const { name, values } of documentedRows()) {
    const range = /^(\d+) to (\d+)$/.exec(values);
    const good = range === null ? values.split(', ') : [range[1] ?? '', range[2] ?? ''];
    for (const value of good) assert.equal((await patch(changeOf(name, value))).status, 200, `${name}: ${value}`);
    const bad = range === null ? ['5'] : [String(Number(range[1]) - 1), String(Number(range[2]) + 1)];
    for (const value of bad) {
      const { status, body } = await patch(changeOf(name, value));
      assert.equal(status, 400, `${name}: ${value}`);
      if (range !== null) continue;
      // Such as `name: must be one of a, b, or c.`
      const allowed = (/must be (?:one of )?(.*)\.$/.exec(String(body.error))?.[1] ?? '').split(/,? or |, /);
      assert.deepEqual(allowed.sort(), [...good].sort(), `${name}: ${body.error}`);
    }
  }
});

const tokenAnswer = async (prepared: Prepared, claims: Record<string, unknown> = {}) =>
  postForm(prepared, tokenForm(await assertion(prepared, { claims })));

test('client_refusal: status and error of a client that does not prove itself', async () => {
  const prepared = await prepare(simulator);
  const cases: Array<[string, number, string]> = [
    ['401-invalid_client', 401, 'invalid_client'],
    ['400-invalid_client', 400, 'invalid_client'],
    ['400-invalid_grant', 400, 'invalid_grant'],
  ];
  for (const [client_refusal, status, error] of cases) {
    await simulator.control.switches({ client_refusal });
    const answer = await tokenAnswer(prepared, { aud: 'elsewhere' });
    const body = { error, error_description: 'Client authentication failed' };
    assert.deepEqual([answer.status, answer.body], [status, body]);
  }
});

test('assertion switches: audience, lifetime, reuse and clock skew', async () => {
  const prepared = await prepare(simulator);
  const seconds = Math.floor(Date.now() / 1000);
  const twice = { jti: 'the-same' };
  const cases: Array<[Record<string, unknown>, Record<string, unknown>, number]> = [
    [{ assertion_audience: 'any' }, { aud: 'elsewhere' }, 200],
    [{ assertion_lifetime_seconds: 60 }, { exp: seconds + 200 }, 401],
    [{ assertion_lifetime_seconds: 3600 }, { exp: seconds + 3000 }, 200],
    [{ clock_skew_seconds: 0 }, { iat: seconds + 30 }, 401],
    [{ clock_skew_seconds: 600 }, { iat: seconds + 500 }, 200],
    [{}, twice, 200],
    [{}, twice, 401],
    [{ assertion_reuse: 'accepted' }, twice, 200],
  ];
  for (const [change, claims, status] of cases) {
    await simulator.control.switches({ ...defaults, ...change });
    assert.equal((await tokenAnswer(prepared, claims)).status, status, JSON.stringify(change));
  }
});

test('a scope that was added to a known app is refused with 401 for minutes of the clock', async () => {
  const own = await startSimulator();
  try {
    await prepare(own);
    const scopes = ['apps:read', 'apps:write', 'account:read', 'users:read', 'events:read'];
    await own.control.registerApp(appId, { callback_url: 'http://127.0.0.1:9/', scopes });
    const created = await own.control.createInstallation({ app_id: appId, deliver: false });
    const { body_base64 } = await own.control.signed(created.event_id);
    const prepared: Prepared = { ...created, event: JSON.parse(Buffer.from(body_base64, 'base64').toString()) };
    const ask5 = async (nowMs: number) =>
      postForm(prepared, tokenForm(await assertion(prepared, { nowMs }), 'apps:read events:read'));
    const early = await ask5(Date.now());
    const body = { error: 'unauthorized', error_description: 'The scope is not active yet' };
    assert.deepEqual([early.status, early.body], [401, body]);
    assert.equal(typeof (await token(prepared, 'apps:read')), 'string');
    await own.control.advance(300_000);
    assert.equal((await ask5(Date.now() + 300_000)).body.scope, 'openid apps:read events:read');
  } finally {
    await own.stop();
  }
});

test('error_fields: errors with a code have an empty list where they name no field', async () => {
  const { url } = await completed(simulator);
  assert.deepEqual((await get(url, 'made-up')).body, { code: '0017000', message: 'Unauthorized' });
  await simulator.control.switches({ error_fields: 'always' });
  assert.deepEqual((await get(url, 'made-up')).body, { code: '0017000', message: 'Unauthorized', fields: [] });
  assert.equal((await get(`${url}/users`, 'made-up')).body, '');
});

test('users_embedded_field and no_trial_reads: the other forms of two answers', async () => {
  const { url, accessToken } = await completed(simulator);
  await simulator.control.switches({ users_embedded_field: '_embdedded', no_trial_reads: 'empty' });
  const users = (await get(`${url}/users`, accessToken)).body;
  assert.deepEqual([users._embedded, users._embdedded.users.length], [undefined, 3]);
  const trial = await get(`${url}/trial`, accessToken);
  assert.deepEqual([trial.status, trial.body], [200, { _links: { self: { href: `${url}/trial` } } }]);
});

test('decision_vocabulary: completed and rejected instead of the verbs, or besides them', async () => {
  const status = async (state: string) => {
    const prepared = await prepare(simulator);
    const answer = await decide(simulator, prepared, await token(prepared), { state });
    return [answer.status, (await simulator.control.installation(prepared.installation_id)).state];
  };
  assert.deepEqual(await status('completed'), [400, 'installing']);
  await simulator.control.switches({ decision_vocabulary: 'states' });
  assert.deepEqual(await status('completed'), [200, 'completed']);
  assert.deepEqual(await status('rejected'), [200, 'rejected']);
  assert.deepEqual(await status('approve'), [400, 'installing']);
  await simulator.control.switches({ decision_vocabulary: 'both' });
  assert.deepEqual(
    [await status('approve'), await status('rejected')],
    [
      [200, 'completed'],
      [200, 'rejected'],
    ],
  );
});

test('rotate_status, acknowledged_client and acknowledgement_token', async () => {
  const { id, prepared: old, url, accessToken } = await completed(simulator);
  await simulator.control.switches({ rotate_status: 204 });
  const headers = { authorization: `Bearer ${accessToken}` };
  assert.equal((await ask(`${url}/credentials/actions/rotate`, { method: 'POST', headers })).status, 204);
  const { event_id } = await simulator.control.rotate(id, { deliver: false });
  const fresh = await withCredentialsOf(simulator, old, event_id);
  await simulator.control.switches({ acknowledgement_token: 'new' });
  const refused = await acknowledge(url, fresh.client_id, accessToken);
  assert.deepEqual([refused.status, refused.body], [403, { code: '0030009', message: 'Forbidden' }]);
  await simulator.control.switches({ acknowledgement_token: 'old', acknowledged_client: 'old' });
  const replaced = (await simulator.control.installation(id)).clients.at(-2)?.client_id ?? '';
  assert.equal((await acknowledge(url, replaced, await token(fresh))).status, 403);
  assert.equal((await acknowledge(url, fresh.client_id, accessToken)).status, 409);
  const answer = await acknowledge(url, replaced, accessToken);
  assert.equal(answer.status, 202);
  assert.equal(answer.body._links.self.href, `${url}/credentials/${replaced}/state`);
  const states = (await simulator.control.installation(id)).clients.map(({ state }) => state);
  assert.deepEqual(states, ['revoked', 'revoked', 'current']);
});
