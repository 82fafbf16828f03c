import assert from 'node:assert/strict';
import { beforeEach, describe, it } from 'node:test';
import type { FinalState } from '../../contracts/outcomes.js';
import { SealingError, StoreUnavailableError } from '../../store/errors.js';
import type { StateMeaning } from '../../talkdesk/types.js';
import { type Bench, createBench, NOW } from './support/bench.js';
import { failureOf } from './support/failure.js';
import { CLIENT_SECRET, PRIVATE_KEY } from './support/processes.js';
import { installRecord, PROCESS_ID } from './support/records.js';
import { talkdeskError } from './support/talkdesk.js';

const INPUT = { processId: PROCESS_ID };
/** What needs a person is tried again hourly. */
const HOUR_MS = 3_600_000;

let bench: Bench;
beforeEach(() => {
  bench = createBench();
});

describe('syncing from Talkdesk', () => {
  it('reads account, installation, users and plan with a token, and stores what they say', async () => {
    assert.deepEqual(await bench.run('syncFromTalkdesk', INPUT), { remoteState: 'waiting', users: 2 });
    assert.equal(bench.journal[0], 'ensureToken');
    assert.deepEqual(bench.journal.slice(1, 5).sort(), [
      'readAccount',
      'readInstallation',
      'readSubscription',
      'readUsers',
    ]);
    assert.deepEqual(bench.journal.slice(5), ['recordSync']);
    assert.deepEqual(bench.processes.calls.recordSync, [
      {
        processId: PROCESS_ID,
        stepResult: { remoteState: 'waiting', users: 2, autoProvisionFilters: [] },
        snapshot: {
          remoteState: 'waiting',
          remoteStateWord: 'installing',
          remoteUpdatedAt: new Date('2026-01-05T10:00:01Z'),
          companyName: 'Acme Inc.',
          planName: 'Paid Plus',
          planType: 'paid',
          licenses: 10,
          adminUserId: 'user-1',
          scopes: ['apps:read', 'apps:write'],
          users: [
            { talkdeskUserId: 'user-1', email: 'one@acme.test', name: 'One', active: true },
            { talkdeskUserId: 'user-2', email: null, name: null, active: null },
          ],
          readAt: NOW,
        },
      },
    ]);
  });

  it('asks in the name of the installation, and tells nobody its secrets', async () => {
    await bench.run('syncFromTalkdesk', INPUT);
    assert.deepEqual(bench.talkdesk.seenAccess[0], {
      appId: 'app-1',
      installationId: 'installation-1',
      apiRoot: 'https://api.talkdeskapp.com',
      tokenUrl: 'https://acme.talkdeskid.com/oauth/token',
      credentials: {
        clientId: 'client-1',
        clientSecret: CLIENT_SECRET,
        privateKey: PRIVATE_KEY,
        publicKey: null,
        keyId: 'key-1',
        keyAlgorithm: 'ES256',
      },
    });
    assert.doesNotMatch(JSON.stringify([bench.facts, bench.processes.calls.recordSync]), /SECRET/);
    assert.deepEqual(bench.facts.map(({ name }) => name).sort(), ['account', 'token', 'users']);
  });

  it('takes the licences of the installation where the plan names none', async () => {
    bench.talkdesk.readSubscription = async () => ({
      id: null,
      type: null,
      licenseType: null,
      name: null,
      totalLicenses: null,
    });
    await bench.run('syncFromTalkdesk', INPUT);
    const snapshot = bench.processes.calls.recordSync[0]?.snapshot;
    assert.deepEqual([snapshot?.planName, snapshot?.licenses], [null, 20]);
  });

  it('asks nothing when it was done before', async () => {
    bench.processes.record = installRecord({ stepResults: { sync: { remoteState: 'accepted', users: 7 } } });
    assert.deepEqual(await bench.run('syncFromTalkdesk', INPUT), { remoteState: 'accepted', users: 7 });
    assert.deepEqual(bench.journal, []);
  });

  it('does not ask again in a second attempt after its result was stored', async () => {
    await bench.run('syncFromTalkdesk', INPUT, { isLocal: true });
    const asked = bench.journal.length;
    await bench.run('syncFromTalkdesk', INPUT, { attempt: 1 });
    assert.equal(bench.journal.length, asked);
  });

  for (const [state, word] of [
    ['suspended', 'suspended'],
    ['unknown', 'hibernating'],
  ] as const) {
    it(`needs a person for the state ${state}, and stores nothing`, async () => {
      bench.talkdesk.state = state;
      const { type, message, delayMs } = await failureOf(bench.run('syncFromTalkdesk', INPUT));
      assert.deepEqual({ type, delayMs }, { type: 'NeedsPerson', delayMs: HOUR_MS });
      assert.match(message, new RegExp(`"${word}"`));
      assert.deepEqual(bench.processes.calls.recordSync, []);
    });
  }

  it('needs a person for a host that is not in the region table, and does not talk to it', async () => {
    const installation = { ...installRecord().installation, apiRoot: 'https://api.unlisted.test' };
    bench.processes.record = installRecord({ installation });
    const { type, delayMs } = await failureOf(bench.run('syncFromTalkdesk', INPUT));
    assert.deepEqual({ type, delayMs }, { type: 'NeedsPerson', delayMs: HOUR_MS });
    assert.deepEqual(bench.journal, ['recordParked']);
  });

  it('needs a person where no credentials are stored', async () => {
    bench.processes.record = installRecord({ credential: null });
    const { type, message } = await failureOf(bench.run('syncFromTalkdesk', INPUT));
    assert.deepEqual([type, message], ['NeedsPerson', 'No credentials are stored for installation installation-1.']);
    assert.deepEqual(bench.journal, ['recordParked']);
  });

  it('is tried again when one of the readings fails, and stores nothing', async () => {
    bench.talkdesk.failing.readUsers = talkdeskError('retryable', { status: 429, retryAfterMs: 7_000 });
    const { type, retried, delayMs } = await failureOf(bench.run('syncFromTalkdesk', INPUT));
    assert.deepEqual({ type, retried, delayMs }, { type: 'Retryable', retried: true, delayMs: 7_000 });
    assert.deepEqual(bench.processes.calls.recordSync, []);
  });

  it('believes on its third regular attempt that the installation is gone', async () => {
    bench.talkdesk.failing.readInstallation = talkdeskError('gone', { status: 404 });
    const types: string[] = [];
    for (const as of [{ isLocal: true }, { attempt: 1 }, { attempt: 2 }, { attempt: 3 }]) {
      types.push((await failureOf(bench.run('syncFromTalkdesk', INPUT, as))).type);
    }
    assert.deepEqual(types, ['Retryable', 'Retryable', 'Retryable', 'Gone']);
  });

  it('goes the durable way at once after five quick attempts failed, without asking', async () => {
    bench.talkdesk.failing.ensureToken = talkdeskError('retryable', { status: 503 });
    for (let n = 0; n < 5; n += 1) await failureOf(bench.run('syncFromTalkdesk', INPUT, { isLocal: true }));
    assert.equal(bench.journal.length, 5);
    const { type, retried } = await failureOf(bench.run('syncFromTalkdesk', INPUT, { isLocal: true }));
    assert.deepEqual({ type, retried }, { type: 'GoDurable', retried: true });
    assert.equal(bench.journal.length, 5);
    bench.talkdesk.failing = {};
    await bench.run('syncFromTalkdesk', INPUT);
    assert.equal(bench.processes.calls.recordSync.length, 1);
  });
});

describe('the last look before the close', () => {
  it('answers with the state, whatever it is', async () => {
    const states: StateMeaning[] = ['waiting', 'accepted', 'refused', 'dead', 'suspended', 'gone', 'unknown'];
    for (const state of states) {
      bench.talkdesk.state = state;
      assert.deepEqual(await bench.run('readRemoteState', INPUT), { remoteState: state });
    }
  });

  it('does not fail for what Talkdesk answers, nor for what we lack to ask', async () => {
    const table: [error: Error, remoteState: string][] = [
      [talkdeskError('gone'), 'gone'],
      [talkdeskError('credentials'), 'credentials-dead'],
      [talkdeskError('retryable'), 'unreachable'],
      [talkdeskError('needs-person'), 'unreachable'],
      [talkdeskError('refused'), 'unreachable'],
      [talkdeskError('conflict'), 'unreachable'],
      [new Error('no way there'), 'unreachable'],
    ];
    for (const [error, remoteState] of table) {
      bench.talkdesk.failing.readInstallation = error;
      assert.deepEqual(await bench.run('readRemoteState', INPUT), { remoteState });
    }
    bench.processes.record = installRecord({ credential: null });
    assert.deepEqual(await bench.run('readRemoteState', INPUT), { remoteState: 'unreachable' });
    bench.processes.record = installRecord();
    bench.processes.failing.open = new SealingError('unknown key');
    assert.deepEqual(await bench.run('readRemoteState', INPUT), { remoteState: 'unreachable' });
  });
});

describe('the final state after the close', () => {
  it('is what Talkdesk says', async () => {
    const states: FinalState[] = ['waiting', 'accepted', 'refused', 'dead', 'suspended', 'gone'];
    for (const state of states) {
      bench.talkdesk.state = state as StateMeaning;
      const { finalState } = await bench.run('readFinalState', INPUT);
      assert.equal(finalState, state);
    }
  });

  it('is told from a 404 at once, and from credentials that are not accepted any more', async () => {
    bench.talkdesk.failing.readInstallation = talkdeskError('gone');
    assert.deepEqual(await bench.run('readFinalState', INPUT, { isLocal: true }), {
      finalState: 'gone',
      attempted: null,
    });
    bench.talkdesk.failing.readInstallation = talkdeskError('credentials');
    assert.deepEqual(await bench.run('readFinalState', INPUT), { finalState: 'credentials-dead', attempted: null });
  });

  it('needs a person for a word that nobody knows, and for a forbidden reading', async () => {
    bench.talkdesk.state = 'unknown';
    assert.equal((await failureOf(bench.run('readFinalState', INPUT))).type, 'NeedsPerson');
    bench.talkdesk.failing.readInstallation = talkdeskError('needs-person');
    assert.equal((await failureOf(bench.run('readFinalState', INPUT))).type, 'NeedsPerson');
  });

  it('parks on the sixth regular attempt that reaches nobody; nothing is guessed before', async () => {
    bench.talkdesk.failing.readInstallation = talkdeskError('retryable');
    const types: string[] = [];
    for (const as of [{ isLocal: true, attempt: 6 }, { attempt: 1 }, { attempt: 5 }, { attempt: 6 }, { attempt: 7 }]) {
      types.push((await failureOf(bench.run('readFinalState', INPUT, as))).type);
    }
    assert.deepEqual(types, ['Retryable', 'Retryable', 'Retryable', 'NeedsPerson', 'NeedsPerson']);
  });

  it('does not park because our database is away', async () => {
    bench.processes.failing.read = new StoreUnavailableError('The database is away.');
    assert.equal((await failureOf(bench.run('readFinalState', INPUT, { attempt: 9 }))).type, 'Retryable');
  });
});
