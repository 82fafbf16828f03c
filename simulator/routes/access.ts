import { codedError, emptyUnauthorized, type Reply, shortError } from './reply.js';
import type { Refusal } from '../oracle/ledger.js';
import type { Asked, Call, Claims } from './route.js';
import type { Switches } from '../world/switches.js';
import { isAllowed } from '../world/ip-allow-list.js';
import type { AccessToken, Tokens } from './tokens.js';
import type { Client, Installation, World } from '../world/world.js';

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

/** Shapes of GET users and GET user (talkdesk-api.md 5). The account is implied by the token. */
export const usersErrors: ErrorShapes = {
  unauthorized: (verdict) => codedError(401, '0040002', 'Unauthorized', verdict),
  forbidden: (message, verdict) => codedError(403, '0040003', message, verdict),
  appNotFound: (verdict) => codedError(404, '0040000', 'User not found', verdict),
  installationNotFound: (verdict) => codedError(404, '0040000', 'User not found', verdict),
};

/** Shapes of GET users/me (talkdesk-api.md 4.6). */
export const meErrors: ErrorShapes = {
  ...usersErrors,
  unauthorized: (verdict) => codedError(401, '0070010', 'Unauthorized', verdict),
  forbidden: (message, verdict) => codedError(403, '0070011', message, verdict),
};

/** The installation that a request may act on and the client whose token it sent, or the refusal. */
export type Access = { ok: true; installation: Installation; client: Client } | { ok: false; reply: Reply };

/** Decides whether a request may do what it asks. */
export interface AccessControl {
  /** For routes that the token alone decides: a token in force, of the gateway's region (talkdesk-api.md 11), with the scope. */
  byToken(call: Call, scope: string, errors: ErrorShapes): Access;
  /** For routes with app and installation in the path: the token must be of this very installation (talkdesk-api.md 3.4). */
  byPath(call: Call, scope: string, errors: ErrorShapes): Access;
  /** What the token says, whether or not it is still good, and the installation in the path if there is one. */
  claims(asked: Asked): Claims;
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
    const refused = (reply: Reply, refusal: Refusal) => refuse(call, reply, refusal);
    const token = bearerToken(call, tokens);
    if (!('client' in token)) return refused(errors.unauthorized(`refused: ${token.why}`), token.refusal);
    call.entry.token_number = token.number;
    call.entry.token_of = token.client.installation.id;
    const { region } = token.client.installation.account;
    if (region !== call.region) {
      return refused(
        errors.unauthorized(`refused: the token is of region ${region}, not of this gateway's ${call.region}`),
        'other-region',
      );
    }
    const { ipAllowList } = token.client.installation.account;
    if (!isAllowed(call.from, ipAllowList)) {
      const verdict = `refused: the account allows ${ipAllowList.join(', ')} only, not ${call.from}`;
      return refused(errors.forbidden('The IP address is not allowed', verdict), 'address-not-allowed');
    }
    if (token.expiresAt <= now()) {
      return refused(
        errors.unauthorized(`refused: the token expired at ${token.expiresAt.toISOString()}`),
        'token-expired',
      );
    }
    if (!token.scopes.includes(scope)) {
      return refused(
        errors.forbidden('Insufficient scope', `refused: the token lacks the scope ${scope}`),
        'scope-missing',
      );
    }
    if (token.client.revoked && switches.revocation_kills_tokens) {
      return refused(errors.unauthorized('refused: the client of the token is revoked'), 'token-revoked');
    }
    return { ok: true, installation: token.client.installation, client: token.client };
  }

  return {
    byToken,
    byPath(call, scope, errors) {
      const access = byToken(call, scope, errors);
      if (!access.ok) return access;
      const refused = (reply: Reply, refusal: Refusal) => refuse(call, reply, refusal);
      const { app_id: appId = '', installation_id: installationId = '' } = call.params;
      if (!world.apps.has(appId)) return refused(errors.appNotFound(`refused: no app ${appId}`), 'app-unknown');
      const installation = world.installations.get(installationId);
      if (installation === undefined || installation.app.id !== appId) {
        return refused(
          errors.installationNotFound(`refused: app ${appId} has no installation ${installationId}`),
          'installation-unknown',
        );
      }
      if (installation !== access.installation) {
        const verdict = `refused: the token belongs to installation ${access.installation.id}`;
        return refused(errors.forbidden('Forbidden', verdict), 'other-installation');
      }
      if (installation.state === 'revoked' && switches.deprovisioned_reads === 'not-found') {
        return refused(errors.installationNotFound('refused: the installation is gone'), 'installation-gone');
      }
      return access;
    },
    claims(asked) {
      const token = bearerToken(asked, tokens);
      const client = 'client' in token ? token.client : null;
      return {
        installationId: asked.params['installation_id'] ?? client?.installation.id ?? null,
        clientId: client?.id ?? null,
      };
    },
  };
}

function bearerToken(asked: Asked, tokens: Tokens): AccessToken | { why: string; refusal: Refusal } {
  const header = asked.header('authorization');
  if (header === undefined) return { why: 'no Authorization header', refusal: 'token-missing' };
  const token = /^Bearer +(\S+)$/i.exec(header)?.[1];
  if (token === undefined) {
    return { why: 'the Authorization header is not Bearer with a token', refusal: 'token-missing' };
  }
  return tokens.find(token) ?? { why: 'the token was not given out here', refusal: 'token-unknown' };
}

function refuse(call: Call, reply: Reply, refusal: Refusal): Access {
  call.entry.refusal = refusal;
  return { ok: false, reply };
}
