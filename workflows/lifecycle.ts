import {
  allHandlersFinished,
  CancellationScope,
  condition,
  setHandler,
  upsertSearchAttributes,
  workflowInfo,
} from '@temporalio/workflow';
import { defineSearchAttributeKey, SearchAttributeType } from '@temporalio/common';
import type { OpenEvent } from '../contracts/events.js';
import type { ProcessKind, TenantKey } from '../contracts/ids.js';
import {
  INSTALLATION_ID_ATTRIBUTE,
  type LifecycleInput,
  type LifecycleResult,
  type ProcessRef,
  type TenantView,
  wakeSignal,
} from '../contracts/messages.js';
import type { BareOutcome, ProcessOutcome } from '../contracts/outcomes.js';
import { runInstall, runUpdate, supersede } from './answered.js';
import { createControl, type RunControl, Subject, wake, watchForCancelRequest } from './control.js';
import { handleDecisions } from './decisions.js';
import { ProcessRun, type RunProcess } from './process-run.js';
import { runRotation, supersedeRotation } from './rotation.js';
import { decideNext, type NextStep, preEmptedBy } from './state.js';
import { runStep } from './steps.js';
import { runUninstall, supersedeUninstall } from './uninstall.js';

const installationIdKey = defineSearchAttributeKey(INSTALLATION_ID_ATTRIBUTE, SearchAttributeType.KEYWORD);

/** How each kind is carried out, and how it ends when another event overtook it before it began. */
const KINDS: Readonly<
  Record<ProcessKind, { run: RunProcess; supersede: (run: ProcessRun, byEventId: string) => Promise<ProcessOutcome> }>
> = {
  install: { run: runInstall, supersede: (run, by) => supersede('install', run, by) },
  update: { run: runUpdate, supersede: (run, by) => supersede('update', run, by) },
  uninstall: { run: runUninstall, supersede: supersedeUninstall },
  rotation: { run: runRotation, supersede: supersedeRotation },
};

/**
 * One tenant's run: takes what the inbox has for the tenant, carries it out, and closes when nothing is left. A wake-up means "look
 * again". A cancel request parks; only Terminate ends the run early, and the sweeper's audit then starts the next one for whatever is
 * unsettled.
 */
export async function lifecycleWorkflow(input: LifecycleInput): Promise<LifecycleResult> {
  const control = createControl(input.durableFirst === true);
  setHandler(wakeSignal, () => wake(control));
  handleDecisions(control);
  watchForCancelRequest(control);
  return await CancellationScope.nonCancellable(() => new TenantRun(input.tenant, control).untilQuiet());
}

/** Something under way. */
interface Task {
  /** Null for what is not a process. */
  run: ProcessRun | null;
  holdsLine: boolean;
}

class TenantRun {
  private readonly outcomes: LifecycleResult['outcomes'] = [];
  /** By event id. */
  private readonly tasks = new Map<string, Task>();
  private readonly inbox: Subject;
  private view: TenantView | null = null;
  /** Ids of events that ended in this run: a look that began before may still show them. */
  private readonly ended = new Set<string>();
  /** Wake-ups that `view` knows of. */
  private wakesSeen = -1;
  /** Something ended since `view` was taken, and `view` holds more than that. */
  private outdated = false;
  private failure: { error: unknown } | null = null;

  constructor(
    private readonly tenant: TenantKey,
    private readonly control: RunControl,
  ) {
    const title = `**Inbox** of account \`${tenant.accountId}\``;
    this.inbox = new Subject(control, 'inbox', title, null);
  }

  async untilQuiet(): Promise<LifecycleResult> {
    for (;;) {
      const view = await this.currentView();
      const step = decideNext(view, this.situation());
      if (step.do === 'rest' || step.do === 'wait') {
        if (this.tasks.size === 0 && step.do === 'rest' && this.isUpToDate()) break;
        await this.untilSomethingHappens(step);
      } else this.begin(step);
    }
    await condition(allHandlersFinished);
    return { outcomes: this.outcomes };
  }

  private async currentView(): Promise<TenantView> {
    if (this.view === null || !this.isUpToDate()) await this.look();
    if (this.view === null) throw new Error('the inbox was looked at without a result');
    return this.view;
  }

  private isUpToDate(): boolean {
    return this.wakesSeen === this.control.wakes && !this.outdated;
  }

  /** Takes what the inbox has, and tells every process under way what ends it. */
  private async look(): Promise<void> {
    const wakes = this.control.wakes;
    this.outdated = false;
    this.inbox.doing('taking new events');
    const view = await runStep('takeEvents', { tenant: this.tenant }, 'Take new events', this.inbox);
    this.inbox.leave();
    this.view = this.withoutEnded(view);
    this.wakesSeen = Math.max(this.wakesSeen, wakes);
    for (const { run } of this.tasks.values()) {
      if (run === null) continue;
      const byEventId = preEmptedBy(run.process, view);
      if (byEventId !== null) run.preEmpt(byEventId);
    }
  }

  private situation() {
    const lineFree = [...this.tasks.values()].every((task) => !task.holdsLine);
    return { nowMs: Date.now(), underWay: [...this.tasks.keys()], lineFree };
  }

  private async untilSomethingHappens(step: Extract<NextStep, { do: 'rest' | 'wait' }>): Promise<void> {
    const running = this.tasks.size;
    const line = this.situation().lineFree;
    const happened = () =>
      !this.isUpToDate() || this.tasks.size !== running || this.situation().lineFree !== line || this.failure !== null;
    if (step.do === 'rest') await condition(happened);
    else {
      this.inbox.doing('waiting for the app.installed that an event overtook');
      const summary = 'Waiting for the app.installed that an event overtook';
      await condition(happened, Math.max(1, step.untilMs - Date.now()), { summary });
      this.inbox.leave();
    }
    if (this.failure !== null) throw this.failure.error;
  }

  private begin(step: Exclude<NextStep, { do: 'rest' | 'wait' }>): void {
    switch (step.do) {
      case 'run':
        return this.beginProcess(step.process, step.process.kind !== 'rotation', KINDS[step.process.kind].run);
      case 'supersede':
        return this.beginProcess(step.process, true, (run) => KINDS[step.process.kind].supersede(run, step.byEventId));
      case 'apply-trial':
        return this.start(step.event.eventId, { run: null, holdsLine: false }, () => this.applyTrial(step.event));
      case 'settle':
        return this.start(step.event.eventId, { run: null, holdsLine: false }, () =>
          this.settle(step.event, step.outcome),
        );
    }
  }

  private beginProcess(process: ProcessRef, holdsLine: boolean, work: RunProcess): void {
    this.nameInstallation(process);
    const task: Task = { run: null, holdsLine };
    const run = new ProcessRun(
      this.control,
      process,
      () => this.look(),
      () => {
        task.holdsLine = false;
      },
    );
    task.run = run;
    this.start(process.eventId, task, () => work(run));
  }

  private start(eventId: string, task: Task, work: () => Promise<ProcessOutcome | BareOutcome>): void {
    this.tasks.set(eventId, task);
    work()
      .then((outcome) => {
        this.outcomes.push({ eventId, outcome });
        this.tasks.delete(eventId);
        this.forget(eventId);
      })
      .catch((error: unknown) => {
        this.failure ??= { error };
      });
  }

  /** What ended is no longer open. Where something else is, the view is taken anew, because one end may be what another waits for. */
  private forget(eventId: string): void {
    this.ended.add(eventId);
    if (this.view === null) return;
    this.view = this.withoutEnded(this.view);
    if (this.view.events.length > 0 || this.view.processes.length > 0) this.outdated = true;
  }

  private withoutEnded(view: TenantView): TenantView {
    const isOpen = ({ eventId }: { eventId: string }) => !this.ended.has(eventId);
    return { ...view, events: view.events.filter(isOpen), processes: view.processes.filter(isOpen) };
  }

  private async applyTrial(event: OpenEvent): Promise<BareOutcome> {
    const title = `**Trial** of installation \`${event.installationId}\`, ${event.type}`;
    const subject = new Subject(this.control, event.eventId, title, null);
    subject.doing('applying it to the product account');
    const { access } = await runStep('applyTrial', { eventId: event.eventId }, 'Apply trial event', subject);
    subject.ended(`**recorded**, the product account is ${access === 'none' ? 'not there' : access}`);
    return 'recorded';
  }

  private async settle(event: OpenEvent, outcome: BareOutcome): Promise<BareOutcome> {
    const subject = new Subject(this.control, event.eventId, `**${event.type}**`, null);
    const reason = 'its app.installed did not come within twenty minutes';
    subject.doing(reason);
    const input = { eventId: event.eventId, outcome, reason };
    await runStep('settleEvent', input, `Record the outcome: ${outcome}`, subject);
    subject.ended(`**${outcome}**: ${reason}`);
    return outcome;
  }

  /** The search attribute is set at the start; a run that goes on to another installation renames itself. */
  private nameInstallation(process: ProcessRef): void {
    const current = workflowInfo().typedSearchAttributes.get(installationIdKey);
    if (current === process.installationId) return;
    upsertSearchAttributes([{ key: installationIdKey, value: process.installationId }]);
  }
}
