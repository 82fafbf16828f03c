import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { freePort } from '../../../local/ports.js';
import { eventually } from '../../support/eventually.js';
import { accountAtRest, awaitOutcomes } from '../../support/outcomes.js';
import { startTestService, type TestService } from '../../support/service.js';
import type { SimulatorControl } from '../../support/simulator-control.js';
import { createSurroundings, type Surroundings } from '../../support/stack.js';
import { connectTemporal, fromRunner, type TestTemporal } from '../../support/temporal.js';

const SECOND_MS = 1_000;
const MINUTE_MS = 60 * SECOND_MS;
const DAY_MS = 24 * 60 * MINUTE_MS;
/** talkdesk-api.md 7.1 */
const WINDOW_MS = 7 * DAY_MS;
/** What a jump, and anything after it, may take in real time on a busy machine. */
const REAL_LIMIT_MS = 60_000;
/** Between the time at which something is due and the one at which it is recorded. */
const SOON_MS = 15_000;
/** Each attempt leaves one event in the history while time is skipped. */
const MOST_EVENTS = 500;

let surroundings: Surroundings;
let service: TestService;
let temporal: TestTemporal;
let control: SimulatorControl;

before(async () => {
  const opsPort = await freePort();
  temporal = await connectTemporal();
  surroundings = await createSurroundings({
    temporalAddress: fromRunner('TEST_TEMPORAL_ADDRESS'),
    env: { OPS_PORT: String(opsPort), DEVELOPMENT_CLOCK: '1' },
    simulatorEnv: { SIMULATOR_CLOCK_FOLLOWERS: `http://127.0.0.1:${opsPort}/dev/clock` },
  });
  control = surroundings.simulator.control;
  const policy = [{ match: { plans: ['Slow'] }, mode: 'manual', atDue: 'approve' }];
  await writeFile(join(surroundings.folder, 'apps.json'), JSON.stringify({ [surroundings.appId]: { policy } }));
  service = await startTestService(surroundings);
});
after(async () => {
  await service?.stop();
  await surroundings?.stop();
  await temporal?.close();
});

const install = (accountName: string, plan = 'Paid Plus') =>
  control.createInstallation({ app_id: surroundings.appId, account_name: accountName, users: 2, plan });

async function installed(accountName: string, plan?: string) {
  const made = await install(accountName, plan);
  assert.deepEqual(await awaitOutcomes(surroundings, [made.event_id], REAL_LIMIT_MS), ['approved']);
  return made;
}

/** Moves the simulator's clock, and with it everybody's. */
async function jump(ms: number): Promise<void> {
  const startedAt = performance.now();
  const { followers } = await control.advance(ms);
  assert.deepEqual(
    followers.map(({ last_error }) => last_error),
    [null],
  );
  assert.ok(performance.now() - startedAt < REAL_LIMIT_MS);
}

const runOf = (accountId: string) => temporal.client.workflow.getHandle(`${surroundings.appId}/${accountId}`);
const nowMs = async () => Date.parse((await control.clock()).now);

function assertNear(actualMs: number, expectedMs: number, what: string): void {
  const offMs = actualMs - expectedMs;
  assert.ok(offMs >= 0 && offMs < SOON_MS, `${what}: ${offMs} ms after ${new Date(expectedMs).toISOString()}`);
}

async function processOf(eventId: string) {
  const [row] = await surroundings.database.query<{ outcome: string; outcome_at: Date; warnings: string[] }>(
    'SELECT outcome, outcome_at, warnings FROM process WHERE event_id = $1',
    [eventId],
  );
  assert.ok(row !== undefined);
  return row;
}

const createdAtMs = async (eventId: string) => Date.parse((await control.event(eventId)).created_at);
const isAsked = (eventId: string) =>
  eventually('a person is asked', async () =>
    service.facts.some((fact) => fact.name === 'decision-awaited' && fact.eventId === eventId),
  );

describe('one jump of the clock', () => {
  it('lets the window of an install that a failing product keeps open close for everybody', async () => {
    await surroundings.product.down();
    const stuck = await install('stuck');
    const startMs = await createdAtMs(stuck.event_id);
    await eventually('the product is asked', async () =>
      service.facts.some(({ name, eventId }) => name === 'users' && eventId === stuck.event_id),
    );

    await jump(6 * DAY_MS);
    assert.equal((await control.installation(stuck.installation_id)).state, 'installing');
    assert.equal((await processOf(stuck.event_id)).warnings.length, 2);
    await jump(DAY_MS);
    assert.equal((await control.installation(stuck.installation_id)).state, 'timeout');
    const warned = service.facts.filter(({ name, eventId }) => name === 'warned' && eventId === stuck.event_id);
    for (const [index, share] of [0.5, 0.8, 0.95].entries()) {
      assertNear(warned[index]?.atMs ?? 0, startMs + share * 6.5 * DAY_MS, `the warning at ${share}`);
    }

    const { events } = await runOf(stuck.account_id).fetchHistory();
    assert.ok((events?.length ?? 0) < MOST_EVENTS, 'the product is called each half day, not two thousand times');

    await surroundings.product.up();
    await jump(10 * MINUTE_MS);
    assert.deepEqual(await awaitOutcomes(surroundings, [stuck.event_id], REAL_LIMIT_MS), ['expired']);
    const expiredAtMs = (await processOf(stuck.event_id)).outcome_at.getTime();
    assert.ok(expiredAtMs > startMs + WINDOW_MS && expiredAtMs < startMs + WINDOW_MS + 11 * MINUTE_MS);
  });

  it('has what comes after it handled at the time after it, from the first task of its run on', async () => {
    const before = await nowMs();
    assert.ok(before > Date.now() + WINDOW_MS - MINUTE_MS, 'the clock has moved');
    const later = await installed('later');
    assertNear((await processOf(later.event_id)).outcome_at.getTime(), before, 'the approval');
    assert.equal((await control.installation(later.installation_id)).state, 'completed');
    const { events } = await runOf(later.account_id).fetchHistory();
    const task = events?.find((event) => event.workflowTaskStartedEventAttributes);
    assertNear(Number(task?.eventTime?.seconds) * 1000 + SECOND_MS, before, 'the first task');
  });

  it('takes the default action of an install that nobody decides when it is due, and not when the jump ends', async () => {
    const undecided = await install('undecided', 'Slow');
    await isAsked(undecided.event_id);
    await jump(6.9 * DAY_MS);
    assert.deepEqual(await awaitOutcomes(surroundings, [undecided.event_id], REAL_LIMIT_MS), ['approved']);
    const dueMs = (await createdAtMs(undecided.event_id)) + 6.5 * DAY_MS;
    assertNear((await processOf(undecided.event_id)).outcome_at.getTime(), dueMs, 'the approval');
  });

  it('ends a trial, and a rotation is acknowledged at the time at which it comes', async () => {
    const trying = await installed('trying', 'Trial');
    await jump(31 * DAY_MS);
    const [ended] = await eventually('the trial has ended', async () => {
      const events = await control.events({ installation_id: trying.installation_id, type: 'app.trial_ended' });
      return events.length > 0 && events;
    });
    await awaitOutcomes(surroundings, [ended?.event_id ?? ''], REAL_LIMIT_MS);
    assert.equal((await accountAtRest(surroundings, trying.account_id))?.status, 'suspended');

    const rotation = await control.rotate(trying.installation_id);
    assert.deepEqual(await awaitOutcomes(surroundings, [rotation.event_id], REAL_LIMIT_MS), ['acknowledged']);
    assertNear((await processOf(rotation.event_id)).outcome_at.getTime(), await createdAtMs(rotation.event_id), 'it');
  });

  it('stands still for everybody while it is frozen, and goes on from there', async () => {
    await control.clockMode('frozen');
    const frozenMs = await nowMs();
    const made = await installed('frozen');
    assert.equal((await processOf(made.event_id)).outcome_at.getTime(), frozenMs);
    await control.clockMode('running');
    const next = await installed('running-again');
    assertNear((await processOf(next.event_id)).outcome_at.getTime(), frozenMs, 'the approval');
  });
});
