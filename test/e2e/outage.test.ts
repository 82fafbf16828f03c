import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { eventually } from '../support/eventually.js';
import { awaitOutcomes } from '../support/outcomes.js';
import { startTestService, type TestService } from '../support/service.js';
import { createSurroundings, type Surroundings } from '../support/stack.js';
import { createOwnDevServer, type OwnTemporalServer } from '../support/temporal.js';

let folder: string;
let server: OwnTemporalServer;
let surroundings: Surroundings;
let service: TestService;

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'appconnect-outage-'));
  server = await createOwnDevServer({ dir: folder });
  surroundings = await createSurroundings({ temporalAddress: server.address });
  service = await startTestService(surroundings);
});
after(async () => {
  await service?.stop();
  await surroundings?.stop();
  await server?.stop();
  await rm(folder, { recursive: true, force: true });
});

async function outcomeOf(eventId: string): Promise<string | null> {
  const [row] = await surroundings.database.query<{ outcome: string | null }>(
    'SELECT outcome FROM process WHERE event_id = $1',
    [eventId],
  );
  return row?.outcome ?? null;
}

describe('while the Temporal server is down', () => {
  it('events are acknowledged, and their runs start after it returns', async () => {
    await server.stop();
    const { control } = surroundings.simulator;
    const installed = await control.createInstallation({
      app_id: surroundings.appId,
      account_name: 'temporal-down',
      deliver: false,
    });
    const { status, ms } = await control.deliver(installed.event_id);
    assert.equal(status, 200);
    assert.ok(ms < 5_000, `acknowledged after ${ms} ms`);
    const [row] = await surroundings.database.query<{ dispatched_at: Date | null }>(
      'SELECT dispatched_at FROM inbox_event WHERE id = $1',
      [installed.event_id],
    );
    assert.deepEqual(row, { dispatched_at: null });

    await server.restart();
    await eventually(
      'the outcome is recorded',
      async () => (await outcomeOf(installed.event_id)) === 'approved',
      60_000,
    );
    const view = await control.installation(installed.installation_id);
    assert.equal(view.state, 'completed');
    assert.equal(view.decisions.filter((decision) => decision.effective).length, 1);
  });
});

describe('while Talkdesk does not answer', () => {
  it('the quick attempt has hung up before the regular one asks', async () => {
    const { control } = surroundings.simulator;
    await control.fault({ route: 'account', kind: 'hold', times: 2 });
    const installed = await control.createInstallation({ app_id: surroundings.appId, account_name: 'silence' });
    const holds = await eventually('both attempts have asked', async () => {
      const all = await control.holds();
      return all.length === 2 && all;
    });
    assert.equal(holds[0]?.client_gone, true, 'the request of the quick attempt is cut off');
    for (const { id } of holds) await control.release(id);
    assert.deepEqual(await awaitOutcomes(surroundings, [installed.event_id]), ['approved']);
  });
});
