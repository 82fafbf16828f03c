import { ApplicationFailure, condition, setHandler } from '@temporalio/workflow';
import { type DecideInput, decideUpdate, type RequestRotationInput, wakeSignal } from '../../../contracts/messages.js';

/** Waits for one decision on `install:event-1`, and ends with it, or with a wake-up. */
export async function lifecycleWorkflow(): Promise<DecideInput | 'woken'> {
  let decided: DecideInput | 'woken' | undefined;
  setHandler(wakeSignal, () => {
    decided = 'woken';
  });
  setHandler(
    decideUpdate,
    async (input) => {
      decided = input;
      return { processId: 'install:event-1', installationId: 'installation-1' };
    },
    {
      validator: ({ processId }) => {
        if (processId === undefined || processId === 'install:event-1') return;
        throw ApplicationFailure.nonRetryable(`The process ${processId}\n does not wait for a decision, or no longer.`);
      },
    },
  );
  await condition(() => decided !== undefined);
  return decided as DecideInput | 'woken';
}

/** Ends at once, or with a failure for an installation of that name. */
export async function requestRotationWorkflow({ installationId }: RequestRotationInput): Promise<void> {
  if (installationId === 'unknown') throw ApplicationFailure.nonRetryable('There is no installation unknown.');
}
