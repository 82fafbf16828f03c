import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { type RunningSimulator, startSimulator } from '../support/simulator.js';
import { appId, ask, assertion, decide, get, postForm, prepare, token, tokenForm } from './wire.js';

let simulator: RunningSimulator;

before(async () => {
  simulator = await startSimulator();
});
after(() => simulator.stop());

async function waiting() {
  const prepared = await prepare(simulator);
  return {
    prepared,
    accessToken: await token(prepared),
    url: `${simulator.url}/apps/${appId}/installations/${prepared.installation_id}`,
  };
}

test('approve: the documented answer, the installation is completed', async () => {
  const { prepared, accessToken, url } = await waiting();
  const answer = await decide(simulator, prepared, accessToken, { state: 'approve', reason: 'provisioned' });
  assert.equal(answer.status, 200);
  assert.match(answer.body.updated_at, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
  assert.deepEqual(answer.body, {
    state: 'approve',
    reason: 'provisioned',
    updated_at: answer.body.updated_at,
    _links: { self: { href: `${url}/state` } },
  });
  const read = await get(url, accessToken);
  assert.deepEqual(read.body._embedded.state, {
    state: 'completed',
    reason: 'provisioned',
    updated_at: answer.body.updated_at,
    _links: { self: { href: `${url}/state` } },
  });
});

test('reject: the installation is rejected; a reason is optional', async () => {
  const { prepared, accessToken, url } = await waiting();
  const answer = await decide(simulator, prepared, accessToken, { state: 'reject' });
  assert.deepEqual([answer.status, answer.body.state, 'reason' in answer.body], [200, 'reject', false]);
  const { state } = (await get(url, accessToken)).body._embedded;
  assert.deepEqual([state.state, 'reason' in state], ['rejected', false]);
});

test('the same decision again is 200 without effect, the opposite one 409; one is recorded as effective', async () => {
  const { prepared, accessToken } = await waiting();
  const first = await decide(simulator, prepared, accessToken, { state: 'approve', reason: 'one' });
  const again = await decide(simulator, prepared, accessToken, { state: 'approve', reason: 'two' });
  assert.deepEqual([again.status, again.body], [200, first.body]);
  const opposite = await decide(simulator, prepared, accessToken, { state: 'reject' });
  assert.deepEqual([opposite.status, opposite.body], [409, { error: 'The state of the installation is completed' }]);

  const { state, decisions } = await simulator.control.installation(prepared.installation_id);
  assert.equal(state, 'completed');
  assert.deepEqual(
    decisions.map(({ verb, reason, status, effective }) => [verb, reason, status, effective]),
    [
      ['approve', 'one', 200, true],
      ['approve', 'two', 200, false],
      ['reject', null, 409, false],
    ],
  );
  const all = await simulator.control.decisions();
  assert.equal(all.filter((decision) => decision.installation_id === prepared.installation_id).length, 3);
});

test('two opposite decisions at the same time: exactly one takes effect', async () => {
  const { prepared, accessToken } = await waiting();
  const verbs = ['approve', 'reject'] as const;
  await Promise.all(verbs.map((state) => decide(simulator, prepared, accessToken, { state })));
  const { state, decisions } = await simulator.control.installation(prepared.installation_id);
  const effective = decisions.filter((decision) => decision.effective);
  assert.equal(effective.length, 1);
  assert.equal(state, effective[0]?.verb === 'approve' ? 'completed' : 'rejected');
});

test('what is no decision is refused and changes nothing', async () => {
  const { prepared, accessToken, url } = await waiting();
  for (const body of [{ state: 'completed' }, { state: 'approve', reason: 7 }, {}, 'approve']) {
    const answer = await decide(simulator, prepared, accessToken, body);
    assert.deepEqual([answer.status, answer.body.code], [400, '0030002']);
  }
  const headers = { authorization: `Bearer ${accessToken}`, 'content-type': 'text/plain' };
  assert.equal((await ask(`${url}/state`, { method: 'POST', headers, body: '{"state":"approve"}' })).status, 415);
  const { state, decisions } = await simulator.control.installation(prepared.installation_id);
  assert.deepEqual([state, decisions], ['installing', []]);
});

test('the vocabulary of states follows the switch', async () => {
  const { prepared, accessToken, url } = await waiting();
  await decide(simulator, prepared, accessToken, { state: 'approve' });
  const seen: Record<string, unknown> = {};
  for (const state_vocabulary of ['documented', 'verbs', 'resource']) {
    await simulator.control.switches({ state_vocabulary });
    const posted = await decide(simulator, prepared, accessToken, { state: 'approve' });
    const read = await get(url, accessToken);
    seen[state_vocabulary] = [posted.body.state, read.body._embedded.state.state];
  }
  await simulator.control.switches({ state_vocabulary: 'documented' });
  assert.deepEqual(seen, {
    documented: ['approve', 'completed'],
    verbs: ['approve', 'approve'],
    resource: ['completed', 'completed'],
  });
});

test('statuses of repeated and opposite decisions follow the switches', async () => {
  const { prepared, accessToken } = await waiting();
  await decide(simulator, prepared, accessToken, { state: 'reject' });
  await simulator.control.switches({ repeated_decision_status: 409, opposite_decision_status: 403 });
  assert.equal((await decide(simulator, prepared, accessToken, { state: 'reject' })).status, 409);
  assert.equal((await decide(simulator, prepared, accessToken, { state: 'approve' })).status, 403);
  await simulator.control.switches({ repeated_decision_status: 200, opposite_decision_status: 409 });
  assert.equal((await simulator.control.installation(prepared.installation_id)).state, 'rejected');
});

const dayMs = 24 * 3600 * 1000;

test('seven days without an answer: timeout, the client is revoked, a late decision is 409', async () => {
  const own = await startSimulator();
  try {
    const startMs = Date.parse('2026-01-05T10:00:00Z');
    await own.control.setClock(new Date(startMs));
    const prepared = await prepare(own, { created_at: '2026-01-05T10:00:00Z' });
    const answered = await prepare(own, { created_at: '2026-01-05T10:00:00Z' });
    await decide(own, answered, await token(answered, undefined, startMs), { state: 'approve' });
    const view = () => own.control.installation(prepared.installation_id);
    assert.equal((await view()).deadline, '2026-01-12T10:00:00.000Z');

    await own.control.setClock(new Date(startMs + 7 * dayMs - 60_000));
    assert.equal((await view()).state, 'installing');
    const lastToken = await token(prepared, undefined, startMs + 7 * dayMs - 60_000);
    await own.control.advance(61_000);
    const ended = await view();
    assert.deepEqual([ended.state, ended.updated_at.slice(0, 19)], ['timeout', '2026-01-12T10:00:00']);

    const late = await decide(own, prepared, lastToken, { state: 'approve' });
    assert.deepEqual([late.status, late.body], [409, { error: 'The state of the installation is timeout' }]);
    const nowMs = startMs + 7 * dayMs + 1000;
    const refused = await postForm(prepared, tokenForm(await assertion(prepared, { nowMs })));
    assert.deepEqual([refused.status, refused.body.error], [401, 'invalid_client']);
    const url = `${own.url}/apps/${appId}/installations/${prepared.installation_id}`;
    assert.equal((await get(url, lastToken)).body._embedded.state.state, 'timeout');

    assert.equal((await own.control.installation(answered.installation_id)).state, 'completed');
    assert.equal(typeof (await token(answered, undefined, nowMs)), 'string');
  } finally {
    await own.stop();
  }
});

test('by the switch a timeout leaves the client alive', async () => {
  const own = await startSimulator();
  try {
    await own.control.switches({ timeout_revokes_client: false, late_decision_status: 403 });
    const prepared = await prepare(own, { created_at: new Date(Date.now() - 8 * dayMs).toISOString() });
    // Nothing to move: the deadline had passed when the installation was made.
    await own.control.advance(0);
    assert.equal((await own.control.installation(prepared.installation_id)).state, 'timeout');
    assert.equal((await decide(own, prepared, await token(prepared), { state: 'approve' })).status, 403);
  } finally {
    await own.stop();
  }
});

test('what is due happens by itself as well, without the clock being moved', async () => {
  // Times in events have whole seconds: the window ends within the coming one.
  const created_at = new Date(Date.now() - 7 * dayMs + 1000).toISOString();
  const prepared = await prepare(simulator, { created_at });
  const view = () => simulator.control.installation(prepared.installation_id);
  const endsMs = Date.now() + 5000;
  while ((await view()).state === 'installing' && Date.now() < endsMs) await new Promise((go) => setTimeout(go, 20));
  const ended = await view();
  assert.equal(ended.state, 'timeout');
  assert.ok(Date.parse(ended.updated_at) >= Date.parse(ended.deadline));
});
