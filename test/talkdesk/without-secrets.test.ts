import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { TalkdeskDataError } from '../../talkdesk/errors.js';
import { withoutSecrets } from '../../talkdesk/events.js';
import { bytes, documentedEvents, SECRETS } from './support/events.js';

const EVENTS = documentedEvents();
const strip = (value: unknown): unknown => JSON.parse(withoutSecrets(bytes(value)));

describe('the body without its secrets', () => {
  for (const type of ['app.installed', 'app.credentials_rotated'] as const) {
    it(`lacks those of ${type} wherever they were, and nothing else`, () => {
      const { client_secret, private_key, ...data } = EVENTS[type].data;
      const clean = { ...EVENTS[type], data };
      assert.deepEqual(strip(EVENTS[type]), clean);
      assert.deepEqual(strip({ ...clean, client_secret, private_key }), clean);
      const nested = { ...clean, data: { ...data, list: [{ deep: [{ private_key, keep: 1 }] }, client_secret] } };
      const kept = { ...clean, data: { ...data, list: [{ deep: [{ keep: 1 }] }, client_secret] } };
      assert.deepEqual(strip(nested), kept);
    });
  }

  it('lacks them under every spelling', () => {
    for (const name of [
      ...['clientSecret', 'ClientSecret', 'CLIENT_SECRET', 'client-secret', 'client secret', 'client.secret', 'secret'],
      ...['new_client_secret', 'client_secrets', 'privateKey', 'PRIVATE_KEY', 'private-key', 'private_key_pem'],
    ]) {
      const data = { keep: 1, [name]: Object.values(SECRETS) };
      assert.deepEqual(strip({ ...data, data }), { keep: 1, data: { keep: 1 } }, name);
    }
  });

  it('keeps what only looks similar', () => {
    const data = { public_key: 'x', key_id: 'x', key_algorithm: 'x', client_id: 'x', private: 'x', key: 'x' };
    assert.deepEqual(strip({ data, _links: { token: { href: 'x' } } }), { data, _links: { token: { href: 'x' } } });
  });

  it('is the event itself where there are none', () => {
    for (const type of ['app.updated', 'app.uninstalled', 'app.trial_ended', 'user.logout'] as const) {
      assert.deepEqual(strip(EVENTS[type]), EVENTS[type]);
    }
  });

  it('keeps members with special names', () => {
    const text = '{"__proto__":{"private_key":"very-secret","keep":1},"constructor":2}';
    assert.equal(withoutSecrets(Buffer.from(text)), '{"__proto__":{"keep":1},"constructor":2}');
  });

  it('lacks every copy of a member that is there twice', () => {
    assert.equal(
      withoutSecrets(Buffer.from('{"private_key":"a","data":{"client_secret":"b","client_secret":"c"}}')),
      '{"data":{}}',
    );
  });

  it('is refused when it cannot be looked through', () => {
    for (const text of ['[]', 'x', `{"a":${'['.repeat(5_000)}${']'.repeat(5_000)}}`]) {
      assert.throws(() => withoutSecrets(Buffer.from(text)), TalkdeskDataError);
    }
  });
});
