import assert from 'node:assert/strict';
import type { ModelRun } from './run.js';

/** Where a tenant has come to, told without times and ids of processes. */
export interface EndState {
  talkdesk: string | null;
  account: { status: string; users: string[] } | null;
  mapping: string[] | null;
  credentials: string[];
}

/** The end state of a tenant's run. An account that has ended is none. */
export function endStateOf({ talkdesk, product, store }: ModelRun): EndState {
  const account = product.account();
  const inUse = account !== null && account.status !== 'ended';
  return {
    talkdesk: talkdesk.current()?.word ?? null,
    account: inUse ? { status: account.status, users: account.users } : null,
    mapping: inUse ? store.mapping() : null,
    credentials: store.credentials.filter((one) => one.state === 'current').map((one) => one.clientId),
  };
}

/** Asserts that the end of a run is what Talkdesk's truth makes of it, whatever came in between. */
export function assertTrueEnd(run: ModelRun): void {
  assertOutcomes(run);
  assertEffects(run);
  const { talkdesk, product, store, world } = run;
  const current = talkdesk.current();
  const account = product.account();
  if (current?.word === 'completed') {
    assert.ok(account, 'the installation is in use at Talkdesk and has no account');
    assert.equal(account.generationMs, current.installedAtMs, 'the account belongs to the newest installation');
    assert.notEqual(account.status, 'ended', 'the installation is in use at Talkdesk, and its access has ended');
    assert.equal(store.installations.get(current.id)?.state, 'active');
    if (!world.doubt.users) {
      assert.deepEqual(account.users, current.users, 'the users of the account are those of Talkdesk');
      assert.deepEqual(store.mapping(), current.users, 'the mapping is the list of Talkdesk');
    }
    if (!world.doubt.access) {
      const suspended = current.paid ? false : trialSuspends(run, current.id, current.installedAtMs);
      assert.equal(account.status, suspended ? 'suspended' : 'active', 'access follows the trial and the plan');
    }
  } else assert.ok(account === null || account.status === 'ended', `access although Talkdesk says ${current?.word}`);
  if (current !== null) assertAnswered(run, current.word);
  for (const installation of store.installations.values()) assertCredentials(run, installation.id);
}

/** The newest trial event that reached us in time says that the trial has run out. */
function trialSuspends({ store }: ModelRun, installationId: string, installedAtMs: number): boolean {
  const trials = [...store.events.values()]
    .map(({ event }) => event)
    .filter((event) => event.installationId === installationId && event.type.startsWith('app.trial_'))
    .filter(
      (event) =>
        event.createdAtMs >= installedAtMs &&
        event.createdAtMs <= (store.installations.get(installationId)?.trial?.eventCreatedAtMs ?? 0),
    );
  return trials.sort((a, b) => a.createdAtMs - b.createdAtMs).at(-1)?.endedReason === 'trial_expired';
}

/** Nothing at Talkdesk waits for us, but an uninstall that we have no credentials for. */
function assertAnswered({ store, talkdesk }: ModelRun, word: string): void {
  const id = talkdesk.current()?.id;
  const unanswerable = [...store.events.values()].some(
    ({ event, outcome }) =>
      event.type === 'app.uninstalled' && event.installationId === id && outcome === 'credentials-gone',
  );
  const answered = ['completed', 'rejected', 'timeout', 'revoked'];
  if (!unanswerable) assert.ok(answered.includes(word), `Talkdesk still waits: ${word}`);
}

/** Every event has one outcome, and so has every process: its event's. (A second one throws when it is recorded.) */
function assertOutcomes({ store }: ModelRun): void {
  for (const { event, status, outcome } of store.events.values()) {
    assert.ok(status === 'settled' && outcome !== null, `${event.eventId} (${event.type}) has no outcome`);
  }
  for (const one of store.processes.values()) {
    assert.equal(one.outcome, store.events.get(one.eventId)?.outcome, one.processId);
    if (one.outcome !== 'approved')
      assert.notEqual(one.undo, 'registered', `${one.processId} was begun and never undone`);
  }
}

/** One effect for each key, and none for an installation after its uninstall but the end of its access. */
function assertEffects({ product }: ModelRun): void {
  const keys = product.effects.map((effect) => effect.key);
  assert.equal(new Set(keys).size, keys.length, `an effect was repeated: ${keys.join(', ')}`);
  const ended = new Set<number>();
  for (const effect of product.effects) {
    if (effect.op === 'deprovision') ended.add(effect.generationMs);
    else assert.ok(!ended.has(effect.generationMs), `${effect.key} took effect after the end of its installation`);
  }
}

/** One current set, the newest, while an installation is in use; none of any kind after its end. */
function assertCredentials({ store }: ModelRun, installationId: string): void {
  const installation = store.installations.get(installationId);
  const kept = store.credentials.filter((one) => one.installationId === installationId && one.state !== 'gone');
  if (installation?.state === 'ended' && !store.mayForget(installationId)) return;
  if (installation?.state === 'ended') {
    assert.deepEqual(kept, [], `${installationId} has ended and keeps credentials`);
    return;
  }
  const current = kept.filter((one) => one.state === 'current');
  assert.equal(current.length, 1, `${installationId} has ${current.length} current sets`);
  const newest = [...store.events.values()]
    .filter(
      ({ event, outcome }) =>
        event.installationId === installationId && event.clientId !== null && outcome !== 'quarantined',
    )
    .map(({ event }) => event)
    .sort((a, b) => a.createdAtMs - b.createdAtMs || (a.type === 'app.installed' ? -1 : 1));
  assert.equal(current[0]?.clientId, newest.at(-1)?.clientId, `the newest set of ${installationId} is the current one`);
}
