import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, test } from 'node:test';
import { type EventView, type RunningSimulator, startSimulator } from '../support/simulator.js';
import { appId, prepare, startPartner } from './wire.js';

let simulator: RunningSimulator;
const startMs = Date.parse('2026-03-01T08:00:00Z');
const minuteMs = 60_000;

before(async () => {
  simulator = await startSimulator();
  await simulator.control.setClock(new Date(startMs));
});
after(() => simulator.stop());

/** Installs with the partner answering `statuses`, lets `minutes` pass in the given steps, and gives what happened. */
async function install(statuses: number[], stepsMs: number[], switches: Record<string, unknown> = {}) {
  const partner = await startPartner(...statuses);
  const defaults = { third_attempt_minutes: 15, delivered_by: 'any-2xx' };
  await simulator.control.switches({ ...defaults, ...switches });
  await simulator.control.registerApp(appId, { callback_url: partner.url });
  const { event_id } = await simulator.control.createInstallation({ app_id: appId });
  for (const stepMs of [0, ...stepsMs]) await simulator.control.advance(stepMs);
  const event = await simulator.control.event(event_id);
  await partner.stop();
  return { event, received: partner.received };
}

/** The times of the attempts, in whole minutes from the first. */
function minutes({ attempts }: EventView): number[] {
  const first = Date.parse(attempts[0]?.at ?? '');
  return attempts.map(({ at }) => Math.round((Date.parse(at) - first) / minuteMs));
}

test('a 2xx ends the schedule', async () => {
  const { event, received } = await install([204], [60 * minuteMs]);
  assert.deepEqual([event.delivered, event.next_attempt_at, received.length], [true, null, 1]);
  assert.equal(event.attempts[0]?.status, 204);
  assert.equal(event.attempts[0]?.error, null);
});

test('three attempts at 0, +5 and +15 minutes, the same bytes each time, then none', async () => {
  const { event, received } = await install([500], [24 * 60 * minuteMs]);
  assert.deepEqual(minutes(event), [0, 5, 15]);
  assert.deepEqual([event.delivered, event.next_attempt_at, received.length], [false, null, 3]);
  assert.deepEqual(
    event.attempts.map(({ status }) => status),
    [500, 500, 500],
  );
  assert.equal(event.attempts[2]?.error, 'the callback URL answered 500');
  assert.deepEqual(received[1]?.body, received[0]?.body);
  assert.deepEqual(received[2]?.body, received[0]?.body);
  assert.notEqual(received[1]?.headers['x-hub-ecdsa-signature'], received[0]?.headers['x-hub-ecdsa-signature']);
});

test('a retry fires when the clock passes its time, not before', async () => {
  const early = await install([503], [5 * minuteMs - 5000]);
  assert.equal(early.event.attempts.length, 1);
  const first = Date.parse(early.event.attempts[0]?.at ?? '');
  assert.equal(Date.parse(early.event.next_attempt_at ?? '') - first, 5 * minuteMs);
  const later = await install([503, 200], [5 * minuteMs]);
  assert.deepEqual([minutes(later.event), later.event.delivered], [[0, 5], true]);
});

test('by the switch the third attempt comes ten minutes after the first', async () => {
  const { event } = await install([500], [60 * minuteMs], { third_attempt_minutes: 10 });
  assert.deepEqual(minutes(event), [0, 5, 10]);
});

test('by the switch only 200 is a success', async () => {
  const { event } = await install([204, 200], [60 * minuteMs], { delivered_by: 'only-200' });
  assert.deepEqual([event.delivered, event.attempts.map(({ status }) => status)], [true, [204, 200]]);
});

test('a redirect is a failure and is not followed', async () => {
  const { event, received } = await install([302, 200], [5 * minuteMs]);
  assert.deepEqual(
    event.attempts.map(({ status }) => status),
    [302, 200],
  );
  assert.equal(received.length, 2);
});

test('no connection and no answer in time are failures in words', async () => {
  const { event_id } = await prepare(simulator);
  const silent = createServer(() => undefined);
  silent.listen(0, '127.0.0.1');
  await once(silent, 'listening');
  const callback_url = `http://127.0.0.1:${(silent.address() as AddressInfo).port}/`;
  await simulator.control.switches({ delivery_timeout_ms: 50 });
  const hung = await simulator.control.deliver(event_id, { callback_url });
  assert.deepEqual([hung.status, hung.error], [null, 'no answer within 50 ms']);
  silent.closeAllConnections();
  silent.close();
  await once(silent, 'close');
  await simulator.control.switches({ delivery_timeout_ms: 10_000 });
  const refused = await simulator.control.deliver(event_id, { callback_url });
  assert.deepEqual([refused.status, refused.error], [null, 'no connection or no whole answer: ECONNREFUSED']);
});

test('a delivery that was asked for stands outside the schedule, so an event can come twice', async () => {
  const partner = await startPartner(200);
  const { event_id } = await prepare(simulator);
  for (let copy = 0; copy < 2; copy += 1) await simulator.control.deliver(event_id, { callback_url: partner.url });
  const unsigned = { sign: { tamper: 'unsigned' }, callback_url: partner.url } as const;
  await simulator.control.deliver(event_id, unsigned);
  await partner.stop();
  const event = await simulator.control.event(event_id);
  assert.deepEqual(
    event.attempts.map(({ scheduled }) => scheduled),
    [false, false, false],
  );
  assert.equal(event.delivered, true);
  assert.deepEqual(partner.received[1]?.body, partner.received[0]?.body);
  assert.equal(partner.received[2]?.headers['x-hub-ecdsa-signature'], undefined);
});

test('without delivery nothing is sent, whatever the clock says', async () => {
  const { event_id } = await prepare(simulator);
  await simulator.control.advance(60 * minuteMs);
  assert.deepEqual((await simulator.control.event(event_id)).attempts, []);
});
