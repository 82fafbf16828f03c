import type { OpenEvent } from '../../contracts/events.js';
import type { ProcessOutcome } from '../../contracts/outcomes.js';
import type { ModelProduct, ProductCaller, ProductOperation } from './product.js';
import type { ModelStore, ProcessRow } from './store.js';
import type { ModelTalkdesk, RemoteWord } from './talkdesk.js';

/** What goes wrong in the step that is about to be taken; `lost`: it takes effect, and its answer is lost; `refuse`: the product says no. */
export type Fault = 'none' | 'fail' | 'lost' | 'refuse';

/** Where a piece of work lets others go on. `untilMs`: nothing but a change from outside helps it before then. */
export interface Pause {
  untilMs: number | null;
  /** It holds the line no longer. */
  leavesLine?: true;
}

/** A piece of work; it is resumed with the fault of its next step. */
export type Work = Generator<Pause, void, Fault>;
type Part<T> = Generator<Pause, T, Fault>;

/** One tenant's surroundings. */
export interface World {
  talkdesk: ModelTalkdesk;
  product: ModelProduct;
  store: ModelStore;
  now: () => number;
  /** Whether an event ends this process: asked at every claim. */
  endedEarly: (row: ProcessRow) => boolean;
  /** Called when a step that may change something is claimed. */
  claimed: (caller: ProductCaller, op: ProductOperation['op']) => void;
  /** Called for every decision that Talkdesk applied to something. */
  applied: (row: ProcessRow, to: { generationMs: number; word: RemoteWord }) => void;
  /** What the contract leaves undecidable, and the last check must therefore not ask for. */
  doubt: { users: boolean; access: boolean };
}

const MINUTE_MS = 60_000;
const WINDOW_MS = 7 * 24 * 60 * MINUTE_MS;
const GRACE_MS = 20 * MINUTE_MS;
const NOW: Pause = { untilMs: null };

const closeOf = (row: ProcessRow) => row.createdAtMs + WINDOW_MS;

/** A call to the product: claimed, then perhaps interrupted, repeated with the same key until it is answered. */
function* callProduct(
  world: World,
  row: ProcessRow,
  step: string,
  operation: ProductOperation,
  undoing = false,
): Part<'done' | 'refused' | 'ended-early'> {
  const { processId, installationId, generationMs } = row;
  const caller = { processId, installationId, generationMs };
  for (;;) {
    if (!undoing && world.endedEarly(row)) return 'ended-early';
    if (!undoing && row.kind === 'install') row.undo = 'registered';
    world.claimed(caller, operation.op);
    const fault = yield NOW;
    if (fault === 'fail') continue;
    if (fault === 'refuse' && !undoing && row.kind !== 'uninstall') return 'refused';
    world.product.call(caller, step, operation);
    if (fault !== 'lost') return 'done';
  }
}

/**
 * Ends a process: undoes what was begun, unless it was approved, and records. An uninstall that is overtaken by the reinstallation under
 * its id still ends the access of the old installation: nothing says that the new one will ever be provisioned.
 */
function* end(world: World, row: ProcessRow, outcome: ProcessOutcome): Work {
  if (row.kind === 'uninstall' && !row.stepDone)
    yield* callProduct(world, row, 'end-access', { op: 'deprovision' }, true);
  if (row.undo === 'registered' && outcome !== 'approved') {
    const usersBefore = row.synced?.usersBefore ?? [];
    const operation: ProductOperation =
      row.kind === 'install' ? { op: 'deprovision' } : { op: 'restore', users: usersBefore };
    yield* callProduct(world, row, 'undo', operation, true);
    if (row.kind === 'update') world.store.setMapping(usersBefore);
    row.undo = 'done';
  }
  // An approve had taken the update along at Talkdesk: what was restored is older than what is in force there, until the next update.
  if (row.kind === 'update' && outcome === 'superseded' && approvedSince(world, row)) world.doubt.users = true;
  if (outcome === 'approved' && row.kind !== 'uninstall') world.doubt = { users: false, access: false };
  world.store.record(row, outcome);
}

interface Seen {
  word: RemoteWord;
  users: string[];
  paid: boolean;
  fault: Fault;
}

/** Reads the installation for an install or update, for as long as its credentials are not accepted; or says how the process ends. */
function* look(world: World, row: ProcessRow): Part<Seen | { ended: ProcessOutcome }> {
  for (;;) {
    const fault = yield NOW;
    if (world.endedEarly(row)) return { ended: 'superseded' };
    const credential = world.store.currentOf(row.installationId);
    const read = world.talkdesk.read(row.installationId, credential?.clientId ?? null, world.now());
    if (world.now() >= closeOf(row)) {
      // Nothing but this service approves an install; an update leaves what was accepted before as it was.
      const ours = row.kind === 'install' ? !row.rejectSent : row.approveSentAtMs !== null;
      const approved = read !== 'credentials' && read.word === 'completed' && ours;
      return { ended: approved ? 'approved' : 'expired' };
    }
    if (read === 'credentials') yield { untilMs: closeOf(row) };
    else if (fault !== 'fail') return { ...read, fault };
  }
}

/** How docs/lifecycle.md, "How each process decides", reads a state before an answer to an install or update. */
function judge(world: World, row: ProcessRow, word: RemoteWord): 'send' | ProcessOutcome {
  if (word === 'installing' || word === 'updating') return 'send';
  if (word === 'timeout') return 'expired';
  if (word === 'uninstalled' || word === 'revoked') return 'superseded';
  if (word === 'rejected') {
    if (row.kind === 'install') return row.approveSentAtMs === null ? 'rejected' : 'contradicted';
    return row.rejectSent ? 'rejected' : 'contradicted';
  }
  // Nothing but this service approves or rejects an install; a refusal cannot be told any more.
  if (row.kind === 'install') return row.refused ? 'contradicted' : 'approved';
  if (row.refused) return row.rejectSent ? 'rejected' : 'send';
  return row.approveSentAtMs !== null || approvedSince(world, row) ? 'approved' : 'send';
}

/** When processes of this installation and generation sent an approve. */
function approvals(world: World, row: ProcessRow): number[] {
  return [...world.store.processes.values()]
    .filter((one) => one.installationId === row.installationId && one.generationMs === row.generationMs)
    .flatMap((one) => (one.kind === 'uninstall' || one.approveSentAtMs === null ? [] : [one.approveSentAtMs]));
}

const approvedSince = (world: World, row: ProcessRow) =>
  approvals(world, row).some((sentAtMs) => sentAtMs >= row.createdAtMs);

/** Reads, sends and reads again until there is an outcome. Nothing comes between the reading and the sending. */
function* answer(world: World, row: ProcessRow): Part<ProcessOutcome> {
  for (;;) {
    const seen = yield* look(world, row);
    if ('ended' in seen) return seen.ended;
    const verdict = judge(world, row, seen.word);
    if (verdict !== 'send') return verdict;
    if (row.refused) row.rejectSent = true;
    else row.approveSentAtMs = world.now();
    const clientId = world.store.currentOf(row.installationId)?.clientId ?? null;
    const verb = row.refused ? 'reject' : 'approve';
    const applied = world.talkdesk.decide(row.installationId, clientId, verb, world.now());
    if (typeof applied !== 'string') world.applied(row, applied);
    if (seen.fault !== 'lost') return row.refused ? 'rejected' : 'approved';
  }
}

/** Install and update: sync → product → answer; a refusal turns the answer into a reject. */
export function* changeWork(world: World, row: ProcessRow): Work {
  if (row.synced === null) {
    const seen = yield* look(world, row);
    if ('ended' in seen) return yield* end(world, row, seen.ended);
    const verdict = judge(world, row, seen.word);
    const goesOn = verdict === 'send' || verdict === 'approved';
    if (!goesOn) return yield* end(world, row, verdict);
    row.synced = { users: seen.users, paid: seen.paid, usersBefore: world.store.mapping() };
    // What an update has synced is begun: the mapping has changed.
    if (row.kind === 'update') row.undo = 'registered';
    world.store.setMapping(seen.users);
  }
  if (!row.stepDone && !row.refused) {
    const { users, paid } = row.synced;
    const operation: ProductOperation =
      row.kind === 'install' ? { op: 'provision', users } : { op: 'update', users, resume: paid };
    const result = yield* callProduct(world, row, row.kind, operation);
    if (result === 'ended-early') return yield* end(world, row, 'superseded');
    if (result === 'refused') {
      row.refused = true;
      if (row.kind === 'update') {
        world.doubt.access = true;
        // An approve of ours has taken the update along: a reject cannot take it back.
        if (approvedSince(world, row)) world.doubt.users = true;
      }
    } else row.stepDone = true;
  }
  const outcome = yield* answer(world, row);
  yield* end(world, row, outcome);
}

/** Uninstall: access ends in the line, the approval follows beside it. */
export function* uninstallWork(world: World, row: ProcessRow): Work {
  if (!row.stepDone) {
    const result = yield* callProduct(world, row, 'end-access', { op: 'deprovision' });
    if (result === 'ended-early') return yield* end(world, row, 'superseded');
    row.stepDone = true;
  }
  yield { untilMs: null, leavesLine: true };
  for (;;) {
    const fault = yield NOW;
    if (world.endedEarly(row)) return yield* end(world, row, 'superseded');
    const clientId = world.store.currentOf(row.installationId)?.clientId ?? null;
    const read = world.talkdesk.read(row.installationId, clientId, world.now());
    if (read === 'credentials' || read.word === 'revoked') {
      if (row.approveSentAtMs !== null) return yield* end(world, row, 'approved');
      const endMs = row.takenAtMs + GRACE_MS;
      if (read !== 'credentials' || world.now() >= endMs) return yield* end(world, row, 'credentials-gone');
      yield { untilMs: endMs };
    } else if (fault !== 'fail') {
      row.approveSentAtMs = world.now();
      const applied = world.talkdesk.decide(row.installationId, clientId, 'approve', world.now());
      if (typeof applied !== 'string') world.applied(row, applied);
      if (fault !== 'lost') return yield* end(world, row, 'approved');
    }
  }
}

/** Rotation: prove → promote → acknowledge; expired, its set is promoted all the same. */
export function* rotationWork(world: World, row: ProcessRow): Work {
  const clientId = world.store.events.get(row.eventId)?.event.clientId ?? '';
  for (;;) {
    const fault = yield NOW;
    if (world.endedEarly(row)) return yield* end(world, row, 'superseded');
    if (world.now() >= closeOf(row)) {
      world.store.promote(row);
      return yield* end(world, row, 'expired');
    }
    if (fault === 'fail') continue;
    if (!row.stepDone) {
      if (world.talkdesk.read(row.installationId, clientId, world.now()) === 'credentials') {
        yield { untilMs: closeOf(row) };
        continue;
      }
      world.store.promote(row);
      row.stepDone = true;
    } else if (world.talkdesk.acknowledge(row.installationId, clientId, world.now()) === 'credentials') {
      yield { untilMs: closeOf(row) };
    } else if (fault !== 'lost') {
      world.store.dropBefore(row);
      return yield* end(world, row, 'acknowledged');
    }
  }
}

/** Undoing what an overtaken process had begun, in a run that did not begin it or was not told in time. */
export function* supersedeWork(world: World, row: ProcessRow): Work {
  yield NOW;
  yield* end(world, row, 'superseded');
}

/** A newer trial event was received, applied or not: applying this one could undo what that one has done already. */
function hasNewerTrial({ store }: World, { installationId, createdAtMs }: OpenEvent): boolean {
  return [...store.events.values()].some(
    ({ event }) =>
      event.installationId === installationId && event.type.startsWith('app.trial_') && event.createdAtMs > createdAtMs,
  );
}

/** A trial event: the newest one says whether the account is in use. */
export function* trialWork(world: World, event: OpenEvent): Work {
  for (;;) {
    const fault = yield NOW;
    const installation = world.store.installations.get(event.installationId ?? '');
    if (installation?.state !== 'active' || event.createdAtMs < installation.installedAtMs) break;
    if (hasNewerTrial(world, event)) break;
    const clientId = world.store.currentOf(installation.id)?.clientId ?? null;
    const read = world.talkdesk.read(installation.id, clientId, world.now());
    const reason = world.store.events.get(event.eventId)?.event.endedReason ?? null;
    if (read === 'credentials') {
      yield { untilMs: world.now() + 60 * MINUTE_MS };
      continue;
    }
    const caller = {
      processId: event.eventId,
      installationId: installation.id,
      generationMs: installation.installedAtMs,
    };
    const suspends = reason === 'trial_expired' && !read.paid;
    const op = suspends ? 'suspend' : 'resume';
    if (reason !== 'app_uninstalled') {
      world.claimed(caller, op);
      if (fault === 'fail') continue;
      const interrupted = yield NOW;
      if (interrupted === 'fail') continue;
      world.product.call(caller, op, { op });
      if (interrupted === 'lost') continue;
    }
    if (installation.installedAtMs === caller.generationMs) {
      installation.trial = { eventCreatedAtMs: event.createdAtMs, suspends };
    }
    break;
  }
  world.store.settle(event.eventId, 'recorded');
}
