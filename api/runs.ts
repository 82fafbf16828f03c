import { logoutWorkflowIdOf, workflowIdOf } from '../contracts/ids.js';
import type { DispatchItem } from '../store/types.js';

/** What is told of an event when a run is started or woken for it. */
export type RunReason = Pick<DispatchItem, 'eventId' | 'type' | 'tenant' | 'installationId'>;

/** Whether the event has a run of its own, so that it never waits behind a process of its tenant (design: class apart). */
export function isApart(event: Pick<RunReason, 'type'>): boolean {
  return event.type === 'user.logout';
}

/** Id of the run that takes the event. */
export function runIdOf(event: Pick<RunReason, 'eventId' | 'type' | 'tenant'>): string {
  return isApart(event) ? logoutWorkflowIdOf(event.tenant, event.eventId) : workflowIdOf(event.tenant);
}

/** What an operator reads next to the run. Ids are shortened and cleaned: the text is rendered as markdown and limited in size. */
export function summaryOf({ type, installationId, tenant }: RunReason): string {
  const clean = (text: string) => text.replace(/[^\w.:@-]/g, '?').slice(0, 64);
  return `${clean(type)} of installation ${clean(installationId ?? 'unknown')} for account ${clean(tenant.accountId)}`;
}
