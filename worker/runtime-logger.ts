import { DefaultLogger, Runtime } from '@temporalio/worker';
import type { Logger } from 'pino';

/**
 * Lets the Temporal SDK log through the service's logger. The SDK's runtime is one per process and may be installed once only; a
 * second call is left without effect.
 *
 * Failed attempts are told at debug level: the Web UI shows them with their reason, and the attempt warnings (interceptors.ts) speak
 * up when they go on.
 */
export function installRuntimeLogger(log: Logger): void {
  const logger = new DefaultLogger('WARN', ({ level, message, meta }) => {
    const { error, reason, activityType, attempt, workflowId, runId, workflowRunId } = (meta ?? {}) as Record<
      string,
      unknown
    >;
    const failedAttempt = message === 'Activity failed';
    log[failedAttempt ? 'debug' : level === 'ERROR' ? 'error' : 'warn'](
      {
        sdk: true,
        activityType,
        attempt,
        workflowId,
        runId: runId ?? workflowRunId,
        reason: error instanceof Error ? error.message : reason,
      },
      message,
    );
  });
  try {
    Runtime.install({ logger });
  } catch {
    log.debug('the Temporal runtime exists already and keeps its logger');
  }
}
