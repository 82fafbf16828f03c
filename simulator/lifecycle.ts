import type { VirtualClock } from './clock.js';
import type { Switches } from './switches.js';
import type { Decision, Installation, Verb, World } from './world.js';

/** The process window: seven days from the event (talkdesk-api.md 7.1). */
export const windowMs = 7 * 86_400_000;

/** The state machine of an installation (talkdesk-api.md 4.4). */
export interface Lifecycle {
  /** Starts the window: without an answer the installation times out at its deadline. */
  begin(installation: Installation): void;
  /**
   * Applies a decision if the installation waits for one; a repeated, opposite or late one changes nothing, and its status
   * is what the switches say. Every call is recorded.
   */
  decide(installation: Installation, verb: Verb, reason: string | null): Decision & { why: string };
}

/** A lifecycle on this clock that records its decisions in the world. */
export function createLifecycle(world: World, clock: VirtualClock, switches: Switches): Lifecycle {
  const cancelTimeouts = new Map<string, () => void>();

  function timeOut(installation: Installation): void {
    cancelTimeouts.delete(installation.id);
    if (installation.state !== 'installing') return;
    installation.state = 'timeout';
    installation.stateUpdatedAt = clock.now();
    if (switches.timeout_revokes_client) installation.client.revoked = true;
  }

  function outcomeOf(installation: Installation, verb: Verb): { status: number; effective: boolean; why: string } {
    const { state } = installation;
    if (state === 'installing') return { status: 200, effective: true, why: `${verb} took effect` };
    if (state === 'timeout') {
      return { status: switches.late_decision_status, effective: false, why: 'late: the window has ended' };
    }
    if (state === (verb === 'approve' ? 'completed' : 'rejected')) {
      return { status: switches.repeated_decision_status, effective: false, why: `repeated: already ${state}` };
    }
    return { status: switches.opposite_decision_status, effective: false, why: `opposite: already ${state}` };
  }

  return {
    begin(installation) {
      cancelTimeouts.set(
        installation.id,
        clock.schedule(installation.deadline, () => timeOut(installation)),
      );
    },
    decide(installation, verb, reason) {
      const { status, effective, why } = outcomeOf(installation, verb);
      const decision: Decision = { at: clock.now(), installationId: installation.id, verb, reason, status, effective };
      installation.decisions.push(decision);
      world.decisions.push(decision);
      if (effective) {
        installation.state = verb === 'approve' ? 'completed' : 'rejected';
        installation.stateReason = reason;
        installation.stateUpdatedAt = decision.at;
        if (verb === 'approve') installation.approvedAt = decision.at;
        cancelTimeouts.get(installation.id)?.();
        cancelTimeouts.delete(installation.id);
      }
      return { ...decision, why };
    },
  };
}
