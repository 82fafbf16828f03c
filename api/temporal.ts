import {
  Client,
  Connection,
  type ConnectionLike,
  type ConnectionOptions,
  WorkflowExecutionAlreadyStartedError,
  WorkflowNotFoundError,
  type WorkflowStartOptions,
} from '@temporalio/client';
import { type TenantKey, workflowIdOf } from '../contracts/ids.js';
import {
  INSTALLATION_ID_ATTRIBUTE,
  LIFECYCLE_WORKFLOW,
  type LifecycleInput,
  wakeSignal,
} from '../contracts/messages.js';
import type { DispatchItem } from '../store/types.js';
import type { lifecycleWorkflow } from '../workflows/index.js';
import { withinLimit } from './limit.js';
import { asTemporalError, grpcErrorIn, TemporalError } from './temporal-errors.js';

/** A new run was started, or the open one was told to look at the inbox. */
export type StartResult = 'started' | 'woken';

/** What the ingress asks of Temporal. Every method throws `TemporalError` only. */
export interface LifecycleStarter {
  /** Makes sure that a run will look at the inbox for this event's tenant. Repeating it is harmless. */
  startOrWake(item: DispatchItem, options: { durableFirst: boolean }): Promise<StartResult>;
  /** Whether the tenant has an open run. */
  isOpen(tenant: TenantKey): Promise<boolean>;
  /** Id of the namespace; a server that was emptied has another one. Remembered, and asked again with `refresh`. */
  namespaceId(options?: { refresh: boolean }): Promise<string>;
  /** Registers the search attribute that runs carry, when the namespace does not have it. */
  ensureSearchAttributes(): Promise<void>;
}

/** A starter that can be told of a connection to start eagerly on. */
export interface SharingStarter extends LifecycleStarter {
  /**
   * From now on runs are started eagerly over this connection, which a worker of this process and of the same task queue uses.
   * Where the SDK refuses that, plain starts are made again. The connection is not closed here.
   */
  shareConnection(connection: ConnectionLike): void;
}

/** Rounds of "start, else wake" before giving up: each failed round means that a run opened and closed in between. */
const MAX_ROUNDS = 3;
/** A worker killed during a workflow task is replaced after this time (design: within 10 s). */
const WORKFLOW_TASK_TIMEOUT_MS = 5_000;
/** The call's own deadline fires first where it can: its error says more. */
const DEADLINE_SLACK_MS = 200;
/** Search attribute type Keyword in Temporal's protocol (temporal.api.enums.v1.IndexedValueType). */
const KEYWORD_TYPE = 2;
/** gRPC status NOT_FOUND. */
const NOT_FOUND = 5;

/**
 * The SDK's own retries are off: dispatcher and sweeper are the layer that retries, and a retry that is still waiting when its
 * connection is closed ends the process. A server that comes back is noticed within two seconds, not within gRPC's two minutes.
 */
const OWN_CONNECTION: ConnectionOptions = {
  interceptors: [],
  channelArgs: { 'grpc.initial_reconnect_backoff_ms': 200, 'grpc.max_reconnect_backoff_ms': 2_000 },
};

/** A client for the namespace, which connects with its first call: the ingress must accept while Temporal is down. */
export function createTemporalClient(options: { connectionOptions: ConnectionOptions; namespace: string }): {
  client: Client;
  close(): Promise<void>;
} {
  const connection = Connection.lazy({ ...options.connectionOptions, ...OWN_CONNECTION });
  return { client: new Client({ connection, namespace: options.namespace }), close: () => connection.close() };
}

/** Creates the ingress' access to runs. `deadlineMs` bounds each call to Temporal. */
export function createLifecycleStarter(deps: {
  client: Client;
  taskQueue: string;
  namespace: string;
  deadlineMs: number;
}): SharingStarter {
  const { client, namespace } = deps;
  let eagerClient: Client | undefined;
  let knownNamespaceId: string | undefined;

  /** Runs calls under one deadline and gives errors their class. */
  async function call<T>(what: string, calls: () => Promise<T>): Promise<T> {
    try {
      const deadline = Date.now() + deps.deadlineMs;
      const work = client.withDeadline(deadline, () => eagerClient?.withDeadline(deadline, calls) ?? calls());
      // A native connection applies the deadline to each of its own attempts and goes on for about 10 s: hence a limit of ours.
      return await withinLimit('Temporal', deps.deadlineMs + DEADLINE_SLACK_MS, work);
    } catch (error) {
      throw asTemporalError(what, error);
    }
  }

  async function start(item: DispatchItem, durableFirst: boolean): Promise<boolean> {
    const input: LifecycleInput = durableFirst ? { tenant: item.tenant, durableFirst } : { tenant: item.tenant };
    const options: WorkflowStartOptions<typeof lifecycleWorkflow> = {
      workflowId: workflowIdOf(item.tenant),
      taskQueue: deps.taskQueue,
      args: [input],
      workflowIdReusePolicy: 'ALLOW_DUPLICATE',
      workflowIdConflictPolicy: 'FAIL',
      workflowTaskTimeout: WORKFLOW_TASK_TIMEOUT_MS,
      staticSummary: summaryOf(item),
      ...(item.installationId === null
        ? {}
        : {
            typedSearchAttributes: [
              { key: { name: INSTALLATION_ID_ATTRIBUTE, type: 'KEYWORD' }, value: item.installationId },
            ],
          }),
    };
    // A backlog is spread over all workers rather than handed to this process.
    const starting = durableFirst ? undefined : eagerClient;
    try {
      await (starting ?? client).workflow.start<typeof lifecycleWorkflow>(LIFECYCLE_WORKFLOW, {
        ...options,
        requestEagerStart: starting !== undefined,
      });
      return true;
    } catch (error) {
      if (error instanceof WorkflowExecutionAlreadyStartedError) return false;
      if (starting === undefined || !isEagerRefusal(error)) throw error;
      eagerClient = undefined;
      return await start(item, durableFirst);
    }
  }

  async function wake(item: DispatchItem): Promise<boolean> {
    try {
      await client.workflow.getHandle(workflowIdOf(item.tenant)).signal(wakeSignal);
      return true;
    } catch (error) {
      if (error instanceof WorkflowNotFoundError) return false;
      throw error;
    }
  }

  return {
    shareConnection(connection) {
      eagerClient = new Client({ connection, namespace });
    },

    startOrWake: (item, { durableFirst }) =>
      call('start a run', async () => {
        for (let round = 1; round <= MAX_ROUNDS; round += 1) {
          if (await start(item, durableFirst)) return 'started';
          if (await wake(item)) return 'woken';
        }
        throw new TemporalError(
          'unavailable',
          'start a run: runs of this tenant open and close faster than they can be told',
        );
      }),

    isOpen: (tenant) =>
      call('look at a run', async () => {
        try {
          const { status } = await client.workflow.getHandle(workflowIdOf(tenant)).describe();
          return status.name === 'RUNNING' || status.name === 'PAUSED';
        } catch (error) {
          if (error instanceof WorkflowNotFoundError) return false;
          throw error;
        }
      }),

    async namespaceId(options) {
      if (knownNamespaceId !== undefined && options?.refresh !== true) return knownNamespaceId;
      const answer = await call('describe the namespace', () =>
        client.workflowService.describeNamespace({ namespace }),
      );
      const id = answer.namespaceInfo?.id;
      if (!id) throw new TemporalError('unavailable', 'describe the namespace: the answer carries no namespace id');
      knownNamespaceId = id;
      return id;
    },

    ensureSearchAttributes: async () => {
      const { operatorService } = client.connection;
      try {
        const { customAttributes } = await call('list search attributes', () =>
          operatorService.listSearchAttributes({ namespace }).catch(laterIfNotFound),
        );
        const type = customAttributes?.[INSTALLATION_ID_ATTRIBUTE];
        if (type === KEYWORD_TYPE) return;
        if (type !== undefined)
          throw new TemporalError('refused', 'the search attribute exists with another type than Keyword');
        await call('add a search attribute', () =>
          operatorService
            .addSearchAttributes({
              namespace,
              searchAttributes: { [INSTALLATION_ID_ATTRIBUTE]: KEYWORD_TYPE },
            })
            .catch(laterIfNotFound),
        );
      } catch (error) {
        if (!(error instanceof TemporalError) || error.kind !== 'refused') throw error;
        throw new TemporalError(
          'refused',
          `The Temporal namespace "${namespace}" needs the search attribute ${INSTALLATION_ID_ATTRIBUTE} of type Keyword, and ` +
            `this service could not add it (${error.message}). Add it by hand: temporal operator search-attribute create ` +
            `--namespace ${namespace} --name ${INSTALLATION_ID_ATTRIBUTE} --type Keyword`,
        );
      }
    },
  };
}

/** What an operator reads next to the run. Ids are shortened and cleaned: the text is rendered as markdown and limited in size. */
function summaryOf(item: DispatchItem): string {
  const clean = (text: string) => text.replace(/[^\w.:@-]/g, '?').slice(0, 64);
  return `${clean(item.type)} of installation ${clean(item.installationId ?? 'unknown')} for account ${clean(item.tenant.accountId)}`;
}

/** A server describes a new namespace some seconds before all its parts know it: no reason to call a person. */
function laterIfNotFound(error: unknown): never {
  if (grpcErrorIn(error)?.code !== NOT_FOUND) throw error;
  throw new TemporalError('unavailable', 'the Temporal server does not know the namespace in all its parts yet');
}

/** The SDK refuses an eager start with a plain error, before anything is sent. */
function isEagerRefusal(error: unknown): boolean {
  return error instanceof Error && grpcErrorIn(error) === undefined && /eager/i.test(error.message);
}
