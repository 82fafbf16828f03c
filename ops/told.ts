import type { WorkflowHandle } from '@temporalio/client';
import { defaultPayloadConverter } from '@temporalio/common';
import { BEGUN_BY_MEMO } from '../contracts/messages.js';

/** A run's history, as the client fetches it. */
export type History = Awaited<ReturnType<WorkflowHandle['fetchHistory']>>;

/** An event, as far as a run tells of it. */
export interface ToldEvent {
  eventId: string;
  type: string | null;
  installationId: string | null;
  outcome: string | null;
}

/** What a history tells. */
export interface RunTold {
  events: ToldEvent[];
  /** A task was begun and its end did not count: what was handled in it is in no history. */
  interrupted: boolean;
}

/**
 * Reads every event that a run has met: the one that began it, those that were taken from the inbox, and those with an outcome in its
 * result. A run that is still open tells as much as a closed one.
 */
export function toldBy(history: History): RunTold {
  const events = new Map<string, ToldEvent>();
  let begun = 0;
  let counted = 0;
  for (const event of history.events ?? []) {
    const started = event.workflowExecutionStartedEventAttributes;
    const payloads = [
      started?.memo?.fields?.[BEGUN_BY_MEMO],
      ...(started?.input?.payloads ?? []),
      ...(event.markerRecordedEventAttributes?.details?.['result']?.payloads ?? []),
      ...(event.activityTaskCompletedEventAttributes?.result?.payloads ?? []),
      ...(event.workflowExecutionCompletedEventAttributes?.result?.payloads ?? []),
    ];
    for (const payload of payloads) {
      if (payload) collect(defaultPayloadConverter.fromPayload(payload), events);
    }
    if (event.workflowTaskStartedEventAttributes) begun += 1;
    if (event.workflowTaskCompletedEventAttributes) counted += 1;
  }
  return { events: [...events.values()], interrupted: begun > counted };
}

/** Two accounts of one event make one, in which what is told stays told. */
export function joined(one: ToldEvent, other: ToldEvent): ToldEvent {
  return {
    eventId: one.eventId,
    type: one.type ?? other.type,
    installationId: one.installationId ?? other.installationId,
    outcome: one.outcome ?? other.outcome,
  };
}

/** Whatever carries an `eventId` names an event, in each of our messages (contracts/messages.ts). */
function collect(value: unknown, events: Map<string, ToldEvent>): void {
  if (typeof value !== 'object' || value === null) return;
  const { eventId, type, installationId, outcome } = value as Record<string, unknown>;
  if (typeof eventId === 'string') {
    const told = {
      eventId,
      type: textOrNull(type),
      installationId: textOrNull(installationId),
      outcome: textOrNull(outcome),
    };
    const before = events.get(eventId);
    events.set(eventId, before === undefined ? told : joined(before, told));
  }
  for (const inner of Object.values(value)) collect(inner, events);
}

function textOrNull(value: unknown): string | null {
  return typeof value === 'string' ? value : null;
}
