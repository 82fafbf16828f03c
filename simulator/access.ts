import { codedError, emptyUnauthorized, type Reply, shortError } from './reply.js';
import type { Call, Claims } from './route.js';
import type { Switches } from './switches.js';
import type { AccessToken, Tokens } from './tokens.js';
import type { Client, Installation, World } from './world.js';

/** How a route words its refusals; the shapes differ from route to route (talkdesk-api.md 4.6). */
export interface ErrorShapes {
  unauthorized(verdict: string): Reply;
  forbidden(message: string, verdict: string): Reply;
  appNotFound(verdict: string): Reply;
  installationNotFound(verdict: string): Reply;
}

/** Shapes of GET installation (talkdesk-api.md 4.1). */
export const installationErrors: ErrorShapes = {
  unauthorized: (verdict) => codedError(401, '0017000', 'Unauthorized', verdict),
  forbidden: (message, verdict) => codedError(403, '0030009', message, verdict),
  appNotFound: (verdict) => codedError(404, '0030100', 'App not found', verdict),
  installationNotFound: (verdict) => codedError(404, '0030200', 'Installation not found for the app', verdict),
};

/** Shapes of GET trial and of the credentials routes: another 401 (talkdesk-api.md 4.1). */
export const actionErrors: ErrorShapes = {
  ...installationErrors,
  unauthorized: (verdict) => codedError(401, '0030010', 'Action is not authorized', verdict),
};

/** Shapes of users, subscription and state: 401 without a body, else the short form (talkdesk-api.md 4.6). */
export const shortErrors: ErrorShapes = {
  unauthorized: emptyUnauthorized,
  forbidden: (message, verdict) => shortError(403, message, verdict),
  appNotFound: (verdict) => shortError(404, 'App not found', verdict),
  installationNotFound: (verdict) => shortError(404, 'Installation not found for the app', verdict),
};

/** Shapes of GET account (talkdesk-api.md 5). It has no app in its path and is implied by the token. */
export const accountErrors: ErrorShapes = {
  unauthorized: (verdict) => codedError(401, '0060001', 'Access denied', verdict),
  forbidden: (message, verdict) => codedError(403, '0060002', message, verdict),
  appNotFound: (verdict) => codedError(404, '0060000', 'Account not found', verdict),
  installationNotFound: (verdict) => codedError(404, '0060000', 'Account not found', verdict),
};

/** The installation that a request may act on and the client whose token it sent, or the refusal. */
export type Access = { ok: true; installation: Installation; client: Client } | { ok: false; reply: Reply };

/** Decides whether a request may do what it asks. */
export interface AccessControl {
  /** For routes that the token alone decides: a token in force, with the scope. */
  byToken(call: Call, scope: string, errors: ErrorShapes): Access;
  /** For routes with app and installation in the path: the token must be of this very installation (talkdesk-api.md 3.4). */
  byPath(call: Call, scope: string, errors: ErrorShapes): Access;
  /** What the token says, whether or not it is still good, and the installation in the path if there is one. */
  claims(call: Call): Claims;
}

/** Checks tokens against the ones that were given out, on the simulator's clock. */
export function createAccessControl(deps: {
  world: World;
  tokens: Tokens;
  switches: Switches;
  now: () => Date;
}): AccessControl {
  const { world, tokens, switches, now } = deps;

  function byToken(call: Call, scope: string, errors: ErrorShapes): Access {
    const token = bearerToken(call, tokens);
    if (typeof token === 'string') return refused(errors.unauthorized(`refused: ${token}`));
    if (token.expiresAt <= now()) {
      return refused(errors.unauthorized(`refused: the token expired at ${token.expiresAt.toISOString()}`));
    }
    if (!token.scopes.includes(scope)) {
      return refused(errors.forbidden('Insufficient scope', `refused: the token lacks the scope ${scope}`));
    }
    if (token.client.revoked && switches.revocation_kills_tokens) {
      return refused(errors.unauthorized('refused: the client of the token is revoked'));
    }
    return { ok: true, installation: token.client.installation, client: token.client };
  }

  return {
    byToken,
    byPath(call, scope, errors) {
      const access = byToken(call, scope, errors);
      if (!access.ok) return access;
      const { app_id: appId = '', installation_id: installationId = '' } = call.params;
      if (!world.apps.has(appId)) return refused(errors.appNotFound(`refused: no app ${appId}`));
      const installation = world.installations.get(installationId);
      if (installation === undefined || installation.app.id !== appId) {
        return refused(errors.installationNotFound(`refused: app ${appId} has no installation ${installationId}`));
      }
      if (installation !== access.installation) {
        const verdict = `refused: the token belongs to installation ${access.installation.id}`;
        return refused(errors.forbidden('Forbidden', verdict));
      }
      if (installation.state === 'revoked' && switches.deprovisioned_reads === 'not-found') {
        return refused(errors.installationNotFound('refused: the installation is gone'));
      }
      return access;
    },
    claims(call) {
      const token = bearerToken(call, tokens);
      const client = typeof token === 'string' ? null : token.client;
      return {
        installationId: call.params['installation_id'] ?? client?.installation.id ?? null,
        clientId: client?.id ?? null,
      };
    },
  };
}

function bearerToken(call: Call, tokens: Tokens): AccessToken | string {
  const header = call.header('authorization');
  if (header === undefined) return 'no Authorization header';
  const token = /^Bearer +(\S+)$/i.exec(header)?.[1];
  if (token === undefined) return 'the Authorization header is not Bearer with a token';
  return tokens.find(token) ?? 'the token was not given out here';
}

function refused(reply: Reply): Access {
  return { ok: false, reply };
}
