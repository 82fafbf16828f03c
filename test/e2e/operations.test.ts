import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { eventually } from '../support/eventually.js';
import { awaitOutcomes } from '../support/outcomes.js';
import { startTestService, type TestService } from '../support/service.js';
import type { SimulatorControl } from '../support/simulator-control.js';
import { createSurroundings, type Surroundings } from '../support/stack.js';
import { connectTemporal, fromRunner, type TestTemporal } from '../support/temporal.js';

let surroundings: Surroundings;
let service: TestService;
let temporal: TestTemporal;
let control: SimulatorControl;

before(async () => {
  temporal = await connectTemporal();
  surroundings = await createSurroundings({ temporalAddress: fromRunner('TEST_TEMPORAL_ADDRESS') });
  control = surroundings.simulator.control;
  const policy = [
    { match: { kinds: ['install'] }, guards: { blockedAccounts: ['unwanted'], maxUsers: 50 } },
    { match: { kinds: ['update'] }, mode: 'manual', atDue: 'reject' },
  ];
  await writeFile(join(surroundings.folder, 'apps.json'), JSON.stringify({ [surroundings.appId]: { policy } }));
  service = await startTestService(surroundings);
});
after(async () => {
  await service?.stop();
  await surroundings?.stop();
  await temporal?.close();
});

/** Runs the operators' command line as a process of its own. */
async function lifecycle(...args: string[]): Promise<{ code: number | null; out: string; err: string }> {
  const child = spawn(process.execPath, ['--import', 'tsx', 'ops/main.ts', ...args], {
    cwd: fileURLToPath(new URL('../..', import.meta.url)),
    env: { ...process.env, ...surroundings.env },
  });
  let out = '';
  let err = '';
  child.stdout.on('data', (chunk) => {
    out += chunk;
  });
  child.stderr.on('data', (chunk) => {
    err += chunk;
  });
  await once(child, 'close');
  return { code: child.exitCode, out, err };
}

async function install(accountName: string, users = 2) {
  const made = await control.createInstallation({ app_id: surroundings.appId, account_name: accountName, users });
  return { made, outcome: (await awaitOutcomes(surroundings, [made.event_id]))[0] };
}

describe('an operator', () => {
  it('approves an update that waits for a person, and is told when there is nothing to decide', async () => {
    const { made, outcome } = await install('decided');
    assert.equal(outcome, 'approved');
    const update = await control.update(made.installation_id, { users: 5 });
    await eventually('a decision is awaited', async () =>
      service.facts.some((fact) => fact.name === 'decision-awaited' && fact.eventId === update.event_id),
    );
    const account = ['--account', made.account_id];
    const decided = await lifecycle('decide', ...account, '--approve', '--reason', 'five is fine', '--by', 'pat');
    assert.equal(decided.code, 0, decided.err);
    assert.match(decided.out, new RegExp(`update:${update.event_id}`));
    assert.deepEqual(await awaitOutcomes(surroundings, [update.event_id]), ['approved']);
    assert.equal((await control.installation(made.installation_id)).decisions.at(-1)?.reason, 'five is fine');
    const audit = await surroundings.database.query<{ entry: string }>(
      `SELECT entry FROM audit_entry WHERE process_id = $1 AND entry LIKE '%pat%'`,
      [`update:${update.event_id}`],
    );
    assert.equal(audit.length, 1, 'who decided is in the audit');

    const again = await lifecycle('decide', ...account, '--reject');
    assert.equal(again.code, 1);
    assert.equal(again.err.trim().split('\n').length, 1, again.err);
  });

  it('has the credentials of an installation rotated', async () => {
    const { made } = await install('rotated');
    const asked = await lifecycle('rotate', '--installation', made.installation_id);
    assert.equal(asked.code, 0, asked.err);
    const [rotation] = await eventually('the rotation has come', async () => {
      const filter = { installation_id: made.installation_id, type: 'app.credentials_rotated' };
      const events = await control.events(filter);
      return events.length > 0 ? events : null;
    });
    assert.ok(rotation);
    assert.deepEqual(await awaitOutcomes(surroundings, [rotation.event_id]), ['acknowledged']);
    const { clients } = await control.installation(made.installation_id);
    assert.deepEqual(
      clients.map(({ state }) => state),
      ['revoked', 'current'],
    );
  });
});

describe('a guard', () => {
  for (const [accountName, users, reason] of [
    ['unwanted', 2, 'This account cannot use the app. Please contact the vendor.'],
    ['crowded', 60, 'The app takes at most 50 users; 60 are licensed.'],
  ] as const) {
    it(`rejects the install of ${accountName} with a sentence for the customer, and nothing is provisioned`, async () => {
      const { made, outcome } = await install(accountName, users);
      assert.equal(outcome, 'rejected');
      const { decisions } = await control.installation(made.installation_id);
      assert.deepEqual(
        decisions.map(({ verb, reason: told }) => [verb, told]),
        [['reject', reason]],
      );
      const calls = await surroundings.product.query('SELECT 1 FROM call_ledger WHERE talkdesk_account_id = $1', [
        made.account_id,
      ]);
      assert.equal(calls.length, 0);
    });
  }
});
