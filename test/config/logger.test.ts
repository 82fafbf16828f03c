import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { IncomingMessage } from 'node:http';
import { Socket } from 'node:net';
import { describe, it } from 'node:test';
import { createLogger } from '../../config/logger.js';

/** A logger and what it wrote. */
function recording(level = 'debug') {
  const lines: string[] = [];
  const log = createLogger({ level, destination: { write: (line: string) => void lines.push(line) } });
  return {
    log,
    text: () => lines.join(''),
    entries: () => lines.map((line) => JSON.parse(line) as Record<string, unknown>),
  };
}

/** What stands in the single line that `write` logs. */
function logged(write: (log: ReturnType<typeof createLogger>) => void): {
  entry: Record<string, unknown>;
  text: string;
} {
  const { log, entries, text } = recording();
  write(log);
  const [entry, ...more] = entries();
  assert.ok(entry);
  assert.equal(more.length, 0);
  return { entry, text: text() };
}

const SECRET = 'hunter2-do-not-show';

describe('the logger', () => {
  it('writes JSON lines with an ISO time, above its level only', () => {
    const { log, entries } = recording('info');
    log.debug('too quiet');
    log.info({ eventId: 'e-1', count: 3, nested: { ok: true, none: null } }, 'taken');
    const [{ time, ...entry } = {}] = entries();
    assert.match(String(time), /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
    assert.deepEqual(entry, { level: 30, eventId: 'e-1', count: 3, nested: { ok: true, none: null }, msg: 'taken' });
    assert.equal(entries().length, 1);
  });

  for (const name of [
    ...['authorization', 'Authorization', 'proxy-authorization', 'headers', 'body', 'rawBody', 'payload'],
    ...[
      'client_secret',
      'clientSecret',
      'private_key',
      'privateKey',
      'access_token',
      'accessToken',
      'client_assertion',
      'signingSecret',
    ],
    ...['password', 'apiKey', 'databaseUrl', 'sealingKeys', 'credentials'],
  ]) {
    it(`censors ${name} at any depth, also in child loggers`, () => {
      for (const value of [SECRET, { inside: SECRET }, [SECRET], Buffer.from(SECRET)]) {
        const { log, text, entries } = recording();
        log.info({ [name]: value, a: { b: { c: [{ d: { [name]: value } }] } } }, 'fields');
        log
          .child({ [name]: value, x: { [name]: value } })
          .child({ [name]: value })
          .info('child');
        assert.ok(!text().includes(SECRET), text());
        assert.equal(entries()[0]?.[name], '[redacted]');
        assert.equal(entries()[1]?.[name], '[redacted]');
      }
    });
  }

  it('keeps counts whose name sounds like a secret', () => {
    assert.equal(logged((log) => log.info({ tokens: 3 })).entry['tokens'], 3);
  });

  it('keeps only the words of an error and its causes', () => {
    const cause = Object.assign(new Error('connect failed'), { code: 'ECONNREFUSED', options: { password: SECRET } });
    const error = Object.assign(new Error('request failed', { cause }), {
      code: 'ERR_HTTP',
      statusCode: 502,
      response: { body: SECRET },
      request: { options: { form: { client_assertion: SECRET } } },
      config: SECRET,
    });
    for (const write of [
      (log: ReturnType<typeof createLogger>) => log.error(error, 'failed'),
      (log: ReturnType<typeof createLogger>) => log.error({ err: error }, 'failed'),
      (log: ReturnType<typeof createLogger>) => log.error({ outer: { error } }, 'failed'),
    ]) {
      const { entry, text } = logged(write);
      assert.ok(!text.includes(SECRET), text);
      const outer = entry['outer'] as { error: unknown } | undefined;
      const { stack, cause: loggedCause, ...words } = (outer?.error ?? entry['err']) as Record<string, unknown>;
      assert.deepEqual(words, { type: 'Error', message: 'request failed', code: 'ERR_HTTP', statusCode: 502 });
      assert.match(String(stack), /logger\.test\.ts/);
      const { stack: _stack, ...causeWords } = loggedCause as Record<string, unknown>;
      assert.deepEqual(causeWords, { type: 'Error', message: 'connect failed', code: 'ECONNREFUSED' });
    }
  });

  it('keeps method and path of a request, not its headers or query', () => {
    const request = Object.assign(new IncomingMessage(new Socket()), {
      method: 'POST',
      url: `/webhooks/talkdesk?token=${SECRET}`,
      headers: { authorization: `Bearer ${SECRET}` },
      body: SECRET,
    });
    for (const name of ['req', 'request', 'incoming']) {
      const { entry, text } = logged((log) => log.info({ [name]: request }));
      assert.deepEqual(entry[name], { method: 'POST', path: '/webhooks/talkdesk' });
      assert.ok(!text.includes(SECRET));
    }
  });

  it('takes secrets out of texts: messages, fields, errors and formatted arguments', () => {
    const privateKey = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({
      type: 'pkcs8',
      format: 'pem',
    });
    const body = privateKey.toString().split('\n')[1] ?? assert.fail('no key');
    const jwt = 'eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJhIn0.c2lnbmF0dXJl';
    const texts: [text: string, secret: string][] = [
      [`cannot connect to postgresql://app:${SECRET}@db:5432/x`, SECRET],
      [`cannot connect to postgresql://app:p@${SECRET}@db:5432/x`, SECRET],
      [`sent authorization: Bearer ${SECRET}`, SECRET],
      [`key was ${privateKey.toString()}`, body],
      [`cut off ${privateKey.toString().slice(0, 90)}`, body.slice(0, 20)],
      [`assertion ${jwt} refused`, jwt.slice(10)],
      [`signed with whsec_${Buffer.from(SECRET).toString('base64')}`, Buffer.from(SECRET).toString('base64')],
      [`grant_type=client_credentials&client_secret=${SECRET}&x=1`, SECRET],
      [`{"client_secret":"${SECRET} with blanks","x":1}`, SECRET],
    ];
    for (const [text, secret] of texts) {
      for (const write of [
        (log: ReturnType<typeof createLogger>) => log.info(text),
        (log: ReturnType<typeof createLogger>) => log.info({ note: text, list: [text] }, 'note'),
        (log: ReturnType<typeof createLogger>) => log.error(new Error(text)),
        (log: ReturnType<typeof createLogger>) => log.error({ err: new Error(text) }),
        (log: ReturnType<typeof createLogger>) => log.info('formatted %o', { text }),
        (log: ReturnType<typeof createLogger>) => log.info('formatted %s', text),
      ]) {
        assert.ok(!logged(write).text.includes(secret), text);
      }
    }
    assert.equal(
      logged((log) => log.info('cannot connect to postgresql://app:x@db:5432/y, 3 tries')).entry['msg'],
      'cannot connect to postgresql://[redacted]@db:5432/y, 3 tries',
    );
  });

  it('survives whatever it is given', () => {
    const circular: Record<string, unknown> = { name: 'c' };
    circular['self'] = circular;
    const deep: Record<string, unknown> = {};
    let inner = deep;
    for (let level = 0; level < 50; level += 1) {
      const next = {};
      inner['next'] = next;
      inner = next;
    }
    const { entry, text } = logged((log) =>
      log.info({
        circular,
        deep,
        big: 10n,
        bytes: new Uint8Array(7),
        map: new Map([[SECRET, SECRET]]),
        list: Array(5_000).fill('x'),
      }),
    );
    assert.deepEqual(entry['circular'], { name: 'c', self: '[circular]' });
    assert.equal(entry['big'], '10');
    assert.equal(entry['bytes'], '[7 bytes]');
    assert.equal(entry['map'], '[Map of 1]');
    assert.ok(text.length < 5_000);
    assert.ok(!text.includes(SECRET));
    logged((log) => log.info({ long: 'x'.repeat(1_000_000) }));
  });
});
