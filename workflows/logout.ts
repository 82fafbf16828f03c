import { ActivityFailure, ApplicationFailure, setCurrentDetails } from '@temporalio/workflow';
import type { LogoutInput } from '../contracts/messages.js';
import { durable, durableOptions, LOCAL_OPTIONS, quick } from './proxies.js';

/** Best effort: a session that the product could not end in this time is not worth more attempts. */
const GIVE_UP_AFTER = '10 minutes';

/** Hands one logout to the product: at once, never behind its tenant's run, and not for ever. It is recorded however that ends. */
export async function logoutWorkflow(input: LogoutInput): Promise<void> {
  setCurrentDetails('Handing the logout to the product.');
  const summary = 'Hand the logout to the product';
  try {
    await quick.handOverLogout.executeWithOptions({ ...LOCAL_OPTIONS, summary }, [input]);
    setCurrentDetails('**recorded**: the product ended the session.');
  } catch {
    await withPatience(input, summary);
  }
}

async function withPatience(input: LogoutInput, summary: string): Promise<void> {
  try {
    const options = { ...durableOptions('handOverLogout', summary), scheduleToCloseTimeout: GIVE_UP_AFTER };
    await durable.handOverLogout.executeWithOptions(options, [input]);
    setCurrentDetails('**recorded**: the product ended the session.');
  } catch (error) {
    if (!(error instanceof ActivityFailure)) throw error;
    const reason = error.cause instanceof ApplicationFailure ? error.cause.message : 'it did not answer in time';
    const settled = { eventId: input.eventId, outcome: 'recorded', reason: `not handed over: ${reason}` } as const;
    await durable.settleEvent.executeWithOptions(durableOptions('settleEvent', 'Record: not handed over'), [settled]);
    setCurrentDetails(`**recorded**, but the product was not told: ${reason}`);
  }
}
