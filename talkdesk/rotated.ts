import { credentialSchema, toCredentials } from './credential-fields.js';
import { changeSchema, requireFields, requireObject, toChange } from './event-fields.js';
import type { RotatedEvent } from './types.js';

const rotatedSchema = changeSchema.extend({
  ...credentialSchema.shape,
  // Its place in the event is not documented (talkdesk-api.md 1.4). One that is there and unknown cannot be signed with.
  key_algorithm: credentialSchema.shape.key_algorithm.nullable().default(null),
});

/**
 * Reads `app.credentials_rotated` (talkdesk-api.md 1.4): the whole new set, in `data` or else at the top level. The algorithm may be
 * missing; then it is null.
 *
 * @throws TalkdeskDataError with the names of the fields that are missing or unusable, never their values
 */
export function parseRotated(rawBody: Buffer): RotatedEvent {
  const fields = requireFields(requireObject(rawBody), rotatedSchema, 'The app.credentials_rotated event');
  return { ...toChange(fields), credentials: { ...toCredentials(fields), keyAlgorithm: fields.key_algorithm } };
}
