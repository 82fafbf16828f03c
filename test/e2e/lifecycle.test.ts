import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { eventually } from '../support/eventually.js';
import { closedRun, withoutStall } from '../support/histories.js';
import { awaitOutcomes, tenantAtRest } from '../support/outcomes.js';
import { startTestService, type TestService } from '../support/service.js';
import type { CreatedInstallation, InstallationInput } from '../support/simulator.js';
import type { SimulatorControl } from '../support/simulator-control.js';
import { createSurroundings, type Surroundings } from '../support/stack.js';
import { connectTemporal, fromRunner, type TestTemporal } from '../support/temporal.js';

/** Most events in the history of a process in which nothing goes wrong. */
const HEALTHY_EVENTS = 14;

let surroundings: Surroundings;
let service: TestService;
let temporal: TestTemporal;
let control: SimulatorControl;

before(async () => {
  temporal = await connectTemporal();
  surroundings = await createSurroundings({ temporalAddress: fromRunner('TEST_TEMPORAL_ADDRESS') });
  control = surroundings.simulator.control;
  const apps = { [surroundings.appId]: { seats: 'refuse' } };
  await writeFile(join(surroundings.folder, 'apps.json'), JSON.stringify(apps));
  service = await startTestService(surroundings);
});
after(async () => {
  await service?.stop();
  await surroundings?.stop();
  await temporal?.close();
});

async function settled(...eventIds: string[]): Promise<string[]> {
  return await awaitOutcomes(surroundings, eventIds);
}

async function installed(input: Partial<InstallationInput>): Promise<CreatedInstallation> {
  const made = await control.createInstallation({ app_id: surroundings.appId, ...input });
  assert.deepEqual(await settled(made.event_id), ['approved']);
  return made;
}

/** Events have whole seconds, and their order within one is that of their ids: what must come later gets a second of its own. */
function nextSecond(): string {
  return new Date(Date.now() + 1_000).toISOString();
}

interface ProductRow {
  account_id: string;
  status: string;
  plan_name: string | null;
  licenses: number | null;
}

async function productAccount({ account_id }: CreatedInstallation): Promise<ProductRow | undefined> {
  const rows = await surroundings.product.query<ProductRow>(
    'SELECT account_id, status, plan_name, licenses FROM account WHERE talkdesk_account_id = $1',
    [account_id],
  );
  return rows[0];
}

async function productUsers({ account_id }: CreatedInstallation) {
  return await surroundings.product.query<{
    user_id: string;
    talkdesk_user_id: string;
    email: string;
    active: boolean;
  }>(
    `SELECT u.user_id, u.talkdesk_user_id, u.email, u.active FROM account_user u JOIN account a USING (account_id)
      WHERE a.talkdesk_account_id = $1 ORDER BY u.talkdesk_user_id`,
    [account_id],
  );
}

async function provisions({ account_id }: CreatedInstallation): Promise<number> {
  const rows = await surroundings.product.query(
    `SELECT 1 FROM call_ledger WHERE talkdesk_account_id = $1 AND operation = 'provision'`,
    [account_id],
  );
  return rows.length;
}

describe('an update', () => {
  it('brings users and plan to what Talkdesk says, keeps identities, and is approved', async () => {
    const made = await installed({ account_name: 'update-a', users: 3, licenses: 10 });
    const before = await productUsers(made);
    const [first] = before;
    assert.ok(first);
    await control.changeUser(made.account_id, first.talkdesk_user_id, { email: 'married@example.com' });
    const wanted = before.slice(0, 2).map((user) => user.talkdesk_user_id);
    const update = await control.update(made.installation_id, {
      users: [...wanted, { id: 'u-new', email: 'new@example.com', name: 'New' }],
      plan: { name: 'Paid Plus', type: 'paid', licenses: 12 },
    });
    assert.deepEqual(await settled(update.event_id), ['approved']);
    assert.equal((await control.installation(made.installation_id)).state, 'completed');

    const account = await productAccount(made);
    assert.deepEqual([account?.plan_name, account?.licenses, account?.status], ['Paid Plus', 12, 'active']);
    const users = await productUsers(made);
    const active = users.filter((user) => user.active).map((user) => user.talkdesk_user_id);
    assert.deepEqual(active, [...wanted, 'u-new'].sort());
    assert.equal(users.length, 4, 'who left is suspended, not deleted');
    const renamed = users.find((user) => user.talkdesk_user_id === first.talkdesk_user_id);
    assert.deepEqual([renamed?.user_id, renamed?.email], [first.user_id, 'married@example.com']);
    assert.deepEqual((await tenantAtRest(surroundings, made.account_id)).mapped, active);
  });

  it('that changes nothing is approved all the same', async () => {
    const made = await installed({ account_name: 'update-b' });
    const update = await control.update(made.installation_id);
    assert.deepEqual(await settled(update.event_id), ['approved']);
    const { processes } = await control.installation(made.installation_id);
    assert.deepEqual(
      processes.map(({ kind, ended }) => [kind, ended]),
      [
        ['install', 'approved'],
        ['update', 'approved'],
      ],
    );
  });

  it('is approved at a Talkdesk that never shows it as updating', async () => {
    const made = await installed({ account_name: 'update-c' });
    await control.switches({ update_state: 'completed' });
    try {
      const update = await control.update(made.installation_id, { licenses: 7 });
      assert.deepEqual(await settled(update.event_id), ['approved']);
      const { processes } = await control.installation(made.installation_id);
      assert.equal(processes.at(-1)?.decided?.verb, 'approve', 'and not by the approval of the install');
    } finally {
      await control.switches({ update_state: 'updating' });
    }
  });

  it('for which there are too few licences is rejected, and the old settings stay on both sides', async () => {
    const made = await installed({ account_name: 'update-d', users: 2 });
    const before = [await productUsers(made), await productAccount(made), await control.settings(made.installation_id)];
    const update = await control.update(made.installation_id, { users: 5, licenses: 3 });
    assert.deepEqual(await settled(update.event_id), ['rejected']);
    const view = await control.installation(made.installation_id);
    assert.equal(view.state, 'completed', 'the installation stays usable');
    assert.match(view.decisions.at(-1)?.reason ?? '', /^5 users are licensed, and the plan has 3 licences/);
    const [users, account, settings] = before;
    assert.deepEqual(await productUsers(made), users);
    assert.deepEqual(await productAccount(made), account);
    assert.deepEqual(await control.settings(made.installation_id), settings);
    const { mapped } = await tenantAtRest(surroundings, made.account_id);
    assert.equal(mapped.length, 2);
  });
});

describe('an uninstall', () => {
  it('ends access, is approved, and wipes the credentials; settings and mapping are kept', async () => {
    const made = await installed({ account_name: 'uninstall-a', users: 2 });
    const uninstall = await control.uninstall(made.installation_id);
    assert.deepEqual(await settled(uninstall.event_id), ['approved']);
    assert.equal((await control.installation(made.installation_id)).state, 'revoked');
    assert.equal((await productAccount(made))?.status, 'closed');
    const rest = await tenantAtRest(surroundings, made.account_id);
    assert.deepEqual(
      rest.installations.map(({ state }) => state),
      ['ended'],
    );
    assert.deepEqual(
      rest.credentials.map(({ state, sealed }) => ({ state, sealed })),
      [{ state: 'gone', sealed: false }],
    );
    const rows = await surroundings.database.query(
      'SELECT product_user_id FROM user_mapping WHERE account_id = $1 AND product_user_id IS NOT NULL',
      [made.account_id],
    );
    assert.equal(rows.length, 2);
  });

  it('then a reinstall opens the same product account with the same users, in the next generation', async () => {
    const made = await installed({ account_name: 'reinstall-a', users: 3 });
    const before = { account: (await productAccount(made))?.account_id, users: await productUsers(made) };
    assert.deepEqual(await settled((await control.uninstall(made.installation_id)).event_id), ['approved']);
    const again = await installed({ account_name: 'reinstall-a', users: 3, created_at: nextSecond() });
    assert.notEqual(again.installation_id, made.installation_id);
    const account = await productAccount(again);
    assert.deepEqual([account?.account_id, account?.status], [before.account, 'active']);
    assert.deepEqual(await productUsers(again), before.users);
    const { installations } = await tenantAtRest(surroundings, made.account_id);
    assert.deepEqual(
      installations.map(({ generation, state }) => [generation, state]),
      [
        [1, 'ended'],
        [2, 'active'],
      ],
    );
  });

  it('that arrives while the install waits for its product ends it: one compensation, no approve of the install', async () => {
    await surroundings.product.down();
    const made = await control.createInstallation({ app_id: surroundings.appId, account_name: 'uninstall-b' });
    const handle = temporal.client.workflow.getHandle(`${made.app_id}/${made.account_id}`);
    await eventually('the product was called', async () => {
      const { raw } = await handle.describe();
      return raw.pendingActivities?.[0]?.activityType?.name === 'provisionAccount';
    });
    const uninstall = await control.uninstall(made.installation_id);
    await eventually('the uninstall has arrived', async () => (await control.event(uninstall.event_id)).delivered);
    await surroundings.product.up();
    assert.deepEqual(await settled(made.event_id, uninstall.event_id), ['superseded', 'approved']);
    const { decisions } = await control.installation(made.installation_id);
    assert.deepEqual(
      decisions.map(({ verb, process }) => [verb, process?.kind]),
      [['approve', 'uninstall']],
    );
    const undone = await surroundings.product.query(
      `SELECT 1 FROM call_ledger WHERE talkdesk_account_id = $1 AND operation = 'deprovision'`,
      [made.account_id],
    );
    assert.equal(undone.length, 1);
  });
});

describe('a rotation', () => {
  it('is proved, acknowledged, and the old set is wiped', async () => {
    const made = await installed({ account_name: 'rotation-a' });
    const rotation = await control.rotate(made.installation_id);
    assert.deepEqual(await settled(rotation.event_id), ['acknowledged']);
    const { clients } = await control.installation(made.installation_id);
    assert.deepEqual(
      clients.map(({ client_id, state }) => [client_id, state]),
      [
        [made.client_id, 'revoked'],
        [rotation.client_id, 'current'],
      ],
    );
    const { credentials } = await tenantAtRest(surroundings, made.account_id);
    assert.deepEqual(credentials.map(({ state, sealed }) => [state, sealed]).sort(), [
      ['current', true],
      ['gone', false],
    ]);
    // What follows uses the new set.
    const update = await control.update(made.installation_id);
    assert.deepEqual(await settled(update.event_id), ['approved']);
    const requests = await control.requests({ installation_id: made.installation_id, route: 'state' });
    assert.equal(requests.at(-1)?.client_id, rotation.client_id);
  });

  it('of compromised credentials in the middle of an update lets it go on with the new ones', async () => {
    const made = await installed({ account_name: 'rotation-b' });
    await control.fault({
      route: 'account',
      kind: 'status',
      status: 401,
      times: 4,
      installation_id: made.installation_id,
    });
    const rotation = await control.rotate(made.installation_id, { kind: 'compromised', deliver: false });
    const update = await control.update(made.installation_id, { licenses: 9 });
    const handle = temporal.client.workflow.getHandle(`${made.app_id}/${made.account_id}`);
    await eventually('the update waits for credentials', async () => {
      const { raw } = await handle.describe();
      return raw.pendingActivities?.some(
        (pending) => pending.lastFailure?.applicationFailureInfo?.type === 'Credentials',
      );
    });
    await control.clearFaults();
    await control.deliver(rotation.event_id);
    assert.deepEqual(await settled(rotation.event_id, update.event_id), ['acknowledged', 'approved']);
  });
});

describe('a trial', () => {
  it('that expires blocks access, and a paid plan opens it without provisioning again', async () => {
    const made = await installed({ account_name: 'trial-a', plan: 'Trial' });
    const [started] = await eventually('the trial has started', async () => {
      const events = await control.events({ installation_id: made.installation_id, type: 'app.trial_started' });
      return events.length > 0 ? events : null;
    });
    assert.ok(started);
    assert.deepEqual(await settled(started.event_id), ['recorded']);
    assert.equal((await productAccount(made))?.status, 'active');

    const ended = await control.endTrial(made.installation_id, { reason: 'trial_expired' });
    assert.deepEqual(await settled(ended.event_id), ['recorded']);
    assert.equal((await productAccount(made))?.status, 'suspended');

    const paid = await control.update(made.installation_id, { plan: { name: 'Paid', type: 'paid' } });
    assert.deepEqual(await settled(paid.event_id), ['approved']);
    assert.equal((await productAccount(made))?.status, 'active');
    assert.equal(await provisions(made), 1);
  });

  for (const order of ['before', 'after'] as const) {
    it(`that an upgrade ends, told ${order} the update, stays open`, async () => {
      const made = await installed({ account_name: `trial-${order}`, plan: 'Trial' });
      const upgrade = await control.update(made.installation_id, {
        plan: { name: 'Paid', type: 'paid' },
        trial_ended: order,
      });
      const outcomes = await settled(...upgrade.events.map(({ event_id }) => event_id));
      assert.deepEqual(outcomes.sort(), ['approved', 'recorded']);
      assert.equal((await productAccount(made))?.status, 'active');
      assert.equal(await provisions(made), 1);
    });

    it(`that an uninstall ends, told ${order} the uninstall, ends with it`, async () => {
      const made = await installed({ account_name: `trial-gone-${order}`, plan: 'Trial' });
      const uninstall = await control.uninstall(made.installation_id, { trial_ended: order });
      const outcomes = await settled(...uninstall.events.map(({ event_id }) => event_id));
      assert.deepEqual(outcomes.sort(), ['approved', 'recorded']);
      assert.equal((await productAccount(made))?.status, 'closed');
    });
  }
});

describe('a logout', () => {
  it('reaches the product at once, while the tenant waits for Talkdesk', async () => {
    const made = await installed({ account_name: 'logout-a', users: 2 });
    const [user] = await productUsers(made);
    assert.ok(user);
    await control.fault({
      route: 'account',
      kind: 'status',
      status: 503,
      times: 500,
      installation_id: made.installation_id,
    });
    const update = await control.update(made.installation_id);
    const handle = temporal.client.workflow.getHandle(`${made.app_id}/${made.account_id}`);
    const updateWaits = async () => (await handle.describe()).raw.pendingActivities?.length === 1;
    await eventually('the update waits', updateWaits);
    const logout = await control.logout(made.installation_id, { user_id: user.talkdesk_user_id });
    assert.deepEqual(await settled(logout.event_id), ['recorded']);
    assert.ok(await updateWaits(), 'the update still waits');
    const facts = service.facts.filter((fact) => fact.eventId === logout.event_id);
    const at = (name: string) => facts.find((fact) => fact.name === name)?.atMs ?? Number.NaN;
    assert.ok(at('logout') - at('acknowledged') < 5_000, `${at('logout') - at('acknowledged')} ms`);
    const rows = await surroundings.product.query<{ logged_out_at: Date | null }>(
      'SELECT logged_out_at FROM account_user WHERE user_id = $1',
      [user.user_id],
    );
    assert.ok(rows[0]?.logged_out_at);
    await control.clearFaults();
    assert.deepEqual(await settled(update.event_id), ['approved']);
  });
});

describe('the run of a process in which nothing goes wrong', () => {
  const STORIES = {
    update: { act: (id: string) => control.update(id, { users: 3, licenses: 12 }), ends: 'approved' },
    uninstall: { act: (id: string) => control.uninstall(id), ends: 'approved' },
    rotation: { act: (id: string) => control.rotate(id), ends: 'acknowledged' },
    logout: { act: (id: string) => control.logout(id), ends: 'recorded' },
  } as const;

  for (const [kind, { act, ends }] of Object.entries(STORIES)) {
    it(`is short: ${kind}`, async () => {
      const run = await withoutStall(
        async (nth) => {
          const made = await installed({ account_name: `short-${kind}-${nth}`, users: 2 });
          const tenant = `${made.app_id}/${made.account_id}`;
          await closedRun(temporal.client, tenant);
          const { event_id } = await act(made.installation_id);
          assert.deepEqual(await settled(event_id), [ends]);
          return await closedRun(temporal.client, kind === 'logout' ? `${tenant}/logout/${event_id}` : tenant);
        },
        (played) => [played],
      );
      assert.ok(run.events.length <= HEALTHY_EVENTS, `${run.events.length} events`);
    });
  }
});
