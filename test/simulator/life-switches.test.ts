import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startSwitched } from './switched.js';
import { completed, decide, get, prepare, token, withCredentialsOf } from './wire.js';

const { simulator } = await startSwitched();
let nowMs = Date.parse('2026-01-05T10:00:00Z');
await simulator.control.setClock(new Date(nowMs));
await simulator.control.clockMode('frozen');

const set = (change: Record<string, unknown>) => simulator.control.switches(change);
const view = (id: string) => simulator.control.installation(id);
const quiet = { deliver: false };

/** Only forwards: what an earlier test left behind happens on the way. */
async function pass(ms: number): Promise<void> {
  nowMs += ms;
  await simulator.control.setClock(new Date(nowMs));
}

const at = () => new Date(nowMs).toISOString();
const install = (input: Parameters<typeof completed>[1] = {}) =>
  completed(simulator, { created_at: at(), ...input }, nowMs);

test('window_seconds: short windows for what begins from then on, of all four kinds of process', async () => {
  const early = await prepare(simulator, { created_at: at() });
  const { id: updated } = await install();
  const { id: uninstalled } = await install();
  const { id: rotated } = await install();
  await set({ window_seconds: 2 });
  const late = await prepare(simulator, { created_at: at() });
  const asked = { created_at: at(), ...quiet };
  await simulator.control.update(updated, { users: 7, ...asked });
  await simulator.control.uninstall(uninstalled, asked);
  await simulator.control.rotate(rotated, asked);
  assert.equal(Date.parse((await view(updated)).deadline), nowMs + 2000);
  await set({ window_seconds: 604_800 });
  await pass(1500);
  const states = async () => {
    const ids = [early.installation_id, late.installation_id, updated, uninstalled, rotated];
    return Promise.all(ids.map(async (id) => (await view(id)).state));
  };
  assert.deepEqual(await states(), ['installing', 'installing', 'updating', 'uninstalled', 'completed']);
  await pass(1000);
  assert.deepEqual(await states(), ['installing', 'timeout', 'completed', 'revoked', 'completed']);
  assert.equal((await view(rotated)).processes.at(-1)?.ended, 'timeout');
  assert.deepEqual(
    (await view(rotated)).clients.map(({ state }) => state),
    ['revoked', 'current'],
  );
});

test('unapproved_update: by the switch a rejected or lapsed update takes effect all the same', async () => {
  await set({ unapproved_update: 'takes-new' });
  const { id, prepared, accessToken, url } = await install({ users: 3 });
  const total = async () => (await get(`${url}/users`, accessToken)).body.total;
  await simulator.control.update(id, { users: 5, created_at: at(), ...quiet });
  assert.equal((await decide(simulator, prepared, accessToken, { state: 'reject' })).status, 200);
  assert.deepEqual([await total(), (await view(id)).state], [5, 'completed']);
  await set({ window_seconds: 2 });
  await simulator.control.update(id, { users: 8, created_at: at(), ...quiet });
  await pass(2500);
  assert.deepEqual([await total(), (await view(id)).state], [8, 'completed']);
});

test('uninstall_revokes_client and deprovisioned_reads: what is left after the end', async () => {
  await set({ uninstall_revokes_client: false, deprovisioned_reads: 'uninstalled' });
  const { id, prepared, url } = await install();
  await simulator.control.uninstall(id, { created_at: at(), ...quiet });
  await decide(simulator, prepared, await token(prepared, undefined, nowMs), { state: 'approve' });
  assert.equal((await view(id)).state, 'revoked');
  const accessToken = await token(prepared, undefined, nowMs);
  assert.equal((await get(url, accessToken)).body._embedded.state.state, 'uninstalled');
  await set({ deprovisioned_reads: 'revoked' });
  assert.equal((await get(url, accessToken)).body._embedded.state.state, 'revoked');
  await set({ deprovisioned_reads: 'not-found' });
  assert.equal((await get(url, accessToken)).status, 404);
});

test('reinstall_id: what has ended is installed again under a new id, or by the switch under its own', async () => {
  const account_name = 'comes-back';
  const end = async ({ id, prepared, accessToken }: Awaited<ReturnType<typeof install>>) => {
    await simulator.control.uninstall(id, { created_at: at(), ...quiet });
    await decide(simulator, prepared, accessToken, { state: 'approve' });
  };
  const first = await install({ account_name });
  await end(first);
  const second = await install({ account_name });
  assert.notEqual(second.id, first.id);
  await set({ reinstall_id: 'same' });
  const beside = await prepare(simulator, { account_name, created_at: at() });
  assert.notEqual(beside.installation_id, second.id, 'an installation that is in use is not installed again');
  await decide(simulator, beside, await token(beside, undefined, nowMs), { state: 'reject' });
  const third = await prepare(simulator, { account_name, created_at: at() });
  assert.equal(third.installation_id, beside.installation_id);
  assert.notEqual(third.client_id, beside.client_id);
});

test('trial_over_state: by the switch a trial that ran out suspends, until a plan is paid for', async () => {
  await set({ trial_over_state: 'suspended' });
  const { id, prepared } = await install({ plan: 'Trial' });
  await pass(30 * 86_400_000 + 60_000);
  assert.equal((await view(id)).state, 'suspended');
  const accessToken = await token(prepared, undefined, nowMs);
  const update = async (plan: string, state: string) => {
    await simulator.control.update(id, { plan, created_at: at(), ...quiet });
    assert.equal((await view(id)).state, 'updating');
    await decide(simulator, prepared, accessToken, { state });
    return (await view(id)).state;
  };
  assert.equal(await update('Paid Plus', 'reject'), 'suspended');
  assert.equal(await update('Paid Plus', 'approve'), 'completed');
});

test('a suspended installation is uninstalled and its credentials rotated like any other', async () => {
  await set({ trial_over_state: 'suspended' });
  const { id, prepared } = await install({ plan: 'Trial' });
  await simulator.control.endTrial(id, { created_at: at(), ...quiet });
  assert.equal((await view(id)).state, 'suspended');
  const { event_id } = await simulator.control.rotate(id, { created_at: at(), ...quiet });
  const fresh = await withCredentialsOf(simulator, prepared, event_id);
  await simulator.control.uninstall(id, { created_at: at(), ...quiet });
  const accessToken = await token(fresh, undefined, nowMs);
  await decide(simulator, fresh, accessToken, { state: 'reject' });
  assert.equal((await view(id)).state, 'suspended');
  await simulator.control.uninstall(id, { created_at: at(), ...quiet });
  await decide(simulator, fresh, accessToken, { state: 'approve' });
  assert.equal((await view(id)).state, 'revoked');
});
