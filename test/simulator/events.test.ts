import assert from 'node:assert/strict';
import { createPrivateKey, createPublicKey, type KeyObject, verify } from 'node:crypto';
import { after, before, test } from 'node:test';
import { type RunningSimulator, type SignSwitches, startSimulator } from '../support/simulator.js';
import { appId, ask, prepare, startPartner } from './wire.js';

let simulator: RunningSimulator;

before(async () => {
  simulator = await startSimulator();
});
after(() => simulator.stop());

const hex32 = /^[0-9a-f]{32}$/;

test('app.installed is exactly the documented object', async () => {
  const prepared = await prepare(simulator, {
    account_name: 'acme',
    account_id: '44444444444444444444444444444444',
    created_at: '2026-01-05T10:00:00Z',
  });
  const { body_base64 } = await simulator.control.signed(prepared.event_id);
  const event = JSON.parse(Buffer.from(body_base64, 'base64').toString());
  const { url } = simulator;
  assert.match(event.app_version_id, hex32);
  assert.match(event.data.key_id, hex32);
  assert.match(event.data.client_secret, /^[\w-]{43}$/);
  assert.deepEqual(event, {
    id: prepared.event_id,
    created_at: '2026-01-05T10:00:00Z',
    api_version: '1',
    type: 'app.installed',
    app_id: appId,
    app_version_id: event.app_version_id,
    app_version_name: '1.0.0',
    data: {
      installation_id: prepared.installation_id,
      account_id: '44444444444444444444444444444444',
      account_name: 'acme',
      client_id: prepared.client_id,
      client_secret: event.data.client_secret,
      private_key: event.data.private_key,
      public_key: event.data.public_key,
      key_id: event.data.key_id,
      key_algorithm: 'ES256',
    },
    _links: {
      root: { href: url },
      self: { href: `${url}/apps/${appId}/events/${prepared.event_id}` },
      userinfo: { href: `${url}/users/me` },
      authorization: { href: `${url}/acme/oauth/authorize` },
      token: { href: `${url}/acme/oauth/token` },
    },
  });
  for (const id of [prepared.event_id, prepared.installation_id, prepared.client_id]) assert.match(id, hex32);
  const publicKey = createPublicKey(createPrivateKey(pkcs8(event.data.private_key)));
  assert.equal(publicKey.export({ type: 'spki', format: 'der' }).toString('base64'), event.data.public_key);
});

function pkcs8(text: string) {
  return { key: Buffer.from(text, 'base64'), format: 'der', type: 'pkcs8' } as const;
}

test('the private key comes as SEC1 or PEM when asked for', async () => {
  const keyText = async (key_container: 'sec1' | 'pem' | 'sec1-pem') =>
    (await prepare(simulator, { key_container })).event.data.private_key;
  createPrivateKey({ key: Buffer.from(await keyText('sec1'), 'base64'), format: 'der', type: 'sec1' });
  assert.match(await keyText('pem'), /^-----BEGIN PRIVATE KEY-----\n/);
  assert.match(await keyText('sec1-pem'), /^-----BEGIN EC PRIVATE KEY-----\n/);
  await assert.rejects(
    prepare(simulator, { key_algorithm: 'PS256', key_container: 'sec1' }),
    /400.*takes pkcs8 or pem/,
  );
});

test('every link stands on the public base URL', async () => {
  const own = await startSimulator({ env: { SIMULATOR_BASE_URL: 'https://sim.example:8443/eu/' } });
  try {
    const { event } = await prepare(own, { account_name: 'acme' });
    assert.equal(event._links.token.href, 'https://sim.example:8443/eu/acme/oauth/token');
    assert.equal(event._links.root.href, 'https://sim.example:8443');
    assert.equal((await own.control.health()).base_url, 'https://sim.example:8443/eu');
  } finally {
    await own.stop();
  }
});

/** The key that a delivery names, fetched from the key endpoint without authentication. */
async function publishedKey(headers: Record<string, string>): Promise<string> {
  const answer = await ask(`${simulator.url}/events/signature-keys/${headers['X-Hub-Ecdsa-Signature-Id']}`);
  assert.equal(answer.status, 200);
  return answer.body.public_key;
}

async function signedBytes(eventId: string, sign: SignSwitches = {}) {
  const { headers, body_base64 } = await simulator.control.signed(eventId, sign);
  return { headers, body: Buffer.from(body_base64, 'base64'), signature: headers['X-Hub-Ecdsa-Signature'] ?? '' };
}

function isGood(body: Buffer, key: KeyObject, signature: string, dsaEncoding: 'der' | 'ieee-p1363' = 'der'): boolean {
  return verify('sha512', body, { key, dsaEncoding }, Buffer.from(signature, 'hex'));
}

test('a delivery is signed over its exact bytes: ECDSA, SHA-512, DER, hex, P-256 SPKI', async () => {
  const partner = await startPartner(204);
  try {
    const prepared = await prepare(simulator);
    assert.equal((await simulator.control.deliver(prepared.event_id, { callback_url: partner.url })).status, 204);
    const [delivery] = partner.received;
    assert.ok(delivery);
    const { headers, body } = delivery;
    assert.equal(headers['content-type'], 'application/json');
    const answer = await ask(`${simulator.url}/events/signature-keys/${headers['x-hub-ecdsa-signature-id']}`);
    assert.deepEqual(Object.keys(answer.body), ['key_id', 'public_key', 'created_at', 'expires_at']);
    assert.equal(answer.body.key_id, headers['x-hub-ecdsa-signature-id']);
    assert.match(answer.body.created_at, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
    assert.equal(Date.parse(answer.body.expires_at) - Date.parse(answer.body.created_at), 4 * 24 * 3600 * 1000);
    assert.match(answer.body.public_key, /^MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE/);
    const key = createPublicKey({ key: Buffer.from(answer.body.public_key, 'base64'), format: 'der', type: 'spki' });
    const signature = String(headers['x-hub-ecdsa-signature']);
    assert.match(signature, /^30[0-9a-f]+$/);
    assert.ok(isGood(body, key, signature));
    assert.ok(!isGood(Buffer.concat([body, Buffer.from(' ')]), key, signature));
  } finally {
    await partner.stop();
  }
});

test('curve, key container, signature container and hex case follow the switches', async () => {
  const { event_id } = await prepare(simulator);
  for (const [curve, fieldBytes] of [
    ['p384', 48],
    ['p521', 66],
    ['secp256k1', 32],
  ] as const) {
    const { headers, body, signature } = await signedBytes(event_id, {
      curve,
      signature_container: 'raw',
      hex_case: 'upper',
    });
    assert.match(signature, new RegExp(`^[0-9A-F]{${fieldBytes * 4}}$`));
    const der = Buffer.from(await publishedKey(headers), 'base64');
    assert.ok(isGood(body, createPublicKey({ key: der, format: 'der', type: 'spki' }), signature, 'ieee-p1363'), curve);
  }
  const raw = await signedBytes(event_id, { key_container: 'raw' });
  const point = Buffer.from(await publishedKey(raw.headers), 'base64');
  assert.deepEqual([point.length, point[0]], [65, 4]);
  const x = point.subarray(1, 33).toString('base64url');
  const y = point.subarray(33).toString('base64url');
  const rawKey = createPublicKey({ key: { kty: 'EC', crv: 'P-256', x, y }, format: 'jwk' });
  assert.ok(isGood(raw.body, rawKey, raw.signature));

  const text = await signedBytes(event_id, { key_container: 'pem-text' });
  assert.ok(isGood(text.body, createPublicKey(await publishedKey(text.headers)), text.signature));
  const pem = await signedBytes(event_id, { key_container: 'pem' });
  const pemKey = createPublicKey(Buffer.from(await publishedKey(pem.headers), 'base64').toString());
  assert.ok(isGood(pem.body, pemKey, pem.signature));
});

test('tampered deliveries cannot be verified', async () => {
  const { event_id } = await prepare(simulator);
  const unsigned = await signedBytes(event_id, { tamper: 'unsigned' });
  assert.deepEqual(unsigned.headers, { 'Content-Type': 'application/json' });
  assert.match((await signedBytes(event_id, { tamper: 'bad-hex' })).signature, /^zz/);

  const unknown = await signedBytes(event_id, { tamper: 'unknown-key-id' });
  const answer = await ask(`${simulator.url}/events/signature-keys/${unknown.headers['X-Hub-Ecdsa-Signature-Id']}`);
  assert.equal(answer.status, 404);

  for (const tamper of ['other-key', 'changed-body', 'expired-key'] as const) {
    const { headers, body, signature } = await signedBytes(event_id, { tamper });
    const key = createPublicKey({
      key: Buffer.from(await publishedKey(headers), 'base64'),
      format: 'der',
      type: 'spki',
    });
    // An expired key does verify; what is wrong with it is its end.
    assert.equal(isGood(body, key, signature), tamper === 'expired-key', tamper);
  }
});

test('signing keys: latest follows a rotation, old ones stay, unknown ones are 404 0080021', async () => {
  const { event_id } = await prepare(simulator);
  const oldId = (await signedBytes(event_id)).headers['X-Hub-Ecdsa-Signature-Id'];
  const { key_id } = await simulator.control.rotateSigningKey();
  assert.notEqual(key_id, oldId);
  assert.equal((await signedBytes(event_id)).headers['X-Hub-Ecdsa-Signature-Id'], key_id);
  assert.equal((await ask(`${simulator.url}/events/signature-keys/latest`)).body.key_id, key_id);
  assert.equal((await ask(`${simulator.url}/events/signature-keys/${oldId}`)).body.key_id, oldId);

  await simulator.control.switches({ signature_key_id_field: 'public_key_id' });
  const renamed = await ask(`${simulator.url}/events/signature-keys/latest`);
  assert.deepEqual([renamed.body.public_key_id, renamed.body.key_id], [key_id, undefined]);
  await simulator.control.switches({ signature_key_id_field: 'key_id' });

  const missing = await ask(`${simulator.url}/events/signature-keys/ffffffffffffffffffffffffffffffff`);
  assert.equal(missing.status, 404);
  assert.deepEqual(missing.body, { code: '0080021', message: 'Signature key not found' });
});

test('a key that ran out is replaced by itself', async () => {
  const own = await startSimulator();
  try {
    const { event_id } = await prepare(own);
    const before = (await own.control.signed(event_id)).headers['X-Hub-Ecdsa-Signature-Id'];
    await own.control.advance(4 * 24 * 3600 * 1000 + 1000);
    const latest = await ask(`${own.url}/events/signature-keys/latest`);
    assert.notEqual(latest.body.key_id, before);
    assert.equal((await own.control.signed(event_id)).headers['X-Hub-Ecdsa-Signature-Id'], latest.body.key_id);
  } finally {
    await own.stop();
  }
});
