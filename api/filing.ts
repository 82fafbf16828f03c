import { EVENT_TYPES } from '../contracts/events.js';
import { MAX_WORKFLOW_ID_LENGTH } from '../contracts/ids.js';
import type { Delivery } from '../store/types.js';
import type { EnvelopeResult } from '../talkdesk/types.js';
import { runIdOf } from './runs.js';

const KNOWN_TYPES: ReadonlySet<string> = new Set(EVENT_TYPES);

/** Where a verified delivery belongs: into the inbox, or into quarantine with the reason in plain words. */
export type Filing =
  | { kind: 'accept'; delivery: Omit<Delivery, 'rawBody' | 'receivedAt'> }
  | { kind: 'quarantine'; eventId: string | null; reason: string };

/**
 * Decides where an authentic delivery belongs. A known type must name its account and its installation, because both are the
 * key of all that follows; an unknown type is kept whatever it lacks, since types get added (talkdesk-api.md 1.2).
 */
export function fileDelivery(result: EnvelopeResult, isKnownApp: (appId: string) => boolean): Filing {
  if (!result.ok) return { kind: 'quarantine', eventId: result.eventId, reason: result.problem };
  const { envelope } = result;
  const refuse = (reason: string): Filing => ({ kind: 'quarantine', eventId: envelope.eventId, reason });
  if (!isKnownApp(envelope.appId)) return refuse('the app id is not configured here: add it to APPS_FILE');
  if (!KNOWN_TYPES.has(envelope.type)) return { kind: 'accept', delivery: { ...envelope, disposition: 'record' } };
  const { appId, accountId } = envelope;
  if (accountId === null) return refuse(`${envelope.type} without an account id`);
  if (envelope.installationId === null) return refuse(`${envelope.type} without an installation id`);
  if (runIdOf({ ...envelope, tenant: { appId, accountId } }).length > MAX_WORKFLOW_ID_LENGTH) {
    return refuse('app id and account id are too long for a workflow id');
  }
  return { kind: 'accept', delivery: { ...envelope, disposition: 'dispatch' } };
}
