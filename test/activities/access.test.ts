import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { accessOf, accessTo, actionable, parkingGone } from '../../activities/access.js';
import { StepError } from '../../activities/failures.js';
import type { ProcessKind } from '../../store/types.js';
import { fakeProcesses } from './support/processes.js';
import { CREDENTIAL, installRecord, laterRecord } from './support/records.js';
import { talkdeskError } from './support/talkdesk.js';

const parts = { processes: fakeProcesses([]) };
const GONE = talkdeskError('gone', { status: 404 });

const attemptOf = (isLocal: boolean, number: number) => ({
  isLocal,
  number,
  token: 'mine',
  signal: new AbortController().signal,
  timeoutMs: 1_000,
  progress() {},
});
const recordOf = (kind: ProcessKind) => (kind === 'install' ? installRecord() : laterRecord(kind));

/** What a call that throws becomes. */
async function thrownBy(kind: ProcessKind, error: Error, isLocal = false, number = 3): Promise<unknown> {
  return await parkingGone(recordOf(kind), attemptOf(isLocal, number), async () => {
    throw error;
  }).then(
    () => assert.fail('It was to fail.'),
    (thrown: unknown) => thrown,
  );
}

describe('an installation that is gone', () => {
  it('parks an update, with what a person must do', async () => {
    const thrown = await thrownBy('update', GONE);
    assert.ok(thrown instanceof StepError);
    assert.equal(thrown.type, 'NeedsPerson');
    assert.equal(
      thrown.message,
      'Could not ask: Talkdesk was not pleased. The installation is in use as far as we know: ask Talkdesk what became of it.',
    );
  });

  it('is not believed by an update’s quick attempt and its first two regular ones', async () => {
    for (const [isLocal, number] of [
      [true, 3],
      [false, 1],
      [false, 2],
    ] as const) {
      assert.equal(await thrownBy('update', GONE, isLocal, number), GONE);
    }
  });

  it('stays what it is for the other kinds', async () => {
    for (const kind of ['install', 'uninstall', 'rotation'] as const) assert.equal(await thrownBy(kind, GONE), GONE);
  });

  it('is not to be mistaken for other failures', async () => {
    for (const error of [talkdeskError('retryable'), talkdeskError('credentials'), new Error('x')]) {
      assert.equal(await thrownBy('update', error), error);
    }
  });

  it('leaves a result alone', async () => {
    assert.equal(await parkingGone(recordOf('update'), attemptOf(false, 3), async () => 'read'), 'read');
  });
});

describe('access to an installation', () => {
  it('holds strange ids and addresses as they are, and the credentials opened', () => {
    const place = {
      tenant: { appId: 'app/1', accountId: 'a%2Fb' },
      installationId: '../__proto__?x=1#y',
      apiRoot: 'https://api.talkdeskapp.com',
      tokenUrl: 'https://acme.talkdeskid.com/oauth/token',
      credential: CREDENTIAL,
    };
    const access = accessTo(parts, place);
    assert.deepEqual([access.appId, access.installationId], ['app/1', '../__proto__?x=1#y']);
    assert.equal(access.credentials.clientSecret, 'SECRET-OF-THE-CLIENT');
    assert.equal('sealedPrivateKey' in access.credentials, false);
  });

  it('needs a person where no credentials are stored', () => {
    assert.throws(
      () => accessOf(parts, installRecord({ credential: null })),
      (error) => error instanceof StepError && error.type === 'NeedsPerson',
    );
  });
});

describe('a state', () => {
  it('is one on which a process can act, or needs a person who is told the word', () => {
    for (const state of ['waiting', 'accepted', 'refused', 'dead', 'gone']) {
      assert.equal(actionable('install', { state, stateWord: 'any' }), state);
    }
    for (const state of ['suspended', 'unknown']) {
      assert.throws(
        () => actionable('install', { state, stateWord: 'x'.repeat(10_000) }),
        (error) => error instanceof StepError && error.type === 'NeedsPerson' && error.message.length < 200,
      );
    }
  });
});
