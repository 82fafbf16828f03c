import type { LifecycleResult } from '../../../contracts/messages.js';

/** Stands in for the real workflow where only its start matters. */
export async function lifecycleWorkflow(): Promise<LifecycleResult> {
  return { outcomes: [] };
}
