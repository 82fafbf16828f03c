import type { ProcessRef } from '../contracts/messages.js';
import type { Subject } from './control.js';
import { runStep } from './steps.js';
import { DUE_AFTER_MS, type Moment, utcText } from './window.js';

/** Shares of the time to *due* after which a process that is still open is worth a warning. */
const WARN_AT_SHARES = [0.5, 0.8, 0.95];
/** A rotation that is not finished then: two days are left before the old set is revoked (talkdesk-api.md 7.5). */
const ROTATION_ALARM_MS = 5 * 24 * 60 * 60 * 1_000;

/** The warnings of a process whose answer is due. */
export function dueWarnings(process: ProcessRef, subject: Subject): Moment[] {
  const dueMs = process.createdAtMs + DUE_AFTER_MS;
  return WARN_AT_SHARES.map((share) => {
    const text = `${Math.round(share * 100)} % of the time to the due answer (${utcText(dueMs)}) has passed`;
    return warningAt(process.createdAtMs + DUE_AFTER_MS * share, text, process, subject);
  });
}

/** The alarm of a rotation that does not succeed. */
export function rotationAlarm(process: ProcessRef, subject: Subject): Moment {
  const text = 'five days have passed, and the new credentials are not acknowledged';
  return warningAt(process.createdAtMs + ROTATION_ALARM_MS, text, process, subject);
}

function warningAt(atMs: number, text: string, process: ProcessRef, subject: Subject): Moment {
  return {
    atMs,
    summary: `Warn: ${text}`,
    run: () => runStep('recordWarning', { processId: process.processId, text }, 'Warn', subject),
  };
}
