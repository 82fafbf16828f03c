import { createAssertionVerifier, readAssertion } from './assertion.js';
import { oauthError, type Reply } from './reply.js';
import type { Call, Route } from './route.js';
import type { Switches } from './switches.js';
import { type Tokens, tokenLifetimeSeconds } from './tokens.js';
import type { Client, World } from './world.js';

const assertionType = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer';

type Authenticated = { ok: true; client: Client; how: string } | { ok: false; reply: Reply };

/** `POST /{account}/oauth/token`: client credentials with private_key_jwt or Basic (talkdesk-api.md 3.2 to 3.4). */
export function createTokenRoute(deps: {
  world: World;
  tokens: Tokens;
  switches: Switches;
  now: () => Date;
  tokenUrl: (accountName: string) => string;
}): Route {
  const { world, tokens, switches, tokenUrl } = deps;
  const verifyAssertion = createAssertionVerifier(world, deps.now);

  return {
    name: 'token',
    claims(call) {
      const form = new URLSearchParams(call.body.toString());
      const assertion = form.get('client_assertion');
      const claimed = assertion === null ? basicCredentials(call)?.id : readAssertion(assertion)?.claims.iss;
      const client = claimed === undefined ? undefined : world.clients.get(claimed);
      return { installationId: client?.installation.id ?? null, clientId: client?.id ?? null };
    },
    async answer(call) {
      if (call.mediaType !== 'application/x-www-form-urlencoded') {
        return oauthError(400, 'invalid_request', 'The content type must be application/x-www-form-urlencoded');
      }
      const form = new URLSearchParams(call.body.toString());
      const repeated = [...form.keys()].find((name) => form.getAll(name).length > 1);
      if (repeated !== undefined) return oauthError(400, 'invalid_request', `Parameter ${repeated} is repeated`);
      const grantType = form.get('grant_type');
      if (grantType === null) return oauthError(400, 'invalid_request', 'Missing grant type');
      if (grantType !== 'client_credentials') {
        return oauthError(400, 'unsupported_grant_type', 'The grant type is not supported');
      }
      const authenticated = await authenticate(call, form);
      if (!authenticated.ok) return authenticated.reply;
      return issue(authenticated, form.get('scope'));
    },
  };

  async function authenticate(call: Call, form: URLSearchParams): Promise<Authenticated> {
    const assertion = form.get('client_assertion');
    const basic = call.header('authorization') !== undefined;
    if (assertion !== null && basic) {
      return no(oauthError(400, 'invalid_request', 'Use one way of client authentication only'));
    }
    if (assertion !== null) return authenticateByAssertion(call, form, assertion);
    if (form.has('client_assertion_type')) return no(oauthError(400, 'invalid_request', 'Missing client assertion'));
    if (basic) return authenticateByBasic(call);
    return no(oauthError(401, 'unauthorized', 'Client authentication is missing'));
  }

  async function authenticateByAssertion(call: Call, form: URLSearchParams, assertion: string): Promise<Authenticated> {
    world.secrets.add(assertion);
    const read = readAssertion(assertion);
    call.entry.assertion = read === null ? null : { ...read.header, ...read.claims };
    if (form.get('client_assertion_type') !== assertionType) {
      return no(oauthError(400, 'invalid_request', `client_assertion_type must be ${assertionType}`));
    }
    const account = call.params['account'] ?? '';
    const result = await verifyAssertion(assertion, tokenUrl(account));
    if (!result.ok) return no(oauthError(401, 'invalid_client', 'Client authentication failed', result.reason));
    const { algorithm, keyId } = result.client;
    const how = `assertion verified (${algorithm}, key ${keyId}, aud, exp, iat, first use of its jti)`;
    return admit(call, result.client, how);
  }

  function authenticateByBasic(call: Call): Authenticated {
    const credentials = basicCredentials(call);
    const refuse = (reason: string) => no(oauthError(401, 'invalid_client', 'Client authentication failed', reason));
    if (credentials === null) return refuse('the Authorization header is not Basic with id and secret');
    world.secrets.add(credentials.secret);
    if (switches.basic_authentication === 'refused') return refuse('Basic authentication is switched off');
    const client = world.clients.get(credentials.id);
    if (client === undefined) return refuse(`no client ${credentials.id} is registered`);
    if (client.secret !== credentials.secret) return refuse('the client secret is wrong');
    return admit(call, client, 'client secret verified');
  }

  /** The checks that come after the client has proven itself: its account, and whether it is still alive. */
  function admit(call: Call, client: Client, how: string): Authenticated {
    const refuse = (reason: string) => no(oauthError(401, 'invalid_client', 'Client authentication failed', reason));
    const account = call.params['account'];
    const { installation } = client;
    if (installation.account.name !== account) return refuse(`the client does not belong to account ${account}`);
    if (client.revoked) return refuse(`the client is revoked, its installation is ${installation.state}`);
    return { ok: true, client, how };
  }

  async function issue(authenticated: Authenticated & { ok: true }, asked: string | null): Promise<Reply> {
    const { client, how } = authenticated;
    const { installation } = client;
    const wanted = asked === null || asked.trim() === '' ? [...installation.scopes] : asked.trim().split(/ +/);
    const missing = wanted.filter((scope) => scope !== 'openid' && !installation.scopes.includes(scope));
    if (missing.length > 0) {
      const reason = `scope not granted: ${missing.join(' ')}`;
      return oauthError(
        switches.ungranted_scope_status,
        'invalid_scope',
        'A scope is not granted',
        `${how}, but ${reason}`,
      );
    }
    const scopes = ['openid', ...new Set(wanted.filter((scope) => scope !== 'openid'))];
    const accessToken = await tokens.issue(client, scopes);
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
}

function no(reply: Reply): Authenticated {
  return { ok: false, reply };
}

function basicCredentials(call: Call): { id: string; secret: string } | null {
  const encoded = /^Basic +([A-Za-z0-9+/=]+)$/i.exec(call.header('authorization') ?? '')?.[1];
  if (encoded === undefined) return null;
  const text = Buffer.from(encoded, 'base64').toString();
  const colon = text.indexOf(':');
  return colon < 0 ? null : { id: text.slice(0, colon), secret: text.slice(colon + 1) };
}
