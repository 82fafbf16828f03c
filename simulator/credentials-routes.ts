import { z } from 'zod';
import { type AccessControl, actionErrors } from './access.js';
import type { Clients } from './clients.js';
import { type Links, link } from './links.js';
import { readJson } from './read-json.js';
import { codedError } from './reply.js';
import type { Route } from './route.js';
import type { Installation } from './world.js';

const acknowledgementSchema = z.object({ state: z.literal('acknowledged') });

/** `POST …/credentials/{client_id}/state`: the partner has taken over the client of a rotation (talkdesk-api.md 4.5). */
export function createCredentialsStateRoute(deps: { access: AccessControl; clients: Clients; links: Links }): Route {
  const { access, clients, links } = deps;
  return {
    name: 'credentials-state',
    claims: access.claims,
    answer(call) {
      const allowed = access.byPath(call, 'apps:write', actionErrors);
      if (!allowed.ok) return allowed.reply;
      const parsed = readJson(call, acknowledgementSchema, 'state must be acknowledged');
      if (!parsed.ok) return parsed.reply;
      const { installation } = allowed;
      const clientId = call.params['client_id'] ?? '';
      const client = installation.clients.find(({ id }) => id === clientId);
      if (client === undefined) {
        // The code is that of the installation: none for a client is documented.
        return codedError(404, '0030200', 'Client not found', `refused: the installation has no client ${clientId}`);
      }
      const { status, effective, why } = clients.acknowledge(client);
      if (status === 409) return codedError(409, '0030227', 'Invalid client state input', `no effect, ${why}`);
      const self = link(`${links.installation(installation)}/credentials/${encodeURIComponent(client.id)}/state`);
      return {
        status,
        body: { state: 'acknowledged', _links: { self } },
        verdict: effective ? `${why}, with a token of ${which(allowed.client === client)}` : `no effect, ${why}`,
      };
    },
  };
}

/** `POST …/credentials/actions/rotate`: the partner asks for a rotation; its event follows (talkdesk-api.md 4.1, 7.5). */
export function createRotateRoute(deps: {
  access: AccessControl;
  rotate: (installation: Installation) => Promise<void>;
}): Route {
  const { access, rotate } = deps;
  return {
    name: 'credentials-rotate',
    claims: access.claims,
    async answer(call) {
      const allowed = access.byPath(call, 'apps:write', actionErrors);
      if (!allowed.ok) return allowed.reply;
      await rotate(allowed.installation);
      return { status: 201, verdict: 'rotated' };
    },
  };
}

function which(isNew: boolean): string {
  return isNew ? 'the acknowledged client' : 'an older client';
}
