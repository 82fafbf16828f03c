import assert from 'node:assert/strict';
import { afterEach, describe, it } from 'node:test';
import { readEnvelope } from '../../talkdesk/envelope.js';
import { TalkdeskDataError } from '../../talkdesk/errors.js';
import * as readers from '../../talkdesk/events.js';
import { createRegions, SHIPPED_REGIONS } from '../../talkdesk/regions.js';
import { bytes, documentedEvents, type EventBody, SECRETS } from './support/events.js';

const regions = createRegions(SHIPPED_REGIONS, []);
const READERS: Record<keyof ReturnType<typeof documentedEvents>, (rawBody: Buffer) => { installationId: string }> = {
  'app.installed': (rawBody) => readers.parseInstalled(rawBody, regions),
  'app.updated': readers.parseChange,
  'app.uninstalled': readers.parseChange,
  'app.trial_started': readers.parseTrial,
  'app.trial_extended': readers.parseTrial,
  'app.trial_ended': readers.parseTrial,
  'app.credentials_rotated': readers.parseRotated,
  'user.logout': readers.parseLogout,
};

/** Values that no field expects; each in its own text, because `__proto__` and doubled names exist in text only. */
const ODD_VALUES = [
  ...['null', 'true', '0', '-1', '7', '1e999', '12345678901234567890', '""', '" "', '"."', '".."', '"../../x"'],
  ...['"a/b"', '"%2e%2e"', '"%"', '"é💥"', '"\\u0000"', '"\\ud800"', '"\\u202e"', '"__proto__"', '"constructor"'],
  ...['[]', '["installation-1"]', '{}', '{"id":"evil"}', '{"__proto__":{"installation_id":"evil"}}', '[[[[]]]]'],
  ...['{"constructor":{"prototype":{"polluted":true}}}', '{"toString":null,"length":-1}', '"2026-13-40T99:00:00Z"'],
  JSON.stringify('x'.repeat(300_000)),
  `${'['.repeat(2_000)}${']'.repeat(2_000)}`,
];

/** Members that may not change what is read, before or after the real ones. */
const EXTRA_MEMBERS = [
  '"__proto__":{"installation_id":"evil","polluted":true}',
  '"constructor":{"prototype":{"polluted":true}}',
  '"hasOwnProperty":1,"toString":null,"valueOf":{}',
  '"Installation_id":"evil","installationId":"evil","installation":{"id":"evil"}',
  '"data.installation_id":"evil"',
];

/** The text of an event in which the value at a path of names is replaced by another text, or left out when that is null. */
function textWith(body: EventBody, path: readonly string[], text: string | null): string {
  const marker = '"the-one-place"';
  const copy = structuredClone(body) as Record<string, unknown>;
  const parent = path.slice(0, -1).reduce((at, name) => at[name] as Record<string, unknown>, copy);
  const name = path.at(-1) ?? '';
  if (text === null) delete parent[name];
  else parent[name] = JSON.parse(marker);
  return JSON.stringify(copy).replace(marker, () => text ?? '');
}

/** Paths of all members of an event. */
function pathsOf(value: unknown, path: string[] = []): string[][] {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return [];
  return Object.entries(value).flatMap(([name, member]) => [[...path, name], ...pathsOf(member, [...path, name])]);
}

/** What the reader makes of a text; null when it refuses it in the documented way. */
function read(type: keyof typeof READERS, text: string): { installationId: string } | null {
  readEnvelope(Buffer.from(text));
  try {
    return READERS[type](Buffer.from(text));
  } catch (error) {
    assert.ok(error instanceof TalkdeskDataError, `${String(error)} for ${text.slice(0, 200)}`);
    for (const secret of Object.values(SECRETS)) assert.ok(!error.message.includes(secret));
    assert.ok(error.message.length < 400, error.message);
    return null;
  }
}

afterEach(() => {
  const fresh = {} as Record<string, unknown>;
  assert.deepEqual(
    [fresh['polluted'], fresh['installation_id'], Object.keys(Object.prototype)],
    [undefined, undefined, []],
  );
});

for (const [name, body] of Object.entries(documentedEvents())) {
  const type = name as keyof typeof READERS;

  describe(`${type}, hostile`, () => {
    it('is never read for another installation, whatever stands in any of its places', () => {
      for (const path of pathsOf(body)) {
        for (const text of [null, ...ODD_VALUES]) {
          const mutated = textWith(body, path, text);
          const result = read(type, mutated);
          if (result === null) continue;
          const { data } = JSON.parse(mutated) as { data?: Record<string, unknown> };
          assert.equal(result.installationId, data?.['installation_id'], mutated.slice(0, 300));
        }
      }
    });

    it('is read the same with members that mean nothing', () => {
      const expected = read(type, JSON.stringify(body));
      assert.notEqual(expected, null);
      const text = JSON.stringify(body);
      for (const extra of EXTRA_MEMBERS) {
        for (const hostile of [
          text.replace('{', () => `{${extra},`),
          text.replace(/\}$/, () => `,${extra}}`),
          text.replace('"data":{', () => `"data":{${extra},`),
        ]) {
          assert.deepEqual(read(type, hostile), expected, hostile.slice(0, 200));
        }
      }
    });

    it('prefers the installation of data to one of the top level, and refuses one that is no text', () => {
      assert.equal(read(type, JSON.stringify({ ...body, installation_id: 'evil' }))?.installationId, 'installation-1');
      for (const odd of [7, true, [], {}, '', 'x'.repeat(129), 'a\0b']) {
        const data = { ...body.data, installation_id: odd };
        assert.equal(read(type, JSON.stringify({ ...body, installation_id: 'evil', data })), null);
      }
    });

    it('has no field that only a prototype would have', () => {
      const { installation_id, ...data } = body.data;
      const proto = `"__proto__":${JSON.stringify({ installation_id })}`;
      const text = JSON.stringify({ ...body, data });
      assert.equal(
        read(
          type,
          text.replace('"data":{', () => `"data":{${proto},`),
        ),
        null,
      );
      assert.equal(
        read(
          type,
          text.replace('{', () => `{${proto},`),
        ),
        null,
      );
    });

    it('keeps ids that look like something else', () => {
      for (const id of ['__proto__', 'constructor', '.', '..', 'a/../b', '%2e%2e', "o'hare", 'é💥', ' ']) {
        const data = { ...body.data, installation_id: id };
        assert.equal(read(type, JSON.stringify({ ...body, data }))?.installationId, id);
      }
    });

    it('is refused when it is no JSON object', () => {
      for (const text of ['', 'null', '[]', '"x"', '{', `[${JSON.stringify(body)}]`, '{"data":[]}', '{"data":"x"}']) {
        assert.equal(read(type, text), null, text);
      }
      assert.equal(read(type, JSON.stringify(body).slice(0, -1)), null);
    });

    it('is filed by its envelope', () => {
      const result = readEnvelope(bytes(body));
      assert.ok(result.ok);
      const { createdAt, ...envelope } = result.envelope;
      assert.deepEqual(envelope, {
        eventId: 'event-1',
        type,
        appId: 'app-1',
        accountId: 'account-1',
        installationId: 'installation-1',
      });
      assert.equal(createdAt.getTime(), Date.parse(String(body['created_at'])));
    });
  });
}
