import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { type RunningSimulator, startSimulator } from '../support/simulator.js';
import { appId, ask, bodyOf, completed, get, prepare, startPartner, token } from './wire.js';

let simulator: RunningSimulator;

before(async () => {
  simulator = await startSimulator();
});
after(() => simulator.stop());

test('raw: JSON, text or bytes are signed as they are, sent once, and can be sent again', async () => {
  const partner = await startPartner(202);
  try {
    await simulator.control.registerApp(appId, { callback_url: partner.url });
    const cases: Array<[object, string]> = [
      [{ json: { id: 7, data: null } }, '{"id":7,"data":null}'],
      [{ json: null }, 'null'],
      [{ text: '{"cut off' }, '{"cut off'],
      [{ base64: '/wA=' }, '\xff\x00'],
    ];
    for (const [body] of cases) {
      assert.equal((await simulator.control.sendRaw({ app_id: appId, ...body })).status, 202);
    }
    assert.deepEqual(
      partner.received.map(({ body }) => body.toString('latin1')),
      cases.map(([, bytes]) => bytes),
    );
    assert.match(String(partner.received[3]?.headers['x-hub-ecdsa-signature']), /^[0-9a-f]+$/);

    const sign = { tamper: 'unsigned' } as const;
    const kept = await simulator.control.sendRaw({ callback_url: partner.url, text: 'x', sign });
    assert.equal(partner.received[4]?.headers['x-hub-ecdsa-signature'], undefined);
    assert.equal((await simulator.control.deliver(kept.event_id)).status, 202);
    assert.equal(typeof partner.received[5]?.headers['x-hub-ecdsa-signature'], 'string');
    const prepared = await simulator.control.sendRaw({ app_id: appId, text: 'later', deliver: false });
    assert.deepEqual((await simulator.control.event(prepared.event_id)).attempts, []);
    assert.equal(partner.received.length, 6);
  } finally {
    await partner.stop();
  }
});

test('raw input that makes no sense is refused with a sentence', async () => {
  const refused: Array<[object, RegExp]> = [
    [{ app_id: appId }, /give one of json, text and base64/],
    [{ app_id: appId, text: 'a', json: 1 }, /give one of json, text and base64/],
    [{ text: 'a' }, /give one of app_id and callback_url/],
    [{ app_id: 'nobody', text: 'a' }, /nobody is not registered/],
  ];
  for (const [input, sentence] of refused) await assert.rejects(simulator.control.sendRaw(input), sentence);
});

test('a prepared event is delivered later: by the schedule at once, or at its time', async () => {
  const own = await startSimulator();
  const partner = await startPartner(500);
  try {
    const startMs = Date.parse('2026-03-01T08:00:00Z');
    await own.control.setClock(new Date(startMs));
    const { id } = await completed(own, {}, startMs);
    await own.control.registerApp(appId, { callback_url: partner.url });
    const { event_id } = await own.control.update(id, { users: 1, deliver: false });
    await own.control.deliverBySchedule(event_id, '2026-03-01T12:00:00Z');
    assert.equal((await own.control.event(event_id)).next_attempt_at, '2026-03-01T12:00:00.000Z');
    await own.control.setClock('2026-03-01T11:59:59Z');
    assert.equal(partner.received.length, 0);
    await own.control.setClock('2026-03-01T12:30:00Z');
    const { attempts } = await own.control.event(event_id);
    assert.deepEqual(
      attempts.map(({ at }) => at.slice(0, 16)),
      ['2026-03-01T12:00', '2026-03-01T12:05', '2026-03-01T12:15'],
    );
    const { event_id: other } = await own.control.logout(id, { deliver: false });
    await own.control.deliverBySchedule(other);
    await own.control.advance(0);
    assert.equal((await own.control.event(other)).attempts.length, 1);
  } finally {
    await partner.stop();
    await own.stop();
  }
});

test('a pair of events is sent in its order, the second when the first was answered', async () => {
  const partner = await startPartner(204);
  try {
    const { id } = await completed(simulator);
    await simulator.control.registerApp(appId, { callback_url: partner.url });
    await simulator.control.startTrial(id, { deliver: false });
    await simulator.control.uninstall(id, { trial_ended: 'before' });
    await simulator.control.advance(0);
    assert.deepEqual(
      partner.received.map(({ body }) => JSON.parse(body.toString()).type),
      ['app.trial_ended', 'app.uninstalled'],
    );
  } finally {
    await partner.stop();
  }
});

test('users by id or with data; changed ones are read at once, without an event', async () => {
  const { id, prepared, url, accessToken } = await completed(simulator, { users: 1 });
  const [admin] = await simulator.control.accountUsers(prepared.account_id);
  const users = [{ id: 'u/1 %2F..', email: 'a@b.example', name: 'A', active: false }, admin?.id ?? ''];
  await simulator.control.update(id, { users, deliver: false });
  const read = async () => (await get(`${url}/users`, accessToken)).body._embedded.users;
  const [first, second] = await read();
  assert.deepEqual(
    [first.id, first.email, first.name, first.active, first._links.self.href],
    ['u/1 %2F..', 'a@b.example', 'A', false, `${simulator.url}/users/u%2F1%20%252F..`],
  );
  assert.equal(second.id, admin?.id);
  await simulator.control.changeUser(prepared.account_id, 'u/1 %2F..', { email: 'new@b.example' });
  assert.equal((await read())[0].email, 'new@b.example');
  assert.equal((await simulator.control.events({ installation_id: id })).length, 2);
});

test('ids are opaque: an installation and an event of any id are found, and their links are encoded', async () => {
  const odd = 'a/../b?c=%2F#é __proto__';
  const encoded = 'a%2F..%2Fb%3Fc%3D%252F%23%C3%A9%20__proto__';
  const prepared = await prepare(simulator, { installation_id: odd, event_id: `event ${odd}` });
  const url = `${simulator.url}/apps/${appId}/installations/${encoded}`;
  const answer = await get(url, await token(prepared));
  assert.deepEqual([answer.status, answer.body.id, answer.body._links.self.href], [200, odd, url]);
  assert.equal((await simulator.control.installation(odd)).event_id, `event ${odd}`);
  assert.equal((await bodyOf(simulator, `event ${odd}`)).data.installation_id, odd);
  const proto = await prepare(simulator, { installation_id: '__proto__' });
  assert.equal((await simulator.control.installation('__proto__')).state, 'installing');
  assert.equal(typeof (await token(proto)), 'string');
});

test('the lists have what was made, and no secret', async () => {
  const { id, prepared } = await completed(simulator, { auto_provision_filters: [{ filter: 'role_id', match: 'r1' }] });
  assert.equal(
    (await simulator.control.installations()).some(({ installation_id }) => installation_id === id),
    true,
  );
  const view = JSON.stringify(await simulator.control.installation(id));
  for (const secret of await simulator.control.secrets()) assert.equal(view.includes(secret), false);
  const url = `${simulator.url}/apps/${appId}/installations/${id}`;
  const { body } = await get(url, await token(prepared));
  assert.deepEqual(body.auto_provision_filters, [{ filter: 'role_id', match: 'r1' }]);
  assert.equal((await ask(`${simulator.url}/_control/accounts/none`)).status, 404);
});
