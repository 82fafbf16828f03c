import { LRUCache } from 'lru-cache';
import { z } from 'zod';
import { waitWithin } from './abandon.js';
import { createAssertion } from './assertion.js';
import { CLOCKS_APART, TalkdeskDataError, TalkdeskError } from './errors.js';
import { failureOf, malformedBody } from './failures.js';
import { type HttpClient, type HttpResponse, isSuccess } from './http.js';
import { originOf } from './strict-url.js';
import { parseJsonObject } from './json.js';
import type { TalkdeskLog } from './log.js';
import { createPrivateKeys } from './private-key.js';
import type { Regions } from './regions.js';
import type { CallLimits, InstallationAccess } from './types.js';

const OPERATION = 'get a token';
/** A token is renewed this long before it ends, or after half its life when that is shorter (talkdesk-api.md 3.4). */
const RENEW_BEFORE_MS = 60_000;
/** Used when an answer does not say how long its token lives: short, and no loop. */
const UNSTATED_LIFETIME_S = 60;
const MAX_LIFETIME_S = 86_400;
/** A token request belongs to all its callers, so none of their limits bounds it. */
const REFRESH_TIMEOUT_MS = 8_000;
/** Clocks that are further apart than this may be why an assertion is refused: what Talkdesk lets pass is not documented. */
const CLOCKS_APART_MS = 90_000;
const MAX_TOKENS = 5_000;
const MAX_KEYS = 1_000;
const ASSERTION_TYPE = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer';

/** `private_key_jwt` always; `basic` is a diagnostic switch (talkdesk-api.md 3.3). */
export type TokenAuth = 'private_key_jwt' | 'basic';

export interface TokensOptions {
  http: HttpClient;
  regions: Regions;
  now: () => Date;
  scopes: (appId: string) => readonly string[];
  tokenAuth: TokenAuth;
  log: TalkdeskLog;
}

/** Access tokens, one per installation, client, key and set of scopes; in memory only. */
export interface Tokens {
  /**
   * A usable token; `fresh` is false when it was there already. Callers at the same time share one request.
   *
   * @throws TalkdeskError of any class but `gone` and `conflict`
   */
  get(access: InstallationAccess, limits: CallLimits): Promise<{ token: string; fresh: boolean }>;
  /** Drops a token that was not accepted, unless a newer one has taken its place. */
  drop(access: InstallationAccess, token: string): void;
  /** Drops all tokens of an installation, those on their way included. */
  forget(installationId: string): void;
}

interface CachedToken {
  installationId: string;
  token: string;
  renewAtMs: number;
}

const tokenSchema = z.object({
  // Visible ASCII: it becomes a header.
  access_token: z.string().regex(/^[\x21-\x7e]{1,16384}$/),
  expires_in: z.coerce.number().positive().max(MAX_LIFETIME_S).catch(UNSTATED_LIFETIME_S),
  scope: z.string().nullable().catch(null),
});

/** Makes an empty token cache. */
export function createTokens(options: TokensOptions): Tokens {
  const { http, regions, now, log } = options;
  const cache = new LRUCache<string, CachedToken>({ max: MAX_TOKENS });
  const refreshes = new Map<string, { installationId: string; work: Promise<string> }>();
  const privateKeys = createPrivateKeys({ maxKeys: MAX_KEYS });

  /** With client and key, so that a new set of credentials is never proved by a token of the old one. */
  function keyOf(access: InstallationAccess): string {
    const scopes = [...options.scopes(access.appId)].sort();
    const { clientId, keyId } = access.credentials;
    return JSON.stringify([access.installationId, clientId, keyId, scopes]);
  }

  async function authenticate(
    access: InstallationAccess,
  ): Promise<{ headers: Record<string, string>; form: Record<string, string> }> {
    const { credentials, tokenUrl } = access;
    if (options.tokenAuth === 'basic') {
      if (credentials.clientSecret === null)
        throw unusableCredentials('the installation has no client secret for Basic authentication.');
      const pair = Buffer.from(`${credentials.clientId}:${credentials.clientSecret}`).toString('base64');
      return { headers: { authorization: `Basic ${pair}` }, form: {} };
    }
    try {
      const assertion = await createAssertion(credentials, privateKeys.of(credentials), tokenUrl, now());
      return { headers: {}, form: { client_assertion_type: ASSERTION_TYPE, client_assertion: assertion } };
    } catch (error) {
      throw unusableCredentials(error instanceof TalkdeskDataError ? error.message : 'the private key cannot sign.');
    }
  }

  async function request(access: InstallationAccess, scopes: readonly string[]): Promise<HttpResponse> {
    if (!regions.allowsTokenUrl(access.tokenUrl)) {
      throw new TalkdeskError(
        { failureClass: 'needs-person', operation: OPERATION },
        `the region table has no token host ${originOf(access.tokenUrl)}. If this is Talkdesk's, add it to the region file.`,
      );
    }
    const { headers, form } = await authenticate(access);
    const body = new URLSearchParams({ grant_type: 'client_credentials', scope: scopes.join(' '), ...form }).toString();
    return await http.send({
      operation: OPERATION,
      method: 'POST',
      url: access.tokenUrl,
      headers: { ...headers, 'content-type': 'application/x-www-form-urlencoded', accept: 'application/json' },
      body,
      signal: new AbortController().signal,
      timeoutMs: REFRESH_TIMEOUT_MS,
    });
  }

  async function mint(access: InstallationAccess): Promise<CachedToken> {
    const scopes = options.scopes(access.appId);
    // The life of a token is counted from before the request: however long that took, it is not used for too long.
    const askedAtMs = now().getTime();
    const response = await request(access, scopes);
    if (!isSuccess(response.status)) throw refusalOf(response, now(), options.tokenAuth);
    const parsed = tokenSchema.safeParse(parseJsonObject(Buffer.from(response.body)));
    if (!parsed.success) throw malformedBody(OPERATION, response.status, 'without a token that can be used');
    const { access_token: token, expires_in: lifetimeS, scope } = parsed.data;
    warnOfMissingScopes(access, scopes, scope);
    const lifetimeMs = lifetimeS * 1_000;
    const renewAtMs = askedAtMs + lifetimeMs - Math.min(RENEW_BEFORE_MS, lifetimeMs / 2);
    return { installationId: access.installationId, token, renewAtMs };
  }

  function warnOfMissingScopes(access: InstallationAccess, asked: readonly string[], granted: string | null): void {
    if (granted === null) return;
    const held = new Set(granted.split(/\s+/));
    const missing = asked.filter((scope) => !held.has(scope));
    if (missing.length === 0) return;
    log.warn({ installationId: access.installationId, missing }, 'Talkdesk granted fewer scopes than were asked for');
  }

  /** Starts the one refresh for a key. What it mints is kept only while nobody has forgotten it meanwhile. */
  function startRefresh(key: string, access: InstallationAccess): Promise<string> {
    const refresh = { installationId: access.installationId, work: run() };
    async function run(): Promise<string> {
      try {
        const minted = await mint(access);
        if (refreshes.get(key) === refresh) cache.set(key, minted);
        return minted.token;
      } finally {
        if (refreshes.get(key) === refresh) refreshes.delete(key);
      }
    }
    refreshes.set(key, refresh);
    // Every caller may have left by the time it fails.
    refresh.work.catch(() => undefined);
    return refresh.work;
  }

  return {
    async get(access, limits) {
      const key = keyOf(access);
      const cached = cache.get(key);
      if (cached !== undefined && now().getTime() < cached.renewAtMs) return { token: cached.token, fresh: false };
      const work = refreshes.get(key)?.work ?? startRefresh(key, access);
      return { token: await waitWithin(work, OPERATION, limits), fresh: true };
    },
    drop(access, token) {
      const key = keyOf(access);
      if (cache.peek(key)?.token === token) cache.delete(key);
    },
    forget(installationId) {
      for (const [key, cached] of cache.entries()) if (cached.installationId === installationId) cache.delete(key);
      for (const [key, refresh] of refreshes) if (refresh.installationId === installationId) refreshes.delete(key);
    },
  };
}

/** A wrong clock makes every assertion invalid, and must not end what only good credentials can answer. */
function refusalOf(response: HttpResponse, now: Date, tokenAuth: TokenAuth): TalkdeskError {
  const refusal = failureOf(OPERATION, 'token', response, now);
  // Only an assertion carries a time.
  if (tokenAuth === 'basic') return refusal;
  const apartMs = now.getTime() - Date.parse(response.headers.date ?? '');
  // Without a date it is not a number, and not more than anything.
  if (refusal.failureClass !== 'credentials' || !(Math.abs(apartMs) > CLOCKS_APART_MS)) return refusal;
  const apart = `${Math.round(Math.abs(apartMs) / 1_000)} s ${apartMs > 0 ? 'ahead of' : 'behind'} Talkdesk's`;
  return new TalkdeskError(
    { failureClass: 'retryable', operation: OPERATION, status: response.status, code: CLOCKS_APART },
    `Talkdesk answered ${response.status}, and our clock is ${apart}. Set the clock of this machine right.`,
  );
}

function unusableCredentials(what: string): TalkdeskError {
  return new TalkdeskError({ failureClass: 'credentials', operation: OPERATION }, what);
}
