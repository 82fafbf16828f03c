import { requireFields, requireObject, subjectSchema } from './event-fields.js';
import type { LogoutEvent } from './types.js';
import { idSchema } from './values.js';

const logoutSchema = subjectSchema.extend({ user_id: idSchema });

/**
 * Reads `user.logout` (talkdesk-api.md 1.4). It names no app version; the user's e-mail address is not read, because the id says who.
 *
 * @throws TalkdeskDataError with the names of the fields that are missing or unusable, never their values
 */
export function parseLogout(rawBody: Buffer): LogoutEvent {
  const fields = requireFields(requireObject(rawBody), logoutSchema, 'The user.logout event');
  return { installationId: fields.installation_id, accountId: fields.account_id, userId: fields.user_id };
}
