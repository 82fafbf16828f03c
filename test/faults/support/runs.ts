import { eventually } from '../../support/eventually.js';
import type { FaultWorld } from './world.js';
import { operatorOf } from './operator.js';

interface ReachedOutcome {
  eventId: string;
  outcome: string;
}

/**
 * Outcomes that an account's closed runs say they reached, over all runs, once none is open. None where a signal met the run's first task: the
 * server refuses its completion, the steps run again, and find the outcome recorded.
 */
export async function outcomesInRuns(world: FaultWorld, accountId: string): Promise<ReachedOutcome[]> {
  const client = await operatorOf(world);
  const query = `WorkflowId = '${world.surroundings.appId}/${accountId}'`;
  try {
    return await eventually('no run of the account is open, and one has ended', async () => {
      const open = await client.workflow.count(`${query} AND ExecutionStatus = 'Running'`);
      if (open.count > 0) return null;
      const reached: ReachedOutcome[] = [];
      let ended = 0;
      for await (const { workflowId, runId } of client.workflow.list({ query })) {
        const result = (await client.workflow.getHandle(workflowId, runId).result()) as { outcomes: ReachedOutcome[] };
        reached.push(...result.outcomes);
        ended += 1;
      }
      return ended > 0 ? reached : null;
    });
  } finally {
    await client.connection.close();
  }
}
