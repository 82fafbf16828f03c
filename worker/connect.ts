import { setTimeout as sleep } from 'node:timers/promises';
import { NativeConnection, type NativeConnectionOptions, type Worker } from '@temporalio/worker';
import type { Logger } from 'pino';

/** Between two tries to create a worker that Temporal did not take, such as for a namespace that is not there. */
const REFUSED_RETRY_MS = 5_000;
/** Between two tries to reach a Temporal server that is away. */
const RETRY_MS = 1_000;
/** Tries between two log lines, so that a long outage does not fill the log. */
const WARN_EVERY = 10;

/**
 * Connects to Temporal, however long its server is away: a worker started before its server simply waits.
 *
 * @param signal ends the waiting; the promise then rejects with an `AbortError`
 */
async function connectToTemporal(
  options: NativeConnectionOptions,
  log: Logger,
  signal: AbortSignal,
): Promise<NativeConnection> {
  for (let tries = 1; ; tries += 1) {
    signal.throwIfAborted();
    try {
      return await NativeConnection.connect(options);
    } catch (error) {
      if (tries % WARN_EVERY === 1) {
        const reason = error instanceof Error ? error.message : 'unknown error';
        log.warn({ address: options.address, reason }, 'Temporal does not answer; trying again every second');
      }
      await sleep(RETRY_MS, undefined, { signal });
    }
  }
}

/**
 * Connects and creates the worker, again and again until Temporal takes it: an ingress in the same process goes on accepting
 * meanwhile.
 *
 * @param signal ends the waiting; the promise then rejects with an `AbortError`
 */
export async function untilTemporalTakesIt(
  { connectionOptions, namespace }: { connectionOptions: NativeConnectionOptions; namespace: string },
  log: Logger,
  signal: AbortSignal,
  create: (connection: NativeConnection) => Promise<Worker>,
): Promise<{ connection: NativeConnection; worker: Worker }> {
  for (;;) {
    const connection = await connectToTemporal(connectionOptions, log, signal);
    try {
      // First, because a worker that is refused leaves the threads that it has started for the workflows running.
      await connection.workflowService.describeNamespace({ namespace });
      return { connection, worker: await create(connection) };
    } catch (error) {
      await connection.close();
      const reason = error instanceof Error ? error.message : 'unknown error';
      log.error({ alarm: 'temporal', reason }, 'Temporal does not take the worker; trying again every five seconds');
    }
    await sleep(REFUSED_RETRY_MS, undefined, { signal });
  }
}
