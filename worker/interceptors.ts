import type { Context } from '@temporalio/activity';
import type { ActivityInterceptorsFactory } from '@temporalio/worker';

/** Attempt numbers at which a step that keeps failing is worth a line: early, then ever more rarely. */
const WARN_AT = [3, 10, 30, 100, 300, 1_000];

export interface AttemptWarning {
  activity: string;
  attempt: number;
  workflowId: string;
  runId: string;
}

export type WarnOfAttempt = (warning: AttemptWarning) => void;

/** Warns when an activity is at its 3rd, 10th, 30th … attempt. */
export function attemptWarnings(warn: WarnOfAttempt): ActivityInterceptorsFactory {
  return (context: Context) => ({
    inbound: {
      async execute(input, next) {
        const { activityType, attempt, workflowExecution } = context.info;
        if (WARN_AT.includes(attempt)) {
          warn({
            activity: activityType,
            attempt,
            workflowId: workflowExecution?.workflowId ?? 'none',
            runId: workflowExecution?.runId ?? 'none',
          });
        }
        return await next(input);
      },
    },
  });
}
