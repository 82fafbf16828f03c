import assert from 'node:assert/strict';
import { createPublicKey, verify } from 'node:crypto';
import { after, afterEach, before, test } from 'node:test';
import { eventually } from '../support/eventually.js';
import {
  type DeliveryFaultInput,
  type RunningSimulator,
  type SignSwitches,
  startSimulator,
} from '../support/simulator.js';
import { appId, ask, completed, type Received, startPartner, startSilent } from './wire.js';

let simulator: RunningSimulator;
let partner: Awaited<ReturnType<typeof startPartner>>;
const minuteMs = 60_000;

before(async () => {
  simulator = await startSimulator();
});
afterEach(async () => {
  await simulator.control.clearFaults();
  await partner.stop();
});
after(() => simulator.stop());

type Unrouted<T> = T extends unknown ? Omit<T, 'route'> : never;

/** Sets a fault of deliveries. */
const hit = (fault: Unrouted<DeliveryFaultInput>) =>
  simulator.control.fault({ route: 'delivery', ...fault } as DeliveryFaultInput);

/** Installs with the partner answering `statuses` in turn, and waits for the first attempt. */
async function install(...statuses: number[]) {
  partner = await startPartner(...statuses);
  await simulator.control.registerApp(appId, { callback_url: partner.url });
  const { event_id, installation_id } = await simulator.control.createInstallation({ app_id: appId });
  await simulator.control.advance(0);
  return { id: installation_id, eventId: event_id, event: () => simulator.control.event(event_id) };
}

/** Whether a delivery is signed as talkdesk-api.md 2 has it, by the key that the gateway serves under the id it names. */
async function isGenuine({ headers, body }: Received): Promise<boolean> {
  const id = headers['x-hub-ecdsa-signature-id'];
  const answer = await ask(`${simulator.url}/events/signature-keys/${id}`);
  if (answer.status !== 200) return false;
  const key = createPublicKey({ key: Buffer.from(answer.body.public_key, 'base64'), format: 'der', type: 'spki' });
  return verify('sha512', body, key, Buffer.from(String(headers['x-hub-ecdsa-signature']), 'hex'));
}

const typesOf = ({ received }: typeof partner) => received.map(({ body }) => JSON.parse(body.toString()).type);

test('bad signatures of every kind, each for one attempt; the retry is genuine', async () => {
  const tampers = ['unsigned', 'bad-hex', 'unknown-key-id', 'other-key', 'changed-body'] as const;
  for (const tamper of tampers) {
    await hit({ kind: 'signature', sign: { tamper } });
    const { event } = await install(401, 204);
    await simulator.control.advance(5 * minuteMs);
    const { attempts, delivered } = await event();
    assert.deepEqual([attempts.map(({ fault }) => fault), delivered], [[`signed with tamper ${tamper}`, null], true]);
    const [bad, good] = partner.received;
    assert.ok(bad && good);
    assert.equal(await isGenuine(bad), false, tamper);
    assert.equal(await isGenuine(good), true, tamper);
    if (tamper !== tampers.at(-1)) await partner.stop();
  }
});

test('an expired key signs well, and its end is told', async () => {
  await hit({ kind: 'signature', sign: { tamper: 'expired-key' } });
  await install(204);
  const id = partner.received[0]?.headers['x-hub-ecdsa-signature-id'];
  const { body } = await ask(`${simulator.url}/events/signature-keys/${id}`);
  const { now } = await simulator.control.clock();
  assert.ok(Date.parse(body.expires_at) < Date.parse(now));
});

test('other curves and containers: as long as they should be', async () => {
  const seen = async (sign: SignSwitches) => {
    await hit({ kind: 'signature', sign });
    await install(204);
    const { headers } = partner.received[0] as Received;
    await partner.stop();
    const { body } = await ask(`${simulator.url}/events/signature-keys/${headers['x-hub-ecdsa-signature-id']}`);
    const keyBytes = Buffer.from(body.public_key, 'base64');
    return { keyBytes, signature: Buffer.from(String(headers['x-hub-ecdsa-signature']), 'hex') };
  };
  for (const [curve, size] of [
    ['p256', 32],
    ['p384', 48],
    ['p521', 66],
  ] as const) {
    const { keyBytes, signature } = await seen({ curve, key_container: 'raw', signature_container: 'raw' });
    assert.deepEqual([keyBytes[0], keyBytes.length, signature.length], [4, 2 * size + 1, 2 * size], curve);
  }
  const { keyBytes, signature } = await seen({ curve: 'p384' });
  assert.deepEqual([keyBytes[0], signature[0]], [0x30, 0x30]);
});

test('copies at once, whatever the first one is answered', async () => {
  await hit({ kind: 'duplicate', copies: 3 });
  const { event } = await install(204);
  assert.equal(partner.received.length, 4);
  for (const { body } of partner.received) assert.deepEqual(body, partner.received[0]?.body);
  assert.deepEqual(
    (await event()).attempts.map(({ scheduled }) => scheduled),
    [true, false, false, false],
  );
});

test('copies later, each after so long on the clock, also after a 2xx', async () => {
  await hit({ kind: 'duplicate', copies: 2, delay: '2h' });
  const { event } = await install(204);
  assert.equal(partner.received.length, 1);
  await simulator.control.advance(2 * 60 * minuteMs);
  assert.equal(partner.received.length, 2);
  await simulator.control.advance(2 * 60 * minuteMs);
  assert.equal(partner.received.length, 3);
  assert.equal((await event()).delivered, true);
});

test('reordered: held until the next event of the installation was delivered', async () => {
  await hit({ kind: 'reorder', event_type: 'app.installed' });
  const { id, event } = await install(204);
  assert.deepEqual([partner.received.length, (await event()).fault], [0, 'reorder']);
  await simulator.control.uninstall(id);
  await simulator.control.advance(0);
  assert.deepEqual(typesOf(partner), ['app.uninstalled', 'app.installed']);
  assert.deepEqual([(await event()).delivered, (await event()).next_attempt_at], [true, null]);
});

test('reordered, and no next event comes: sent when its time is up, and once', async () => {
  await hit({ kind: 'reorder', at_most: '10m' });
  const { id } = await install(204);
  await simulator.control.advance(9 * minuteMs);
  assert.equal(partner.received.length, 0);
  await simulator.control.advance(minuteMs);
  assert.deepEqual(typesOf(partner), ['app.installed']);
  await simulator.control.uninstall(id);
  await simulator.control.advance(0);
  assert.deepEqual(typesOf(partner), ['app.installed', 'app.uninstalled']);
});

test('delayed by hours of the clock; later events overtake it', async () => {
  await hit({ kind: 'delay', delay: '3h' });
  const { id, event } = await install(204);
  const { next_attempt_at: due, fault } = await event();
  const { now } = await simulator.control.clock();
  assert.equal(fault, 'delayed by 3h');
  assert.equal(Math.round((Date.parse(due ?? '') - Date.parse(now)) / minuteMs), 180);
  await simulator.control.uninstall(id);
  await simulator.control.advance(179 * minuteMs);
  assert.deepEqual(typesOf(partner), ['app.uninstalled']);
  await simulator.control.advance(minuteMs);
  assert.deepEqual(typesOf(partner), ['app.uninstalled', 'app.installed']);
});

test('crash after send: the whole body arrives, its answer counts for nothing, and the event comes again', async () => {
  await hit({ kind: 'crash' });
  const { event } = await install(204);
  await eventually('the body has arrived', async () => partner.received.length === 1);
  const [attempt] = (await event()).attempts;
  assert.deepEqual(
    [attempt?.status, attempt?.error, attempt?.fault],
    [null, 'the connection was cut before the answer was read', 'crash'],
  );
  await simulator.control.advance(5 * minuteMs);
  assert.equal(partner.received.length, 2);
  assert.deepEqual(partner.received[1]?.body, partner.received[0]?.body);
  assert.equal((await event()).delivered, true);
});

test('dropped: never sent, and never again', async () => {
  await hit({ kind: 'drop' });
  const { event } = await install(204);
  await simulator.control.advance(24 * 60 * minuteMs);
  assert.equal(partner.received.length, 0);
  const { attempts, fault, next_attempt_at } = await event();
  assert.deepEqual([attempts, fault, next_attempt_at], [[], 'drop', null]);
});

test('given up after so long', async () => {
  await hit({ kind: 'timeout', timeout_ms: 1 });
  partner = await startPartner(204);
  // A partner that never answers, so that one millisecond is always too short.
  const silent = await startSilent();
  await simulator.control.registerApp(appId, { callback_url: silent.url });
  const { event_id } = await simulator.control.createInstallation({ app_id: appId });
  await simulator.control.advance(0);
  await silent.stop();
  const [attempt] = (await simulator.control.event(event_id)).attempts;
  assert.deepEqual([attempt?.status, attempt?.error], [null, 'no answer within 1 ms']);
});

test('forged links under a good signature', async () => {
  await hit({ kind: 'forged-links', links: ['root', 'token'], origin: 'https://attacker.example' });
  await install(204);
  const [sent] = partner.received;
  assert.ok(sent);
  assert.equal(await isGenuine(sent), true);
  const { data, _links } = JSON.parse(sent.body.toString());
  assert.equal(_links.root.href, 'https://attacker.example');
  assert.equal(_links.token.href, `https://attacker.example/${data.account_name}/oauth/token`);
  assert.equal(_links.authorization.href, `${simulator.url}/${data.account_name}/oauth/authorize`);
});

test('only one type, installation or region; deliveries that are asked for are left alone', async () => {
  await hit({ kind: 'drop', event_type: 'app.updated', times: 9 });
  await hit({ kind: 'drop', region: 'eu', times: 9 });
  const { eventId } = await install(204);
  await simulator.control.createInstallation({ app_id: appId, region: 'eu' });
  const { now } = await simulator.control.clock();
  const { id } = await completed(simulator, {}, Date.parse(now));
  await simulator.control.registerApp(appId, { callback_url: partner.url });
  const { event_id } = await simulator.control.update(id, { users: 4 });
  await simulator.control.advance(0);
  assert.deepEqual(typesOf(partner), ['app.installed']);
  await simulator.control.deliver(event_id);
  assert.deepEqual(typesOf(partner), ['app.installed', 'app.updated']);
  assert.equal((await simulator.control.event(eventId)).fault, null);
});
