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

  function closeWindow(installation: Installation, process: Process): unknown {
    if (process.kind === 'uninstall') {
      if (switches.uninstall_timeout === 'waits') return;
      windows.end(process, 'deprovisioned');
      clients.revokeAll(installation);
      show(installation, 'revoked', clock.now());
    } else {
      windows.end(process, 'timeout');
      show(installation, process.kind === 'install' ? 'timeout' : 'completed', clock.now());
      if (process.kind === 'install' && switches.timeout_revokes_client) clients.revokeAll(installation);
    }
    return settled(installation, process);
  }

  function apply(installation: Installation, process: Process, verb: Verb, reason: string | null, at: Date): void {
    process.decided = { verb, at };
    const ending: Ending = verb === 'approve' ? 'approved' : 'rejected';
    windows.end(process, ending);
    show(installation, stateAfter(process, verb), at, reason);
    if (verb === 'approve' && process.wanted !== null) installation.settings = process.wanted;
    if (verb === 'approve' && process.kind === 'uninstall') clients.revokeAll(installation);
  }

  function refusal(installation: Installation, verb: Verb): { status: number; why: string } {
    const { state } = installation;
    const last = lastProcess(installation);
    if (last?.decided == null) return { status: switches.late_decision_status, why: 'late: the window has ended' };
    return last.decided.verb === verb
      ? { status: switches.repeated_decision_status, why: `repeated: already ${state}` }
      : { status: switches.opposite_decision_status, why: `opposite: already ${state}` };
  }

  return {
    install: (installation, beginning) => begin(installation, 'install', beginning, installation.settings),
    update: (installation, beginning, wanted) => begin(installation, 'update', beginning, wanted),
    uninstall: (installation, beginning) => begin(installation, 'uninstall', beginning, null),
    decide(installation, verb, reason) {
      const waiting = waitingProcess(installation);
      const { status, why } =
        waiting === undefined ? refusal(installation, verb) : { status: 200, why: `${verb} took effect` };
      const at = clock.now();
      const decision = { at, installationId: installation.id, verb, reason, status, process: waiting ?? null };
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

/** A rejected uninstall leaves the installation as it was; what was never completed cannot become so by it. */
function stateAfter({ kind, before }: Process, verb: Verb): ResourceState {
  if (kind === 'install') return verb === 'approve' ? 'completed' : 'rejected';
  if (kind === 'update') return 'completed';
  if (verb === 'approve') return 'revoked';
  return before.state === 'installing' ? 'rejected' : 'completed';
}

/** The state as the partner is shown it: not every Talkdesk shows that an update or an uninstall waits (talkdesk-api.md 9.17). */
export function shownState(installation: Installation, switches: Switches): ShownState {
  const { state } = installation;
  const hidden =
    (state === 'updating' && switches.update_state === 'completed') ||
    (state === 'uninstalled' && switches.uninstall_state === 'completed');
  return (hidden ? waitingProcess(installation)?.before : undefined) ?? stateOf(installation);
}
