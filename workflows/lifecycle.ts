import { CancellationScope, setHandler, upsertSearchAttributes, workflowInfo } from '@temporalio/workflow';
import { defineSearchAttributeKey, SearchAttributeType } from '@temporalio/common';
import {
  INSTALLATION_ID_ATTRIBUTE,
  type LifecycleInput,
  type LifecycleResult,
  type ProcessRef,
  type TenantView,
  wakeSignal,
} from '../contracts/messages.js';
import type { ProcessOutcome } from '../contracts/outcomes.js';
import { runInstall, supersedeInstall } from './install.js';
import { decideNext } from './state.js';
import { type RunControl, runStep, watchForCancelRequest } from './steps.js';

const installationIdKey = defineSearchAttributeKey(INSTALLATION_ID_ATTRIBUTE, SearchAttributeType.KEYWORD);

/**
 * One tenant's run: takes what the inbox has for the tenant, carries out one process after the other, and closes when nothing is
 * left. A wake-up means "look again". A cancel request parks; only Terminate ends the run early, and the sweeper's audit then
 * starts the next one for whatever is unsettled.
 */
export async function lifecycleWorkflow(input: LifecycleInput): Promise<LifecycleResult> {
  const control: RunControl = { durableFirst: input.durableFirst === true, wakes: 0, nudges: 0, stopped: false };
  setHandler(wakeSignal, () => {
    control.wakes += 1;
    control.nudges += 1;
    control.stopped = false;
  });
  watchForCancelRequest(control);

  return await CancellationScope.nonCancellable(async () => {
    const outcomes: LifecycleResult['outcomes'] = [];
    const takeEvents = () => runStep('takeEvents', { tenant: input.tenant }, 'Take new events', control);
    for (;;) {
      const seen = control.wakes;
      const view = await takeEvents();
      const step = decideNext(view);
      if (step.do === 'rest') {
        if (control.wakes === seen) return { outcomes };
        continue;
      }
      nameInstallation(step.process);
      const outcome: ProcessOutcome =
        step.do === 'install'
          ? await runInstall(step.process, control, takeEvents)
          : await supersedeInstall(step.process, step.byEventId, control);
      outcomes.push({ eventId: step.process.eventId, outcome });
      if (control.wakes === seen && isLast(step.process, view)) return { outcomes };
    }
  });
}

/** Whether nothing but this process was waiting: then there is no need to look again. */
function isLast(process: ProcessRef, view: TenantView): boolean {
  return view.processes.every((other) => other.processId === process.processId);
}

/** The search attribute is set at the start; a run that goes on to another installation renames itself. */
function nameInstallation(process: ProcessRef): void {
  const current = workflowInfo().typedSearchAttributes.get(installationIdKey);
  if (current === process.installationId) return;
  upsertSearchAttributes([{ key: installationIdKey, value: process.installationId }]);
}
