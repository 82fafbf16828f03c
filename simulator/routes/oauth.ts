import { createAssertionVerifier, readAssertion } from './assertion.js';
import type { LinksOf } from '../events/links.js';
import { oauthError, type Reply } from './reply.js';
import type { Asked, Call, Route } from './route.js';
import type { Switches } from '../world/switches.js';
import { type Tokens, tokenLifetimeSeconds } from './tokens.js';
import type { Refusal } from '../oracle/ledger.js';
import { redactFields } from '../oracle/redaction.js';
import type { Client, World } from '../world/world.js';

const assertionType = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer';

type Authenticated = { ok: true; client: Client; how: string } | { ok: false; reply: Reply };

/** `POST /{account}/oauth/token`: client credentials with private_key_jwt or Basic (talkdesk-api.md 3.2 to 3.4). */
export function createTokenRoute(deps: {
  world: World;
  tokens: Tokens;
  switches: Switches;
  now: () => Date;
  linksOf: LinksOf;
}): Route {
  const { world, tokens, switches, linksOf } = deps;
  const verifyAssertion = createAssertionVerifier(world, switches, deps.now);

  return {
    name: 'token',
    claims(asked) {
      const form = new URLSearchParams(asked.body.toString());
      const assertion = form.get('client_assertion');
      const claimed = assertion === null ? basicCredentials(asked)?.id : readAssertion(assertion)?.claims.iss;
      const client = claimed === undefined ? undefined : world.clients.get(claimed);
      return { installationId: client?.installation.id ?? null, clientId: client?.id ?? null };
    },
    answer(call) {
      if (call.mediaType !== 'application/x-www-form-urlencoded') {
        return malformed(call, 400, 'invalid_request', 'The content type must be application/x-www-form-urlencoded');
      }
      const form = new URLSearchParams(call.body.toString());
      const repeated = [...form.keys()].find((name) => form.getAll(name).length > 1);
      if (repeated !== undefined) return malformed(call, 400, 'invalid_request', `Parameter ${repeated} is repeated`);
      const grantType = form.get('grant_type');
      if (grantType === null) return malformed(call, 400, 'invalid_request', 'Missing grant type');
      if (grantType !== 'client_credentials') {
        return malformed(call, 400, 'unsupported_grant_type', 'The grant type is not supported');
      }
      const authenticated = authenticate(call, form);
      if (!authenticated.ok) return authenticated.reply;
      return issue(call, authenticated, form.get('scope'));
    },
  };

  function authenticate(call: Call, form: URLSearchParams): Authenticated {
    const assertion = form.get('client_assertion');
    const basic = call.header('authorization') !== undefined;
    if (assertion !== null && basic) {
      return no(malformed(call, 400, 'invalid_request', 'Use one way of client authentication only'));
    }
    if (assertion !== null) return authenticateByAssertion(call, form, assertion);
    if (form.has('client_assertion_type'))
      return no(malformed(call, 400, 'invalid_request', 'Missing client assertion'));
    if (basic) return authenticateByBasic(call);
    return no(malformed(call, 401, 'unauthorized', 'Client authentication is missing'));
  }

  function authenticateByAssertion(call: Call, form: URLSearchParams, assertion: string): Authenticated {
    world.secrets.add(assertion);
    const read = readAssertion(assertion);
    call.entry.assertion = read === null ? null : redactFields({ ...read.header, ...read.claims }, world.secrets);
    if (form.get('client_assertion_type') !== assertionType) {
      return no(malformed(call, 400, 'invalid_request', `client_assertion_type must be ${assertionType}`));
    }
    const account = call.params['account'] ?? '';
    const result = verifyAssertion(assertion, linksOf(call).token(account));
    if (!result.ok) {
      return no(refusedClient(call, result.reason, result.refusal));
    }
    const { algorithm, keyId } = result.client;
    const how = `assertion verified (${algorithm}, key ${keyId}, aud, exp, iat, first use of its jti)`;
    return admit(call, result.client, how);
  }

  function authenticateByBasic(call: Call): Authenticated {
    const credentials = basicCredentials(call);
    const refuse = (reason: string, refusal: Refusal) => no(refusedClient(call, reason, refusal));
    if (credentials === null) return refuse('the Authorization header is not Basic with id and secret', 'malformed');
    world.secrets.add(credentials.secret);
    if (switches.basic_authentication === 'refused')
      return refuse('Basic authentication is switched off', 'basic-refused');
    const client = world.clients.get(credentials.id);
    if (client === undefined) return refuse(`no client ${credentials.id} is registered`, 'client-unknown');
    if (client.secret !== credentials.secret) return refuse('the client secret is wrong', 'client-secret');
    return admit(call, client, 'client secret verified');
  }

  /** The checks that come after the client has proven itself: its account, and whether it is still alive. */
  function admit(call: Call, client: Client, how: string): Authenticated {
    const refuse = (reason: string, refusal: Refusal) => no(refusedClient(call, reason, refusal));
    const account = call.params['account'];
    const { installation } = client;
    const { region } = installation.account;
    if (region !== call.region)
      return refuse(`the client is of region ${region}, not of this token service's ${call.region}`, 'other-region');
    if (installation.account.name !== account)
      return refuse(`the client does not belong to account ${account}`, 'other-account');
    if (client.revoked)
      return refuse(`the client is revoked, its installation is ${installation.state}`, 'client-revoked');
    return { ok: true, client, how };
  }

  function refusedClient(call: Call, reason: string, refusal: Refusal): Reply {
    call.entry.refusal = refusal;
    const [status, error = ''] = switches.client_refusal.split('-');
    return oauthError(Number(status), error, 'Client authentication failed', reason);
  }

  function issue(call: Call, authenticated: Authenticated & { ok: true }, asked: string | null): Reply {
    const { client, how } = authenticated;
    const { installation } = client;
    const wanted = asked === null || asked.trim() === '' ? [...installation.scopes] : asked.trim().split(/ +/);
    const missing = wanted.filter((scope) => scope !== 'openid' && !installation.scopes.includes(scope));
    if (missing.length > 0) {
      call.entry.refusal = 'scope-not-granted';
      const reason = `scope not granted: ${missing.join(' ')}`;
      return oauthError(
        switches.ungranted_scope_status,
        'invalid_scope',
        'A scope is not granted',
        `${how}, but ${reason}`,
      );
    }
    const early = wanted.find((scope) => isTooNew(installation.app.scopesAdded.get(scope)));
    if (early !== undefined) {
      call.entry.refusal = 'scope-not-active';
      return oauthError(401, 'unauthorized', 'The scope is not active yet', `${how}, but ${early} was just added`);
    }
    const openid = switches.openid_scope === 'added' || wanted.includes('openid') ? ['openid'] : [];
    const scopes = [...openid, ...new Set(wanted.filter((scope) => scope !== 'openid'))];
    const { text: accessToken, token } = tokens.issue(client, scopes);
    call.entry.issued = { number: token.number, expires_at: token.expiresAt.toISOString(), scopes };
    installation.tokenRequests += 1;
    return {
      status: 200,
      headers: { 'cache-control': 'no-store' },
      body: {
        access_token: accessToken,
        token_type: 'Bearer',
        expires_in: tokenLifetimeSeconds,
        scope: scopes.join(' '),
      },
      verdict: `token issued: ${how}`,
    };
  }

  /** A scope that was added to an app takes a while to work (talkdesk-api.md 3.4). */
  function isTooNew(addedAt: Date | undefined): boolean {
    return addedAt !== undefined && deps.now().getTime() < addedAt.getTime() + switches.new_scope_delay_ms;
  }
}

/** A request that is not as the contract writes it. */
function malformed(call: Call, status: number, error: string, description: string): Reply {
  call.entry.refusal = 'malformed';
  return oauthError(status, error, description);
}

function no(reply: Reply): Authenticated {
  return { ok: false, reply };
}

function basicCredentials(asked: Asked): { id: string; secret: string } | null {
  const encoded = /^Basic +([A-Za-z0-9+/=]+)$/i.exec(asked.header('authorization') ?? '')?.[1];
  if (encoded === undefined) return null;
  const text = Buffer.from(encoded, 'base64').toString();
  const colon = text.indexOf(':');
  return colon < 0 ? null : { id: text.slice(0, colon), secret: text.slice(colon + 1) };
}
