import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { gzipSync } from 'node:zlib';
import { createTestDatabase, type TestDatabase } from '../support/database.js';
import {
  APP_ID,
  deliver,
  EVENT_SECRETS,
  installedEvent,
  type KeyEndpoint,
  newSigningKey,
  type SigningKey,
  signatureHeaders,
  startKeyEndpoint,
} from './support/deliveries.js';
import { deliveriesByAnswer, startIngress, type TestIngress } from './support/ingress.js';

const RECEIVED_AT = new Date('2026-03-01T12:00:00.000Z');

interface EventRow {
  id: string;
  type: string;
  status: string;
  outcome: string | null;
  app_id: string;
  account_id: string | null;
  installation_id: string | null;
  received_at: Date;
}

describe('deliveries that are accepted', () => {
  let database: TestDatabase;
  let key: SigningKey;
  let keys: KeyEndpoint;
  let ingress: TestIngress;

  before(async () => {
    database = await createTestDatabase();
    key = newSigningKey();
    keys = await startKeyEndpoint(key);
    ingress = await startIngress({ databaseUrl: database.url, keys, now: () => RECEIVED_AT });
  });
  after(async () => {
    await ingress?.stop();
    await keys?.close();
    await database?.drop();
  });

  async function rowOf(eventId: string): Promise<EventRow | undefined> {
    const rows = await database.query<EventRow>('SELECT * FROM inbox_event WHERE id = $1', [eventId]);
    return rows[0];
  }

  async function quarantined(): Promise<{ event_id: string | null; reason: string }[]> {
    return await database.query('SELECT event_id, reason FROM quarantine ORDER BY stored_at, id');
  }

  it('stores, answers 200 with an empty body, then dispatches', async () => {
    const event = installedEvent();
    const answer = await deliver(ingress.url, key, event.body);
    assert.equal(answer.status, 200);
    assert.equal(answer.body, '');
    assert.equal(answer.headers['content-length'], '0');

    const row = await rowOf(event.eventId);
    assert.equal(row?.type, 'app.installed');
    assert.equal(row?.status, 'received');
    assert.equal(row?.app_id, APP_ID);
    assert.equal(row?.account_id, event.accountId);
    assert.equal(row?.installation_id, event.installationId);
    assert.equal(row?.received_at.toISOString(), '2026-03-01T12:00:00.000Z');
    const item = ingress.dispatched.find(({ eventId }) => eventId === event.eventId);
    assert.deepEqual(item?.tenant, { appId: APP_ID, accountId: event.accountId });
    assert.equal(item?.installationId, event.installationId);
    assert.equal(item?.type, 'app.installed');
    const facts = ingress.facts.filter(({ eventId }) => eventId === event.eventId);
    assert.deepEqual(
      facts.map(({ name, atMs, installationId }) => ({ name, atMs, installationId })),
      [
        { name: 'received', atMs: Date.UTC(2026, 2, 1, 12), installationId: event.installationId },
        { name: 'acknowledged', atMs: Date.UTC(2026, 2, 1, 12), installationId: event.installationId },
      ],
    );
  });

  it('takes any content type and trusts no claimed encoding: the signature decides', async () => {
    for (const headers of [
      { 'Content-Type': 'text/plain' },
      { 'Content-Type': 'application/x-www-form-urlencoded' },
      { 'Content-Type': '' },
      { 'Content-Type': 'nonsense' },
      { 'Content-Type': 'application/json; charset=latin1' },
      { 'Content-Encoding': 'gzip' },
    ]) {
      const event = installedEvent();
      assert.equal((await deliver(ingress.url, key, event.body, headers)).status, 200, JSON.stringify(headers));
      assert.equal((await rowOf(event.eventId))?.status, 'received');
    }
    const zipped = gzipSync(installedEvent().body);
    assert.equal((await deliver(ingress.url, key, zipped, { 'Content-Encoding': 'gzip' })).status, 200);
    assert.match((await quarantined()).at(-1)?.reason ?? '', /not a JSON object/);
  });

  it('ignores a query string and a trailing slash', async () => {
    for (const suffix of ['?a=1&a[]=2&__proto__=3', '/']) {
      assert.equal((await deliver(`${ingress.url}${suffix}`, key, installedEvent().body)).status, 200, suffix);
    }
  });

  it('hands every known type over, and records unknown ones', async () => {
    for (const type of [
      'app.updated',
      'app.uninstalled',
      'app.trial_started',
      'app.trial_extended',
      'app.trial_ended',
      'app.credentials_rotated',
      'user.logout',
    ]) {
      const event = installedEvent({ top: { type } });
      assert.equal((await deliver(ingress.url, key, event.body)).status, 200, type);
      assert.equal((await rowOf(event.eventId))?.status, 'received', type);
      const item = ingress.dispatched.find(({ eventId }) => eventId === event.eventId);
      assert.deepEqual([item?.type, item?.installationId], [type, event.installationId]);
    }
    const before = ingress.dispatched.length;
    const unknown = installedEvent({
      top: { type: 'app.painted' },
      data: { account_id: undefined, installation_id: undefined },
    });
    assert.equal((await deliver(ingress.url, key, unknown.body)).status, 200);
    const row = await rowOf(unknown.eventId);
    assert.equal(row?.status, 'settled');
    assert.equal(row?.outcome, 'recorded');
    assert.equal(ingress.dispatched.length, before);
  });

  it('quarantines what is authentic but unusable, answers 200 and raises an alarm', async () => {
    const noAccount = installedEvent({ data: { account_id: undefined } });
    const noInstallation = installedEvent({ top: { type: 'app.uninstalled' }, data: { installation_id: null } });
    const foreign = installedEvent({ top: { app_id: 'somebody-elses-app' } });
    const noId = installedEvent({ top: { id: undefined } });
    // 128 characters of nine bytes each, once percent-encoded.
    const longId = installedEvent({ data: { account_id: '界'.repeat(128) } });
    // Short enough for a run of the tenant, not for one of its own.
    const longLogout = installedEvent({
      top: { type: 'user.logout', id: 'e'.repeat(128) },
      data: { account_id: 'a'.repeat(128) },
    });
    const cases: [string, Buffer, RegExp][] = [
      ['not JSON', Buffer.from('{"id": "cut off'), /not a JSON object/],
      ['empty', Buffer.alloc(0), /not a JSON object/],
      ['no id', noId.body, /id is missing/],
      ['unknown app', foreign.body, /app id is not configured/],
      ['ids too long for Temporal', longId.body, /too long for a workflow id/],
      ['logout, ids too long for Temporal', longLogout.body, /too long for a workflow id/],
      ['known type, no account', noAccount.body, /app\.installed without an account id/],
      ['known type, no installation', noInstallation.body, /app\.uninstalled without an installation id/],
    ];
    for (const [name, body, reason] of cases) {
      const linesBefore = ingress.lines.length;
      const answer = await deliver(ingress.url, key, body);
      assert.equal(answer.status, 200, name);
      assert.equal(answer.body, '');
      assert.match((await quarantined()).at(-1)?.reason ?? '', reason, name);
      const alarms = ingress.lines.slice(linesBefore).map((line) => JSON.parse(line));
      assert.ok(
        alarms.some(({ level, alarm }) => level === 50 && alarm === 'quarantine'),
        name,
      );
    }
    for (const { eventId } of [noAccount, noInstallation, foreign]) {
      assert.equal(await rowOf(eventId), undefined);
      assert.ok((await quarantined()).some(({ event_id }) => event_id === eventId));
    }
    assert.ok(!ingress.dispatched.some(({ eventId }) => [noAccount.eventId, foreign.eventId].includes(eventId)));
  });

  it('answers 200 to a hundred copies at once and stores one', async () => {
    const event = installedEvent();
    const headers = signatureHeaders(key, event.body);
    // As Talkdesk does: a copy that waited too long for one of ten connections is delivered again.
    const deliverOne = async () => {
      for (let tries = 1; ; tries += 1) {
        const { status } = await deliver(ingress.url, key, event.body, headers);
        if (status !== 503 || tries === 10) return status;
      }
    };
    const statuses = await Promise.all(Array.from({ length: 100 }, deliverOne));
    assert.deepEqual([...new Set(statuses)], [200]);
    const rows = await database.query('SELECT id FROM inbox_event WHERE id = $1', [event.eventId]);
    assert.equal(rows.length, 1);
    assert.equal(ingress.facts.filter(({ eventId }) => eventId === event.eventId).length, 2);
  });

  it('finishes the hand-over of a duplicate only when it was not done', async () => {
    const event = installedEvent();
    const times = () => ingress.dispatched.filter(({ eventId }) => eventId === event.eventId).length;
    await deliver(ingress.url, key, event.body);
    await deliver(ingress.url, key, event.body);
    assert.equal(times(), 2);
    await ingress.store.inbox.markDispatched(event.eventId, 'namespace-1');
    assert.equal((await deliver(ingress.url, key, event.body)).status, 200);
    assert.equal(times(), 2);
  });

  it('keeps the first of two bodies with one id; the second is quarantined with an alarm', async () => {
    const first = installedEvent();
    const second = installedEvent({ top: { id: first.eventId } });
    assert.equal((await deliver(ingress.url, key, first.body)).status, 200);
    const dispatchedBefore = ingress.dispatched.length;
    const linesBefore = ingress.lines.length;
    assert.equal((await deliver(ingress.url, key, second.body)).status, 200);
    assert.equal((await rowOf(first.eventId))?.installation_id, first.installationId);
    assert.equal((await quarantined()).filter(({ event_id }) => event_id === first.eventId).length, 1);
    assert.equal(ingress.dispatched.length, dispatchedBefore);
    assert.ok(ingress.lines.slice(linesBefore).some((line) => JSON.parse(line).alarm === 'quarantine'));
  });

  it('logs identifiers, never a secret, a header value or a body', async () => {
    const event = installedEvent();
    const headers = signatureHeaders(key, event.body);
    await deliver(ingress.url, key, event.body, headers);
    const text = ingress.lines.join('');
    assert.ok(text.includes(event.eventId) && text.includes(event.installationId));
    for (const secret of [
      ...EVENT_SECRETS,
      headers['X-Hub-Ecdsa-Signature'] ?? '',
      '"account_name"',
      'client_secret',
    ]) {
      assert.ok(!text.includes(secret), secret.slice(0, 12));
    }
    const stored = JSON.stringify(await database.query('SELECT inbox_event::text FROM inbox_event'));
    for (const secret of EVENT_SECRETS) assert.ok(!stored.includes(secret));
  });

  it('counts what it answered', async () => {
    const counts = await deliveriesByAnswer(ingress.metrics);
    assert.equal(counts['conflict'], 1);
    assert.equal(counts['quarantined'], 9);
    assert.equal(counts['duplicate'], 101);
    const { values } = (await ingress.metrics.registry.getSingleMetric('appconnect_ack_duration_seconds')?.get()) ?? {
      values: [],
    };
    assert.ok(values.length > 0);
  });
});
