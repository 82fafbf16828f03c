import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { TalkdeskDataError } from '../../talkdesk/errors.js';
import { parseChange, parseLogout, parseRotated, parseTrial } from '../../talkdesk/events.js';
import { bytes, documentedEvents, withData } from './support/events.js';

const EVENTS = documentedEvents();

function fieldsOfError(read: () => unknown): readonly string[] {
  try {
    read();
  } catch (error) {
    assert.ok(error instanceof TalkdeskDataError, String(error));
    assert.ok(!error.message.includes('secret'), error.message);
    return error.fields;
  }
  assert.fail('the event was accepted');
}

describe('app.updated and app.uninstalled', () => {
  const expected = {
    installationId: 'installation-1',
    accountId: 'account-1',
    accountName: 'acme',
    appVersionId: 'version-1',
    appVersionName: '1.4.0',
  };
  for (const type of ['app.updated', 'app.uninstalled'] as const) {
    it(`${type} is read whole`, () => assert.deepEqual(parseChange(bytes(EVENTS[type])), expected));

    it(`${type} may lack all but installation and account`, () => {
      const bare = { data: { installation_id: 'installation-1', account_id: 'account-1' } };
      assert.deepEqual(parseChange(bytes(bare)), {
        ...expected,
        accountName: null,
        appVersionId: null,
        appVersionName: null,
      });
      for (const field of ['installation_id', 'account_id']) {
        const body = withData(EVENTS[type], { [field]: undefined });
        assert.deepEqual(
          fieldsOfError(() => parseChange(bytes(body))),
          [field],
        );
      }
    });
  }

  it('may name their changes and reasons in any form', () => {
    for (const value of ['plan', 7, null, [], {}, { adding: { licenses: 10 } }, { adding: 'x', removing: {} }]) {
      const body = withData(EVENTS['app.updated'], { users: value, subscription: value, reason: value });
      assert.deepEqual(parseChange(bytes(body)), expected);
    }
  });

  it('take from the top level what data does not have, and data first', () => {
    const { data, ...top } = EVENTS['app.updated'];
    assert.deepEqual(parseChange(bytes({ ...top, ...data })), expected);
    const both = { ...EVENTS['app.updated'], installation_id: 'other', account_id: 'other', account_name: 'other' };
    assert.deepEqual(parseChange(bytes(both)), expected);
  });

  it('have no names rather than ones that cannot be kept', () => {
    for (const value of [7, ['x'], {}, '', 'a\0b', '\ud800', 'x'.repeat(100_000)]) {
      const body = { ...withData(EVENTS['app.updated'], { account_name: value }), app_version_id: value };
      const { accountName, appVersionId } = parseChange(bytes(body));
      assert.deepEqual([accountName, appVersionId], [null, null]);
    }
    const { appVersionName } = parseChange(bytes({ ...EVENTS['app.updated'], app_version_name: '1\0.\ud8004' }));
    assert.equal(appVersionName, '1.4');
  });
});

describe('app.credentials_rotated', () => {
  const parse = (body: unknown) => parseRotated(bytes(body));
  const EVENT = EVENTS['app.credentials_rotated'];
  const expected = {
    installationId: 'installation-1',
    accountId: 'account-1',
    accountName: 'acme',
    appVersionId: 'version-1',
    appVersionName: '1.4.0',
    credentials: {
      clientId: 'client-2',
      clientSecret: 'the-client-secret',
      privateKey: 'dGhlLXByaXZhdGUta2V5',
      publicKey: 'dGhlLXB1YmxpYy1rZXk=',
      keyId: 'key-2',
      keyAlgorithm: 'ES256',
    },
  };

  it('is read whole', () => assert.deepEqual(parse(EVENT), expected));

  it('may have its credentials at the top level; data comes first, member by member', () => {
    const { data, ...top } = EVENT;
    assert.deepEqual(parse({ ...top, ...data }), expected);
    const { installation_id, account_id, ...set } = data;
    assert.deepEqual(parse({ ...top, ...set, data: { installation_id, account_id } }), expected);
    const old = { client_id: 'client-1', client_secret: 'old', private_key: 'old', public_key: 'old', key_id: 'key-1' };
    assert.deepEqual(parse({ ...EVENT, ...old, installation_id: 'other', key_algorithm: 'none' }), expected);
  });

  it('may lack algorithm, secret and public key', () => {
    for (const nothing of [undefined, null]) {
      const { credentials } = parse(
        withData(EVENT, { key_algorithm: nothing, client_secret: nothing, public_key: nothing }),
      );
      assert.deepEqual([credentials.keyAlgorithm, credentials.clientSecret, credentials.publicKey], [null, null, null]);
    }
  });

  it('is unusable with an algorithm that is not known', () => {
    for (const key_algorithm of ['HS256', 'none', 'RS256', 'es256', '', 7, {}]) {
      assert.deepEqual(
        fieldsOfError(() => parse(withData(EVENT, { key_algorithm }))),
        ['key_algorithm'],
      );
    }
    for (const key_algorithm of ['ES256', 'ES384', 'ES512', 'PS256', 'PS384', 'PS512']) {
      assert.equal(parse(withData(EVENT, { key_algorithm })).credentials.keyAlgorithm, key_algorithm);
    }
  });

  it('names each field that is missing or unusable, never a value', () => {
    for (const field of ['installation_id', 'account_id', 'client_id', 'private_key', 'key_id']) {
      for (const value of [undefined, ['secret'], '', 'secret\0'.repeat(3_000)]) {
        assert.deepEqual(
          fieldsOfError(() => parse(withData(EVENT, { [field]: value }))),
          [field],
        );
      }
    }
    // Half a character cannot be part of the address that acknowledges the client.
    assert.deepEqual(
      fieldsOfError(() => parse(withData(EVENT, { client_id: 'client-\ud800' }))),
      ['client_id'],
    );
  });
});

describe('a trial event', () => {
  const parse = (body: unknown) => parseTrial(bytes(body));
  const subject = { installationId: 'installation-1', accountId: 'account-1' };
  const expiresAt = new Date(Date.UTC(2026, 1, 14, 10));

  for (const type of ['app.trial_started', 'app.trial_extended'] as const) {
    it(`${type} says when the trial will end`, () => {
      assert.deepEqual(parse(EVENTS[type]), { ...subject, type, expiresAt, endedAt: null, endedReason: null });
    });
  }

  it('app.trial_ended says when it did end, which may be earlier', () => {
    assert.deepEqual(parse(EVENTS['app.trial_ended']), {
      ...subject,
      type: 'app.trial_ended',
      expiresAt,
      endedAt: new Date(Date.UTC(2026, 1, 4, 10)),
      endedReason: 'trial_expired',
    });
  });

  it('may have its dates in either form, or none that can be read', () => {
    for (const [value, expected] of [
      ['2026-03-01T00:00:00Z', Date.UTC(2026, 2, 1)],
      ['2026-03-01T00:00:00.000+00:00', Date.UTC(2026, 2, 1)],
      [undefined, undefined],
      [null, undefined],
      ['soon', undefined],
      [1_772_323_200, undefined],
      [`2026-03-01T00:00:00.${'0'.repeat(100_000)}Z`, undefined],
      [{}, undefined],
    ] as const) {
      const read = parse(withData(EVENTS['app.trial_ended'], { expires_at: value, ended_at: value }));
      assert.deepEqual([read.expiresAt?.getTime(), read.endedAt?.getTime()], [expected, expected]);
    }
  });

  it('keeps a reason as it is written, cut to 200 characters that can be stored', () => {
    for (const [value, expected] of [
      ['Trial expired', 'Trial expired'],
      ['x'.repeat(1_000_000), 'x'.repeat(200)],
      [`${'x'.repeat(199)}💥`, 'x'.repeat(199)],
      ['a\0\ud800b', 'ab'],
      [7, null],
      [{ type: 'x' }, null],
    ] as const) {
      assert.equal(parse(withData(EVENTS['app.trial_ended'], { ended_reason: value })).endedReason, expected);
    }
  });

  it('may name its type the other way, and is unusable with any other type', () => {
    const { type: _, ...rest } = EVENTS['app.trial_started'];
    assert.equal(parse({ ...rest, event_type: 'app.trial_extended' }).type, 'app.trial_extended');
    for (const type of ['app.trial_paused', 'app.updated', '', 7, '__proto__', undefined]) {
      assert.deepEqual(
        fieldsOfError(() => parse({ ...rest, type })),
        ['type'],
      );
    }
    assert.deepEqual(
      fieldsOfError(() => parse({})),
      ['type', 'installation_id', 'account_id'],
    );
  });
});

describe('user.logout', () => {
  it('is read whole', () => {
    assert.deepEqual(parseLogout(bytes(EVENTS['user.logout'])), {
      installationId: 'installation-1',
      accountId: 'account-1',
      userId: 'user-1',
    });
  });

  it('is unusable without a user', () => {
    for (const user_id of [undefined, null, 7, '', {}, 'x'.repeat(129)]) {
      assert.deepEqual(
        fieldsOfError(() => parseLogout(bytes(withData(EVENTS['user.logout'], { user_id })))),
        ['user_id'],
      );
    }
  });
});
