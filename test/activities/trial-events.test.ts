import assert from 'node:assert/strict';
import { beforeEach, describe, it } from 'node:test';
import { SealingError, StoreUnavailableError } from '../../store/errors.js';
import type { EventContext, Trial } from '../../store/types.js';
import { type AttemptKind, type Bench, createBench, NOW } from './support/bench.js';
import { failureOf } from './support/failure.js';
import { CREDENTIAL, eventContext, eventInstallation } from './support/records.js';
import { talkdeskError } from './support/talkdesk.js';

const EVENT_AT = new Date('2026-01-05T10:00:00Z');
const EXPIRES_AT = new Date('2026-02-04T10:00:00Z');
const NEWER: Trial = {
  state: 'active',
  expiresAt: EXPIRES_AT,
  endedReason: null,
  eventCreatedAt: new Date('2026-01-05T10:00:01Z'),
};
const ENDED: Trial = { state: 'ended', expiresAt: EXPIRES_AT, endedReason: 'trial_expired', eventCreatedAt: EVENT_AT };

let bench: Bench;
beforeEach(() => {
  bench = createBench();
  bench.talkdesk.subscription = { ...bench.talkdesk.subscription, type: 'trial' };
});

const apply = (as?: AttemptKind) => bench.run('applyTrial', { eventId: 'event-1' }, as);

/** The next event, of an installation as it says. */
function given(
  type: string,
  endedReason: string | null,
  installation: Parameters<typeof eventInstallation>[0] = {},
  changes: Partial<EventContext> = {},
): void {
  const body = { type, installationId: 'installation-1', expiresAt: EXPIRES_AT, endedAt: null, endedReason };
  bench.processes.event = eventContext({
    type,
    body: Buffer.from(JSON.stringify(body)),
    installation: eventInstallation(installation),
    ...changes,
  });
}

const changesOfProduct = () => bench.journal.filter((line) => line.startsWith('product.'));

describe('a trial that expired', () => {
  it('suspends the account, once Talkdesk says that the plan is not paid, and records the event', async () => {
    given('app.trial_ended', 'trial_expired');
    assert.deepEqual(await apply(), { access: 'suspended' });
    assert.deepEqual(bench.journal, ['readSubscription', 'product.suspend', 'recordTrial']);
    const [call] = bench.product.calls.suspend;
    assert.ok(call !== undefined);
    const { signal, ...rest } = call;
    assert.ok(signal instanceof AbortSignal);
    assert.deepEqual(rest, {
      appId: 'app-1',
      accountId: 'account-1',
      installationId: 'installation-1',
      generation: 2,
      processId: 'event-1',
      idempotencyKey: 'event-1:suspend',
      productAccountId: 'product-1',
    });
    assert.deepEqual(bench.processes.calls.recordTrial, [
      { eventId: 'event-1', trial: ENDED, suspended: true, at: NOW },
    ]);
    assert.deepEqual(bench.facts, [
      {
        name: 'trial',
        atMs: 1_767_607_202_000,
        installationId: 'installation-1',
        eventId: 'event-1',
        note: 'app.trial_ended, account suspended',
      },
    ]);
  });

  it('leaves a paid account in use', async () => {
    given('app.trial_ended', 'trial_expired');
    bench.talkdesk.subscription.type = 'paid';
    assert.deepEqual(await apply(), { access: 'active' });
    assert.deepEqual(bench.journal, ['readSubscription', 'recordTrial']);
  });

  it('and of which an update had already found the plan to be paid, leaves it in use', async () => {
    given('app.trial_ended', 'trial_expired', { planType: 'paid' });
    bench.talkdesk.subscription.type = null;
    assert.deepEqual(await apply(), { access: 'active' });
  });

  for (const failureClass of ['gone', 'credentials'] as const) {
    it(`goes by the plan as we know it where Talkdesk cannot be asked any more: ${failureClass}`, async () => {
      bench.talkdesk.failing.readSubscription = talkdeskError(failureClass);
      given('app.trial_ended', 'trial_expired', { planType: 'paid' });
      assert.deepEqual(await apply(), { access: 'active' });
      given('app.trial_ended', 'trial_expired', { planType: null });
      assert.deepEqual(await apply(), { access: 'suspended' });
    });
  }

  it('asks nobody without credentials', async () => {
    given('app.trial_ended', 'trial_expired', { credential: null });
    assert.deepEqual(await apply(), { access: 'suspended' });
    assert.deepEqual(bench.journal, ['product.suspend', 'recordTrial']);
  });

  it('cuts nobody off on a guess: it waits for a Talkdesk that cannot be reached', async () => {
    given('app.trial_ended', 'trial_expired');
    bench.talkdesk.failing.readSubscription = talkdeskError('retryable', { status: 503 });
    assert.equal((await failureOf(apply())).type, 'Retryable');
    bench.talkdesk.failing = {};
    bench.processes.failing.open = new SealingError('unknown key');
    assert.equal((await failureOf(apply())).type, 'NeedsPerson');
    assert.deepEqual([changesOfProduct(), bench.processes.calls.recordTrial], [[], []]);
  });
});

describe('the other trial events', () => {
  for (const [type, reason] of [
    ['app.trial_started', null],
    ['app.trial_extended', null],
    ['app.trial_ended', 'plan_upgraded'],
  ] as const) {
    it(`${type}, ${reason}: resumes a suspended account without asking Talkdesk, leaves another alone`, async () => {
      given(type, reason, { suspended: true });
      assert.deepEqual(await apply(), { access: 'active' });
      assert.deepEqual(bench.journal, ['product.resume', 'recordTrial']);
      assert.equal(bench.product.calls.resume[0]?.idempotencyKey, 'event-1:resume');
      assert.equal(bench.processes.calls.recordTrial[0]?.suspended, false);

      given(type, reason, { suspended: false });
      assert.deepEqual(await apply(), { access: 'active' });
      assert.equal(changesOfProduct().length, 1);
    });
  }

  for (const suspended of [true, false]) {
    it(`an end by uninstall leaves the account as it is: suspended ${suspended}`, async () => {
      given('app.trial_ended', 'app_uninstalled', { suspended });
      assert.deepEqual(await apply(), { access: suspended ? 'suspended' : 'active' });
      assert.deepEqual(bench.journal, ['recordTrial']);
    });
  }
});

describe('a trial event that changes nothing', () => {
  it('an older one that comes later: the newest one says where the trial is', async () => {
    given('app.trial_ended', 'trial_expired', { trial: NEWER });
    assert.deepEqual(await apply(), { access: 'active' });
    assert.deepEqual(bench.journal, ['recordTrial']);
    assert.deepEqual(bench.processes.calls.recordTrial[0]?.trial, NEWER);
  });

  it('an end that is applied again', async () => {
    given('app.trial_ended', 'trial_expired', { trial: ENDED, suspended: true });
    assert.deepEqual(await apply(), { access: 'suspended' });
    assert.deepEqual(changesOfProduct(), []);
  });

  for (const [what, installation, changes] of [
    ['of an installation that has ended', { state: 'ended' }, {}],
    ['of an installation that a newer one replaced', { newestOfTenant: false }, {}],
    ['where there is no account', {}, { productAccountId: null }],
  ] as const) {
    it(`one ${what}: it is recorded, and neither product nor Talkdesk is asked`, async () => {
      given('app.trial_ended', 'trial_expired', installation, changes);
      await apply();
      assert.deepEqual(bench.journal, ['recordTrial']);
      assert.deepEqual(bench.processes.calls.recordTrial[0]?.trial, ENDED);
    });
  }

  it('one that was recorded before', async () => {
    given('app.trial_ended', 'trial_expired', { suspended: true }, { settled: true });
    assert.deepEqual(await apply(), { access: 'suspended' });
    assert.deepEqual([bench.journal, bench.facts], [[], []]);
  });
});

describe('a product that does not follow a trial at once', () => {
  beforeEach(() => given('app.trial_ended', 'trial_expired', { credential: CREDENTIAL }));

  it('is asked again with the same key while it needs time', async () => {
    bench.product.answers.suspend = () => ({ status: 'pending', retryAfterMs: 9_000 });
    const { type, delayMs } = await failureOf(apply());
    assert.deepEqual([type, delayMs], ['Pending', 9_000]);
    bench.product.answers.suspend = () => ({ status: 'done' });
    assert.deepEqual(await apply({ attempt: 2 }), { access: 'suspended' });
    assert.deepEqual(
      bench.product.calls.suspend.map(({ idempotencyKey }) => idempotencyKey),
      ['event-1:suspend', 'event-1:suspend'],
    );
  });

  it('needs a person when it refuses: it has no right to', async () => {
    bench.product.answers.suspend = () => ({ status: 'refused', reason: 'Too important.' });
    const { type, message } = await failureOf(apply());
    assert.deepEqual([type, message], ['NeedsPerson', 'The product refuses what it must do (suspend): Too important.']);
    assert.deepEqual(bench.processes.calls.recordTrial, []);
  });

  it('is asked again with the same key when only the record failed', async () => {
    bench.processes.failing.recordTrial = new StoreUnavailableError('The database is away.');
    assert.equal((await failureOf(apply())).type, 'Retryable');
    bench.processes.failing = {};
    await apply({ attempt: 2 });
    assert.equal(new Set(bench.product.calls.suspend.map(({ idempotencyKey }) => idempotencyKey)).size, 1);
  });
});
