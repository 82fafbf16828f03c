import assert from 'node:assert/strict';
import { afterEach, beforeEach, test } from 'node:test';
import { type RunningSimulator, startSimulator } from '../support/simulator.js';
import { assertion, completed, decide, get, postForm, prepare, token, tokenForm } from './wire.js';

let simulator: RunningSimulator;
const startMs = Date.parse('2026-01-05T10:00:00Z');
const closeMs = Date.parse('2026-01-12T10:00:00Z');

beforeEach(async () => {
  simulator = await startSimulator();
  await simulator.control.setClock(new Date(startMs));
});
afterEach(() => simulator.stop());

const begun = { created_at: '2026-01-05T10:00:00Z', deliver: false };
const to = (ms: number) => simulator.control.setClock(new Date(ms));
const state = async (id: string) => (await simulator.control.installation(id)).state;
const lastProcess = async (id: string) => (await simulator.control.installation(id)).processes.at(-1);

test('an update without an answer: the old settings stay from day seven on, a late decision changes nothing', async () => {
  const { id, prepared, url } = await completed(simulator, { users: 3, ...begun }, startMs);
  await simulator.control.update(id, { users: 8, ...begun });
  assert.equal((await lastProcess(id))?.deadline, '2026-01-12T10:00:00.000Z');
  await to(closeMs - 60_000);
  assert.equal(await state(id), 'updating');
  await to(closeMs + 1000);
  const accessToken = await token(prepared, undefined, closeMs + 1000);
  const { body } = await get(url, accessToken);
  assert.deepEqual(
    [body._embedded.state.state, body._embedded.state.updated_at.slice(0, 16)],
    ['completed', '2026-01-12T10:00'],
  );
  assert.equal((await get(`${url}/users`, accessToken)).body.total, 3);
  assert.equal((await decide(simulator, prepared, accessToken, { state: 'approve' })).status, 409);
  assert.equal((await get(`${url}/users`, accessToken)).body.total, 3);
  const ended = await lastProcess(id);
  assert.deepEqual([ended?.kind, ended?.decided, ended?.ended], ['update', null, 'timeout']);
});

test('an uninstall without an answer: deprovisioned on day seven, the client is dead', async () => {
  const { id, prepared } = await completed(simulator, begun, startMs);
  await simulator.control.uninstall(id, begun);
  await to(closeMs - 60_000);
  const lastToken = await token(prepared, undefined, closeMs - 60_000);
  assert.equal(await state(id), 'uninstalled');
  await to(closeMs + 1000);
  assert.deepEqual([await state(id), (await lastProcess(id))?.ended], ['revoked', 'deprovisioned']);
  const refused = await postForm(prepared, tokenForm(await assertion(prepared, { nowMs: closeMs + 1000 })));
  assert.deepEqual([refused.status, refused.body.error], [401, 'invalid_client']);
  assert.equal((await decide(simulator, prepared, lastToken, { state: 'approve' })).status, 409);
});

test('by the switch an uninstall waits for ever, and is still approved weeks later', async () => {
  await simulator.control.switches({ uninstall_timeout: 'waits' });
  const { id, prepared } = await completed(simulator, begun, startMs);
  await simulator.control.uninstall(id, begun);
  const laterMs = closeMs + 30 * 86_400_000;
  await to(laterMs);
  assert.equal(await state(id), 'uninstalled');
  const accessToken = await token(prepared, undefined, laterMs);
  assert.equal((await decide(simulator, prepared, accessToken, { state: 'approve' })).status, 200);
  assert.deepEqual([await state(id), (await lastProcess(id))?.ended], ['revoked', 'approved']);
});

test('the window is counted from created_at, and each process has its own', async () => {
  const { id, prepared, accessToken } = await completed(simulator, begun, startMs);
  await simulator.control.update(id, { users: 1, ...begun });
  await decide(simulator, prepared, accessToken, { state: 'approve' });
  await simulator.control.update(id, { users: 2, created_at: '2026-01-08T00:00:00Z', deliver: false });
  await to(closeMs + 60_000);
  assert.equal(await state(id), 'updating');
  await to(Date.parse('2026-01-15T00:00:01Z'));
  assert.equal(await state(id), 'completed');
  assert.equal((await simulator.control.installation(id)).users_total, 1);
});

test('repeated after a timeout: under the same id with a new client, or as another installation', async () => {
  const prepared = await prepare(simulator, { ...begun, account_name: 'slow' });
  const { installation_id: id } = prepared;
  await to(closeMs + 1000);
  assert.equal(await state(id), 'timeout');
  const again = await prepare(simulator, { installation_id: id });
  assert.equal(await state(id), 'installing');
  await decide(simulator, again, await token(again, undefined, closeMs + 1000), { state: 'approve' });
  assert.equal(await state(id), 'completed');
  const view = await simulator.control.installation(id);
  assert.deepEqual(
    view.processes.map(({ kind, ended }) => [kind, ended]),
    [
      ['install', 'timeout'],
      ['install', 'approved'],
    ],
  );
  const other = await prepare(simulator, { account_name: 'slow' });
  assert.notEqual(other.installation_id, id);
  // The new window ends nothing: it was answered.
  await to(closeMs + 8 * 86_400_000);
  assert.equal(await state(id), 'completed');
});
