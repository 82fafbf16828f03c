import { randomBytes } from 'node:crypto';
import { SignJWT } from 'jose';
import { randomId } from './ids.js';
import type { Client } from './world.js';

/** Lifetime of an access token (talkdesk-api.md 3.4). */
export const tokenLifetimeSeconds = 599;

/** An access token that was given out. */
export interface AccessToken {
  readonly client: Client;
  readonly scopes: readonly string[];
  readonly expiresAt: Date;
}

/** The access tokens that were given out; what a revoked client's are worth is a switch (talkdesk-api.md 10.11). */
export interface Tokens {
  /** A fresh token for the client's installation with these scopes. */
  issue(client: Client, scopes: readonly string[]): Promise<string>;
  /** The token, also when it has expired; undefined when none like it was given out, or it is long gone. */
  find(token: string): AccessToken | undefined;
}

/** How many tokens are given out between two clearings of long expired ones. */
const clearingInterval = 5000;

/** No tokens yet; every token given out is added to `secrets`. */
export function createTokens(now: () => Date, secrets: Set<string>): Tokens {
  const tokens = new Map<string, AccessToken>();
  const key = randomBytes(32);
  let issued = 0;
  return {
    async issue(client, scopes) {
      const expiresAt = new Date(now().getTime() + tokenLifetimeSeconds * 1000);
      // Clients must treat it as opaque; it only looks like the real one, whose claims are not documented.
      const token = await new SignJWT({
        cid: client.id,
        aid: client.installation.account.id,
        scp: scopes,
        jti: randomId(),
      })
        .setProtectedHeader({ alg: 'HS256', typ: 'JWT' })
        .setExpirationTime(expiresAt)
        .sign(key);
      tokens.set(token, { client, scopes, expiresAt });
      secrets.add(token);
      if (++issued % clearingInterval === 0) clearExpired();
      return token;
    },
    find: (token) => tokens.get(token),
  };

  function clearExpired(): void {
    for (const [token, { expiresAt }] of tokens) {
      if (expiresAt <= now()) tokens.delete(token);
    }
  }
}
