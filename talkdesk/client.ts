import type { z } from 'zod';
import { TalkdeskError } from './errors.js';
import { failureOf, malformedBody } from './failures.js';
import { createHttpClient, type HttpOptions, type HttpResponse, isSuccess } from './http.js';
import { originOf } from './strict-url.js';
import { parseJsonObject } from './json.js';
import { silentLog, type TalkdeskLog } from './log.js';
import type { Regions } from './regions.js';
import { accountSchema, installationSchema, subscriptionSchema, usersPageSchema } from './schemas.js';
import { createTokens, type TokenAuth } from './tokens.js';
import type { CallLimits, InstallationAccess, TalkdeskClient, TalkdeskSubscription } from './types.js';
import { readAllUsers } from './users.js';

export interface TalkdeskClientOptions extends HttpOptions {
  regions: Regions;
  /** Business time. */
  now: () => Date;
  /** Scopes to ask for, by app (talkdesk-api.md 3.5). */
  scopes: (appId: string) => readonly string[];
  /** `private_key_jwt` unless told. */
  tokenAuth?: TokenAuth;
  log?: TalkdeskLog;
}

/** One authorised call. */
interface ApiCall {
  operation: string;
  resource: 'installation' | 'account';
  method: 'GET' | 'POST';
  url: string;
  json?: unknown;
  ignoreBody?: boolean;
}

/** Of a 409: that client was acknowledged before, or is not the newest one any more (talkdesk-api.md 4.5). */
const ALREADY_ACKNOWLEDGED = '0030227';

const NO_SUBSCRIPTION: TalkdeskSubscription = {
  id: null,
  type: null,
  licenseType: null,
  name: null,
  totalLicenses: null,
};

/** Makes a client of Talkdesk's APIs, with its own connections and token cache. `close` ends the connections. */
export function createTalkdeskClient(options: TalkdeskClientOptions): TalkdeskClient & { close(): void } {
  const { regions, now } = options;
  const log = options.log ?? silentLog;
  const http = createHttpClient(options);
  const tokens = createTokens({
    http,
    regions,
    now,
    scopes: options.scopes,
    tokenAuth: options.tokenAuth ?? 'private_key_jwt',
    log,
  });

  async function sendOnce(access: InstallationAccess, call: ApiCall, limits: CallLimits): Promise<HttpResponse> {
    const { token } = await tokens.get(access, limits);
    const response = await http.send({
      operation: call.operation,
      method: call.method,
      url: call.url,
      headers: {
        accept: 'application/json',
        authorization: `Bearer ${token}`,
        ...(call.json === undefined ? {} : { 'content-type': 'application/json' }),
      },
      ...(call.method === 'POST' ? { body: call.json === undefined ? '' : JSON.stringify(call.json) } : {}),
      ...(call.ignoreBody === undefined ? {} : { ignoreBody: call.ignoreBody }),
      signal: limits.signal,
      timeoutMs: limits.timeoutMs,
    });
    if (response.status === 401) tokens.drop(access, token);
    return response;
  }

  /** Any status; after a 401 once more with a fresh token (talkdesk-api.md 6). A 401 changed nothing, so this is safe for POST too. */
  async function send(access: InstallationAccess, call: ApiCall, limits: CallLimits): Promise<HttpResponse> {
    if (!regions.allowsGateway(access.apiRoot)) {
      throw new TalkdeskError(
        { failureClass: 'needs-person', operation: call.operation },
        `the region table has no gateway ${originOf(access.apiRoot)}. If this is Talkdesk's, add it to the region file.`,
      );
    }
    const response = await sendOnce(access, call, limits);
    return response.status === 401 ? await sendOnce(access, call, limits) : response;
  }

  async function succeed(access: InstallationAccess, call: ApiCall, limits: CallLimits): Promise<HttpResponse> {
    const response = await send(access, call, limits);
    if (isSuccess(response.status)) return response;
    throw failureOf(call.operation, call.resource, response, now());
  }

  async function read<T extends z.ZodType>(
    access: InstallationAccess,
    call: Omit<ApiCall, 'method'>,
    schema: T,
    limits: CallLimits,
  ): Promise<z.output<T>> {
    const response = await succeed(access, { ...call, method: 'GET' }, limits);
    const parsed = schema.safeParse(parseJsonObject(Buffer.from(response.body)));
    if (!parsed.success) throw malformedBody(call.operation, response.status, 'the body is not what it should be');
    return parsed.data;
  }

  /** Sends; a 2xx is a success whatever its body is. */
  async function post(
    access: InstallationAccess,
    call: Pick<ApiCall, 'operation' | 'url' | 'json'>,
    limits: CallLimits,
  ): Promise<void> {
    await succeed(access, { ...call, resource: 'installation', method: 'POST', ignoreBody: true }, limits);
  }

  return {
    async ensureToken(access, limits) {
      const { fresh } = await tokens.get(access, limits);
      return { fresh };
    },

    async readAccount(access, limits) {
      const call = { operation: 'read the account', resource: 'account', url: `${access.apiRoot}/account` } as const;
      return await read(access, call, accountSchema, limits);
    },

    async readInstallation(access, limits) {
      const operation = 'read the installation';
      const call = { operation, resource: 'installation', url: installationUrl(access, operation) } as const;
      return await read(access, call, installationSchema, limits);
    },

    async readUsers(access, limits, onPage) {
      const usersUrl = `${installationUrl(access, 'read the users of the installation')}/users`;
      return await readAllUsers({
        usersUrl,
        allows: regions.allowsApiUrl,
        readPage: (url, operation) =>
          read(access, { operation, resource: 'installation', url }, usersPageSchema, limits),
        onPage,
        log,
      });
    },

    async readSubscription(access, limits) {
      const operation = 'read the subscription';
      const call = {
        operation,
        resource: 'installation',
        url: `${installationUrl(access, operation)}/subscription`,
      } as const;
      try {
        return await read(access, call, subscriptionSchema, limits);
      } catch (error) {
        // What an app without a plan gives is undocumented (talkdesk-api.md 4.3); that an installation is gone is for its own
        // address to say, not for this one.
        if (!(error instanceof TalkdeskError) || error.failureClass !== 'gone') throw error;
        log.warn({ installationId: access.installationId }, 'Talkdesk knows no subscription of the installation');
        return NO_SUBSCRIPTION;
      }
    },

    async postState(access, verb, reason, limits) {
      const operation = `post ${verb} for the installation`;
      const url = `${installationUrl(access, operation)}/state`;
      await post(access, { operation, url, json: { state: verb, reason } }, limits);
    },

    async acknowledgeCredentials(access, clientId, limits) {
      const operation = 'acknowledge the new credentials';
      const url = `${installationUrl(access, operation)}/credentials/${pathSegment(clientId, 'client', operation)}/state`;
      try {
        await post(access, { operation, url, json: { state: 'acknowledged' } }, limits);
      } catch (error) {
        if (!(error instanceof TalkdeskError) || error.code !== ALREADY_ACKNOWLEDGED || error.status !== 409)
          throw error;
      }
    },

    async requestRotation(access, limits) {
      const operation = 'ask for new credentials';
      await post(
        access,
        { operation, url: `${installationUrl(access, operation)}/credentials/actions/rotate` },
        limits,
      );
    },

    forgetTokens: tokens.forget,
    close: http.close,
  };
}

function installationUrl(access: InstallationAccess, operation: string): string {
  const app = pathSegment(access.appId, 'app', operation);
  return `${access.apiRoot}/apps/${app}/installations/${pathSegment(access.installationId, 'installation', operation)}`;
}

/** An opaque id as one path segment. A segment of dots would be resolved away, percent-encoded or not; half a character has no encoding. */
function pathSegment(id: string, of: string, operation: string): string {
  if (/^\.{0,2}$|\p{Cs}/u.test(id)) {
    throw new TalkdeskError(
      { failureClass: 'needs-person', operation },
      `the id of the ${of} cannot be part of an address. Ask Talkdesk about it.`,
    );
  }
  return encodeURIComponent(id);
}
