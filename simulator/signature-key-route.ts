import { codedError } from './reply.js';
import type { Route } from './route.js';
import { type Signer, signatureKeyBody } from './signing.js';
import type { Switches } from './switches.js';

/** `GET /events/signature-keys/{key_id}`, without authentication; `latest` is the newest (talkdesk-api.md 2.1). */
export function createSignatureKeyRoute(signer: Signer, switches: Switches): Route {
  return {
    name: 'signature-keys',
    claims: () => ({ installationId: null, clientId: null }),
    answer(call) {
      const key = signer.key(call.params['key_id'] ?? '');
      if (key === undefined) return codedError(404, '0080021', 'Signature key not found', 'refused: no such key');
      return {
        status: 200,
        body: signatureKeyBody(key, switches.signature_key_id_field),
        verdict: `answered: key ${key.id}`,
      };
    },
  };
}
