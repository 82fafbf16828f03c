import { z } from 'zod';
import { KEY_ALGORITHMS } from './types.js';
import { storableText } from './values.js';

/** Generous bound for a key or secret: an RSA key of 8,192 bits takes about 6,300 characters as base64. */
const MAX_SECRET_LENGTH = 16_384;
/** Generous bound for the id of a client or key. */
const MAX_ID_LENGTH = 512;

const secretText = z.string().min(1).max(MAX_SECRET_LENGTH);

/** One delivered set of credentials, as `app.installed` has it (talkdesk-api.md 1.4). */
export const credentialSchema = z.object({
  client_id: storableText(MAX_ID_LENGTH),
  client_secret: secretText.nullable().default(null),
  private_key: secretText,
  public_key: storableText(MAX_SECRET_LENGTH).nullable().catch(null),
  key_id: storableText(MAX_ID_LENGTH),
  key_algorithm: z.enum(KEY_ALGORITHMS),
});

type CredentialFields = Omit<z.output<typeof credentialSchema>, 'key_algorithm'>;

/** Names the fields as the rest of the service does; the algorithm is the caller's to add, because not every event has it. */
export function toCredentials(fields: CredentialFields) {
  return {
    clientId: fields.client_id,
    clientSecret: fields.client_secret,
    privateKey: fields.private_key,
    publicKey: fields.public_key,
    keyId: fields.key_id,
  };
}
