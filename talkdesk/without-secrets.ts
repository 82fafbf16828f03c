import { TalkdeskDataError } from './errors.js';
import { requireObject } from './event-fields.js';
import { isJsonObject, ownMember } from './json.js';

const MAX_NESTING = 100;
/** The client secret and the private key under any spelling: `client_secret`, `clientSecret`, `New-Client-Secret`, `private_key_pem` … */
const SECRET_NAME = /secret|privatekey/;

/**
 * The event as JSON text, with every client secret and private key removed, wherever it is and however its name is spelt. Where
 * credentials come is documented for `app.installed` only (talkdesk-api.md 1.4), so a name that merely resembles theirs goes too.
 *
 * @throws TalkdeskDataError when the body is not a JSON object or is nested beyond reason
 */
export function withoutSecrets(rawBody: Buffer): string {
  const event = requireObject(rawBody);
  removeSecrets(event, 0);
  return JSON.stringify(event);
}

function removeSecrets(value: unknown, depth: number): void {
  if (depth > MAX_NESTING) throw new TalkdeskDataError('The event is nested too deeply.');
  if (Array.isArray(value)) {
    for (const item of value) removeSecrets(item, depth + 1);
  } else if (isJsonObject(value)) {
    for (const name of Object.keys(value)) {
      if (isSecretName(name)) delete value[name];
      else removeSecrets(ownMember(value, name), depth + 1);
    }
  }
}

/** Case and everything but letters and digits aside. */
function isSecretName(name: string): boolean {
  return SECRET_NAME.test(name.toLowerCase().replaceAll(/[^\p{L}\p{N}]/gu, ''));
}
