import { createHmac, randomBytes } from 'node:crypto';
import { randomId } from '../world/ids.js';
import type { Client } from '../world/world.js';

/** Lifetime of an access token (talkdesk-api.md 3.4). */
export const tokenLifetimeSeconds = 599;

/** An access token that was given out. */
export interface AccessToken {
  /** Counted from 1; tells one from another where the token itself may not be shown. */
  readonly number: number;
  readonly client: Client;
  readonly scopes: readonly string[];
  readonly expiresAt: Date;
}

/** The access tokens that were given out; what a revoked client's are worth is a switch (talkdesk-api.md 10.11). */
export interface Tokens {
  /** A fresh token for the client's installation with these scopes. */
  issue(client: Client, scopes: readonly string[]): { text: string; token: AccessToken };
  /** The token, also when it has expired; undefined when none like it was given out, or it is long gone. */
  find(token: string): AccessToken | undefined;
  /** By their text; and how many were ever given out. */
  all(): { byText: ReadonlyMap<string, AccessToken>; issued: number };
  /** Has given out these and no others. */
  replace(byText: ReadonlyMap<string, AccessToken>, issuedBefore: number): void;
}

/** How many tokens are given out between two clearings of long expired ones. */
const clearingInterval = 5000;

const jwtPart = (content: object) => Buffer.from(JSON.stringify(content)).toString('base64url');
const jwtHead = jwtPart({ alg: 'HS256', typ: 'JWT' });

/** No tokens yet; every token given out is added to `secrets`. */
export function createTokens(now: () => Date, secrets: Set<string>): Tokens {
  const tokens = new Map<string, AccessToken>();
  const key = randomBytes(32);
  let issued = 0;
  return {
    issue(client, scopes) {
      const expiresAt = new Date(now().getTime() + tokenLifetimeSeconds * 1000);
      // Clients must treat it as opaque; it only looks like the real one, whose claims are not documented.
      const claims = { cid: client.id, aid: client.installation.account.id, scp: scopes, jti: randomId() };
      const body = `${jwtHead}.${jwtPart({ ...claims, exp: Math.floor(expiresAt.getTime() / 1000) })}`;
      const text = `${body}.${createHmac('sha256', key).update(body).digest('base64url')}`;
      const token = { number: ++issued, client, scopes, expiresAt };
      tokens.set(text, token);
      secrets.add(text);
      if (issued % clearingInterval === 0) clearExpired();
      return { text, token };
    },
    find: (token) => tokens.get(token),
    all: () => ({ byText: tokens, issued }),
    replace(byText, issuedBefore) {
      tokens.clear();
      for (const [text, token] of byText) tokens.set(text, token);
      issued = issuedBefore;
    },
  };

  function clearExpired(): void {
    for (const [token, { expiresAt }] of tokens) {
      if (expiresAt <= now()) tokens.delete(token);
    }
  }
}
