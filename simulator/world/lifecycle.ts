import type { Clients } from './clients.js';
import type { VirtualClock } from './clock.js';
import type { Switches } from './switches.js';
import type { Beginning, Windows } from './windows.js';
import {
  type CustomerSettings,
  type Decision,
  type Ending,
  type Installation,
  lastProcess,
  type Process,
  type ResourceState,
  type ShownState,
  stateOf,
  type Verb,
  type World,
  waitingProcess,
} from './world.js';

/**
 * The state machine of an installation (talkdesk-api.md 4.4, 7). A new process takes the place of the one that waits: the
 * contract has one state and one decision call, so only one of them can be answered.
 */
export interface Lifecycle {
  /** A first installation, or another one under the same id: without an answer it times out. */
  install(installation: Installation, beginning: Beginning): void;
  /** A change of settings: without an answer the old ones stay. */
  update(installation: Installation, beginning: Beginning, wanted: CustomerSettings): void;
  /** An uninstallation: without an answer it goes on as the switch `uninstall_timeout` says. */
  uninstall(installation: Installation, beginning: Beginning): void;
  /** Waits again for the end of a window that is open. */
  resume(installation: Installation, process: Process): void;
  /**
   * Applies a decision to the process that waits; a repeated, opposite or late one changes nothing, and its status is what the
   * switches say. Every call is recorded.
   */
  decide(installation: Installation, verb: Verb, reason: string | null): Decision & { why: string };
}

/**
 * A lifecycle that records its decisions in the world.
 * @param settled runs after a process was approved, rejected or ended by its window
 */
export function createLifecycle(deps: {
  world: World;
  clock: VirtualClock;
  switches: Switches;
  windows: Windows;
  clients: Clients;
  settled: (installation: Installation, process: Process) => unknown;
}): Lifecycle {
  const { world, clock, switches, windows, clients, settled } = deps;

  function show(installation: Installation, state: ResourceState, at: Date, reason: string | null = null): void {
    installation.state = state;
    installation.stateReason = reason;
    installation.stateUpdatedAt = at;
  }

  function begin(
    installation: Installation,
    kind: 'install' | 'update' | 'uninstall',
    beginning: Beginning,
    wanted: CustomerSettings | null,
  ): void {
    const waiting = waitingProcess(installation);
    if (waiting !== undefined) windows.end(waiting, 'superseded');
    // What an update showed was on its way to something; what came before it is where the installation stands.
    const before = waiting?.kind === 'update' ? waiting.before : stateOf(installation);
    const process = { kind, ...beginning, wanted, client: null, before };
    windows.open(installation, process, (open) => closeWindow(installation, open));
    const states = { install: 'installing', update: 'updating', uninstall: 'uninstalled' } as const;
    show(installation, states[kind], beginning.createdAt);
  }

  /** The settings that a process asked for come into force with its approval; by the switch those of any update do. */
  function takeOver(installation: Installation, { kind, wanted }: Process, verb: Verb | null): void {
    if (wanted === null || (verb !== 'approve' && !(kind === 'update' && switches.unapproved_update === 'takes-new')))
      return;
    installation.settings = wanted;
  }

  function closeWindow(installation: Installation, process: Process): unknown {
    if (process.kind === 'uninstall') {
      if (switches.uninstall_timeout === 'waits') return;
      windows.end(process, 'deprovisioned');
      clients.retire(installation);
      show(installation, 'revoked', clock.now());
    } else {
      windows.end(process, 'timeout');
      takeOver(installation, process, null);
      show(installation, process.kind === 'install' ? 'timeout' : stateAfter(process, null, switches), clock.now());
      if (process.kind === 'install' && switches.timeout_revokes_client) clients.revokeAll(installation);
    }
    return settled(installation, process);
  }

  function apply(installation: Installation, process: Process, verb: Verb, reason: string | null, at: Date): void {
    process.decided = { verb, at };
    const ending: Ending = verb === 'approve' ? 'approved' : 'rejected';
    windows.end(process, ending);
    takeOver(installation, process, verb);
    show(installation, stateAfter(process, verb, switches), at, reason);
    if (verb === 'approve' && process.kind === 'uninstall') clients.retire(installation);
  }

  function refusal(installation: Installation, verb: Verb): Pick<Decision, 'status' | 'effect'> & { why: string } {
    const { state } = installation;
    const last = lastProcess(installation);
    if (last?.decided == null) {
      return { status: switches.late_decision_status, effect: 'late', why: 'late: the window has ended' };
    }
    return last.decided.verb === verb
      ? { status: switches.repeated_decision_status, effect: 'repeated', why: `repeated: already ${state}` }
      : { status: switches.opposite_decision_status, effect: 'opposite', why: `opposite: already ${state}` };
  }

  return {
    install: (installation, beginning) => begin(installation, 'install', beginning, installation.settings),
    update: (installation, beginning, wanted) => begin(installation, 'update', beginning, wanted),
    uninstall: (installation, beginning) => begin(installation, 'uninstall', beginning, null),
    resume: (installation, process) => windows.resume(process, installation, (open) => closeWindow(installation, open)),
    decide(installation, verb, givenReason) {
      // It is shown wherever decisions are.
      const reason = givenReason === null ? null : world.secrets.redact(givenReason);
      const waiting = waitingProcess(installation);
      const { status, effect, why } =
        waiting === undefined
          ? refusal(installation, verb)
          : { status: 200, effect: 'took-effect' as const, why: `${verb} took effect` };
      const at = clock.now();
      const decision = { at, installationId: installation.id, verb, reason, status, effect, process: waiting ?? null };
      installation.decisions.push(decision);
      world.decisions.push(decision);
      if (waiting !== undefined) {
        apply(installation, waiting, verb, reason, at);
        settled(installation, waiting);
      }
      return { ...decision, why };
    },
  };
}

/**
 * The state after a decision, null for an update that got none. What was not approved leaves the installation as it was; what was
 * never completed cannot become so by it. A plan that was paid for in the meantime ends a suspension.
 */
function stateAfter({ kind, before, wanted }: Process, verb: Verb | null, switches: Switches): ResourceState {
  if (kind === 'install') return verb === 'approve' ? 'completed' : 'rejected';
  if (kind === 'uninstall' && verb === 'approve') return 'revoked';
  if (kind === 'uninstall' && before.state === 'installing') return 'rejected';
  const isTaken = kind === 'update' && (verb === 'approve' || switches.unapproved_update === 'takes-new');
  return before.state === 'suspended' && !(isTaken && wanted?.plan.type === 'paid') ? 'suspended' : 'completed';
}

/** The state as the partner is shown it: not every Talkdesk shows that an update or an uninstall waits (talkdesk-api.md 9.17). */
export function shownState(installation: Installation, switches: Switches): ShownState {
  const { state } = installation;
  if (state === 'revoked' && switches.deprovisioned_reads === 'uninstalled') {
    return { ...stateOf(installation), state: 'uninstalled' };
  }
  const hidden =
    (state === 'updating' && switches.update_state === 'completed') ||
    (state === 'uninstalled' && switches.uninstall_state === 'completed');
  return (hidden ? waitingProcess(installation)?.before : undefined) ?? stateOf(installation);
}
