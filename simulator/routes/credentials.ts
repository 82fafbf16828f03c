import { z } from 'zod';
import { type AccessControl, actionErrors } from './access.js';
import type { Clients } from '../world/clients.js';
import { type LinksOf, link } from '../events/links.js';
import { readJson } from './read-json.js';
import type { Switches } from '../world/switches.js';
import { codedError, type Reply } from './reply.js';
import type { Route } from './route.js';
import { type Installation, rotationOf } from '../world/world.js';

const acknowledgementSchema = z.object({ state: z.literal('acknowledged') });

/** `POST …/credentials/{client_id}/state`: the partner has taken over the client of a rotation (talkdesk-api.md 4.5). */
export function createCredentialsStateRoute(deps: {
  access: AccessControl;
  clients: Clients;
  linksOf: LinksOf;
  switches: Switches;
}): Route {
  const { access, clients, linksOf, switches } = deps;
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
      const named = installation.clients.find(({ id }) => id === clientId);
      if (named === undefined) {
        call.entry.refusal = 'client-unknown';
        // The code is that of the installation: none for a client is documented.
        return codedError(404, '0030200', 'Client not found', `refused: the installation has no client ${clientId}`);
      }
      const client = clients.acknowledgedBy(named);
      if (client === undefined) return conflict('no effect, nothing replaces the client');
      const isNew = allowed.client === client;
      const asked = switches.acknowledgement_token;
      if (asked !== 'any' && isNew !== (asked === 'new')) {
        call.entry.refusal = 'other-client';
        return actionErrors.forbidden('Forbidden', `refused: the token is of ${which(isNew)}`);
      }
      const { status, effect, why } = clients.acknowledge(client);
      const eventId = rotationOf(client)?.eventId ?? null;
      call.entry.decision = { verb: 'acknowledged', effect, event_id: eventId };
      if (status === 409) return conflict(`no effect, ${why}`);
      const base = linksOf(installation.account).installation(installation);
      const self = link(`${base}/credentials/${encodeURIComponent(named.id)}/state`);
      return {
        status,
        body: { state: 'acknowledged', _links: { self } },
        verdict: effect === 'took-effect' ? `${why}, with a token of ${which(isNew)}` : `no effect, ${why}`,
      };
    },
  };
}

/** `POST …/credentials/actions/rotate`: the partner asks for a rotation; its event follows (talkdesk-api.md 4.1, 7.5). */
export function createRotateRoute(deps: {
  access: AccessControl;
  rotate: (installation: Installation) => Promise<void>;
  switches: Switches;
}): Route {
  const { access, rotate, switches } = deps;
  return {
    name: 'credentials-rotate',
    claims: access.claims,
    async answer(call) {
      const allowed = access.byPath(call, 'apps:write', actionErrors);
      if (!allowed.ok) return allowed.reply;
      await rotate(allowed.installation);
      return { status: switches.rotate_status, verdict: 'rotated' };
    },
  };
}

function conflict(verdict: string): Reply {
  return codedError(409, '0030227', 'Invalid client state input', verdict);
}

function which(isNew: boolean): string {
  return isNew ? 'the acknowledged client' : 'an older client';
}
