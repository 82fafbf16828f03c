import { constants, verify } from 'node:crypto';
import type { JWTPayload, ProtectedHeaderParameters } from 'jose';
import { decodeProtectedHeader } from 'jose/decode/protected_header';
import { decodeJwt } from 'jose/jwt/decode';
import type { Refusal } from '../oracle/ledger.js';
import type { Switches } from '../world/switches.js';
import type { Client, World } from '../world/world.js';

/** The client that an assertion proves, or what is wrong with it in words. */
export type AssertionResult = { ok: true; client: Client } | { ok: false; reason: string; refusal: AssertionRefusal };

/** Which part is wrong. */
type AssertionRefusal = Extract<Refusal, `assertion-${string}` | 'client-unknown'>;

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
 * The limits, and what is let pass, are switches (talkdesk-api.md 10.6, 10.12). A refused assertion does not use up its `jti`.
 */
export function createAssertionVerifier(
  world: World,
  switches: Switches,
  now: () => Date,
): (assertion: string, tokenUrl: string) => AssertionResult {
  const usedUntil = world.usedAssertions;

  return (assertion, tokenUrl) => {
    const read = readAssertion(assertion);
    if (read === null) return refused('the client assertion is not a JWT', 'assertion-form');
    const { header, claims } = read;
    if (typeof claims.iss !== 'string' || claims.iss !== claims.sub)
      return refused('iss and sub are not the same client id', 'assertion-iss');
    const client = world.clients.get(claims.iss);
    if (client === undefined) return refused(`no client ${claims.iss} is registered`, 'client-unknown');
    if (header.alg !== client.algorithm) {
      return refused(`alg is ${header.alg}, the client's key is registered for ${client.algorithm}`, 'assertion-alg');
    }
    if (header.kid !== client.keyId) {
      return refused(`kid is ${header.kid}, the client's key is ${client.keyId}`, 'assertion-kid');
    }
    if (!isSignedBy(client, assertion)) {
      return refused('the signature was not made with the key of this client', 'assertion-signature');
    }
    const wrong = wrongClaim(claims, tokenUrl, Math.floor(now().getTime() / 1000), switches);
    if (wrong !== null) return wrong;
    const use = `${client.id} ${claims.jti}`;
    if (usedUntil.has(use) && switches.assertion_reuse === 'refused')
      return refused('its jti was used before', 'assertion-jti');
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

/**
 * Whether the client's key made the signature, with the algorithm that it is registered for (RFC 7518 3.4, 3.5). By Node itself: jose
 * imports each key anew, which takes eight times as long as the check.
 */
function isSignedBy({ publicKey, algorithm }: Client, assertion: string): boolean {
  const end = assertion.lastIndexOf('.');
  const form = algorithm.startsWith('ES')
    ? { dsaEncoding: 'ieee-p1363' as const }
    : { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: constants.RSA_PSS_SALTLEN_DIGEST };
  const signature = Buffer.from(assertion.slice(end + 1), 'base64url');
  return verify(
    `sha${algorithm.slice(2)}`,
    Buffer.from(assertion.slice(0, end)),
    { key: publicKey, ...form },
    signature,
  );
}

function wrongClaim(
  claims: JWTPayload,
  tokenUrl: string,
  nowSeconds: number,
  switches: Switches,
): AssertionResult | null {
  const { assertion_lifetime_seconds: longestLifetimeSeconds, clock_skew_seconds: skewSeconds } = switches;
  const { aud, exp, iat, nbf, jti } = claims;
  const audience = Array.isArray(aud) && aud.length === 1 ? aud[0] : aud;
  if (audience !== tokenUrl && switches.assertion_audience === 'token-url') {
    return refused(`aud is ${JSON.stringify(aud)}, not the token URL ${tokenUrl}`, 'assertion-aud');
  }
  if (typeof exp !== 'number') return refused('exp is missing', 'assertion-exp');
  if (exp <= nowSeconds) return refused(`exp has passed by ${nowSeconds - exp} s`, 'assertion-exp');
  if (exp > nowSeconds + longestLifetimeSeconds + skewSeconds) {
    const allowed = `at most ${longestLifetimeSeconds} s are allowed`;
    return refused(`exp is ${exp - nowSeconds} s ahead, ${allowed}`, 'assertion-exp');
  }
  if (typeof iat === 'number' && iat > nowSeconds + skewSeconds) {
    return refused(`iat is ${iat - nowSeconds} s in the future`, 'assertion-iat');
  }
  if (typeof nbf === 'number' && nbf > nowSeconds + skewSeconds) {
    return refused(`nbf is ${nbf - nowSeconds} s in the future`, 'assertion-nbf');
  }
  if (typeof jti !== 'string' || jti === '') return refused('jti is missing', 'assertion-jti');
  return null;
}

function refused(reason: string, refusal: AssertionRefusal): AssertionResult {
  return { ok: false, reason, refusal };
}
