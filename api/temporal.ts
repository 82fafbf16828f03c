import {
  Client,
  Connection,
  type ConnectionLike,
  type ConnectionOptions,
  WorkflowExecutionAlreadyStartedError,
  WorkflowNotFoundError,
  type WorkflowStartOptions,
} from '@temporalio/client';
import { workflowIdOf } from '../contracts/ids.js';
import {
  BEGUN_BY_MEMO,
  type BegunBy,
  INSTALLATION_ID_ATTRIBUTE,
  LIFECYCLE_WORKFLOW,
  type LifecycleInput,
  LOGOUT_WORKFLOW,
  wakeSignal,
} from '../contracts/messages.js';
import type { lifecycleWorkflow, logoutWorkflow } from '../workflows/index.js';
import { withinLimit } from './limit.js';
import { isApart, type RunReason, runIdOf, summaryOf } from './runs.js';
import { asTemporalError, grpcErrorIn, TemporalError } from './temporal-errors.js';

/** A new run was started, or the open one was told to look at the inbox; `known`: the event has, or had, its own run already. */
export type StartResult = 'started' | 'woken' | 'known';

/** How an event is handed over. */
export interface HandOverOptions {
  /** Out of a backlog: the run takes the durable way at once. */
  durableFirst: boolean;
  /** The event is unsettled although its own run has ended: it gets another one. */
  again?: boolean;
}

/** What the ingress asks of Temporal. Every method throws `TemporalError` only. */
export interface LifecycleStarter {
  /** Makes sure that a run will look at the inbox for this event's tenant, or take the logout. Repeating it is harmless. */
  startOrWake(event: RunReason, options: HandOverOptions): Promise<StartResult>;
  /** Whether the run that takes the event is open. */
  isOpen(event: RunReason): Promise<boolean>;
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

/**
 * Creates the ingress' access to runs. `deadlineMs` bounds each call to Temporal. `inTime`, in development, gives starts over a connection
 * the service's time.
 */
export function createLifecycleStarter(deps: {
  client: Client;
  taskQueue: string;
  namespace: string;
  deadlineMs: number;
  inTime?: ((connection: ConnectionLike) => ConnectionLike) | undefined;
}): SharingStarter {
  const { namespace, inTime } = deps;
  const client =
    inTime === undefined ? deps.client : new Client({ connection: inTime(deps.client.connection), namespace });
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

  /** False when there is, or for a logout was, a run of that id already. */
  async function start(event: RunReason, handOver: HandOverOptions): Promise<boolean> {
    const { eventId, type, tenant, installationId } = event;
    const options = {
      workflowId: runIdOf(event),
      taskQueue: deps.taskQueue,
      // What has a run of its own was handled by it, unless that run was ended from outside.
      workflowIdReusePolicy:
        isApart(event) && handOver.again !== true ? 'ALLOW_DUPLICATE_FAILED_ONLY' : 'ALLOW_DUPLICATE',
      workflowIdConflictPolicy: 'FAIL',
      workflowTaskTimeout: WORKFLOW_TASK_TIMEOUT_MS,
      staticSummary: summaryOf(event),
      memo: { [BEGUN_BY_MEMO]: { eventId, type, installationId } satisfies BegunBy },
      ...(installationId === null
        ? {}
        : {
            typedSearchAttributes: [
              { key: { name: INSTALLATION_ID_ATTRIBUTE, type: 'KEYWORD' as const }, value: installationId },
            ],
          }),
    } satisfies Partial<WorkflowStartOptions>;
    const input: LifecycleInput = handOver.durableFirst ? { tenant, durableFirst: true } : { tenant };
    const startOver = ({ workflow }: Client, requestEagerStart: boolean) =>
      isApart(event)
        ? workflow.start<typeof logoutWorkflow>(LOGOUT_WORKFLOW, { ...options, requestEagerStart, args: [{ eventId }] })
        : workflow.start<typeof lifecycleWorkflow>(LIFECYCLE_WORKFLOW, {
            ...options,
            requestEagerStart,
            args: [input],
          });
    // A backlog is spread over all workers rather than handed to this process.
    const eager = handOver.durableFirst ? undefined : eagerClient;
    try {
      await startOver(eager ?? client, eager !== undefined);
      return true;
    } catch (error) {
      if (error instanceof WorkflowExecutionAlreadyStartedError) return false;
      if (eager === undefined || !isEagerRefusal(error)) throw error;
      eagerClient = undefined;
      return await start(event, handOver);
    }
  }

  async function wake({ tenant }: RunReason): Promise<boolean> {
    const run = client.workflow.getHandle(workflowIdOf(tenant));
    try {
      await run.signal(wakeSignal);
      return true;
    } catch (error) {
      if (error instanceof WorkflowNotFoundError) return false;
      if (isDeaf(error)) {
        // Safe, as every Terminate is: the next run goes on from the process rows.
        await run.terminate('It takes no more signals; a new run goes on.');
        return false;
      }
      throw error;
    }
  }

  return {
    shareConnection(connection) {
      eagerClient = new Client({ connection: inTime?.(connection) ?? connection, namespace });
    },

    startOrWake: (event, options) =>
      call('start a run', async () => {
        for (let round = 1; round <= MAX_ROUNDS; round += 1) {
          if (await start(event, options)) return 'started';
          if (isApart(event)) return 'known';
          if (await wake(event)) return 'woken';
        }
        throw new TemporalError(
          'unavailable',
          'start a run: runs of this tenant open and close faster than they can be told',
        );
      }),

    isOpen: (event) =>
      call('look at a run', async () => {
        try {
          const { status } = await client.workflow.getHandle(runIdOf(event)).describe();
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

/** A server describes a new namespace some seconds before all its parts know it: no reason to call a person. */
function laterIfNotFound(error: unknown): never {
  if (grpcErrorIn(error)?.code !== NOT_FOUND) throw error;
  throw new TemporalError('unavailable', 'the Temporal server does not know the namespace in all its parts yet');
}

/** A run takes ten thousand signals at most; what it must hear afterwards can only be told to a new one. */
function isDeaf(error: unknown): boolean {
  return /limit for signal events/.test(grpcErrorIn(error)?.details ?? '');
}

/** The SDK refuses an eager start with a plain error, before anything is sent. */
function isEagerRefusal(error: unknown): boolean {
  return error instanceof Error && grpcErrorIn(error) === undefined && /eager/i.test(error.message);
}
