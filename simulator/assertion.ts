import { compactVerify, decodeJwt, decodeProtectedHeader, type JWTPayload, type ProtectedHeaderParameters } from 'jose';
import type { Client, World } from './world.js';

/** Longest distance of `exp` from now, and the tolerance for a client's clock (talkdesk-api.md 3.2, 10.6, 10.12). */
const longestLifetimeSeconds = 300;
const skewSeconds = 60;

/** The client that an assertion proves, or what is wrong with it in words. */
export type AssertionResult = { ok: true; client: Client } | { ok: false; reason: string };

/** What an assertion says about itself, unverified and without its signature; null when it is no JWT. */
export function readAssertion(assertion: string): { header: ProtectedHeaderParameters; claims: JWTPayload } | null {
  try {
    return { header: decodeProtectedHeader(assertion), claims: decodeJwt(assertion) };
  } catch {
    return null;
  }
}

/**
 * Verifies a `private_key_jwt` (talkdesk-api.md 3.2): registered algorithm and key, `iss` = `sub` = client id, `aud` exactly
 * the token URL, `exp` at most five minutes ahead and not passed, `iat` not in the future, `jti` used once.
 * A refused assertion does not use up its `jti`.
 */
export function createAssertionVerifier(
  world: World,
  now: () => Date,
): (assertion: string, tokenUrl: string) => Promise<AssertionResult> {
  const usedUntil = new Map<string, number>();

  return async (assertion, tokenUrl) => {
    const read = readAssertion(assertion);
    if (read === null) return refused('the client assertion is not a JWT');
    const { header, claims } = read;
    if (typeof claims.iss !== 'string' || claims.iss !== claims.sub)
      return refused('iss and sub are not the same client id');
    const client = world.clients.get(claims.iss);
    if (client === undefined) return refused(`no client ${claims.iss} is registered`);
    if (header.alg !== client.algorithm) {
      return refused(`alg is ${header.alg}, the client's key is registered for ${client.algorithm}`);
    }
    if (header.kid !== client.keyId) return refused(`kid is ${header.kid}, the client's key is ${client.keyId}`);
    try {
      await compactVerify(assertion, client.publicKey, { algorithms: [client.algorithm] });
    } catch {
      return refused('the signature was not made with the key of this client');
    }
    const wrong = wrongClaim(claims, tokenUrl, Math.floor(now().getTime() / 1000));
    if (wrong !== null) return refused(wrong);
    // From here on nothing may wait: two copies of one assertion can be under way at the same time.
    const use = `${client.id} ${claims.jti}`;
    if (usedUntil.has(use)) return refused('its jti was used before');
    remember(use, claims.exp ?? 0);
    return { ok: true, client };
  };

  function remember(use: string, expSeconds: number): void {
    usedUntil.set(use, expSeconds);
    if (usedUntil.size % 1000 !== 0) return;
    const nowSeconds = now().getTime() / 1000;
    for (const [old, until] of usedUntil) if (until < nowSeconds) usedUntil.delete(old);
  }
}

function wrongClaim(claims: JWTPayload, tokenUrl: string, nowSeconds: number): string | null {
  const { aud, exp, iat, nbf, jti } = claims;
  const audience = Array.isArray(aud) && aud.length === 1 ? aud[0] : aud;
  if (audience !== tokenUrl) return `aud is ${JSON.stringify(aud)}, not the token URL ${tokenUrl}`;
  if (typeof exp !== 'number') return 'exp is missing';
  if (exp <= nowSeconds) return `exp has passed by ${nowSeconds - exp} s`;
  if (exp > nowSeconds + longestLifetimeSeconds + skewSeconds) {
    return `exp is ${exp - nowSeconds} s ahead, at most ${longestLifetimeSeconds} s are allowed`;
  }
  if (typeof iat === 'number' && iat > nowSeconds + skewSeconds) return `iat is ${iat - nowSeconds} s in the future`;
  if (typeof nbf === 'number' && nbf > nowSeconds + skewSeconds) return `nbf is ${nbf - nowSeconds} s in the future`;
  if (typeof jti !== 'string' || jti === '') return 'jti is missing';
  return null;
}

function refused(reason: string): AssertionResult {
  return { ok: false, reason };
}
