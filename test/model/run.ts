import assert from 'node:assert/strict';
import { compareEvents } from '../../contracts/events.js';
import type { ProcessRef } from '../../contracts/messages.js';
import type { decideNext, NextStep, preEmptedBy } from '../../workflows/state.js';
import {
  changeWork,
  type Fault,
  type Pause,
  rotationWork,
  supersedeWork,
  trialWork,
  uninstallWork,
  type Work,
  type World,
} from './processes.js';
import { createModelProduct } from './product.js';
import { endsEarly } from './rules.js';
import { createModelStore, type ProcessRow } from './store.js';
import { type AdminAction, createModelTalkdesk, type ModelEvent } from './talkdesk.js';

/** The pure table, handed in. */
export interface Table {
  decideNext: typeof decideNext;
  preEmptedBy: typeof preEmptedBy;
}

interface UnderWay {
  eventId: string;
  work: Work;
  pause: Pause;
}

export type ModelRun = ReturnType<typeof createModelRun>;

/** How long an event waits for the install that it overtook. */
const GRACE_MS = 20 * 60_000;
/** More steps than any story needs. */
const STEP_LIMIT = 5_000;

/** One tenant: its Talkdesk, its product, its tables, and a run that does what the table says. Asserts its rules as it goes. */
export function createModelRun(table: Table, account: string, salt: number, clock: { nowMs: number }) {
  const talkdesk = createModelTalkdesk(account, salt);
  const product = createModelProduct();
  const store = createModelStore();
  const undelivered: ModelEvent[] = [];
  const delivered: ModelEvent[] = [];
  let underWay: UnderWay[] = [];
  let inLine: string | null = null;

  const world: World = {
    ...{ talkdesk, product, store, now: () => clock.nowMs, doubt: { users: false, access: false } },
    endedEarly: (row) => enderOf(row) !== null,
    claimed: (caller, op) => {
      if (op !== 'deprovision')
        assert.ok(!hasEnded(caller), `${op} is begun after the uninstall of ${caller.installationId} ended`);
    },
    applied: (row, to) => {
      assert.equal(to.generationMs, row.generationMs, `${row.processId} answered another installation's process`);
      assert.equal(
        to.word === 'uninstalled',
        row.kind === 'uninstall',
        `${row.processId} answered for a state ${to.word}`,
      );
    },
  };

  /** The uninstall of this generation has been approved, or cannot be any more. */
  function hasEnded({ installationId, generationMs }: { installationId: string; generationMs: number }): boolean {
    return [...store.processes.values()].some(
      (one) =>
        one.kind === 'uninstall' &&
        one.installationId === installationId &&
        one.generationMs === generationMs &&
        (one.outcome === 'approved' || one.outcome === 'credentials-gone'),
    );
  }

  /** Asks the table, and holds its answer to the rules as this model tells them. */
  function enderOf(process: ProcessRef): string | null {
    const view = store.view();
    const enders = [...store.events.values()].filter((row) => row.outcome !== 'quarantined' && endsEarly(row, process));
    // The record has the newest event of each type: an older uninstall that has ended may be hidden by a newer one that has not. What
    // nobody has opened counts, too, and the record need not know it yet.
    const listed = new Set(view.record.rivals.map((rival) => rival.eventId));
    const certain = enders.filter(
      ({ event, status }) =>
        listed.has(event.eventId) || status === 'taken' || (status === 'settled' && event.type !== 'app.uninstalled'),
    );
    const by = table.preEmptedBy(process, view);
    if (by === null) {
      assert.deepEqual(certain, [], `nothing ends ${process.processId}, says the table`);
      return null;
    }
    const ender = enders.find(({ event }) => event.eventId === by);
    assert.ok(ender, `${by} does not end ${process.processId}, whatever the table says`);
    return by;
  }

  function rowOf(process: ProcessRef): ProcessRow {
    const row = store.processes.get(process.processId);
    assert.ok(row && row.outcome === null, `${process.processId} is not open`);
    assert.ok(!underWay.some((one) => one.eventId === row.eventId), `${process.processId} is under way already`);
    return row;
  }

  function begin(eventId: string, work: Work, takesLine: boolean): void {
    if (takesLine) {
      assert.equal(inLine, null, `${eventId} is begun while ${inLine} holds the line`);
      inLine = eventId;
    }
    underWay.push({ eventId, work, pause: { untilMs: null } });
    resume(eventId, 'none');
  }

  /** Lets one piece of work go on to its next pause. */
  function resume(eventId: string, fault: Fault): void {
    const one = underWay.find((other) => other.eventId === eventId);
    assert.ok(one);
    const { done, value } = one.work.next(fault);
    if (done) underWay = underWay.filter((other) => other !== one);
    else one.pause = value;
    if (inLine === eventId && (done || value.leavesLine)) inLine = null;
  }

  /** Ids of events that have waited twenty minutes for the install they overtook. */
  function overdue(): string[] {
    return [...store.events.values()]
      .filter(({ status, receivedAtMs }) => status === 'received' && clock.nowMs >= receivedAtMs + GRACE_MS)
      .map(({ event }) => event.eventId);
  }

  /** Does one step of the table. Says whether there was something to do. */
  function act(step: NextStep): boolean {
    switch (step.do) {
      case 'rest':
      case 'wait':
        return false;
      case 'supersede': {
        assert.equal(enderOf(step.process), step.byEventId);
        begin(step.process.eventId, supersedeWork(world, rowOf(step.process)), true);
        return true;
      }
      case 'run': {
        const row = rowOf(step.process);
        assert.equal(enderOf(row), null, `${row.processId} is run although it is overtaken`);
        const besides = row.kind === 'rotation';
        if (!besides) assertOldest(row);
        const work = { install: changeWork, update: changeWork, uninstall: uninstallWork, rotation: rotationWork }[
          row.kind
        ];
        begin(row.eventId, work(world, row), !besides);
        return true;
      }
      case 'apply-trial':
        assert.ok(
          !underWay.some((one) => one.eventId === step.event.eventId),
          `${step.event.eventId} is being applied already`,
        );
        begin(step.event.eventId, trialWork(world, step.event), false);
        return true;
      case 'settle':
        assert.ok(
          overdue().includes(step.event.eventId),
          `${step.event.eventId} is ended although its install may come`,
        );
        store.settle(step.event.eventId, step.outcome);
        return true;
    }
  }

  /** No process of the line that could run now is of an earlier second, or an install of the same installation. */
  function assertOldest(row: ProcessRow): void {
    const others = store
      .view()
      .processes.filter(
        (one) =>
          one.kind !== 'rotation' &&
          one.eventId !== row.eventId &&
          !underWay.some(({ eventId }) => eventId === one.eventId),
      );
    const first = others.find((one) => one.createdAtMs < row.createdAtMs);
    assert.equal(first, undefined, `${row.processId} is run before ${first?.processId}`);
  }

  /** Looks at the inbox and does what the table says until it has nothing to begin. Gives the moment to look again at, if any. */
  function look(): number | null {
    for (let steps = 0; steps < STEP_LIMIT; steps += 1) {
      store.take(clock.nowMs);
      const view = store.view();
      const run = { nowMs: clock.nowMs, underWay: underWay.map((one) => one.eventId), lineFree: inLine === null };
      const step = table.decideNext(view, run);
      if (act(step)) continue;
      assert.deepEqual(overdue(), [], 'what waited for twenty minutes is ended before the run rests');
      return step.do === 'wait' ? step.untilMs : null;
    }
    throw new Error('The table never comes to rest.');
  }

  /** Delivers one of the events not yet delivered, or one of the others once more. */
  function deliver(pick: number): void {
    const [event] = undelivered.splice(pick % Math.max(undelivered.length, 1), 1);
    if (event !== undefined) delivered.push(event);
    const given = event ?? delivered[pick % Math.max(delivered.length, 1)];
    if (given !== undefined) store.receive(given, clock.nowMs);
  }

  /** Looks, and lets one piece of work take a step. */
  function turn(pick: number, fault: Fault): void {
    look();
    const one = underWay[pick % Math.max(underWay.length, 1)];
    if (one !== undefined) resume(one.eventId, fault);
  }

  /** The run is terminated: what was under way is forgotten, the tables stay. */
  function crash(): void {
    underWay = [];
    inLine = null;
  }

  /** Goes on without faults until nothing is left; time jumps where everything waits. Throws when that never happens. */
  function settleDown(): void {
    for (let rounds = 0; rounds < STEP_LIMIT; rounds += 1) {
      const wakeMs = look();
      const waits: number[] = wakeMs === null ? [] : [wakeMs];
      let moved = false;
      for (const { eventId, pause: before } of [...underWay].sort(byId)) {
        resume(eventId, 'none');
        // What waited looks again, and then waits again or goes on.
        if (before.untilMs !== null && pauseOf(eventId)?.untilMs === null) resume(eventId, 'none');
        const pause = pauseOf(eventId);
        if (pause === undefined || pause.untilMs === null) moved = true;
        else waits.push(pause.untilMs);
      }
      if (moved) continue;
      if (waits.length === 0) return;
      clock.nowMs = Math.max(clock.nowMs, Math.min(...waits));
      talkdesk.tick(clock.nowMs);
    }
    throw new Error('The run never comes to rest.');
  }
  const pauseOf = (eventId: string) => underWay.find((one) => one.eventId === eventId)?.pause;
  const byId = (a: UnderWay, b: UnderWay) => (a.eventId < b.eventId ? -1 : 1);

  /** What happens at Talkdesk now; the events of it wait to be delivered. */
  function happen(action: AdminAction, flag: number): void {
    const events = talkdesk.admin(action, flag, clock.nowMs);
    // Events that need seconds of their own make time pass: none comes out of the future.
    clock.nowMs = Math.max(clock.nowMs, ...events.map((event) => event.createdAtMs));
    undelivered.push(...events.sort(compareEvents));
  }

  const waiting = () => undelivered.length;
  /** Hands the events out instead of delivering them. */
  const takeUndelivered = () => undelivered.splice(0);
  return { talkdesk, product, store, world, happen, deliver, turn, look, crash, settleDown, waiting, takeUndelivered };
}
