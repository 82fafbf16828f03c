import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startSimulator } from '../support/simulator.js';
import { startSwitched } from './switched.js';
import {
  type Prepared,
  acknowledge,
  appId,
  ask,
  assertion,
  bodyOf,
  completed,
  decide,
  get,
  postForm,
  startPartner,
  token,
  tokenForm,
  withCredentialsOf,
} from './wire.js';

const { simulator } = await startSwitched();

/** A completed installation whose credentials were rotated, with both sets. */
async function rotated(kind: 'routine' | 'compromised' = 'routine') {
  const { id, prepared: old, url, accessToken: oldToken } = await completed(simulator);
  const { event_id } = await simulator.control.rotate(id, { kind, deliver: false });
  const fresh = await withCredentialsOf(simulator, old, event_id);
  return { id, old, oldToken, fresh, url, event_id };
}

const tokenStatus = async (prepared: Prepared, nowMs?: number) =>
  (await postForm(prepared, tokenForm(await assertion(prepared, nowMs === undefined ? {} : { nowMs })))).status;

const clientStates = async (id: string, on = simulator) =>
  (await on.control.installation(id)).clients.map(({ state }) => state);

test('routine: both sets work until the acknowledgement, then the new one alone', async () => {
  const { id, old, fresh, url } = await rotated();
  assert.deepEqual([await tokenStatus(old), await tokenStatus(fresh)], [200, 200]);
  assert.deepEqual(await clientStates(id), ['current', 'pending']);
  const answer = await acknowledge(url, fresh.client_id, await token(fresh));
  assert.equal(answer.status, 202);
  assert.deepEqual(answer.body, {
    state: 'acknowledged',
    _links: { self: { href: `${url}/credentials/${fresh.client_id}/state` } },
  });
  assert.deepEqual([await tokenStatus(old), await tokenStatus(fresh)], [401, 200]);
  assert.deepEqual(await clientStates(id), ['revoked', 'current']);
  const rotation = (await simulator.control.installation(id)).processes.at(-1);
  assert.deepEqual(
    [rotation?.kind, rotation?.client_id, rotation?.decided?.verb, rotation?.ended],
    ['rotation', fresh.client_id, 'acknowledged', 'acknowledged'],
  );
});

test('the acknowledgement takes effect later when the switch says so', async () => {
  const own = await startSimulator();
  try {
    await own.control.switches({ ack_delay_ms: 60_000 });
    const { id, prepared, url } = await completed(own);
    const { event_id } = await own.control.rotate(id, { deliver: false });
    const fresh = await withCredentialsOf(own, prepared, event_id);
    assert.equal((await acknowledge(url, fresh.client_id, await token(fresh))).status, 202);
    assert.equal(await tokenStatus(prepared), 200);
    assert.deepEqual(await clientStates(id, own), ['previous', 'current']);
    await own.control.advance(60_000);
    assert.equal(await tokenStatus(prepared, Date.now() + 60_000), 401);
    assert.deepEqual(await clientStates(id, own), ['revoked', 'current']);
  } finally {
    await own.stop();
  }
});

test('without an acknowledgement the old set is dead after seven days, the new one lives', async () => {
  const own = await startSimulator();
  try {
    const startMs = Date.parse('2026-01-05T10:00:00Z');
    await own.control.setClock(new Date(startMs));
    const { id, prepared, url } = await completed(own, {}, startMs);
    const { event_id } = await own.control.rotate(id, { created_at: '2026-01-05T10:00:00Z', deliver: false });
    const fresh = await withCredentialsOf(own, prepared, event_id);
    const beforeMs = Date.parse('2026-01-12T09:59:00Z');
    await own.control.setClock(new Date(beforeMs));
    assert.deepEqual([await tokenStatus(prepared, beforeMs), await tokenStatus(fresh, beforeMs)], [200, 200]);
    const afterMs = Date.parse('2026-01-12T10:00:01Z');
    await own.control.setClock(new Date(afterMs));
    assert.deepEqual([await tokenStatus(prepared, afterMs), await tokenStatus(fresh, afterMs)], [401, 200]);
    assert.deepEqual(await clientStates(id, own), ['revoked', 'current']);
    const late = await acknowledge(url, fresh.client_id, await token(fresh, undefined, afterMs));
    assert.deepEqual([late.status, late.body.code], [409, '0030227']);
  } finally {
    await own.stop();
  }
});

test('compromised: the old set is dead before the event is delivered; by the switch its tokens, too', async () => {
  const { id, old, oldToken, fresh, url, event_id } = await rotated('compromised');
  assert.deepEqual((await simulator.control.event(event_id)).attempts, []);
  assert.deepEqual([await tokenStatus(old), await tokenStatus(fresh)], [401, 200]);
  assert.deepEqual(await clientStates(id), ['revoked', 'pending']);
  assert.equal((await get(url, oldToken)).status, 200);
  await simulator.control.switches({ revocation_kills_tokens: true });
  assert.equal((await get(url, oldToken)).status, 401);
});

test('two rotations overlap: only the newest client is acknowledged, and it ends both', async () => {
  const { id, old, fresh: second, url } = await rotated();
  const { event_id } = await simulator.control.rotate(id, { deliver: false });
  const third = await withCredentialsOf(simulator, old, event_id);
  assert.deepEqual([await tokenStatus(old), await tokenStatus(second), await tokenStatus(third)], [200, 200, 200]);
  const older = await acknowledge(url, second.client_id, await token(second));
  assert.equal(older.status, 409);
  assert.deepEqual(older.body, { code: '0030227', message: 'Invalid client state input' });
  assert.equal((await acknowledge(url, third.client_id, await token(third))).status, 202);
  assert.deepEqual([await tokenStatus(old), await tokenStatus(second), await tokenStatus(third)], [401, 401, 200]);
  const { processes } = await simulator.control.installation(id);
  assert.deepEqual(
    processes.map(({ ended }) => ended),
    ['approved', 'superseded', 'acknowledged'],
  );
});

test('an acknowledgement again, of the first client, of nobody, of another shape', async () => {
  const { old, fresh, url } = await rotated();
  const accessToken = await token(fresh);
  const first = await acknowledge(url, old.client_id, accessToken);
  assert.deepEqual([first.status, first.body.code], [409, '0030227']);
  const unknown = await acknowledge(url, 'nobody', accessToken);
  assert.deepEqual([unknown.status, unknown.body.code], [404, '0030200']);
  const shape = await acknowledge(url, fresh.client_id, accessToken, { state: 'done' });
  assert.deepEqual([shape.status, shape.body.code], [400, '0030002']);
  assert.equal(await tokenStatus(old), 200);
  await acknowledge(url, fresh.client_id, accessToken);
  assert.equal((await acknowledge(url, fresh.client_id, accessToken)).status, 409);
  await simulator.control.switches({ repeated_acknowledgement_status: 202 });
  assert.equal((await acknowledge(url, fresh.client_id, accessToken)).status, 202);
});

test('both credentials routes want a token in force, of this installation, with apps:write', async () => {
  const { id, fresh, url } = await rotated();
  const other = await completed(simulator);
  const reading = await token(fresh, 'apps:read');
  const routes = [`${url}/credentials/${fresh.client_id}/state`, `${url}/credentials/actions/rotate`];
  const cases: Array<[string, number, string]> = [
    ['no-token', 401, '0030010'],
    [reading, 403, '0030009'],
    [other.accessToken, 403, '0030009'],
  ];
  for (const route of routes) {
    for (const [accessToken, status, code] of cases) {
      const headers = { authorization: `Bearer ${accessToken}`, 'content-type': 'application/json' };
      const answer = await ask(route, { method: 'POST', headers, body: '{"state":"acknowledged"}' });
      assert.deepEqual([answer.status, answer.body.code], [status, code], route);
    }
    const headers = { authorization: `Bearer ${await token(fresh)}` };
    const elsewhere = route.replace(id, 'not-an-installation');
    const answer = await ask(elsewhere, { method: 'POST', headers, body: '{"state":"acknowledged"}' });
    assert.deepEqual([answer.status, answer.body.code], [404, '0030200']);
  }
  assert.deepEqual(await clientStates(id), ['current', 'pending']);
});

test('a rotation that the partner asks for: 201, then the event with a key of the same kind', async () => {
  const { id, prepared, url, accessToken } = await completed(simulator, { key_algorithm: 'ES512' });
  const partner = await startPartner(204);
  try {
    await simulator.control.registerApp(appId, { callback_url: partner.url });
    const headers = { authorization: `Bearer ${accessToken}` };
    const answer = await ask(`${url}/credentials/actions/rotate`, { method: 'POST', headers });
    assert.deepEqual([answer.status, answer.body], [201, '']);
    // Moving the clock waits for deliveries that are under way.
    await simulator.control.advance(0);
    const [event] = await simulator.control.events({ installation_id: id, type: 'app.credentials_rotated' });
    assert.equal(event?.delivered, true);
    const body = await bodyOf(simulator, event?.event_id ?? '');
    assert.deepEqual(JSON.parse(partner.received[0]?.body.toString() ?? ''), body);
    assert.equal(body.data.key_algorithm, 'ES512');
    assert.deepEqual([await tokenStatus(prepared), (await clientStates(id)).at(-1)], [200, 'pending']);
  } finally {
    await partner.stop();
  }
});

test('the ledger names the client of every request', async () => {
  const { id, old, oldToken, fresh, url } = await rotated();
  const freshToken = await token(fresh);
  await get(url, oldToken);
  await acknowledge(url, fresh.client_id, freshToken);
  await tokenStatus(old);
  const requests = (await simulator.control.requests({ installation_id: id })).slice(-4);
  assert.deepEqual(
    requests.map(({ route, client_id, status }) => [route, client_id, status]),
    [
      ['token', fresh.client_id, 200],
      ['installation', old.client_id, 200],
      ['credentials-state', fresh.client_id, 202],
      ['token', old.client_id, 401],
    ],
  );
});

test('an approved uninstall ends every client and what a rotation still waits for', async () => {
  const { id, old, oldToken, fresh } = await rotated();
  await simulator.control.uninstall(id, { deliver: false });
  await decide(simulator, old, oldToken, { state: 'approve' });
  assert.deepEqual([await tokenStatus(old), await tokenStatus(fresh)], [401, 401]);
  assert.deepEqual(await clientStates(id), ['revoked', 'revoked']);
  const { processes } = await simulator.control.installation(id);
  assert.deepEqual(
    processes.map(({ ended }) => ended),
    ['approved', 'superseded', 'approved'],
  );
});

test('a rotation that comes too late for an approved uninstall gives dead credentials', async () => {
  const { id, prepared, accessToken } = await completed(simulator);
  await simulator.control.uninstall(id, { deliver: false });
  // An RSA key takes longer to make than a decision takes to arrive.
  const rotating = simulator.control.rotate(id, { key_algorithm: 'PS256', deliver: false });
  // Sent after it, answered when it has arrived.
  await simulator.control.health();
  await decide(simulator, prepared, accessToken, { state: 'approve' });
  const { event_id } = await rotating;
  assert.equal(await tokenStatus(await withCredentialsOf(simulator, prepared, event_id)), 401);
  assert.deepEqual(await clientStates(id), ['revoked', 'revoked']);
});
