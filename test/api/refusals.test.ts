import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect } from 'node:net';
import { after, before, describe, it } from 'node:test';
import { promisify } from 'node:util';
import { Client } from 'pg';
import { createTestDatabase, type TestDatabase } from '../support/database.js';
import {
  deliver,
  installedEvent,
  type KeyEndpoint,
  newSigningKey,
  send,
  signatureHeaders,
  type SigningKey,
  startKeyEndpoint,
} from './support/deliveries.js';
import { deliveriesByAnswer, startIngress, type TestIngress } from './support/ingress.js';

const MIB = 1024 * 1024;

describe('deliveries that are refused', () => {
  let database: TestDatabase;
  let key: SigningKey;
  let keys: KeyEndpoint;
  let ingress: TestIngress;

  before(async () => {
    database = await createTestDatabase();
    key = newSigningKey();
    keys = await startKeyEndpoint(key);
    ingress = await startIngress({ databaseUrl: database.url, keys });
  });
  after(async () => {
    await ingress?.stop();
    await keys?.close();
    await database?.drop();
  });

  async function countOf(table: 'inbox_event' | 'quarantine' | 'refused_delivery'): Promise<number> {
    const rows = await database.query<{ n: number }>(`SELECT count(*)::int AS n FROM ${table}`);
    return rows[0]?.n ?? -1;
  }

  it('405 with Allow for every other method', async () => {
    for (const method of ['GET', 'HEAD', 'PUT', 'DELETE', 'PATCH', 'OPTIONS']) {
      const answer = await send(ingress.url, { method });
      assert.equal(answer.status, 405, method);
      assert.equal(answer.headers['allow'], 'POST');
      assert.equal(answer.body, '');
      assert.equal(answer.headers['x-powered-by'], undefined);
    }
  });

  it('404 for every other path, also with a large body', async () => {
    for (const path of ['/', '/webhooks', '/webhooks/talkdesk/x', '/livez', '/metrics', '/%ff']) {
      const answer = await send(`${ingress.baseUrl}${path}`, { body: Buffer.alloc(3 * MIB) });
      assert.equal(answer.status, 404, path);
    }
  });

  it('413 for a declared size over the limit, before the body was sent', async () => {
    const body = Buffer.alloc(2 * MIB + 1, 0x20);
    const answer = await send(ingress.url, {
      headers: { ...signatureHeaders(key, body), 'Content-Length': String(body.length) },
      write: (req) => req.flushHeaders(),
    });
    assert.equal(answer.status, 413);
  });

  it('413 reaches a sender who reads nothing before everything is sent', async () => {
    const body = Buffer.alloc(16 * MIB, 0x20);
    const headers = { Host: 'x', ...signatureHeaders(key, body), 'Content-Length': String(body.length) };
    const head = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
    const url = new URL(ingress.url);
    const socket = connect(Number(url.port), url.hostname);
    socket.pause();
    const write = promisify(
      socket.write.bind(socket) as (chunk: Buffer | string, done: (error?: Error) => void) => void,
    );
    await write(`POST ${url.pathname} HTTP/1.1\r\n${head.join('')}\r\n`);
    for (let at = 0; at < body.length; at += MIB) await write(body.subarray(at, at + MIB));
    let text = '';
    socket.on('data', (chunk: Buffer) => {
      text += chunk.toString('latin1');
    });
    socket.resume();
    await once(socket, 'close');
    assert.match(text, /^HTTP\/1\.1 413 /);
  });

  it('takes a body of exactly the limit and nothing more, declared or in chunks', async () => {
    for (const encoding of [{}, { 'Transfer-Encoding': 'chunked' }]) {
      const event = installedEvent();
      const body = Buffer.concat([event.body, Buffer.alloc(2 * MIB - event.body.length, 0x20)]);
      assert.equal((await deliver(ingress.url, key, body, encoding)).status, 200);
      const over = Buffer.concat([body, Buffer.from(' ')]);
      assert.equal((await deliver(ingress.url, key, over, encoding)).status, 413);
    }
  });

  it('408 for a body that is not complete in time, stalled or trickling', async (t) => {
    const hasty = await startIngress({ databaseUrl: database.url, keys, bodyLimits: { timeoutMs: 400 } });
    t.after(() => hasty.stop());
    const { body } = installedEvent();
    for (const trickle of [false, true]) {
      const startedMs = performance.now();
      let timer: NodeJS.Timeout | undefined;
      const answer = await send(hasty.url, {
        headers: { ...signatureHeaders(key, body), 'Content-Length': String(body.length) },
        write: (req) => {
          req.write(body.subarray(0, 10));
          if (trickle) timer = setInterval(() => req.write(' '), 20);
        },
      });
      clearInterval(timer);
      assert.equal(answer.status, 408);
      const tookMs = performance.now() - startedMs;
      assert.ok(tookMs >= 390 && tookMs < 4_000, `${tookMs} ms`);
    }
    assert.equal((await deliveriesByAnswer(hasty.metrics))['too-slow'], 2);
  });

  it('400 names the signature header that is missing, empty or repeated', async () => {
    const { body } = installedEvent();
    const headers = signatureHeaders(key, body);
    const signature = headers['X-Hub-Ecdsa-Signature'] ?? '';
    const keyId = headers['X-Hub-Ecdsa-Signature-Id'] ?? '';
    const cases: [Record<string, string | string[]>, string][] = [
      [{ 'X-Hub-Ecdsa-Signature-Id': keyId }, 'header X-Hub-Ecdsa-Signature is missing or repeated\n'],
      [{ 'X-Hub-Ecdsa-Signature': signature }, 'header X-Hub-Ecdsa-Signature-Id is missing or repeated\n'],
      [{ ...headers, 'X-Hub-Ecdsa-Signature': ' ' }, 'header X-Hub-Ecdsa-Signature is missing or repeated\n'],
      [
        { ...headers, 'X-Hub-Ecdsa-Signature-Id': [keyId, keyId] },
        'header X-Hub-Ecdsa-Signature-Id is missing or repeated\n',
      ],
      [
        { ...headers, 'X-Hub-Ecdsa-Signature': [signature, signature] },
        'header X-Hub-Ecdsa-Signature is missing or repeated\n',
      ],
      [{}, 'header X-Hub-Ecdsa-Signature is missing or repeated\n'],
    ];
    for (const [sent, text] of cases) {
      const answer = await send(ingress.url, { headers: sent, body });
      assert.equal(answer.status, 400);
      assert.equal(answer.body, text);
    }
  });

  it('401 for a changed byte, another key and a broken signature; the delivery is kept, sealed', async () => {
    const { body, eventId } = installedEvent();
    const headers = signatureHeaders(key, body);
    const changed = Buffer.from(body);
    changed[changed.length - 2] = 0x20;
    const other = { ...newSigningKey(), keyId: key.keyId };
    const keptBefore = await countOf('refused_delivery');
    const storedBefore = await countOf('inbox_event');
    for (const [sent, bytes] of [
      [headers, changed],
      [signatureHeaders(other, body), body],
      [{ ...headers, 'X-Hub-Ecdsa-Signature': 'not hex at all' }, Buffer.concat([body, Buffer.from('\n')])],
    ] as [Record<string, string>, Buffer][]) {
      const answer = await send(ingress.url, { headers: sent, body: bytes });
      assert.equal(answer.status, 401);
      assert.equal(answer.body, 'the signature does not hold\n');
    }
    assert.equal(await countOf('refused_delivery'), keptBefore + 3);
    assert.equal(await countOf('inbox_event'), storedBefore);
    const kept = await database.query<{ text: string }>('SELECT refused_delivery::text AS text FROM refused_delivery');
    assert.ok(kept.every(({ text }) => !text.includes(eventId)));
  });

  it('503 with Retry-After when the key id is new and no key endpoint answers; 200 for a known key then', async () => {
    const known = installedEvent();
    assert.equal((await deliver(ingress.url, key, known.body)).status, 200);
    keys.mode = 'failing';
    try {
      const stranger = newSigningKey();
      const { body } = installedEvent();
      const answer = await deliver(ingress.url, stranger, body);
      assert.equal(answer.status, 503);
      assert.match(String(answer.headers['retry-after']), /^\d+$/);
      const again = installedEvent();
      assert.equal((await deliver(ingress.url, key, again.body)).status, 200);
    } finally {
      keys.mode = 'serving';
    }
  });

  it('answers a delivery that was cut off by nothing, and stores nothing', async () => {
    const { body } = installedEvent();
    const before = await countOf('inbox_event');
    await assert.rejects(
      send(ingress.url, {
        headers: { ...signatureHeaders(key, body), 'Content-Length': String(body.length) },
        write: (req) => {
          req.write(body.subarray(0, 50));
          setImmediate(() => req.destroy(new Error('cut off')));
        },
      }),
      /cut off/,
    );
    assert.equal((await deliver(ingress.url, key, installedEvent().body)).status, 200);
    assert.equal(await countOf('inbox_event'), before + 1);
  });

  it('counts what it answered', async () => {
    const counts = await deliveriesByAnswer(ingress.metrics);
    assert.equal(counts['no-signature'], 6);
    assert.equal(counts['bad-signature'], 3);
    assert.equal(counts['too-large'], 4);
    assert.equal(counts['keys-unavailable'], 1);
  });
});

describe('an inbox that cannot commit', () => {
  it('503 with Retry-After within the limit, and 200 once it can again', async () => {
    const database = await createTestDatabase();
    const key = newSigningKey();
    const keys = await startKeyEndpoint(key);
    const ingress = await startIngress({ databaseUrl: database.url, keys });
    const blocker = new Client({ connectionString: database.url });
    try {
      assert.equal((await deliver(ingress.url, key, installedEvent().body)).status, 200);
      const { body } = installedEvent();
      await blocker.connect();
      await blocker.query('BEGIN');
      await blocker.query('LOCK TABLE inbox_event IN ACCESS EXCLUSIVE MODE');
      const startedMs = performance.now();
      const refused = await deliver(ingress.url, key, body);
      const tookMs = performance.now() - startedMs;
      assert.equal(refused.status, 503);
      assert.match(String(refused.headers['retry-after']), /^\d+$/);
      assert.ok(tookMs < 6_000, `${tookMs} ms`);
      await blocker.query('ROLLBACK');
      assert.equal((await deliver(ingress.url, key, body)).status, 200);
      assert.equal((await deliveriesByAnswer(ingress.metrics))['store-unavailable'], 1);
    } finally {
      await blocker.end();
      await ingress.stop();
      await keys.close();
      await database.drop();
    }
  });
});
