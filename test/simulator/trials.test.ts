import assert from 'node:assert/strict';
import { afterEach, beforeEach, test } from 'node:test';
import { type RunningSimulator, startSimulator } from '../support/simulator.js';
import { bodyOf, completed, decide, get, prepare, token } from './wire.js';

let simulator: RunningSimulator;
const startMs = Date.parse('2026-01-05T10:00:00Z');
const dayMs = 86_400_000;

beforeEach(async () => {
  simulator = await startSimulator();
  await simulator.control.setClock(new Date(startMs));
});
afterEach(() => simulator.stop());

const onTrial = () => completed(simulator, { plan: 'Trial', created_at: '2026-01-05T10:00:00Z' }, startMs);
const quiet = { deliver: false };
const to = (ms: number) => simulator.control.setClock(new Date(ms));
const types = async (id: string) => (await simulator.control.events({ installation_id: id })).map(({ type }) => type);

async function lastTrialData(id: string) {
  const event = (await simulator.control.events({ installation_id: id })).findLast(({ type }) =>
    type.includes('trial'),
  );
  return (await bodyOf(simulator, event?.event_id ?? '')).data;
}

test('a first approval on a trial plan starts a trial of thirty days, by itself and sent', async () => {
  const { id, url, accessToken } = await onTrial();
  // Moving the clock waits for deliveries that are under way.
  await simulator.control.advance(0);
  const [started, ...others] = await simulator.control.events({ installation_id: id, type: 'app.trial_started' });
  assert.equal(others.length, 0);
  assert.equal(started?.attempts.length, 1);
  assert.match((await lastTrialData(id)).expires_at, /^2026-02-04T10:00:\d\d\.000\+00:00$/);
  const { body } = await get(`${url}/trial`, accessToken);
  assert.deepEqual([body.state, body.expires_at.slice(0, 16)], ['active', '2026-02-04T10:00']);
});

test('a paid plan and a rejected install start none', async () => {
  const paid = await completed(simulator, {}, startMs);
  assert.deepEqual(await types(paid.id), ['app.installed']);
  assert.equal((await get(`${paid.url}/trial`, paid.accessToken)).status, 404);
  assert.equal((await simulator.control.installation(paid.id)).trial, null);

  const rejected = await prepare(simulator, { plan: 'Trial', created_at: '2026-01-05T10:00:00Z' });
  await decide(simulator, rejected, await token(rejected, undefined, startMs), { state: 'reject' });
  assert.deepEqual(await types(rejected.installation_id), ['app.installed']);
});

test('by the switch trial events are made and not sent', async () => {
  await simulator.control.switches({ trial_events: 'prepared' });
  const { id } = await onTrial();
  await to(startMs + 31 * dayMs);
  const events = await simulator.control.events({ installation_id: id });
  assert.deepEqual(
    events.map(({ type, attempts }) => [type, attempts.length]),
    [
      ['app.installed', 0],
      ['app.trial_started', 0],
      ['app.trial_ended', 0],
    ],
  );
});

test('the clock ends the trial at its expiry, once, and after an extension at the new one', async () => {
  const { id, prepared, url } = await onTrial();
  await simulator.control.extendTrial(id, { ...quiet, expires_at: '2026-02-14T10:00:00Z' });
  await to(Date.parse('2026-02-14T09:59:59Z'));
  assert.deepEqual(await types(id), ['app.installed', 'app.trial_started', 'app.trial_extended']);
  const endMs = Date.parse('2026-02-14T10:00:01Z');
  await to(endMs);
  await to(endMs + 60 * dayMs);
  assert.deepEqual(await types(id), ['app.installed', 'app.trial_started', 'app.trial_extended', 'app.trial_ended']);
  const { expires_at, ended_at, ended_reason, ended_by } = await lastTrialData(id);
  assert.deepEqual(
    { expires_at, ended_at, ended_reason, ended_by },
    {
      expires_at: '2026-02-14T10:00:00.000+00:00',
      ended_at: '2026-02-14T10:00:00.000+00:00',
      ended_reason: 'trial_expired',
      ended_by: 'system',
    },
  );
  const { body } = await get(`${url}/trial`, await token(prepared, undefined, endMs + 60 * dayMs));
  assert.deepEqual(
    [body.state, body.ended_at, body.ended_reason],
    ['expired', '2026-02-14T10:00:00Z', 'Trial expired'],
  );
  await assert.rejects(simulator.control.extendTrial(id, quiet), /409.*no trial under way/);
});

test('an upgrade ends the trial: after its own event, before it, with the approval, or not at all', async () => {
  const orders: Record<string, string[]> = {};
  for (const trial_ended of ['after', 'before', 'none'] as const) {
    const { id } = await onTrial();
    const made = await simulator.control.update(id, { plan: 'Paid Plus', trial_ended, ...quiet });
    orders[trial_ended] = made.events.map(({ type }) => type);
    assert.equal(made.event_id, made.events.find(({ type }) => type === 'app.updated')?.event_id);
  }
  assert.deepEqual(orders, {
    after: ['app.updated', 'app.trial_ended'],
    before: ['app.trial_ended', 'app.updated'],
    none: ['app.updated'],
  });

  await simulator.control.switches({ trial_ended: 'on-approval' });
  for (const [state, ended] of [
    ['approve', 'plan_upgraded'],
    ['reject', null],
  ]) {
    const { id, prepared, accessToken } = await onTrial();
    await simulator.control.update(id, { plan: 'Paid Plus', ...quiet });
    assert.equal((await simulator.control.installation(id)).trial?.ended_reason, null);
    await decide(simulator, prepared, accessToken, { state });
    assert.equal((await simulator.control.installation(id)).trial?.ended_reason, ended);
  }
});

test('an uninstall ends the trial by the user; one that changes the plan within trials does not', async () => {
  const { id } = await onTrial();
  await simulator.control.update(id, { plan: { licenses: 9 }, ...quiet });
  assert.equal((await simulator.control.installation(id)).trial?.ended_reason, null);
  const { events } = await simulator.control.uninstall(id, quiet);
  assert.deepEqual(
    events.map(({ type }) => type),
    ['app.uninstalled', 'app.trial_ended'],
  );
  const { ended_reason, ended_by } = await lastTrialData(id);
  assert.deepEqual([ended_reason, ended_by], ['app_uninstalled', 'user']);
});

test('a trial cannot be started or extended to a time that is over', async () => {
  const { id } = await onTrial();
  const [trial, now] = [(await simulator.control.installation(id)).trial, (await simulator.control.clock()).now];
  const expires_at = new Date(Date.parse(now) - 1_000).toISOString();
  const refused = /400: expires_at: must be after 20[\d-]+T[\d:.]+Z, where the clock is\.$/;
  await assert.rejects(simulator.control.startTrial(id, { expires_at, ...quiet }), refused);
  await assert.rejects(simulator.control.extendTrial(id, { expires_at, ...quiet }), refused);
  assert.deepEqual((await simulator.control.installation(id)).trial, trial);
});
