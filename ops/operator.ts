import {
  type Client,
  WorkflowFailedError,
  WorkflowNotFoundError,
  WorkflowUpdateFailedError,
  WorkflowUpdateRPCTimeoutOrCancelledError,
} from '@temporalio/client';
import { type TenantKey, workflowIdOf } from '../contracts/ids.js';
import {
  type DecideInput,
  decideUpdate,
  INSTALLATION_ID_ATTRIBUTE,
  REQUEST_ROTATION_WORKFLOW,
  wakeSignal,
} from '../contracts/messages.js';
import type { requestRotationWorkflow } from '../workflows/index.js';
import { OperatorError } from './errors.js';
import { isTimeUp, temporalWords } from './temporal-words.js';

/** What an operator can do. Each answers with a sentence that says what was done, and throws `OperatorError` otherwise. */
export interface Operator {
  decide(tenant: TenantKey, input: DecideInput): Promise<string>;
  wake(tenant: TenantKey): Promise<string>;
  rotate(installationId: string): Promise<string>;
}

/**
 * Creates the operator's access to runs.
 *
 * @param deps.limitMs longest wait for Temporal and the run behind it
 */
export function createOperator(deps: { client: Client; taskQueue: string; limitMs: number }): Operator {
  const { client, taskQueue, limitMs } = deps;
  const seconds = `${limitMs / 1_000} s`;

  async function call<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await client.withDeadline(Date.now() + limitMs, work);
    } catch (error) {
      throw error instanceof OperatorError ? error : new OperatorError(temporalWords(error, seconds));
    }
  }

  return {
    decide: (tenant, input) =>
      call(async () => {
        try {
          const handle = client.workflow.getHandle(workflowIdOf(tenant));
          const { processId, installationId } = await handle.executeUpdate(decideUpdate, { args: [input] });
          return `Recorded: ${input.decision}, by ${input.by}, for process ${processId} of installation ${installationId}.`;
        } catch (error) {
          if (error instanceof WorkflowNotFoundError) throw nothingUnderWay(tenant, 'decide');
          if (error instanceof WorkflowUpdateFailedError) throw new OperatorError(innermostMessage(error));
          if (!(error instanceof WorkflowUpdateRPCTimeoutOrCancelledError)) throw error;
          throw new OperatorError(
            `The run did not answer within ${seconds}: are Temporal and a worker up? Send the decision again once they are; a second one does no harm.`,
          );
        }
      }),

    wake: (tenant) =>
      call(async () => {
        try {
          await client.workflow.getHandle(workflowIdOf(tenant)).signal(wakeSignal);
        } catch (error) {
          throw error instanceof WorkflowNotFoundError ? nothingUnderWay(tenant, 'wake') : error;
        }
        return `The run of account ${tenant.accountId} was woken: it tries again at once what waits.`;
      }),

    rotate: async (installationId) => {
      // Without a slash, so that it is no tenant's id.
      const workflowId = `rotation-request:${encodeURIComponent(installationId)}`;
      const handle = await call(() =>
        client.workflow.start<typeof requestRotationWorkflow>(REQUEST_ROTATION_WORKFLOW, {
          workflowId,
          taskQueue,
          args: [{ installationId }],
          workflowIdReusePolicy: 'ALLOW_DUPLICATE',
          // Asked twice at a time, it is one request.
          workflowIdConflictPolicy: 'USE_EXISTING',
          typedSearchAttributes: [{ key: { name: INSTALLATION_ID_ATTRIBUTE, type: 'KEYWORD' }, value: installationId }],
        }),
      );
      return await call(async () => {
        try {
          await handle.result();
          return `Talkdesk was asked for new credentials of installation ${installationId}; they come as an event.`;
        } catch (error) {
          if (error instanceof WorkflowFailedError) {
            throw new OperatorError(`Talkdesk was not asked for new credentials: ${innermostMessage(error)}`);
          }
          if (!isTimeUp(error)) throw error;
          return `Not done within ${seconds}, but it goes on: see the run ${workflowId} in the Web UI.`;
        }
      });
    },
  };
}

function nothingUnderWay({ appId, accountId }: TenantKey, verb: string): OperatorError {
  return new OperatorError(
    `Nothing of account ${accountId} (app ${appId}) is under way now, so there is nothing to ${verb}.`,
  );
}

/** The message of the failure that began it: those around it only say where it happened. */
function innermostMessage(error: Error): string {
  return error.cause instanceof Error ? innermostMessage(error.cause) : error.message;
}
