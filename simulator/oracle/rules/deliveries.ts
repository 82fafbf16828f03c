import type { Attempt, EventRecord } from '../../events/events.js';
import type { Rule } from './rule.js';

/** An acknowledgement should take no longer than this. */
const acknowledgedWithinMs = 2000;

const acknowledgementTime: Rule = {
  rule: 'acknowledgement-time',
  title: 'Each delivery is answered within two seconds',
  source: 'talkdesk-api.md 1.5',
  judge({ events }, seen) {
    for (const event of events) {
      for (const attempt of event.attempts) {
        if (attempt.status === null || attempt.fault !== null) continue;
        if (attempt.ms <= acknowledgedWithinMs) seen.kept();
        else
          seen.broken(
            breachOf(event, attempt, `The delivery of ${event.type} was answered after ${seconds(attempt.ms)} s.`),
          );
      }
    }
  },
};

const everyEventAcknowledged: Rule = {
  rule: 'every-event-acknowledged',
  title: 'Each event is acknowledged by one of its three attempts',
  source: 'talkdesk-api.md 1.5',
  judge({ events }, seen) {
    for (const event of events) {
      const scheduled = event.attempts.filter((attempt) => attempt.scheduled);
      const last = scheduled.at(-1);
      if (last === undefined) continue;
      if (event.attempts.some(({ delivered }) => delivered)) seen.kept();
      else if (event.nextAttemptAt === null && hasEnded(last) && scheduled.every(isOrdinary)) {
        const what = `${event.type} was given up after ${scheduled.length} attempts: ${last.error}.`;
        seen.broken(breachOf(event, last, what));
      }
    }
  },
};

const badSignatureRefused: Rule = {
  rule: 'bad-signature-refused',
  title: 'A delivery whose signature does not hold is refused',
  source: 'talkdesk-api.md 2.2',
  judge({ events }, seen) {
    for (const event of events) {
      for (const attempt of event.attempts) {
        if (attempt.tamper === 'none' || attempt.status === null) continue;
        if (attempt.status >= 300) seen.kept();
        else {
          const what = `${event.type} was answered ${attempt.status}, although its signature does not hold (${attempt.tamper}).`;
          seen.broken(breachOf(event, attempt, what));
        }
      }
    }
  },
};

const duplicateAcknowledged: Rule = {
  rule: 'duplicate-acknowledged',
  title: 'An event that comes again is acknowledged again',
  source: 'talkdesk-api.md 1.5',
  judge({ events }, seen) {
    for (const event of events) {
      const first = event.attempts.findIndex((attempt) => attempt.delivered && isOrdinary(attempt));
      if (first < 0) continue;
      for (const attempt of event.attempts.slice(first + 1)) {
        if (!isOrdinary(attempt)) continue;
        if (attempt.delivered) seen.kept();
        // A backend that is overloaded may say so; only a refusal is wrong.
        else if (attempt.status !== null && attempt.status < 500) {
          const what = `${event.type} came again after it had been acknowledged, and was answered ${attempt.status}.`;
          seen.broken(breachOf(event, attempt, what));
        }
      }
    }
  },
};

/** Neither signed badly on purpose nor disturbed by a fault. */
function isOrdinary({ tamper, fault }: Attempt): boolean {
  return tamper === 'none' && fault === null;
}

function hasEnded({ status, error }: Attempt): boolean {
  return status !== null || error !== null;
}

function breachOf(event: EventRecord, attempt: Attempt, what: string) {
  return { at: attempt.at.toISOString(), event_id: event.id, request: null, what };
}

function seconds(ms: number): string {
  return (ms / 1000).toFixed(1);
}

/** Rules about the answers to deliveries. */
export const deliveryRules: Rule[] = [
  badSignatureRefused,
  acknowledgementTime,
  everyEventAcknowledged,
  duplicateAcknowledged,
];
