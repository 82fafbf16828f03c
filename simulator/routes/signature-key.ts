import { codedError } from './reply.js';
import type { Route } from './route.js';
import { type Signer, signatureKeyBody } from '../events/signing.js';
import type { Switches } from '../world/switches.js';

/** `GET /events/signature-keys/{key_id}`, without authentication; `latest` is the newest (talkdesk-api.md 2.1). */
export function createSignatureKeyRoute(signer: Signer, switches: Switches): Route {
  return {
    name: 'signature-keys',
    claims: () => ({ installationId: null, clientId: null }),
    answer(call) {
      const key = signer.key(call.params['key_id'] ?? '', call.region);
      if (key === undefined) return codedError(404, '0080021', 'Signature key not found', 'refused: no such key');
      return {
        status: 200,
        body: signatureKeyBody(key, switches),
        verdict: `answered: key ${key.id}`,
      };
    },
  };
}
