import { z } from 'zod';
import { lacksFields, readFields, requireObject, subjectSchema } from './event-fields.js';
import { eventType } from './json.js';
import type { TrialEvent } from './types.js';
import { cutText, parseTimestamp } from './values.js';

const MAX_REASON_LENGTH = 200;

const typeSchema = z.enum(['app.trial_started', 'app.trial_extended', 'app.trial_ended']);

const trialSchema = subjectSchema.extend({
  expires_at: z.unknown().transform(parseTimestamp),
  ended_at: z.unknown().transform(parseTimestamp),
  ended_reason: cutText(MAX_REASON_LENGTH).nullable().catch(null),
});

/**
 * Reads the three trial events (talkdesk-api.md 1.4, 7.4). Only type, installation and account must be there. The end of a trial that
 * has ended is `endedAt`: `expires_at` says when it would have ended by itself.
 *
 * @throws TalkdeskDataError with the names of the fields that are missing or unusable, never their values
 */
export function parseTrial(rawBody: Buffer): TrialEvent {
  const event = requireObject(rawBody);
  const type = typeSchema.safeParse(eventType(event));
  const { fields, problems } = readFields(event, trialSchema);
  if (!type.success || fields === null) {
    throw lacksFields('The trial event', type.success ? problems : ['type', ...problems]);
  }
  return {
    installationId: fields.installation_id,
    accountId: fields.account_id,
    type: type.data,
    expiresAt: fields.expires_at,
    endedAt: fields.ended_at,
    endedReason: fields.ended_reason,
  };
}
