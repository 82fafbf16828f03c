import type { LifecycleResult } from '../../../contracts/messages.js';

/** Stand in for the real workflows where only their start matters. */
export async function lifecycleWorkflow(): Promise<LifecycleResult> {
  return { outcomes: [] };
}

export async function logoutWorkflow(): Promise<void> {}
