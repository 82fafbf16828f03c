import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { eventually } from '../support/eventually.js';
import { ACTIVITY_SCHEDULED, closedRun, MARKER_RECORDED, withoutStall } from '../support/histories.js';
import { startTestService, type TestService } from '../support/service.js';
import type { CreatedInstallation } from '../support/simulator.js';
import { createSurroundings, type Surroundings } from '../support/stack.js';
import { connectTemporal, fromRunner, type TestTemporal } from '../support/temporal.js';

let surroundings: Surroundings;
let service: TestService;
let temporal: TestTemporal;

before(async () => {
  temporal = await connectTemporal();
  surroundings = await createSurroundings({ temporalAddress: fromRunner('TEST_TEMPORAL_ADDRESS') });
  service = await startTestService(surroundings);
});
after(async () => {
  await service?.stop();
  await surroundings?.stop();
  await temporal?.close();
});

function workflowIdOf(installed: CreatedInstallation): string {
  return `${installed.app_id}/${installed.account_id}`;
}

async function install(input: {
  account_name: string;
  users?: number;
  deliver?: boolean;
}): Promise<CreatedInstallation> {
  return await surroundings.simulator.control.createInstallation({ app_id: surroundings.appId, ...input });
}

async function stateAtTalkdesk(installed: CreatedInstallation): Promise<string> {
  return (await surroundings.simulator.control.installation(installed.installation_id)).state;
}

async function outcomeOf(installed: CreatedInstallation): Promise<string | null> {
  const [row] = await surroundings.database.query<{ outcome: string | null }>(
    'SELECT outcome FROM process WHERE event_id = $1',
    [installed.event_id],
  );
  return row?.outcome ?? null;
}

async function effectiveDecisions(installed: CreatedInstallation): Promise<string[]> {
  const { decisions } = await surroundings.simulator.control.installation(installed.installation_id);
  return decisions.filter((decision) => decision.effective).map((decision) => decision.verb);
}

/** An approved install and its run, in which the machine did not stand still. */
async function approvedWithoutStall(input: { account_name: string; users?: number }) {
  return await withoutStall(
    async (nth) => {
      const installed = await install({ ...input, account_name: `${input.account_name}-${nth}` });
      await eventually('the outcome is recorded', async () => (await outcomeOf(installed)) === 'approved');
      return { installed, run: await closedRun(temporal.client, workflowIdOf(installed)) };
    },
    ({ run }) => [run],
  );
}

describe('an installation over real HTTP, Temporal and PostgreSQL', () => {
  it('is provisioned and approved, in at most 12 events and 4 kB', async () => {
    const { installed, run } = await approvedWithoutStall({ account_name: 'acme', users: 25 });

    assert.equal(await stateAtTalkdesk(installed), 'completed');
    assert.deepEqual(await effectiveDecisions(installed), ['approve']);
    const accounts = await surroundings.product.query<{ users: number }>(
      `SELECT (SELECT count(*)::int FROM account_user u WHERE u.account_id = a.account_id AND u.active) AS users
         FROM account a WHERE a.talkdesk_account_id = $1`,
      [installed.account_id],
    );
    assert.deepEqual(accounts, [{ users: 25 }]);

    const { description } = run;
    assert.equal(description.status.name, 'COMPLETED');
    assert.ok(description.historyLength <= 12, `${description.historyLength} events`);
    assert.ok((description.historySize ?? 0) <= 4_096, `${description.historySize} bytes`);
  });

  it('is shown in plain words in the Web UI: ids, summaries, outcome', async () => {
    const { installed, run } = await approvedWithoutStall({ account_name: 'plain-words' });
    const { description } = run;
    assert.equal(
      await description.staticSummary(),
      `app.installed of installation ${installed.installation_id} for account ${installed.account_id}`,
    );
    assert.deepEqual(description.searchAttributes['InstallationId'], [installed.installation_id]);
    const summaries = run.events
      .filter((event) => event.eventType === MARKER_RECORDED)
      .map((event) => JSON.parse(Buffer.from(event.userMetadata?.summary?.data ?? []).toString()));
    assert.deepEqual(summaries, [
      'Take new events',
      'Read from Talkdesk',
      'Provision in product',
      'Approve at Talkdesk',
    ]);
  });

  it('delivered a hundred times at once leads to one run, one account, one effective decision', async () => {
    const installed = await install({ account_name: 'hundred', deliver: false });
    const { headers, body_base64 } = await surroundings.simulator.control.signed(installed.event_id);
    const deliver = () =>
      fetch(`${service.ingressUrl}/webhooks/talkdesk`, {
        method: 'POST',
        headers,
        body: Buffer.from(body_base64, 'base64'),
      });
    const answers = await Promise.all(Array.from({ length: 100 }, deliver));
    assert.deepEqual([...new Set(answers.map((answer) => answer.status))], [200]);
    await eventually('the outcome is recorded', async () => (await outcomeOf(installed)) === 'approved');

    const runs: string[] = [];
    await eventually('the run is visible and closed', async () => {
      runs.length = 0;
      for await (const run of temporal.client.workflow.list({ query: `WorkflowId = "${workflowIdOf(installed)}"` })) {
        runs.push(run.status.name);
      }
      return runs.length > 0 && runs.every((status) => status === 'COMPLETED');
    });
    const provisions = await surroundings.product.query<{ calls: number }>(
      `SELECT calls FROM call_ledger WHERE idempotency_key = $1`,
      [`install:${installed.event_id}:provision`],
    );
    assert.equal(provisions.length, 1);
    assert.deepEqual(await effectiveDecisions(installed), ['approve']);
    const accounts = await surroundings.product.query('SELECT 1 FROM account WHERE talkdesk_account_id = $1', [
      installed.account_id,
    ]);
    assert.equal(accounts.length, 1);
    const rows = await surroundings.database.query('SELECT 1 FROM inbox_event WHERE id = $1', [installed.event_id]);
    assert.equal(rows.length, 1);
  });

  it('that the product refuses is rejected with the reason and undone', async () => {
    await surroundings.product.query('INSERT INTO blocked_account (account_name, reason) VALUES ($1, $2)', [
      'blocked-gmbh',
      'unpaid invoices',
    ]);
    const installed = await install({ account_name: 'blocked-gmbh' });
    await eventually('the outcome is recorded', async () => (await outcomeOf(installed)) === 'rejected');
    assert.equal(await stateAtTalkdesk(installed), 'rejected');
    const { decisions } = await surroundings.simulator.control.installation(installed.installation_id);
    assert.equal(decisions.length, 1);
    assert.match(decisions[0]?.reason ?? '', /unpaid invoices/);
    const undone = await surroundings.product.query('SELECT 1 FROM call_ledger WHERE idempotency_key = $1', [
      `install:${installed.event_id}:deprovision`,
    ]);
    assert.equal(undone.length, 1);
  });

  it('goes the durable way while the product is down, and completes when it returns', async () => {
    await surroundings.product.down();
    const installed = await install({ account_name: 'patient' });
    const handle = temporal.client.workflow.getHandle(workflowIdOf(installed));
    const pending = await eventually('a regular attempt has failed', async () => {
      const { raw } = await handle.describe();
      const activity = raw.pendingActivities?.[0];
      return (activity?.lastFailure && activity) || null;
    });
    assert.equal(pending.activityType?.name, 'provisionAccount');
    assert.ok((pending.attempt ?? 0) >= 1);
    assert.match(pending.lastFailure?.message ?? '', /product/i);
    assert.equal(await stateAtTalkdesk(installed), 'installing');

    await surroundings.product.up();
    await eventually('the outcome is recorded', async () => (await outcomeOf(installed)) === 'approved', 60_000);
    assert.deepEqual(await effectiveDecisions(installed), ['approve']);
    const { events } = await closedRun(temporal.client, workflowIdOf(installed));
    const provisions = events.filter(
      ({ eventType, activityTaskScheduledEventAttributes: scheduled }) =>
        eventType === ACTIVITY_SCHEDULED && scheduled?.activityType?.name === 'provisionAccount',
    );
    assert.equal(provisions.length, 1);
  });
});
