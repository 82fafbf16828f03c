import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { describe, it } from 'node:test';
import { type Answer, closedHost, json } from './support/server.js';
import { createSigner, down, type Signer, setUp } from './support/signature-keys.js';

describe('an unknown key id', () => {
  it('is invalid when every gateway says so, and is not asked for again for some seconds', async (context) => {
    const { gateways, deliver, bodyOf, clock } = await setUp(context, { gateways: 2 });
    const signer = createSigner();
    assert.equal(await deliver(signer, bodyOf(null)), 'invalid');
    assert.equal(await deliver(signer, bodyOf(null)), 'invalid');
    assert.deepEqual(
      gateways.map(({ server }) => server.requests.length),
      [1, 1],
    );
    gateways[0]?.publish(signer);
    clock.advance(10_000);
    assert.equal(await deliver(signer, bodyOf(null)), 'valid');
  });

  for (const [name, answer] of [
    ['answers 503', down],
    ['answers 401', (_request, response) => json(response, 401, {})],
    ['redirects', (_request, response) => void response.writeHead(302, { location: 'https://evil.example' }).end()],
    ['answers with HTML', (_request, response) => void response.end('<html>')],
    [
      'answers with a key that is none',
      (_request, response) => json(response, 200, { key_id: 'k', public_key: 'nonsense' }),
    ],
    ['breaks off', (_request, response) => void response.destroy()],
  ] as [string, Answer][]) {
    it(`is an open question when one gateway has not got it and another ${name}`, async (context) => {
      const { gateways, deliver, bodyOf } = await setUp(context, { gateways: 2 });
      const signer = createSigner();
      for (const gateway of gateways.slice(1)) gateway.server.answer = answer;
      assert.equal(await deliver(signer, bodyOf(null)), 'unavailable');
      gateways[0]?.publish(signer);
      assert.equal(await deliver(createSigner(signer.keyId), bodyOf(gateways[0]?.server.url ?? '')), 'invalid');
    });
  }

  it('is an open question when nothing listens', async (context) => {
    const host = await closedHost();
    const { deliver, bodyOf } = await setUp(context, { extraHosts: [host] });
    assert.equal(await deliver(createSigner(), bodyOf(`http://${host}`)), 'unavailable');
  });

  it('is settled by the first gateway that has it', async (context) => {
    const { gateways, deliver, bodyOf } = await setUp(context, { gateways: 2 });
    const signer = createSigner();
    gateways[0]?.publish(signer);
    for (const silent of gateways.slice(1)) silent.server.answer = () => undefined;
    assert.equal(await deliver(signer, bodyOf(null)), 'valid');
  });

  it('that is malformed, or a signature that is, costs nothing', async (context) => {
    const { gateway, deliver, memory } = await setUp(context);
    const signer = createSigner();
    gateway.publish(signer);
    for (const keyId of [
      '',
      'latest',
      'LATEST',
      '.',
      '..',
      '../x',
      'a/b',
      'a b',
      'a%2fb',
      'a?b',
      'é',
      'a'.repeat(129),
      'a\0',
      '-x',
    ]) {
      assert.equal(await deliver({ ...signer, keyId }), 'invalid', keyId);
    }
    for (const signature of ['', 'nonsense', 'abc', 'ff'.repeat(5_000)]) {
      assert.equal(await deliver(signer, undefined, signature), 'invalid');
    }
    assert.equal(gateway.server.requests.length + memory.state.finds, 0);
  });
});

describe('a flood of forged key ids', () => {
  const limits = {
    requestBurst: 5,
    requestsPerSecond: 1,
    storeBurst: 50,
    storeReadsPerSecond: 1,
    reserveIntervalMs: 5_000,
  };

  it('makes no more requests than are allowed, and then is answered with "try again"', async (context) => {
    const { gateway, deliver, memory } = await setUp(context, { limits });
    const results = await Promise.all(Array.from({ length: 200 }, () => deliver(createSignerCheaply())));
    assert.equal(results.filter((result) => result === 'invalid').length, 5);
    assert.equal(results.filter((result) => result === 'unavailable').length, 195);
    const asked = gateway.asked();
    assert.equal(asked.filter((id) => id !== 'latest').length, 5);
    assert.equal(asked.filter((id) => id === 'latest').length, 1);
    assert.equal(memory.state.finds, 50);
  });

  it('does not touch keys that are in memory', async (context) => {
    const { gateway, deliver } = await setUp(context, { limits });
    const signer = createSigner();
    gateway.publish(signer);
    assert.equal(await deliver(signer), 'valid');
    await Promise.all(Array.from({ length: 100 }, () => deliver(createSignerCheaply())));
    assert.equal(await deliver(signer), 'valid');
  });

  it('does not keep a real new key from being learnt', async (context) => {
    const { gateway, deliver, clock } = await setUp(context, { limits });
    const flood = () => Promise.all(Array.from({ length: 100 }, () => deliver(createSignerCheaply())));
    await flood();
    const signer = createSigner();
    gateway.publish(signer);
    // The reserve was just used by the flood; it comes back on its own.
    assert.equal(await deliver(signer), 'unavailable');
    clock.advance(5_000);
    await flood();
    assert.equal(await deliver(signer), 'valid');
    assert.ok(!gateway.asked().includes(signer.keyId));
  });

  it('is over when time has passed', async (context) => {
    const { gateway, deliver, clock } = await setUp(context, { limits });
    await Promise.all(Array.from({ length: 100 }, () => deliver(createSignerCheaply())));
    const [first, second] = [createSigner(), createSigner()];
    gateway.publish(first);
    gateway.publish(second);
    clock.advance(2_000);
    assert.equal(await deliver(first), 'valid');
    assert.ok(gateway.asked().includes(first.keyId));
  });
});

/** A forged delivery needs a well-formed signature, not a real one. */
function createSignerCheaply(): Pick<Signer, 'keyId' | 'sign'> {
  return { keyId: randomUUID(), sign: () => '3006020101020101' };
}
