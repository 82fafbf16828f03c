import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startSwitched } from './switched.js';
import {
  ask,
  assertion,
  completed,
  decide,
  get,
  postForm,
  prepare,
  token,
  tokenForm,
  withCredentialsOf,
} from './wire.js';

const { simulator } = await startSwitched();

const quiet = { deliver: false };

/** State, users, plan and licenses as the partner reads them. */
async function read(url: string, accessToken: string) {
  const [installation, users, subscription] = await Promise.all([
    get(url, accessToken),
    get(`${url}/users`, accessToken),
    get(`${url}/subscription`, accessToken),
  ]);
  return [
    installation.body._embedded.state.state,
    users.body.total,
    subscription.body.name,
    installation.body.total_licenses,
  ];
}

/** Kind and end of every process, in order. */
async function processes(id: string) {
  const view = await simulator.control.installation(id);
  return view.processes.map(({ kind, ended }) => [kind, ended]);
}

test('an update waits and shows what it asks for; approved, that is in force', async () => {
  const { id, prepared, accessToken, url } = await completed(simulator, { users: 3, licenses: 5 });
  const { event_id } = await simulator.control.update(id, { users: 4, plan: 'Gold', licenses: 8, ...quiet });
  assert.deepEqual(await read(url, accessToken), ['updating', 4, 'Gold', 8]);
  const waiting = await simulator.control.settings(id);
  assert.deepEqual([waiting.in_force.users.length, waiting.wanted?.users.length], [3, 4]);

  const answer = await decide(simulator, prepared, accessToken, { state: 'approve', reason: 'done' });
  assert.deepEqual([answer.status, answer.body.state, answer.body.reason], [200, 'approve', 'done']);
  assert.deepEqual(await read(url, accessToken), ['completed', 4, 'Gold', 8]);
  const { decisions } = await simulator.control.installation(id);
  assert.deepEqual(
    decisions.map(({ process }) => process),
    [
      { kind: 'install', event_id: prepared.event_id },
      { kind: 'update', event_id },
    ],
  );
});

test('a rejected update leaves the old settings, and the answer says reject', async () => {
  const { id, prepared, accessToken, url } = await completed(simulator, { users: 3, licenses: 5 });
  await simulator.control.update(id, { users: 9, licenses: 9, ...quiet });
  const answer = await decide(simulator, prepared, accessToken, { state: 'reject', reason: 'too many' });
  assert.deepEqual([answer.status, answer.body.state, answer.body.reason], [200, 'reject', 'too many']);
  assert.deepEqual(await read(url, accessToken), ['completed', 3, 'Paid Plus', 5]);
  assert.equal((await decide(simulator, prepared, accessToken, { state: 'reject' })).status, 200);
  assert.equal((await decide(simulator, prepared, accessToken, { state: 'approve' })).status, 409);
  assert.deepEqual(await processes(id), [
    ['install', 'approved'],
    ['update', 'rejected'],
  ]);
});

test('a second update takes the place of the first: its delta starts there, a reject goes back to what was in force', async () => {
  const { id, prepared, accessToken, url } = await completed(simulator, { users: 1 });
  await simulator.control.update(id, { users: 2, ...quiet });
  await simulator.control.update(id, { users: 3, ...quiet });
  assert.equal((await read(url, accessToken))[1], 3);
  await decide(simulator, prepared, accessToken, { state: 'reject' });
  assert.equal((await read(url, accessToken))[1], 1);
  assert.deepEqual(await processes(id), [
    ['install', 'approved'],
    ['update', 'superseded'],
    ['update', 'rejected'],
  ]);
});

test('by the switches an update is not shown as a state, or not readable before it is in force', async () => {
  const { id, accessToken, url } = await completed(simulator, { users: 3, licenses: 5 });
  const before = (await get(url, accessToken)).body._embedded.state;
  await simulator.control.update(id, { users: 4, ...quiet });
  await simulator.control.update(id, { users: 5, ...quiet });
  await simulator.control.switches({ update_state: 'completed', updating_reads: 'in-force' });
  assert.deepEqual(await read(url, accessToken), ['completed', 3, 'Paid Plus', 5]);
  assert.deepEqual((await get(url, accessToken)).body._embedded.state, before);
});

test('an uninstall waits as uninstalled; approved, the installation is gone and its client dead, the token lives on', async () => {
  const { id, prepared, accessToken, url } = await completed(simulator);
  await simulator.control.uninstall(id, quiet);
  assert.equal((await read(url, accessToken))[0], 'uninstalled');
  assert.equal(typeof (await token(prepared)), 'string');

  const answer = await decide(simulator, prepared, accessToken, { state: 'approve' });
  assert.deepEqual([answer.status, answer.body.state], [200, 'approve']);
  const refused = await postForm(prepared, tokenForm(await assertion(prepared)));
  assert.deepEqual([refused.status, refused.body.error], [401, 'invalid_client']);
  assert.equal((await read(url, accessToken))[0], 'revoked');
  assert.equal((await decide(simulator, prepared, accessToken, { state: 'approve' })).status, 200);
  const requests = await simulator.control.requests({ installation_id: id });
  const late = requests.filter(({ after_uninstall }) => after_uninstall).map(({ route }) => route);
  assert.deepEqual(late.sort(), ['installation', 'state', 'subscription', 'token', 'users']);

  await simulator.control.switches({ deprovisioned_reads: 'not-found' });
  const gone = await get(url, accessToken);
  assert.deepEqual([gone.status, gone.body.code], [404, '0030200']);
  const users = await get(`${url}/users`, accessToken);
  assert.deepEqual([users.status, users.body], [404, { error: 'Installation not found for the app' }]);
  await simulator.control.switches({ revocation_kills_tokens: true });
  assert.equal((await get(url, accessToken)).status, 401);
});

test('by the switch an uninstall that waits still shows completed', async () => {
  const { id, accessToken, url } = await completed(simulator);
  await simulator.control.switches({ uninstall_state: 'completed' });
  await simulator.control.uninstall(id, quiet);
  assert.equal((await read(url, accessToken))[0], 'completed');
  assert.equal((await simulator.control.installation(id)).state, 'uninstalled');
});

test('a rejected uninstall leaves the installation as it was', async () => {
  const { id, prepared, accessToken, url } = await completed(simulator);
  await simulator.control.update(id, { users: 7, ...quiet });
  await simulator.control.uninstall(id, quiet);
  assert.equal((await decide(simulator, prepared, accessToken, { state: 'reject' })).body.state, 'reject');
  assert.deepEqual((await read(url, accessToken)).slice(0, 2), ['completed', 3]);
  assert.deepEqual(await processes(id), [
    ['install', 'approved'],
    ['update', 'superseded'],
    ['uninstall', 'rejected'],
  ]);
});

test('an install can be uninstalled while it waits; the decision is then on the uninstall', async () => {
  const prepared = await prepare(simulator);
  const accessToken = await token(prepared);
  await simulator.control.uninstall(prepared.installation_id, quiet);
  await decide(simulator, prepared, accessToken, { state: 'approve' });
  assert.deepEqual(await processes(prepared.installation_id), [
    ['install', 'superseded'],
    ['uninstall', 'approved'],
  ]);
  assert.equal((await simulator.control.installation(prepared.installation_id)).state, 'revoked');
});

test('what makes no sense in a state is refused with a sentence', async () => {
  const prepared = await prepare(simulator);
  const { installation_id: id } = prepared;
  await assert.rejects(
    simulator.control.update(id, quiet),
    /409: The installation is installing; it can be updated when/,
  );
  await decide(simulator, prepared, await token(prepared), { state: 'reject' });
  await assert.rejects(simulator.control.uninstall(id, quiet), /409: The installation is rejected/);
  await assert.rejects(simulator.control.rotate(id, quiet), /409: The installation is rejected/);
  await assert.rejects(simulator.control.extendTrial(id, quiet), /409: The installation has no trial under way/);
  await assert.rejects(simulator.control.update('none', quiet), /404: There is no installation of this id/);
  const unknown = { ...quiet, seats: 3 } as object;
  await assert.rejects(simulator.control.update(id, unknown), /400: .*"seats".*Allowed fields: users, plan/);
});

test('a reinstallation is a new installation with new credentials of the same account', async () => {
  const { prepared, accessToken, id } = await completed(simulator, { account_name: 'comes-back' });
  await simulator.control.uninstall(id, quiet);
  await decide(simulator, prepared, accessToken, { state: 'approve' });
  const again = await completed(simulator, { account_name: 'comes-back' });
  assert.equal(again.prepared.account_id, prepared.account_id);
  assert.notEqual(again.id, id);
  assert.equal((await get(again.url, again.accessToken)).body._embedded.state.state, 'completed');
  assert.equal((await ask(again.url, { headers: { authorization: `Bearer ${accessToken}` } })).status, 403);
  const account = (await simulator.control.accounts()).find(({ account_id }) => account_id === prepared.account_id);
  assert.deepEqual(
    account?.installations.map(({ installation_id, state }) => [installation_id, state]),
    [
      [id, 'revoked'],
      [again.id, 'completed'],
    ],
  );
});

test('a reinstallation under the same id: a new event and client, the old client dead, a fresh process', async () => {
  const { id, prepared } = await completed(simulator, { users: 2 });
  await simulator.control.uninstall(id, quiet);
  const again = await prepare(simulator, { installation_id: id });
  assert.deepEqual([again.installation_id, again.account_id], [id, prepared.account_id]);
  assert.notEqual(again.event_id, prepared.event_id);
  assert.equal((await postForm(prepared, tokenForm(await assertion(prepared)))).status, 401);
  await decide(simulator, again, await token(again), { state: 'approve' });
  const view = await simulator.control.installation(id);
  assert.deepEqual([view.state, view.users_total], ['completed', 2]);
  assert.deepEqual(
    view.clients.map(({ client_id, state }) => [client_id, state]),
    [
      [prepared.client_id, 'revoked'],
      [again.client_id, 'current'],
    ],
  );
  assert.deepEqual(await processes(id), [
    ['install', 'approved'],
    ['uninstall', 'superseded'],
    ['install', 'approved'],
  ]);
  await assert.rejects(prepare(simulator, { installation_id: id, account_name: 'elsewhere' }), /400.*belongs to/);
  assert.equal((await withCredentialsOf(simulator, prepared, again.event_id)).client_id, again.client_id);
});
