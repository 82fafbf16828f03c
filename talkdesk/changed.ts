import { changeSchema, requireFields, requireObject, toChange } from './event-fields.js';
import type { ChangeEvent } from './types.js';

/**
 * Reads `app.updated` and `app.uninstalled` (talkdesk-api.md 1.4). Only installation and account must be there. The changes of users
 * and plan, and the reason of an uninstall, are not read, in whichever form they come: users and plan are read from Talkdesk's API.
 *
 * @throws TalkdeskDataError with the names of the fields that are missing or unusable, never their values
 */
export function parseChange(rawBody: Buffer): ChangeEvent {
  return toChange(requireFields(requireObject(rawBody), changeSchema, 'The event'));
}
