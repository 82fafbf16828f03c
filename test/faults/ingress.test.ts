import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, describe, it } from 'node:test';
import { eventually } from '../support/eventually.js';
import { outcomesOf } from '../support/outcomes.js';
import { all, assertHealed, rowsOf } from './support/aftermath.js';
import { deliverAgain, prepareInstall, prepareInstalls } from './support/installs.js';
import { type EventBody, poisonForms } from './support/poison.js';
import { outcomesInRuns } from './support/runs.js';
import { startWire } from './support/wire.js';
import { type FaultWorld, startFaultWorld } from './support/world.js';

const DUPLICATES = 1_000;
const SENDERS = 50;

interface SignedDelivery {
  headers: Record<string, string>;
  body: Buffer;
}

describe('deliveries that come twice, wrong, early, or to a process that dies', () => {
  let world: FaultWorld;
  before(async () => {
    world = await startFaultWorld({ services: 2 });
  });
  after(() => world?.stop());
  const control = () => world.surroundings.simulator.control;

  async function signed(eventId: string): Promise<SignedDelivery> {
    const { headers, body_base64: base64 } = await control().signed(eventId);
    return { headers, body: Buffer.from(base64, 'base64') };
  }

  /** Past the simulator, which would only send one at a time. */
  async function post(serviceIndex: number, { headers, body }: SignedDelivery): Promise<number> {
    const url = `${world.services[serviceIndex]?.ingressUrl}/webhooks/talkdesk`;
    const response = await fetch(url, { method: 'POST', headers, body: new Uint8Array(body) });
    await response.arrayBuffer();
    return response.status;
  }

  /** Signs another body and posts it. */
  async function postRaw(event: { text: string }): Promise<number> {
    const { event_id: id } = await control().sendRaw({
      app_id: world.surroundings.appId,
      text: event.text,
      deliver: false,
    });
    return await post(0, await signed(id));
  }

  async function bodyOf(eventId: string): Promise<EventBody> {
    return JSON.parse((await signed(eventId)).body.toString()) as EventBody;
  }

  for (const when of ['before', 'after'] as const) {
    it(`ingress killed ${when} the commit: not answered, comes again, one row`, async () => {
      const made = await prepareInstall(world.surroundings);
      const [first] = world.services;
      await first?.crashAt({ call: 'inbox.accept', occurrence: 1, when });
      const callback_url = `${first?.ingressUrl}/webhooks/talkdesk`;
      assert.equal((await control().deliver(made.event_id, { callback_url })).status, null);
      assert.equal(await first?.ended, 'SIGKILL');
      // Asked for, though not through the world.
      assert.equal(world.unplanned.splice(0).length, 1);
      const rows = await rowsOf(world, made.event_id);
      assert.equal(rows, when === 'before' ? 0 : 1);
      await assertHealed(world, {
        name: `ingress killed ${when} its commit`,
        hit: `its first delivery ended without an answer, with ${rows} rows stored`,
        outcomes: all([made], 'approved'),
      });
      const attempts = (await control().event(made.event_id)).attempts.map(({ status }) => status);
      // A machine with other things to do may refuse some in between.
      assert.match(JSON.stringify(attempts), /^\[null,(503,)*200\]$/);
    });
  }

  it(`the same delivery ${DUPLICATES} times over two processes: all 2xx, one row, one outcome`, async () => {
    const made = await prepareInstall(world.surroundings);
    const delivery = await signed(made.event_id);
    const statuses: number[] = [];
    let sent = 0;
    // As Talkdesk does: three attempts, of which a machine with other things to do may answer the first ones 503.
    const attempts = async (serviceIndex: number) => {
      for (let attempt = 1; attempt <= 3; attempt += 1) {
        const status = await post(serviceIndex, delivery);
        statuses.push(status);
        if (status !== 503) return;
      }
    };
    const sender = async () => {
      while (sent < DUPLICATES) {
        sent += 1;
        await attempts(sent % 2);
      }
    };
    await Promise.all(Array.from({ length: SENDERS }, sender));
    const answered = statuses.filter((status) => status === 200).length;
    const refused = statuses.filter((status) => status === 503).length;
    assert.deepEqual([answered, refused], [DUPLICATES, statuses.length - DUPLICATES]);
    await assertHealed(world, {
      name: `the same delivery ${DUPLICATES} times over two processes`,
      hit: `${answered} answered 2xx, ${SENDERS} at a time; ${refused} had to come again`,
      outcomes: all([made], 'approved'),
    });
    const reached = await outcomesInRuns(world, made.account_id);
    assert.ok(reached.length <= 1, `${reached.length} runs have reached an outcome`);
    const { decisions } = await control().installation(made.installation_id);
    assert.equal(decisions.filter(({ effective }) => effective).length, 1);
  });

  it('the same id with another body: the first wins, the second is answered 2xx and quarantined with an alarm', async () => {
    const made = await prepareInstall(world.surroundings);
    assert.equal((await control().deliver(made.event_id)).status, 200);
    const body = await bodyOf(made.event_id);
    const other = { ...body, data: { ...body.data, account_name: 'Somebody else' } };
    assert.equal(await postRaw({ text: JSON.stringify(other) }), 200);
    const kept = await world.surroundings.database.query('SELECT id FROM quarantine WHERE event_id = $1', [
      made.event_id,
    ]);
    assert.equal(kept.length, 1);
    const alarms = () =>
      world.services
        .flatMap(({ logFile }) => readFileSync(logFile, 'utf8').split('\n'))
        .filter((line) => line.includes('"alarm":"quarantine"') && line.includes(made.event_id));
    // The log is written beside the answer.
    await eventually('the alarm is logged', async () => alarms().length > 0);
    assert.equal(alarms().length, 1);
    await assertHealed(world, {
      name: 'the same event id with another body',
      hit: `${kept.length} quarantined beside the first, ${alarms().length} alarm`,
      outcomes: all([made], 'approved'),
    });
  });

  it('an uninstall before its install, an update before the one that made it: each settles in its place', async () => {
    const made = await prepareInstall(world.surroundings);
    await control().deliver(made.event_id);
    await deliverAgain(world.surroundings, [made.event_id]);
    await eventually(
      'it is approved',
      async () => (await control().installation(made.installation_id)).state === 'completed',
    );
    const overtaken = await prepareInstall(world.surroundings);
    const at = (seconds: number) => new Date(Math.floor(Date.now() / 1_000) * 1_000 + seconds * 1_000).toISOString();
    const early = await control().uninstall(overtaken.installation_id, { deliver: false, created_at: at(1) });
    const updated = await control().update(made.installation_id, { users: 3, deliver: false, created_at: at(1) });
    const uninstalled = await control().uninstall(made.installation_id, { deliver: false, created_at: at(2) });
    for (const { event_id: id } of [early, overtaken, uninstalled, updated]) {
      assert.equal((await control().deliver(id)).status, 200);
    }
    await assertHealed(world, {
      name: 'out of order',
      hit: 'two uninstalls delivered before the install and the update that they follow',
      runs: 2,
      outcomes: {
        [made.event_id]: 'approved',
        [early.event_id]: 'approved',
        [overtaken.event_id]: 'superseded',
        [updated.event_id]: 'superseded',
        [uninstalled.event_id]: 'approved',
      },
    });
  });

  it('poison: authentic and malformed is quarantined, and an account that fails for ever stops no other', async () => {
    const failing = await prepareInstall(world.surroundings);
    await control().fault({
      route: 'users',
      kind: 'status',
      status: 500,
      installation_id: failing.installation_id,
      times: 1_000,
    });
    assert.equal((await control().deliver(failing.event_id)).status, 200);
    await eventually('its step has failed more than once', async () => {
      const failed = await control().requests({ installation_id: failing.installation_id, route: 'users' });
      return failed.filter(({ status }) => status === 500).length > 1;
    });
    const [made, ...others] = await prepareInstalls(world.surroundings, 5);
    assert.ok(made);
    const forms = poisonForms(await bodyOf(made.event_id));
    for (const { what, text } of forms) assert.equal(await postRaw({ text }), 200, what);
    const [row] = await world.surroundings.database.query<{ n: number }>(
      `SELECT count(*)::int AS n FROM quarantine WHERE reason NOT LIKE '%another body%'`,
    );
    assert.equal(row?.n, forms.length);
    const healthy = [made, ...others];
    const ids = healthy.map(({ event_id: id }) => id);
    await deliverAgain(world.surroundings, ids);
    await eventually('the others settle', async () =>
      Object.values(await outcomesOf(world.surroundings, ids)).every((outcome) => outcome === 'approved'),
    );
    assert.deepEqual(await outcomesOf(world.surroundings, [failing.event_id]), { [failing.event_id]: null });
    await control().clearFaults();
    await assertHealed(world, {
      name: 'poison events',
      hit: `${forms.length} malformed events quarantined, one account failing all the while; ${healthy.length} others settled`,
      runs: forms.length + 1,
      outcomes: all([failing, ...healthy], 'approved'),
    });
  });

  it('network cut between Talkdesk and ingress, before a delivery came or after it was stored', async () => {
    const { port } = new URL(world.services[0]?.ingressUrl as string);
    const wire = await startWire({ host: '127.0.0.1', port: Number(port) });
    const callbackUrl = `http://${wire.address}/webhooks/talkdesk`;
    const made = await prepareInstalls(world.surroundings, 4);
    const rows: number[] = [];
    try {
      for (const [index, { event_id: id }] of made.entries()) {
        const when = index % 2 === 0 ? 'before' : 'after';
        const reset = wire.resetAt((bytes) => bytes.includes(id), when);
        const { status } = await control().deliver(id, { callback_url: callbackUrl });
        assert.equal(status, null);
        await reset;
        rows.push(await rowsOf(world, id));
      }
    } finally {
      await wire.stop();
    }
    assert.deepEqual(rows, [0, 1, 0, 1]);
    // As the simulator itself does it: it hangs up without having read the answer.
    await control().fault({ route: 'delivery', kind: 'crash', times: 1 });
    const { appId: app_id } = world.surroundings;
    const hungUp = await control().createInstallation({ app_id, users: 2 });
    await eventually('it has hung up', async () => {
      const [first] = (await control().event(hungUp.event_id)).attempts;
      return first?.status === null && first.error !== null;
    });
    await assertHealed(world, {
      name: 'network cut between Talkdesk and ingress',
      hit: `${made.length + 1} deliveries without an answer, ${rows.filter((n) => n === 1).length} of them stored`,
      runs: made.length + 1,
      outcomes: all([...made, hungUp], 'approved'),
    });
  });
});
