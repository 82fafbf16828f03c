import type { CreatedInstallation } from '../../support/simulator.js';
import type { Surroundings } from '../../support/stack.js';
import { connectOperator } from './operator.js';

/** Looks at runs from outside, to tell which process works on one. */
export interface Runs {
  /** Process that makes an attempt of a regular activity of the installation's run; null when none is under way. */
  pidOfActivity(installed: CreatedInstallation): Promise<number | null>;
  /** Process that was given the run's newest workflow task. */
  pidOfTask(installed: CreatedInstallation): Promise<number | null>;
  close(): Promise<void>;
}

/** Connects to the services' Temporal server. */
export async function connectRuns(surroundings: Surroundings): Promise<Runs> {
  const client = await connectOperator(surroundings);
  const handleOf = ({ app_id: appId, account_id: accountId }: CreatedInstallation) =>
    client.workflow.getHandle(`${appId}/${accountId}`);
  return {
    async pidOfActivity(installed) {
      const { raw } = await handleOf(installed).describe();
      return pidIn(raw.pendingActivities?.[0]?.lastWorkerIdentity);
    },
    async pidOfTask(installed) {
      const { events } = await handleOf(installed).fetchHistory();
      const started = (events ?? []).flatMap(({ workflowTaskStartedEventAttributes: task }) => (task ? [task] : []));
      return pidIn(started.at(-1)?.identity);
    },
    close: () => client.connection.close(),
  };
}

/** The SDK names a worker `<pid>@<host>`. */
function pidIn(identity: string | null | undefined): number | null {
  const pid = Number.parseInt(identity ?? '', 10);
  return Number.isNaN(pid) ? null : pid;
}
