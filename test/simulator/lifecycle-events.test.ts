import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { type CreatedInstallation, type RunningSimulator, startSimulator } from '../support/simulator.js';
import { appId, bodyOf, completed, decide, prepare } from './wire.js';

let simulator: RunningSimulator;

before(async () => {
  simulator = await startSimulator();
});
after(() => simulator.stop());

/** Ids of the events that these tests make, so that every expected body can be written down. */
let made = 0;
const nextId = () => (++made).toString(16).padStart(32, '0');

// The first two users of this account: sha256 of "<account id>:<number>", 24 digits of it, computed outside the simulator.
const accountId = '44444444444444444444444444444444';
const [user1, user2] = ['b58e56cc7d9d645550d79bbf', '202a1b991ceb6e74c5fa0935'];

/** A completed installation of the account acme. */
async function acme(plan = 'Paid Plus') {
  const wish = { account_name: 'acme', account_id: accountId, plan, users: 1, licenses: 5, deliver: false };
  const { prepared } = await completed(simulator, wish);
  const { app_version_id } = await bodyOf(simulator, prepared.event_id);
  return { ...prepared, app_version_id: app_version_id as string };
}

/** What installed, updated, uninstalled and rotated share (talkdesk-api.md 1.4). */
function envelope(event_id: string, type: string, of: CreatedInstallation & { app_version_id: string }) {
  return {
    id: event_id,
    created_at: '2026-01-06T09:00:00Z',
    api_version: '1',
    type,
    app_id: appId,
    app_version_id: of.app_version_id,
    app_version_name: '1.0.0',
  };
}
const links = (event_id: string) => ({
  root: { href: simulator.url },
  self: { href: `${simulator.url}/apps/${appId}/events/${event_id}` },
});
const installationLink = ({ installation_id }: CreatedInstallation) => ({
  installation: { href: `${simulator.url}/apps/${appId}/installations/${installation_id}` },
});
const at = (event_id: string) => ({ event_id, created_at: '2026-01-06T09:00:00Z', deliver: false });

test('app.updated: users added and removed, plan and licenses as a string', async () => {
  const of = await acme();
  const event_id = nextId();
  await simulator.control.update(of.installation_id, {
    users: [user2],
    plan: 'Paid Gold',
    licenses: 10,
    ...at(event_id),
  });
  assert.deepEqual(await bodyOf(simulator, event_id), {
    ...envelope(event_id, 'app.updated', of),
    data: {
      installation_id: of.installation_id,
      account_id: accountId,
      account_name: 'acme',
      users: { adding: [user2], removing: [user1] },
      subscription: { adding: { name: 'Paid Gold', licenses: '10' } },
    },
    _links: links(event_id),
  });
});

test('app.updated: what did not change is left out', async () => {
  const { installation_id } = await acme();
  const cases: Array<[object, object]> = [
    [{ licenses: 6 }, { subscription: { adding: { licenses: '6' } } }],
    [{ plan: { name: 'Paid Gold' } }, { subscription: { adding: { name: 'Paid Gold' } } }],
    [{ users: 2 }, { users: { adding: [user2], removing: [] } }],
    [{}, {}],
  ];
  for (const [change, delta] of cases) {
    const event_id = nextId();
    await simulator.control.update(installation_id, { ...change, ...at(event_id) });
    const { data } = await bodyOf(simulator, event_id);
    assert.deepEqual(data, { installation_id, account_id: accountId, account_name: 'acme', ...delta });
  }
});

test('app.uninstalled: the reason as an object, as a string, or left out', async () => {
  const cases: Array<[object, object]> = [
    [{}, { reason: { type: 'other', message: 'No longer needed' } }],
    [{ reason: { type: 'price', message: 'too dear' } }, { reason: { type: 'price', message: 'too dear' } }],
    [{ reason: 'free text' }, { reason: 'free text' }],
    [{ reason: null }, {}],
  ];
  for (const [given, printed] of cases) {
    const of = await acme();
    const event_id = nextId();
    await simulator.control.uninstall(of.installation_id, { ...given, ...at(event_id) });
    assert.deepEqual(await bodyOf(simulator, event_id), {
      ...envelope(event_id, 'app.uninstalled', of),
      data: { installation_id: of.installation_id, account_id: accountId, account_name: 'acme', ...printed },
      _links: { ...links(event_id), ...installationLink(of) },
    });
  }
});

test('app.credentials_rotated: a full new set and nothing about the old one', async () => {
  const of = await acme();
  const event_id = nextId();
  const { client_id } = await simulator.control.rotate(of.installation_id, { key_algorithm: 'ES384', ...at(event_id) });
  const event = await bodyOf(simulator, event_id);
  const { client_secret, private_key, public_key, key_id } = event.data;
  assert.deepEqual(event, {
    ...envelope(event_id, 'app.credentials_rotated', of),
    data: {
      installation_id: of.installation_id,
      account_id: accountId,
      account_name: 'acme',
      client_id,
      client_secret,
      private_key,
      public_key,
      key_id,
      key_algorithm: 'ES384',
    },
    _links: links(event_id),
  });
  const old = of.event.data;
  assert.notEqual(client_id, old.client_id);
  assert.notEqual(client_secret, old.client_secret);
  assert.notEqual(private_key, old.private_key);
  assert.notEqual(key_id, old.key_id);
  const secrets = await simulator.control.secrets();
  assert.ok(secrets.includes(client_secret) && secrets.includes(private_key));
});

test('trial events: times with milliseconds and +00:00, no account name, no version name', async () => {
  const of = await acme();
  const common = (event_id: string, type: string, time: string, data: object) => ({
    id: event_id,
    created_at: time,
    api_version: '1',
    type,
    app_id: appId,
    app_version_id: of.app_version_id,
    data: { installation_id: of.installation_id, account_id: accountId, ...data },
    _links: { ...links(event_id), ...installationLink(of) },
  });
  const [started, extended, ended] = [nextId(), nextId(), nextId()];
  const future = '2126-01-06T09:00:00';
  await simulator.control.startTrial(of.installation_id, { ...at(started), created_at: `${future}Z` });
  assert.deepEqual(
    await bodyOf(simulator, started),
    common(started, 'app.trial_started', `${future}.000+00:00`, { expires_at: '2126-02-05T09:00:00.000+00:00' }),
  );
  const expires_at = '2126-03-01T00:00:00Z';
  await simulator.control.extendTrial(of.installation_id, { ...at(extended), created_at: `${future}Z`, expires_at });
  assert.deepEqual(
    await bodyOf(simulator, extended),
    common(extended, 'app.trial_extended', `${future}.000+00:00`, { expires_at: '2126-03-01T00:00:00.000+00:00' }),
  );
  const end = '2126-01-20T10:00:00';
  await simulator.control.endTrial(of.installation_id, {
    ...at(ended),
    created_at: `${end}Z`,
    reason: 'plan_upgraded',
  });
  assert.deepEqual(
    await bodyOf(simulator, ended),
    common(ended, 'app.trial_ended', `${end}.000+00:00`, {
      expires_at: '2126-03-01T00:00:00.000+00:00',
      ended_at: `${end}.000+00:00`,
      ended_reason: 'plan_upgraded',
      ended_by: 'user',
    }),
  );
});

test('user.logout: no version, the user in data and links', async () => {
  const of = await acme();
  const event_id = nextId();
  await simulator.control.logout(of.installation_id, { ...at(event_id) });
  assert.deepEqual(await bodyOf(simulator, event_id), {
    id: event_id,
    created_at: '2026-01-06T09:00:00.000+00:00',
    api_version: '1',
    type: 'user.logout',
    app_id: appId,
    data: {
      account_id: accountId,
      user_id: user1,
      user_email: 'user1@acme.example',
      installation_id: of.installation_id,
    },
    _links: {
      ...links(event_id),
      user: { href: `${simulator.url}/users/${user1}` },
      ...installationLink(of),
    },
  });
});

test('any other type comes in the same envelope', async () => {
  const of = await acme();
  const event_id = nextId();
  await simulator.control.sendEvent(of.installation_id, { type: 'app.renamed', data: { name: 'x' }, ...at(event_id) });
  assert.deepEqual(await bodyOf(simulator, event_id), {
    ...envelope(event_id, 'app.renamed', of),
    data: { installation_id: of.installation_id, account_id: accountId, account_name: 'acme', name: 'x' },
    _links: links(event_id),
  });
});

test('another version of the app is in the events that follow', async () => {
  const of = await acme();
  const callback_url = 'http://127.0.0.1:9/never-called';
  const app = await simulator.control.registerApp(appId, { callback_url, version_name: '2.0.0' });
  const { event_id } = await simulator.control.update(of.installation_id, { deliver: false });
  const event = await bodyOf(simulator, event_id);
  assert.deepEqual([event.app_version_id, event.app_version_name], [app.version_id, '2.0.0']);
  assert.notEqual(app.version_id, of.app_version_id);
  await simulator.control.registerApp(appId, { callback_url, version_name: '1.0.0' });
});

test('merge adds, replaces and leaves out, also __proto__', async () => {
  const prepared = await prepare(simulator, {
    merge: JSON.parse(
      '{"new_field":1,"app_version_name":null,"data":{"client_id":7,"__proto__":{"x":1}},"_links":{"token":null}}',
    ),
  });
  const text = Buffer.from((await simulator.control.signed(prepared.event_id)).body_base64, 'base64').toString();
  const { event } = prepared as unknown as { event: Record<string, unknown> };
  assert.deepEqual([event['new_field'], 'app_version_name' in event], [1, false]);
  assert.match(text, /"client_id":7,.*"__proto__":\{"x":1\}/);
  assert.deepEqual(Object.keys(event['_links'] as object), ['root', 'self', 'userinfo', 'authorization']);
  await assert.rejects(prepare(simulator, { event_id: prepared.event_id }), /400.*event_id: .* is taken/);
});

test('every event goes out by the same schedule, signed; a decision in between is none of its business', async () => {
  const { prepared, id, accessToken } = await completed(simulator);
  const { event_id } = await simulator.control.update(id, { users: 1 });
  await decide(simulator, prepared, accessToken, { state: 'approve' });
  await simulator.control.advance(16 * 60_000);
  const event = await simulator.control.event(event_id);
  assert.deepEqual(
    event.attempts.map(({ scheduled, status }) => [scheduled, status]),
    [
      [true, null],
      [true, null],
      [true, null],
    ],
  );
});
