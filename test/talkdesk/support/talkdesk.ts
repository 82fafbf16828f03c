import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import type { TestContext } from 'node:test';
import { createTalkdeskClient, type TalkdeskClientOptions } from '../../../talkdesk/client.js';
import { TalkdeskError } from '../../../talkdesk/errors.js';
import { createRegions } from '../../../talkdesk/regions.js';
import type { CallLimits, InstallationAccess, KeyAlgorithm, TalkdeskClient } from '../../../talkdesk/types.js';
import { type Answer, json, startServer, type TestServer } from './server.js';

/** Business time of the tests. */
export const NOW = new Date('2026-01-05T10:00:00Z');
export const SCOPES = ['account:read', 'apps:read', 'apps:write', 'users:read'];
const TOKEN_PATH = '/acme/oauth/token';
/** Path of the installation that the access of `startTalkdesk` names. */
export const INSTALLATION_PATH = '/apps/app-1/installations/installation-1';
export const CLIENT_SECRET = 'the-client-secret';

const CURVES: Partial<Record<KeyAlgorithm, string>> = { ES256: 'P-256', ES384: 'P-384', ES512: 'P-521' };

/** A key pair as Talkdesk makes one for an algorithm; the private key as base64 PKCS#8. */
export function makeCredentialKey(algorithm: KeyAlgorithm): { privateKey: string; publicKey: KeyObject } {
  const namedCurve = CURVES[algorithm];
  const pair =
    namedCurve === undefined
      ? generateKeyPairSync('rsa', { modulusLength: 2_048 })
      : generateKeyPairSync('ec', { namedCurve });
  const privateKey = pair.privateKey.export({ type: 'pkcs8', format: 'der' }).toString('base64');
  return { privateKey, publicKey: pair.publicKey };
}

/** Limits of one call that nothing cuts off. */
export function limits(timeoutMs = 5_000): CallLimits {
  return { signal: new AbortController().signal, timeoutMs };
}

/** A moving clock. */
export function createClock(start = NOW): { now: () => Date; advance: (ms: number) => void } {
  let atMs = start.getTime();
  return { now: () => new Date(atMs), advance: (ms) => (atMs += ms) };
}

export interface TestTalkdesk {
  server: TestServer;
  client: TalkdeskClient;
  access: InstallationAccess;
  publicKey: KeyObject;
  /** Requests for tokens so far. */
  tokenRequests: () => number;
  /** Requests other than for tokens. */
  apiRequests: () => TestServer['requests'];
  clock: ReturnType<typeof createClock>;
  warnings: { fields: Record<string, unknown>; message: string }[];
}

/** A client against a local server that gives the tokens `token-1`, `token-2` … and answers everything else with `answer`. */
export async function startTalkdesk(
  context: TestContext,
  answer: Answer,
  options: {
    algorithm?: KeyAlgorithm;
    token?: Answer;
    client?: Partial<TalkdeskClientOptions>;
    neighbours?: TestServer[];
  } = {},
): Promise<TestTalkdesk> {
  let tokens = 0;
  const token: Answer =
    options.token ??
    ((_request, response) =>
      json(response, 200, {
        access_token: `token-${tokens}`,
        token_type: 'Bearer',
        expires_in: 599,
        scope: `openid ${SCOPES.join(' ')}`,
      }));
  const server = await startServer(context, async (request, response, raw) => {
    if (request.path !== TOKEN_PATH) return await answer(request, response, raw);
    tokens += 1;
    return await token(request, response, raw);
  });
  const algorithm = options.algorithm ?? 'ES256';
  const { privateKey, publicKey } = makeCredentialKey(algorithm);
  const clock = createClock();
  const warnings: TestTalkdesk['warnings'] = [];
  const servers = [server, ...(options.neighbours ?? [])];
  const hosts = servers.map(({ host }) => host);
  const client = createTalkdeskClient({
    regions: createRegions(
      servers.map(({ url, host }) => ({ name: host, gateway: url, tokenHosts: [host] })),
      hosts,
    ),
    insecureHosts: hosts,
    now: clock.now,
    scopes: () => SCOPES,
    log: {
      debug: () => undefined,
      warn: (fields, message) => warnings.push({ fields, message }),
      error: (fields, message) => warnings.push({ fields, message }),
    },
    ...options.client,
  });
  context.after(() => client.close());
  return {
    server,
    client,
    publicKey,
    clock,
    warnings,
    tokenRequests: () => tokens,
    apiRequests: () => server.requests.filter(({ path }) => path !== TOKEN_PATH),
    access: {
      appId: 'app-1',
      installationId: 'installation-1',
      apiRoot: server.url,
      tokenUrl: `${server.url}${TOKEN_PATH}`,
      credentials: {
        clientId: 'client-1',
        clientSecret: CLIENT_SECRET,
        privateKey,
        publicKey: null,
        keyId: 'key-1',
        keyAlgorithm: algorithm,
      },
    },
  };
}

/** Answers everything with one body. */
export const answers =
  (body: unknown, status = 200): Answer =>
  (_request, response) =>
    json(response, status, body);

/** Keeps the token route of the first answer and takes the rest from another. */
export function route(tokens: Answer, rest: Answer): Answer {
  return (request, response, raw) => (request.path === TOKEN_PATH ? tokens : rest)(request, response, raw);
}

/** The TalkdeskError that a call fails with. */
export async function failureOfCall(call: Promise<unknown>): Promise<TalkdeskError> {
  try {
    await call;
  } catch (error) {
    if (error instanceof TalkdeskError) return error;
    throw error;
  }
  throw new Error('The call did not fail.');
}
