import assert from 'node:assert/strict';
import { generateKeyPairSync, type KeyObject, randomUUID, sign } from 'node:crypto';
import { describe, it, type TestContext } from 'node:test';
import { createHttpClient } from '../../talkdesk/http.js';
import type { LookupLimits } from '../../talkdesk/key-lookup.js';
import { createRegions } from '../../talkdesk/regions.js';
import { createDeliveryVerifier } from '../../talkdesk/signature-keys.js';
import type { SignatureKey, SignatureKeyStore } from '../../talkdesk/types.js';
import { type Answer, closedHost, json, startServer, type TestServer } from './support/server.js';
import { createClock, NOW } from './support/talkdesk.js';

const KEYS_PATH = '/events/signature-keys/';
const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

interface Signer {
  keyId: string;
  publicText: string;
  sign: (body: Buffer) => string;
}

function createSigner(keyId: string = randomUUID()): Signer {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  return {
    keyId,
    publicText: publicKey.export({ type: 'spki', format: 'der' }).toString('base64'),
    sign: (body) => sign('sha512', body, privateKey as KeyObject).toString('hex'),
  };
}

interface Gateway {
  server: TestServer;
  /** Served keys by id, `latest` among them. */
  keys: Map<string, Record<string, unknown>>;
  publish: (signer: Signer, facts?: Record<string, unknown>) => void;
  /** Ids that were asked for. */
  asked: () => string[];
}

async function startGateway(context: TestContext): Promise<Gateway> {
  const keys: Gateway['keys'] = new Map();
  const server = await startServer(context, (request, response) => {
    const key = keys.get(decodeURIComponent(request.path.slice(KEYS_PATH.length)));
    if (key === undefined) json(response, 404, { code: '0080021', message: 'Signature key not found' });
    else json(response, 200, key);
  });
  return {
    server,
    keys,
    publish: (signer, facts = { expires_at: '2026-01-07T00:00:00Z' }) => {
      const key = { key_id: signer.keyId, public_key: signer.publicText, created_at: '2026-01-03T00:00:00Z', ...facts };
      keys.set(signer.keyId, key);
      keys.set('latest', key);
    },
    asked: () => server.requests.map(({ path }) => path.slice(KEYS_PATH.length)),
  };
}

/** A store in memory that counts its readings. */
function createMemoryStore() {
  const rows: SignatureKey[] = [];
  const state = { rows, finds: 0, fails: false };
  const store: SignatureKeyStore = {
    find: async (keyId) => {
      state.finds += 1;
      if (state.fails) throw new Error('the store is away');
      return rows.filter((row) => row.keyId === keyId);
    },
    save: async (key) => {
      if (state.fails) throw new Error('the store is away');
      const index = rows.findIndex((row) => row.keyId === key.keyId && row.gateway === key.gateway);
      if (index === -1) rows.push(key);
      else rows[index] = key;
    },
  };
  return { ...state, state, store };
}

async function setUp(
  context: TestContext,
  options: { gateways?: number; limits?: Partial<LookupLimits>; extraHosts?: string[] } = {},
) {
  const gateways = await Promise.all(Array.from({ length: options.gateways ?? 1 }, () => startGateway(context)));
  const hosts = [...gateways.map(({ server }) => server.host), ...(options.extraHosts ?? [])];
  const clock = createClock();
  const memory = createMemoryStore();
  const regions = createRegions(
    hosts.map((host) => ({ name: host, gateway: `http://${host}`, tokenHosts: [] })),
    hosts,
  );
  const create = () => {
    const verifier = createDeliveryVerifier({
      regions,
      http: createHttpClient({ insecureHosts: hosts }),
      store: memory.store,
      now: clock.now,
      ...(options.limits === undefined ? {} : { limits: options.limits }),
    });
    context.after(() => verifier.stop());
    return verifier;
  };
  const verifier = create();
  const [gateway] = gateways;
  assert.ok(gateway !== undefined);

  function bodyOf(root: string | null, createdAt = NOW.toISOString()): Buffer {
    const links = root === null ? {} : { root: { href: root } };
    return Buffer.from(
      JSON.stringify({ id: randomUUID(), type: 'app.installed', app_id: 'a', created_at: createdAt, _links: links }),
    );
  }
  const deliver = async (
    signer: Pick<Signer, 'keyId' | 'sign'>,
    body: Buffer = bodyOf(gateway.server.url),
    signature: string = signer.sign(body),
    target = verifier,
  ) => (await target.verify({ rawBody: body, signature, keyId: signer.keyId, receivedAt: clock.now() })).result;
  return { verifier, create, gateway, gateways, clock, memory, bodyOf, deliver };
}

const down: Answer = (_request, response) => json(response, 503, {});

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
