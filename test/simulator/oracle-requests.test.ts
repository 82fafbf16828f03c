import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { eventually } from '../support/eventually.js';
import { type RunningSimulator, startSimulator } from '../support/simulator.js';
import { assertBroken, assertKept, startSlowPartner, verdictOf, waiting } from './conduct.js';
import { appId, decide, get, startPartner, token } from './wire.js';

let simulator: RunningSimulator;

before(async () => {
  simulator = await startSimulator();
});
after(() => simulator.stop());

const approve = { state: 'approve', reason: 'ready' };
const dayMs = 86_400_000;

test('no-secret-in-url: a token in the query breaks it, and is not repeated', async () => {
  const { id, accessToken, url } = await waiting(simulator);
  await get(`${url}/users?page=1`, accessToken);
  await assertKept(simulator, 'no-secret-in-url', id);
  await get(`${url}/users?access_token=${accessToken}`, accessToken);
  const breach = await assertBroken(simulator, 'no-secret-in-url', id, /^The URL of GET .*\/users holds a secret\.$/);
  assert.ok(!JSON.stringify(breach).includes(accessToken));
});

test('well-formed-requests: a state that the contract does not have breaks it', async () => {
  const { id, prepared, accessToken, url } = await waiting(simulator);
  await get(url, accessToken);
  await assertKept(simulator, 'well-formed-requests', id);
  await decide(simulator, prepared, accessToken, { state: 'completed' });
  await assertBroken(
    simulator,
    'well-formed-requests',
    id,
    /^POST .*\/state was refused: state must be approve or reject/,
  );
});

const forms = [
  { name: 'in seconds', fault: { headers: { 'Retry-After': '5' } } },
  {
    name: 'in a body field',
    fault: { body: { code: '0020017', fields: [{ name: 'retry-after', description: '5' }] } },
  },
];
for (const { name, fault } of forms) {
  test(`retry-after-respected: ${name}, a call before it is over breaks it`, async () => {
    for (const waitMs of [5_000, 1_000]) {
      const { id, accessToken, url } = await waiting(simulator);
      await simulator.control.fault({
        route: 'installation',
        kind: 'status',
        status: 429,
        installation_id: id,
        ...fault,
      });
      assert.equal((await get(url, accessToken)).status, 429);
      await get(`${url}/users`, accessToken);
      await simulator.control.advance(waitMs);
      await get(url, accessToken);
      const rule = 'retry-after-respected';
      if (waitMs === 5_000) await assertKept(simulator, rule, id);
      else
        await assertBroken(
          simulator,
          rule,
          id,
          /^The route installation was called again .* with a Retry-After of 5 s/,
        );
    }
  });
}

test('no-calls-after-uninstall: reading back the approval keeps it, a call a minute later breaks it', async () => {
  const { id, prepared, accessToken, url } = await waiting(simulator);
  await decide(simulator, prepared, accessToken, approve);
  await simulator.control.uninstall(id, { deliver: false });
  assert.equal((await verdictOf(simulator, 'no-calls-after-uninstall', id)).status, 'not-seen');
  await decide(simulator, prepared, accessToken, approve);
  await get(url, accessToken);
  await assertKept(simulator, 'no-calls-after-uninstall', id);
  await simulator.control.advance(60_000);
  await get(url, accessToken);
  await assertBroken(simulator, 'no-calls-after-uninstall', id, /^GET .* came after the uninstallation was over/);
});

test('no-calls-after-uninstall: an approval whose answer was lost may be repeated later', async () => {
  const { id, prepared, accessToken } = await waiting(simulator);
  await decide(simulator, prepared, accessToken, approve);
  await simulator.control.uninstall(id, { deliver: false });
  await simulator.control.fault({ route: 'state', kind: 'reset', when: 'after', installation_id: id });
  await assert.rejects(decide(simulator, prepared, accessToken, approve));
  await simulator.control.advance(60_000);
  await decide(simulator, prepared, accessToken, approve);
  await assertKept(simulator, 'no-calls-after-uninstall', id);
});

test('no-data-read-after-uninstall-event: the state may be read, users may not', async () => {
  const partner = await startPartner(204);
  try {
    const { id, prepared, accessToken, url } = await waiting(simulator);
    await decide(simulator, prepared, accessToken, approve);
    const { event_id } = await simulator.control.uninstall(id, { deliver: false });
    await simulator.control.deliver(event_id, { callback_url: partner.url });
    await simulator.control.advance(20_000);
    await get(url, accessToken);
    await assertKept(simulator, 'no-data-read-after-uninstall-event', id);
    await get(`${url}/users`, accessToken);
    await assertBroken(
      simulator,
      'no-data-read-after-uninstall-event',
      id,
      /\/users was read while the uninstallation/,
    );
  } finally {
    await partner.stop();
  }
});

test('acknowledgement-time: an answer after more than two seconds breaks it, and the figures show it', async () => {
  const partner = await startPartner(204);
  const slow = await startSlowPartner(2_050);
  try {
    const { id, prepared } = await waiting(simulator);
    await simulator.control.deliver(prepared.event_id, { callback_url: partner.url });
    await assertKept(simulator, 'acknowledgement-time', id);
    await simulator.control.deliver(prepared.event_id, { callback_url: slow.url });
    await assertBroken(
      simulator,
      'acknowledgement-time',
      id,
      /^The delivery of app\.installed was answered after [2-9]\.\d s\.$/,
    );
    const { acknowledgement } = (await simulator.control.verdicts({ installation_id: id })).figures;
    assert.equal(acknowledgement.answered, 2);
    assert.ok((acknowledgement.max_ms ?? 0) >= 2_000 && acknowledgement.p99_ms === acknowledgement.max_ms);
  } finally {
    await partner.stop();
    await slow.stop();
  }
});

test('duplicate-acknowledged and bad-signature-refused: what comes again is taken, what is forged is not', async () => {
  const partner = await startPartner(204, 204, 401, 409, 204);
  try {
    const { id, prepared } = await waiting(simulator);
    const deliver = (sign = {}) => simulator.control.deliver(prepared.event_id, { callback_url: partner.url, sign });
    await deliver();
    await deliver();
    await assertKept(simulator, 'duplicate-acknowledged', id);
    await deliver({ tamper: 'bad-hex' });
    await assertKept(simulator, 'bad-signature-refused', id);
    await assertKept(simulator, 'duplicate-acknowledged', id);
    await deliver();
    await assertBroken(simulator, 'duplicate-acknowledged', id, /^app\.installed came again .* answered 409\.$/);
    await deliver({ tamper: 'changed-body' });
    await assertBroken(simulator, 'bad-signature-refused', id, /although its signature does not hold \(changed-body\)/);
  } finally {
    await partner.stop();
  }
});

test('every-event-acknowledged and decided-inside-window: after three attempts, and after seven days', async () => {
  const refusing = await startPartner(500);
  const taking = await startPartner(204);
  try {
    const { control } = simulator;
    const given = [];
    for (const partner of [refusing, taking]) {
      await control.registerApp(appId, { callback_url: partner.url });
      const made = await control.createInstallation({ app_id: appId });
      await eventually(
        'the first attempt has ended',
        async () => (await control.event(made.event_id)).attempts[0]?.status,
      );
      given.push(made);
    }
    const [refused, taken] = given;
    assert.ok(refused !== undefined && taken !== undefined);
    assert.equal((await verdictOf(simulator, 'every-event-acknowledged', refused.installation_id)).status, 'not-seen');
    await control.registerApp(appId, { callback_url: refusing.url });
    await control.advance(15 * 60_000);
    const breach = await assertBroken(
      simulator,
      'every-event-acknowledged',
      refused.installation_id,
      /^app\.installed was given up after 3 attempts: the callback URL answered 500\.$/,
    );
    assert.equal(breach.event_id, refused.event_id);
    await assertKept(simulator, 'every-event-acknowledged', taken.installation_id);

    const decided = await waiting(simulator);
    await decide(simulator, decided.prepared, decided.accessToken, approve);
    await control.advance(8 * dayMs);
    await assertBroken(
      simulator,
      'decided-inside-window',
      taken.installation_id,
      /^No decision had come when the window of/,
    );
    await assertKept(simulator, 'decided-inside-window', decided.id);
    // It was never acknowledged, so there is nothing that the backend could have decided on.
    assert.equal((await verdictOf(simulator, 'decided-inside-window', refused.installation_id)).status, 'not-seen');
  } finally {
    await refusing.stop();
    await taking.stop();
  }
});

test('decided-inside-window: a decision that comes too late is named', async () => {
  const partner = await startPartner(204);
  try {
    const { id, prepared } = await waiting(simulator);
    await simulator.control.switches({ timeout_revokes_client: false });
    await simulator.control.deliver(prepared.event_id, { callback_url: partner.url });
    await simulator.control.advance(8 * dayMs);
    const { now } = await simulator.control.clock();
    await decide(simulator, prepared, await token(prepared, undefined, Date.parse(now)), approve);
    const breach = await assertBroken(simulator, 'decided-inside-window', id, /^The decision came when the window of/);
    const requests = await simulator.control.requests({ installation_id: id, route: 'state' });
    assert.equal(breach.request, requests.at(-1)?.n);
  } finally {
    await simulator.control.switches({ timeout_revokes_client: true });
    await partner.stop();
  }
});
