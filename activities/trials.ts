import type { Trial } from '../store/types.js';
import type { TrialEvent } from '../talkdesk/types.js';

/** Where the trial is after an event: the newest event says so; an older one changes nothing (docs/lifecycle.md). */
export function trialAfter(current: Trial | null, event: TrialEvent, eventCreatedAt: Date): Trial {
  if (current !== null && current.eventCreatedAt > eventCreatedAt) return current;
  const ended = event.type === 'app.trial_ended';
  return {
    state: ended ? 'ended' : 'active',
    expiresAt: event.expiresAt ?? current?.expiresAt ?? null,
    endedReason: ended ? event.endedReason : null,
    eventCreatedAt,
  };
}

/**
 * What a trial means for the product account; null: it stays as it is, because the uninstall that ended the trial ends it.
 *
 * @param planType asked only where it decides
 */
export async function accessOfTrial(
  trial: Trial,
  planType: () => Promise<string | null>,
): Promise<'active' | 'suspended' | null> {
  if (trial.state === 'active' || trial.endedReason === 'plan_upgraded') return 'active';
  if (trial.endedReason === 'app_uninstalled') return null;
  return (await planType()) === 'paid' ? 'active' : 'suspended';
}
