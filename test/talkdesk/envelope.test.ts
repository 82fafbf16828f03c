import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { peekRoot, readEnvelope } from '../../talkdesk/envelope.js';
import { ownMember } from '../../talkdesk/json.js';

const EVENT = {
  id: '0a1b2c3d4e5f60718293a4b5c6d7e8f9',
  created_at: '2026-01-05T10:00:00Z',
  api_version: '1',
  type: 'app.installed',
  app_id: '11111111111111111111111111111111',
  data: { installation_id: '33333333333333333333333333333333', account_id: '44444444444444444444444444444444' },
  _links: { root: { href: 'https://api.talkdeskapp.com' } },
};

const bytes = (value: unknown) => Buffer.from(typeof value === 'string' ? value : JSON.stringify(value));

function problemOf(value: unknown): string {
  const result = readEnvelope(bytes(value));
  assert.equal(result.ok, false);
  return result.ok ? '' : result.problem;
}

function envelopeOf(value: unknown) {
  const result = readEnvelope(bytes(value));
  assert.ok(result.ok, result.ok ? '' : result.problem);
  return result.envelope;
}

describe('an event that cannot be filed', () => {
  const idOf = (value: unknown) => {
    const result = readEnvelope(bytes(value));
    assert.equal(result.ok, false);
    return result.ok ? undefined : result.eventId;
  };

  it('is still named by its id, whatever else is wrong with it', () => {
    assert.equal(idOf({ ...EVENT, created_at: 'yesterday' }), EVENT.id);
    assert.equal(idOf({ ...EVENT, type: null, app_id: null }), EVENT.id);
    const { id: _id, ...rest } = EVENT;
    assert.equal(idOf({ ...rest, event_id: 'e-1', created_at: 'yesterday' }), 'e-1');
  });

  it('has no name where its id cannot be read either', () => {
    assert.equal(idOf({ ...EVENT, id: 'x'.repeat(129) }), null);
    assert.equal(idOf({ ...EVENT, id: '' }), null);
    assert.equal(idOf('no JSON'), null);
  });
});

describe('an event', () => {
  it('is filed by its fields', () => {
    assert.deepEqual(envelopeOf(EVENT), {
      eventId: '0a1b2c3d4e5f60718293a4b5c6d7e8f9',
      type: 'app.installed',
      appId: '11111111111111111111111111111111',
      accountId: '44444444444444444444444444444444',
      installationId: '33333333333333333333333333333333',
      createdAt: new Date(Date.UTC(2026, 0, 5, 10)),
    });
  });

  it('may use the other names of id and type, the documented ones coming first', () => {
    const { id: _id, type: _type, ...rest } = EVENT;
    const other = envelopeOf({ ...rest, event_id: 'e-1', event_type: 'app.updated' });
    assert.deepEqual([other.eventId, other.type], ['e-1', 'app.updated']);
    const both = envelopeOf({ ...EVENT, event_id: 'e-1', event_type: 'app.updated' });
    assert.deepEqual([both.eventId, both.type], [EVENT.id, EVENT.type]);
  });

  it('may have account and installation at the top level, data coming first', () => {
    const { data: _data, ...rest } = EVENT;
    const top = envelopeOf({ ...rest, account_id: 'a', installation_id: 'i' });
    assert.deepEqual([top.accountId, top.installationId], ['a', 'i']);
    const both = envelopeOf({ ...EVENT, account_id: 'a', installation_id: 'i' });
    assert.deepEqual([both.accountId, both.installationId], [EVENT.data.account_id, EVENT.data.installation_id]);
    const none = envelopeOf(rest);
    assert.deepEqual([none.accountId, none.installationId], [null, null]);
  });

  for (const [text, iso] of [
    ['2026-02-04T10:00:00.000+00:00', '2026-02-04T10:00:00.000Z'],
    ['2026-02-04T10:00:00.123456+02:30', '2026-02-04T07:30:00.123Z'],
    ['2024-02-29T23:59:59Z', '2024-02-29T23:59:59.000Z'],
  ] as const) {
    it(`reads ${text}`, () => assert.equal(envelopeOf({ ...EVENT, created_at: text }).createdAt.toISOString(), iso));
  }

  for (const value of [
    '2026-02-30T10:00:00Z',
    '2026-01-05T10:00:00',
    '2026-01-05',
    'yesterday',
    '',
    1_767_607_200,
    null,
    {},
  ]) {
    it(`does not take ${JSON.stringify(value)} for a date`, () => {
      assert.match(problemOf({ ...EVENT, created_at: value }), /created_at/);
    });
  }

  it('keeps ids as they are, up to 128 characters', () => {
    for (const id of ['__proto__', 'constructor', "o'hare/../x", ' ', '💥'.repeat(64), 'a'.repeat(128)]) {
      assert.equal(envelopeOf({ ...EVENT, id, app_id: id }).eventId, id);
    }
  });

  it('is unusable with an id that is no usable text, and says which without the value', () => {
    for (const value of ['', 'a'.repeat(129), 'sec\0ret', '\ud800secret', 7, true, ['secret'], { id: 'secret' }]) {
      for (const field of ['id', 'type', 'app_id', 'account_id', 'installation_id']) {
        const inData = field === 'account_id' || field === 'installation_id';
        const problem = problemOf(
          inData ? { ...EVENT, data: { ...EVENT.data, [field]: value } } : { ...EVENT, [field]: value },
        );
        assert.ok(problem.startsWith(`${field} is`), problem);
        assert.ok(!problem.includes('secret'));
      }
    }
  });

  it('is unusable without id, type, app or date, naming all of them', () => {
    assert.equal(
      problemOf({}),
      'id is missing; type is missing; app_id is missing; created_at is not an ISO 8601 date.',
    );
  });

  it('is unusable when it is not a JSON object', () => {
    for (const text of ['', '   ', 'null', '[]', '"x"', '7', '{', '{"id":', 'id=1', '[[[['.repeat(100_000)]) {
      assert.equal(problemOf(text), 'The body is not a JSON object.');
    }
    assert.equal(readEnvelope(Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d])).ok, false);
  });

  it('is not fooled by prototypes', () => {
    const text = '{"__proto__":{"id":"x","type":"t","app_id":"a","created_at":"2026-01-05T10:00:00Z"}}';
    assert.match(problemOf(text), /id is missing/);
    const data = `{"id":"x","type":"t","app_id":"a","created_at":"2026-01-05T10:00:00Z","data":{"__proto__":{"account_id":"evil"}}}`;
    assert.equal(envelopeOf(data).accountId, null);
    assert.equal(({} as Record<string, unknown>)['account_id'], undefined);
    for (const name of ['constructor', 'toString', '__proto__']) assert.equal(ownMember({}, name), undefined);
  });
});

describe('the root link, peeked at', () => {
  it('is a text or nothing', () => {
    assert.equal(peekRoot(bytes(EVENT)), 'https://api.talkdeskapp.com');
    for (const body of [
      '',
      '[]',
      '{}',
      '{"_links":[]}',
      '{"_links":{"root":"x"}}',
      '{"_links":{"root":{"href":7}}}',
      'null',
    ]) {
      assert.equal(peekRoot(bytes(body)), null, body);
    }
    assert.equal(peekRoot(bytes('{"_links":{"__proto__":{"root":{"href":"x"}}}}')), null);
  });
});
