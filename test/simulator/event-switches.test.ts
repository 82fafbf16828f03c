import assert from 'node:assert/strict';
import { createPrivateKey } from 'node:crypto';
import { test } from 'node:test';
import { startSwitched } from './switched.js';
import { ask, bodyOf, completed, prepare } from './wire.js';

const { simulator } = await startSwitched();

const quiet = { deliver: false };
const set = (change: Record<string, unknown>) => simulator.control.switches(change);

/** The user ids of an account whose first so many are licensed. */
const ids = async (accountId: string) => (await simulator.control.accountUsers(accountId)).map(({ id }) => id);

test('event_names: the names of the examples, of the tables, or both; the order of the rest stays', async () => {
  const keys = async (event_names: string) => {
    await set({ event_names });
    const { event_id, event } = await prepare(simulator);
    const { id, type, event_id: tableId, event_type } = event as unknown as Record<string, string>;
    const isOwn = [id, tableId].map((value) => value === undefined || value === event_id);
    assert.deepEqual(isOwn, [true, true]);
    return { id: id !== undefined, type, table: tableId !== undefined, event_type, keys: Object.keys(event).length };
  };
  const installed = 'app.installed';
  const none = undefined;
  assert.deepEqual(await keys('id-type'), { id: true, type: installed, table: false, event_type: none, keys: 9 });
  assert.deepEqual(await keys('event_id-event_type'), {
    id: false,
    type: none,
    table: true,
    event_type: installed,
    keys: 9,
  });
  assert.deepEqual(await keys('both'), { id: true, type: installed, table: true, event_type: installed, keys: 11 });
});

const credentialNames = ['client_id', 'client_secret', 'private_key', 'public_key', 'key_id', 'key_algorithm'];
const named = ['installation_id', 'account_id', 'account_name'];

test('event_credentials: by the switch updated and uninstalled carry the newest set, too', async () => {
  const { id, prepared } = await completed(simulator);
  const dataOf = async (made: Promise<{ event_id: string }>) => (await bodyOf(simulator, (await made).event_id)).data;
  const update = await dataOf(simulator.control.update(id, { users: 4, ...quiet }));
  assert.deepEqual(Object.keys(update), [...named, 'users']);
  await set({ event_credentials: 'also-updated-uninstalled' });
  const again = await dataOf(simulator.control.update(id, { users: 5, ...quiet }));
  assert.deepEqual(Object.keys(again), [...named, 'users', ...credentialNames]);
  assert.equal(again.client_secret, prepared.event.data.client_secret);
  const uninstall = await dataOf(simulator.control.uninstall(id, quiet));
  assert.deepEqual(Object.keys(uninstall), [...named, 'reason', ...credentialNames]);
});

test('installed_users: by the switch app.installed names the licensed users', async () => {
  await set({ installed_users: 'present' });
  const prepared = await prepare(simulator, { users: 2 });
  const { users } = prepared.event.data as unknown as { users: unknown };
  assert.deepEqual(users, { adding: await ids(prepared.account_id), removing: [] });
});

test('event_values: users, subscription and reason as strings, as the tables have them', async () => {
  await set({ event_values: 'strings' });
  const { id, prepared } = await completed(simulator, { users: 1 });
  const { event_id } = await simulator.control.update(id, { users: 2, plan: 'Gold', licenses: 9, ...quiet });
  const added = (await ids(prepared.account_id))[1];
  const { data } = await bodyOf(simulator, event_id);
  assert.deepEqual(
    [data.users, data.subscription],
    [`{"adding":["${added}"],"removing":[]}`, '{"adding":{"name":"Gold","licenses":"9"}}'],
  );
  const object = await simulator.control.uninstall(id, { reason: { type: 'other', message: 'too "dear"' }, ...quiet });
  const reasonOf = async (eventId: string) => (await bodyOf(simulator, eventId)).data.reason;
  assert.equal(await reasonOf(object.event_id), '{"type":"other","message":"too \\"dear\\""}');
  const other = await completed(simulator);
  const text = await simulator.control.uninstall(other.id, { reason: 'too dear', ...quiet });
  assert.equal(await reasonOf(text.event_id), 'too dear');
});

test('trial_ended_expires_at: the planned end as in the example, or the date of the event as in the prose', async () => {
  const ended = async () => {
    const { id } = await completed(simulator, { plan: 'Trial' });
    const made = await simulator.control.endTrial(id, { created_at: '2030-01-05T10:00:00Z', ...quiet });
    return (await bodyOf(simulator, made.event_id)).data;
  };
  const planned = await ended();
  assert.notEqual(planned.expires_at, planned.ended_at);
  await set({ trial_ended_expires_at: 'ended' });
  const { expires_at, ended_at } = await ended();
  assert.deepEqual([expires_at, ended_at], ['2030-01-05T10:00:00.000+00:00', '2030-01-05T10:00:00.000+00:00']);
});

test('token_link: another name, or none', async () => {
  const { url } = simulator;
  for (const token_link of ['tokens', 'oauth_token']) {
    await set({ token_link });
    const { account_name, event } = await prepare(simulator);
    const links = event._links as unknown as Record<string, unknown>;
    assert.deepEqual(Object.keys(links), ['root', 'self', 'userinfo', 'authorization', token_link]);
    assert.deepEqual(links[token_link], { href: `${url}/${account_name}/oauth/token` });
  }
  await set({ token_link: 'absent' });
  const { account_name, event } = await prepare(simulator);
  const { authorization, ...others } = event._links as unknown as Record<string, unknown>;
  assert.deepEqual(authorization, { href: `${url}/${account_name}/oauth/authorize` });
  assert.deepEqual(Object.keys(others), ['root', 'self', 'userinfo']);
});

test('rotated_credentials: at the top level, or without the algorithm', async () => {
  const { id } = await completed(simulator);
  const rotate = async () => bodyOf(simulator, (await simulator.control.rotate(id, quiet)).event_id);
  await set({ rotated_credentials: 'top-level' });
  const top = await rotate();
  assert.deepEqual(Object.keys(top.data), named);
  assert.equal(top.key_algorithm, 'ES256');
  assert.ok(credentialNames.every((name) => typeof top[name] === 'string'));
  await set({ rotated_credentials: 'without-algorithm' });
  const { data } = await rotate();
  assert.deepEqual(Object.keys(data), [...named, ...credentialNames.slice(0, -1)]);
});

test('private_key_container: for whoever says nothing; a key that cannot be written so stays PKCS#8', async () => {
  await set({ private_key_container: 'sec1' });
  const { event } = await prepare(simulator);
  createPrivateKey({ key: Buffer.from(event.data.private_key, 'base64'), format: 'der', type: 'sec1' });
  const { event: rsa } = await prepare(simulator, { key_algorithm: 'PS256' });
  createPrivateKey({ key: Buffer.from(rsa.data.private_key, 'base64'), format: 'der', type: 'pkcs8' });
  const { event: asked } = await prepare(simulator, { key_container: 'pem' });
  assert.match(asked.data.private_key, /^-----BEGIN PRIVATE KEY-----\n/);
});

test('signature_key_expires_at: by the switch the key endpoint does not say when a key ends', async () => {
  const names = async () => Object.keys((await ask(`${simulator.url}/events/signature-keys/latest`)).body);
  assert.deepEqual(await names(), ['key_id', 'public_key', 'created_at', 'expires_at']);
  await set({ signature_key_expires_at: 'absent', signature_key_id_field: 'public_key_id' });
  assert.deepEqual(await names(), ['public_key_id', 'public_key', 'created_at']);
});
