import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { json, type TestServer } from './support/server.js';
import { createSigner, down, setUp, startGateway } from './support/signature-keys.js';
import { NOW } from './support/talkdesk.js';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

describe('a delivery', () => {
  it('is checked with the key of its gateway, fetched once without credentials, and kept', async (context) => {
    const { gateway, deliver, bodyOf, memory } = await setUp(context);
    const signer = createSigner();
    gateway.publish(signer);
    assert.equal(await deliver(signer), 'valid');
    assert.equal(await deliver(signer), 'valid');
    const body = bodyOf(gateway.server.url);
    assert.equal(await deliver(signer, Buffer.concat([body, Buffer.from(' ')]), signer.sign(body)), 'invalid');
    assert.deepEqual(gateway.asked(), [signer.keyId]);
    assert.equal(gateway.server.requests[0]?.headers['authorization'], undefined);
    assert.equal(memory.state.finds, 1);
    assert.deepEqual(memory.rows, [
      {
        gateway: gateway.server.url,
        keyId: signer.keyId,
        publicKey: signer.publicText,
        createdAt: new Date('2026-01-03T00:00:00Z'),
        expiresAt: new Date('2026-01-07T00:00:00Z'),
      },
    ]);
  });

  it('needs no gateway when the key is stored, nor a store when the gateway answers', async (context) => {
    const { gateway, deliver, create, memory } = await setUp(context);
    const signer = createSigner();
    gateway.publish(signer);
    assert.equal(await deliver(signer), 'valid');
    gateway.server.answer = down;
    assert.equal(await deliver(signer, undefined, undefined, create()), 'valid');
    assert.equal(gateway.asked().length, 1);
    const other = await setUp(context);
    other.memory.state.fails = true;
    other.gateway.publish(signer);
    assert.equal(await other.deliver(signer), 'valid');
    assert.equal(memory.rows.length, 1);
  });

  it('waits for one fetch together with others of the same new key', async (context) => {
    const { gateway, deliver } = await setUp(context);
    const signer = createSigner();
    gateway.publish(signer);
    const results = await Promise.all(Array.from({ length: 40 }, () => deliver(signer)));
    assert.deepEqual(new Set(results), new Set(['valid']));
    assert.deepEqual(gateway.asked(), [signer.keyId]);
  });

  it('may name its key under the other field, or with no field at all', async (context) => {
    const { gateway, deliver, verifier } = await setUp(context);
    const signers = [createSigner(), createSigner()];
    gateway.keys.set('latest', { public_key_id: signers[0]?.keyId, public_key: signers[0]?.publicText });
    gateway.keys.set(signers[1]?.keyId ?? '', { public_key: signers[1]?.publicText });
    await verifier.prefetchLatest();
    for (const signer of signers) assert.equal(await deliver(signer), 'valid');
    assert.deepEqual(gateway.asked(), ['latest', signers[1]?.keyId]);
  });
});

describe('the gateway', () => {
  it('is the one that the body names, and only that', async (context) => {
    const { gateways, deliver, bodyOf } = await setUp(context, { gateways: 3 });
    const signer = createSigner();
    gateways[1]?.publish(signer);
    assert.equal(await deliver(signer, bodyOf(`${gateways[1]?.server.url}/`)), 'valid');
    assert.deepEqual(
      gateways.map(({ server }) => server.requests.length),
      [0, 1, 0],
    );
  });

  for (const root of [null, 'https://api.evil.example', 'http://127.0.0.1:1', 'nonsense']) {
    it(`is any of the table when the body names ${root}`, async (context) => {
      const { gateways, deliver, bodyOf } = await setUp(context, { gateways: 3 });
      const signer = createSigner();
      gateways[2]?.publish(signer);
      assert.equal(await deliver(signer, bodyOf(root)), 'valid');
      assert.deepEqual(
        gateways.map(({ server }) => server.requests.length),
        [1, 1, 1],
      );
    });
  }

  it('of an attacker is never asked', async (context) => {
    const { gateway, deliver, bodyOf } = await setUp(context);
    const attacker = await startGateway(context);
    const signer = createSigner();
    attacker.publish(signer);
    assert.equal(await deliver(signer, bodyOf(attacker.server.url)), 'invalid');
    assert.equal(attacker.server.requests.length, 0);
    assert.deepEqual(gateway.asked(), [signer.keyId]);
  });

  it('may have another key under an id that is known from elsewhere', async (context) => {
    const { gateways, deliver, bodyOf, verifier } = await setUp(context, { gateways: 2 });
    const [first, second] = [createSigner('same-id'), createSigner('same-id')];
    gateways[0]?.publish(first);
    await verifier.prefetchLatest();
    gateways[1]?.publish(second);
    assert.equal(await deliver(second, bodyOf(gateways[1]?.server.url ?? '')), 'valid');
    assert.equal(await deliver(first, bodyOf(gateways[0]?.server.url ?? '')), 'valid');
  });

  it('that has left the table does not count any more, though its key is stored', async (context) => {
    const { deliver, memory } = await setUp(context);
    const signer = createSigner();
    memory.rows.push({
      gateway: 'https://gone.example',
      keyId: signer.keyId,
      publicKey: signer.publicText,
      createdAt: null,
      expiresAt: null,
    });
    assert.equal(await deliver(signer), 'invalid');
  });
});

describe('a key that has ended', () => {
  it('counts for fifteen minutes more', async (context) => {
    const { gateway, deliver, bodyOf, clock } = await setUp(context);
    const signer = createSigner();
    gateway.publish(signer, { expires_at: NOW.toISOString() });
    // Made long after the end, so that only the time of arrival speaks for it.
    const late = () => bodyOf(gateway.server.url, new Date(NOW.getTime() + 5 * HOUR_MS).toISOString());
    clock.advance(15 * 60_000);
    assert.equal(await deliver(signer, late()), 'valid');
    clock.advance(1);
    assert.equal(await deliver(signer, late()), 'invalid');
  });

  it('counts for events of its own time, give or take an hour, however late they come', async (context) => {
    const { gateway, deliver, bodyOf, clock } = await setUp(context);
    const signer = createSigner();
    gateway.publish(signer, { created_at: '2026-01-01T00:00:00Z', expires_at: '2026-01-05T00:00:00Z' });
    clock.advance(2 * DAY_MS);
    for (const [createdAt, expected] of [
      ['2026-01-04T23:00:00Z', 'valid'],
      ['2026-01-05T01:00:00.000+00:00', 'valid'],
      ['2026-01-05T01:00:01Z', 'invalid'],
      ['2025-12-31T23:00:00Z', 'valid'],
      ['2025-12-31T22:59:59Z', 'invalid'],
      ['no date', 'invalid'],
    ] as const) {
      assert.equal(await deliver(signer, bodyOf(gateway.server.url, createdAt)), expected, createdAt);
    }
  });
});

describe('a key without an end', () => {
  it('is asked for again after a day, is used on while nobody answers, and ends when it is not found', async (context) => {
    const { gateway, deliver, bodyOf, clock, memory } = await setUp(context);
    const signer = createSigner();
    gateway.publish(signer, {});
    const fresh = () => bodyOf(gateway.server.url, clock.now().toISOString());
    assert.equal(await deliver(signer, fresh()), 'valid');
    clock.advance(DAY_MS - 1);
    assert.equal(await deliver(signer, fresh()), 'valid');
    assert.equal(gateway.asked().length, 1);
    clock.advance(1);
    assert.equal(await deliver(signer, fresh()), 'valid');
    assert.equal(gateway.asked().length, 2);
    gateway.server.answer = down;
    clock.advance(DAY_MS);
    assert.equal(await deliver(signer, fresh()), 'valid');
    assert.equal(await deliver(signer, fresh()), 'valid');
    assert.equal(gateway.asked().length, 3);
    gateway.server.answer = (_request, response) => json(response, 404, {});
    clock.advance(60_000);
    await deliver(signer, fresh());
    assert.equal(gateway.asked().length, 4);
    const endedAt = clock.now();
    clock.advance(2 * HOUR_MS);
    assert.equal(await deliver(signer, fresh()), 'invalid');
    assert.deepEqual(memory.rows[0]?.expiresAt, endedAt);
  });
});

describe('the newest keys', () => {
  it('are read at the start, from every gateway', async (context) => {
    const { gateways, verifier, deliver } = await setUp(context, { gateways: 2 });
    const signers = [createSigner(), createSigner()];
    for (const [index, signer] of signers.entries()) gateways[index]?.publish(signer);
    const both = Promise.all(gateways.map(({ server }) => nextRequest(server)));
    verifier.start();
    await both;
    await verifier.prefetchLatest();
    for (const signer of signers) assert.equal(await deliver(signer), 'valid');
    assert.deepEqual(new Set(gateways.flatMap((gateway) => gateway.asked())), new Set(['latest']));
  });

  it('are read without failing when nobody answers, or the answer is odd', async (context) => {
    const { gateway, verifier, deliver } = await setUp(context);
    const signer = createSigner();
    for (const key of [
      { public_key: signer.publicText },
      { key_id: 'latest', public_key: signer.publicText },
      { key_id: '../x', public_key: signer.publicText },
    ]) {
      gateway.keys.set('latest', key);
      await verifier.prefetchLatest();
    }
    gateway.server.answer = (_request, response) => void response.destroy();
    await verifier.prefetchLatest();
    assert.equal(await deliver({ ...signer, keyId: 'latest' }), 'invalid');
  });

  it('are read together with who asks at the same time', async (context) => {
    const { gateway, verifier } = await setUp(context);
    await Promise.all([verifier.prefetchLatest(), verifier.prefetchLatest()]);
    assert.deepEqual(gateway.asked(), ['latest']);
  });
});

/** Resolves with the next request that a server gets. */
function nextRequest(server: TestServer): Promise<void> {
  const answer = server.answer;
  return new Promise((resolve) => {
    server.answer = (request, response, raw) => {
      resolve();
      return answer(request, response, raw);
    };
  });
}
