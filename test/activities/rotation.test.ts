import assert from 'node:assert/strict';
import { beforeEach, describe, it } from 'node:test';
import { StoreUnavailableError } from '../../store/errors.js';
import { type Bench, createBench, NOW } from './support/bench.js';
import { failureOf } from './support/failure.js';
import { CREDENTIAL, installationContext, laterRecord, NEW_CREDENTIAL } from './support/records.js';
import { talkdeskError } from './support/talkdesk.js';

const INPUT = { processId: 'rotation:event-1' };
const ABOUT = { atMs: 1_767_607_202_000, installationId: 'installation-1', eventId: 'event-1' };

let bench: Bench;
beforeEach(() => {
  bench = createBench();
  bench.processes.record = laterRecord('rotation');
});

const prove = () => bench.run('proveCredentials', INPUT);
const acknowledge = () => bench.run('acknowledgeCredentials', INPUT);
const clientsAsked = () => bench.talkdesk.seenAccess.map(({ credentials }) => credentials.clientId);

describe('proving new credentials', () => {
  it('takes a token with the new set, makes it current, and forgets the tokens of the old one', async () => {
    assert.deepEqual(await prove(), { current: true });
    assert.deepEqual(bench.journal, ['ensureToken', 'promoteCredential', 'forgetTokens']);
    assert.deepEqual(clientsAsked(), ['client-2']);
    assert.deepEqual(bench.processes.calls.promoteCredential, [{ ...INPUT, stepResult: { current: true }, at: NOW }]);
    assert.deepEqual(bench.facts, [{ ...ABOUT, name: 'credentials-proved' }]);
  });

  it('leaves the old set current while the new one is not accepted, and asks slowly', async () => {
    bench.talkdesk.failing.ensureToken = talkdeskError('credentials', { status: 401 });
    const { type, delayMs } = await failureOf(prove());
    assert.deepEqual([type, delayMs], ['Credentials', 30_000]);
    assert.deepEqual(bench.processes.calls.promoteCredential, []);
  });

  it('ends with the installation: uninstalled, its credentials are not accepted again', async () => {
    const { installation } = laterRecord('rotation');
    bench.processes.record = laterRecord('rotation', { installation: { ...installation, state: 'ended' } });
    bench.talkdesk.failing.ensureToken = talkdeskError('credentials', { status: 401 });
    assert.equal((await failureOf(prove())).type, 'PreEmpted');
    bench.talkdesk.failing.ensureToken = talkdeskError('retryable', { status: 500 });
    assert.equal((await failureOf(prove())).type, 'Retryable');
  });

  it('works while the installation has no other credentials', async () => {
    bench.processes.record = laterRecord('rotation', { credential: null });
    assert.deepEqual(await prove(), { current: true });
  });

  it('is done once', async () => {
    await prove();
    bench.processes.record.ownCredential = { state: 'current', set: NEW_CREDENTIAL };
    assert.deepEqual(await prove(), { current: true });
    assert.deepEqual(bench.journal, ['ensureToken', 'promoteCredential', 'forgetTokens']);
  });

  it('says that a newer set is current: an older rotation that arrived later asks nobody', async () => {
    bench.processes.record = laterRecord('rotation', { ownCredential: { state: 'previous', set: NEW_CREDENTIAL } });
    assert.deepEqual(await prove(), { current: false });
    assert.deepEqual(bench.journal, []);
  });

  it('says so, too, when the newer set became current meanwhile', async () => {
    bench.processes.newerIsCurrent = true;
    assert.deepEqual(await prove(), { current: false });
    assert.deepEqual(bench.facts, []);
  });

  it('is tried again when the promotion could not be stored', async () => {
    bench.processes.failing.promoteCredential = new StoreUnavailableError('The database is away.');
    assert.equal((await failureOf(prove())).type, 'Retryable');
    bench.processes.failing = {};
    assert.deepEqual(await prove(), { current: true });
  });

  for (const [what, changes, message] of [
    ['has ended', { outcome: 'superseded' }, 'the process has ended already: superseded'],
    ['has lost its set', { ownCredential: null }, 'its credentials are gone with the installation'],
  ] as const) {
    it(`is pre-empted where the process ${what}`, async () => {
      bench.processes.record = laterRecord('rotation', changes);
      const failure = await failureOf(prove());
      assert.deepEqual([failure.type, failure.message], ['PreEmpted', message]);
      assert.deepEqual(bench.journal, []);
    });
  }
});

describe('acknowledging new credentials', () => {
  it('is done with the set itself, and recorded as the outcome', async () => {
    assert.equal(await acknowledge(), undefined);
    assert.deepEqual(bench.journal, ['claim', 'acknowledgeCredentials', 'recordOutcome: acknowledged']);
    assert.deepEqual([bench.talkdesk.acknowledged, clientsAsked()], [['client-2'], ['client-2']]);
    assert.deepEqual(bench.processes.calls.recordOutcome, [
      { ...INPUT, outcome: 'acknowledged', reason: 'acknowledged', at: NOW },
    ]);
    assert.deepEqual(bench.facts, [{ ...ABOUT, name: 'credentials-acknowledged' }]);
  });

  it('is not repeated once it is the outcome', async () => {
    await acknowledge();
    await acknowledge();
    assert.deepEqual(bench.talkdesk.acknowledged, ['client-2']);
  });

  it('is sent again when only the outcome could not be stored', async () => {
    bench.processes.failing.recordOutcome = new StoreUnavailableError('The database is away.');
    assert.equal((await failureOf(acknowledge())).type, 'Retryable');
    assert.equal(bench.processes.holder, null);
    bench.processes.failing = {};
    await acknowledge();
    assert.deepEqual(bench.talkdesk.acknowledged, ['client-2', 'client-2']);
  });

  for (const [what, happen, type] of [
    ['a newer rotation ends it', () => (bench.processes.preemptedBy = 'event-9'), 'PreEmpted'],
    ['it ended otherwise', () => (bench.processes.record.outcome = 'expired'), 'PreEmpted'],
    ['its set is gone', () => (bench.processes.record.ownCredential = null), 'PreEmpted'],
    ['another attempt holds it', () => (bench.processes.holder = 'another'), 'Retryable'],
  ] as const) {
    it(`is not sent where ${what}`, async () => {
      happen();
      assert.equal((await failureOf(acknowledge())).type, type);
      assert.deepEqual([bench.talkdesk.acknowledged, bench.processes.calls.recordOutcome], [[], []]);
    });
  }

  it('is tried again, without an outcome, when Talkdesk fails', async () => {
    bench.talkdesk.failing.acknowledgeCredentials = talkdeskError('retryable', { status: 502 });
    assert.equal((await failureOf(acknowledge())).type, 'Retryable');
    assert.deepEqual([bench.processes.holder, bench.processes.calls.recordOutcome], [null, []]);
  });
});

describe('asking for a rotation', () => {
  const ask = () => bench.run('requestRotation', { installationId: 'installation-1' });

  it('is done with the credentials in use', async () => {
    await ask();
    assert.deepEqual([bench.journal, clientsAsked()], [['requestRotation'], ['client-1']]);
    assert.equal(bench.talkdesk.seenAccess[0]?.installationId, 'installation-1');
  });

  it('is refused for an installation that nobody knows', async () => {
    bench.processes.installation = null;
    const { type, message, retried } = await failureOf(ask());
    assert.deepEqual([type, message, retried], ['Refused', 'Installation installation-1 is not known here.', false]);
  });

  it('is refused for an installation that has ended', async () => {
    bench.processes.installation = installationContext({ state: 'ended', credential: CREDENTIAL });
    const { type, message, retried } = await failureOf(ask());
    assert.deepEqual([type, message, retried], ['Refused', 'Installation installation-1 has ended.', false]);
    assert.deepEqual(bench.journal, []);
  });
});
