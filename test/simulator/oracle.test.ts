import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { after, before, test } from 'node:test';
import { type RunningSimulator, startSimulator } from '../support/simulator.js';
import { assertBroken, assertKept, verdictOf, waiting } from './conduct.js';
import { acknowledge, decide, get, startPartner, token, withCredentialsOf } from './wire.js';

let simulator: RunningSimulator;

before(async () => {
  simulator = await startSimulator();
});
after(() => simulator.stop());

const approve = { state: 'approve', reason: 'ready' };

test('one-effective-decision: one approve for each process keeps it, a second one after an answer breaks it', async () => {
  const { id, prepared, accessToken } = await waiting(simulator);
  assert.equal((await verdictOf(simulator, 'one-effective-decision', id)).status, 'not-seen');
  await decide(simulator, prepared, accessToken, approve);
  await simulator.control.update(id, { users: 2, deliver: false });
  await decide(simulator, prepared, accessToken, approve);
  await assertKept(simulator, 'one-effective-decision', id);
  assert.equal((await verdictOf(simulator, 'one-effective-decision', id)).checked, 2);
  await decide(simulator, prepared, accessToken, approve);
  const breach = await assertBroken(
    simulator,
    'one-effective-decision',
    id,
    /^approve was sent again, although request \d+ had been answered 200\.$/,
  );
  const requests = await simulator.control.requests({ installation_id: id, route: 'state' });
  assert.equal(breach.request, requests[2]?.n);
  assert.equal(breach.at, requests[2]?.at);
  assert.equal(breach.event_id, (await simulator.control.installation(id)).event_id);
});

test('one-effective-decision: one approve for each event keeps it, also where the event has no process or lost it to another', async () => {
  const partner = await startPartner(204);
  try {
    const send = (eventId: string) => simulator.control.deliver(eventId, { callback_url: partner.url });
    for (const overtaken of ['install', 'update']) {
      const { id, prepared, accessToken } = await waiting(simulator);
      let [first, second] = [prepared.event_id, ''];
      if (overtaken === 'install') {
        const byHand = { type: 'app.updated', data: {}, deliver: false };
        second = (await simulator.control.sendEvent(id, byHand)).event_id;
      } else {
        await decide(simulator, prepared, accessToken, approve);
        first = (await simulator.control.update(id, { users: 2, deliver: false })).event_id;
        second = (await simulator.control.update(id, { users: 3, deliver: false })).event_id;
      }
      await send(second);
      await send(first);
      await decide(simulator, prepared, accessToken, approve);
      await decide(simulator, prepared, accessToken, approve);
      await assertKept(simulator, 'one-effective-decision', id);
      await send(first);
      await send(second);
      await decide(simulator, prepared, accessToken, approve);
      await assertBroken(simulator, 'one-effective-decision', id, /^approve was sent again/);
    }
  } finally {
    await partner.stop();
  }
});

test('one-effective-decision: a repeat after a lost answer keeps it, the opposite never does', async () => {
  const { id, prepared, accessToken } = await waiting(simulator);
  await simulator.control.fault({ route: 'state', kind: 'reset', when: 'after', installation_id: id });
  await assert.rejects(decide(simulator, prepared, accessToken, approve));
  await decide(simulator, prepared, accessToken, approve);
  await assertKept(simulator, 'one-effective-decision', id);
  await decide(simulator, prepared, accessToken, { state: 'reject' });
  await assertBroken(
    simulator,
    'one-effective-decision',
    id,
    /^reject was sent for a process that was already decided/,
  );
});

test('one-effective-decision: a rotation is acknowledged once', async () => {
  const { id, prepared, accessToken, url } = await waiting(simulator);
  await decide(simulator, prepared, accessToken, approve);
  const { event_id, client_id } = await simulator.control.rotate(id, { deliver: false });
  const fresh = await token(await withCredentialsOf(simulator, prepared, event_id));
  await acknowledge(url, client_id, fresh);
  await assertKept(simulator, 'one-effective-decision', id);
  await acknowledge(url, client_id, fresh);
  await assertBroken(simulator, 'one-effective-decision', id, /^acknowledged was sent again/);
});

test('no-decision-before-acknowledgement: an approve after a 2xx keeps it, one after a 500 breaks it', async () => {
  const partner = await startPartner(500, 204);
  try {
    const { id, prepared, accessToken } = await waiting(simulator);
    await simulator.control.deliver(prepared.event_id, { callback_url: partner.url });
    await decide(simulator, prepared, accessToken, approve);
    const breach = await assertBroken(simulator, 'no-decision-before-acknowledgement', id, /^approve was sent before/);
    assert.equal(breach.event_id, prepared.event_id);
    const other = await waiting(simulator);
    await simulator.control.deliver(other.prepared.event_id, { callback_url: partner.url });
    await decide(simulator, other.prepared, other.accessToken, approve);
    await assertKept(simulator, 'no-decision-before-acknowledgement', other.id);
  } finally {
    await partner.stop();
  }
});

test('settings-read-before-update-approved: users and subscription, both, while the update waits', async () => {
  const { id, prepared, accessToken, url } = await waiting(simulator);
  await get(`${url}/users`, accessToken);
  await get(`${url}/subscription`, accessToken);
  await decide(simulator, prepared, accessToken, approve);
  assert.equal((await verdictOf(simulator, 'settings-read-before-update-approved', id)).status, 'not-seen');
  await simulator.control.update(id, { users: 2, deliver: false });
  await get(`${url}/users`, accessToken);
  await get(`${url}/subscription`, accessToken);
  await decide(simulator, prepared, accessToken, approve);
  await assertKept(simulator, 'settings-read-before-update-approved', id);
  const { event_id } = await simulator.control.update(id, { users: 3, deliver: false });
  await get(`${url}/users`, accessToken);
  await decide(simulator, prepared, accessToken, approve);
  const rule = 'settings-read-before-update-approved';
  const breach = await assertBroken(simulator, rule, id, /but subscription had not been read while it waited/);
  assert.equal(breach.event_id, event_id);
});

test('users-read-to-the-end: the page without a next one has to be read', async () => {
  const { id, prepared, accessToken, url } = await waiting(simulator, { users: 3 });
  await get(`${url}/users?page=1&per_page=2`, accessToken);
  await get(`${url}/users?page=2&per_page=2`, accessToken);
  await decide(simulator, prepared, accessToken, approve);
  await assertKept(simulator, 'users-read-to-the-end', id);
  const other = await waiting(simulator, { users: 3 });
  await get(`${other.url}/users?page=1&per_page=2`, other.accessToken);
  await decide(simulator, other.prepared, other.accessToken, approve);
  await assertBroken(simulator, 'users-read-to-the-end', other.id, /^The installation was approved, but the users/);
});

test('uninstall-approved: a reject breaks it', async () => {
  for (const state of ['approve', 'reject']) {
    const { id, prepared, accessToken } = await waiting(simulator);
    await decide(simulator, prepared, accessToken, approve);
    await simulator.control.uninstall(id, { deliver: false });
    await decide(simulator, prepared, accessToken, { state });
    if (state === 'approve') await assertKept(simulator, 'uninstall-approved', id);
    else await assertBroken(simulator, 'uninstall-approved', id, /^An uninstallation was rejected/);
  }
});

test('the answer names every rule of the documentation, with its title and source, and holds no secret', async () => {
  const { rules, figures } = await simulator.control.verdicts();
  const documented = await readFile(new URL('../../docs/simulator.md', import.meta.url), 'utf8');
  const section = documented.slice(documented.indexOf('\n## Verdicts\n'));
  const rows = [...section.matchAll(/^\| `([a-z-]+)` \| (.+?) \| contract (.+?) \| .+ \|$/gm)];
  assert.deepEqual(
    rules.map(({ rule, title, source }) => [rule, title, source]),
    rows.map(([, rule, title, source]) => [rule, title, `talkdesk-api.md ${source}`]),
  );
  assert.equal(rules.length, 22);
  assert.equal(figures.dropped, 0);
  const text = JSON.stringify({ rules, figures });
  for (const secret of await simulator.control.secrets()) assert.ok(!text.includes(secret));
});

test('an installation or app that is not known gets a sentence', async () => {
  const ask = simulator.control.verdicts;
  await assert.rejects(
    ask({ installation_id: 'nobody' }),
    /installation_id: there is no installation nobody; allowed are/,
  );
  await assert.rejects(ask({ app_id: 'nothing' }), /app_id: nothing is not registered; allowed are/);
});
