import { createPrivateKey, type KeyObject, randomUUID } from 'node:crypto';
import { SignJWT } from 'jose';
import type { Installation } from './book.js';
import type { Clock } from './clock.js';
import { type Credentials, objectOf, textOf } from './event.js';
import { failureOf, Refused, TryLater } from './failures.js';
import type { Habits } from './habits.js';

/** Access tokens of the installations' own clients. */
export interface Tokens {
  /** The kept token while it is good, else a new one. */
  get(installation: Installation): Promise<string>;
  /** A new one in any case. */
  renew(installation: Installation): Promise<string>;
  /** Forgets those of an installation. */
  forget(installation: Installation): void;
}

const scope = 'apps:read apps:write';
const assertionType = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer';
/** A token is renewed this long before its end, so that it does not end on the way. */
const earlyMs = 60_000;
const requestLimitMs = 10_000;

/** Tokens by client credentials with `private_key_jwt` (talkdesk-api.md 3.2), kept in memory only. */
export function createTokens({ habits, clock }: { habits: Habits; clock: Clock }): Tokens {
  const kept = new Map<string, { token: string; until: number }>();

  async function assertion(client: Credentials, tokenUrl: string): Promise<string> {
    const seconds = Math.floor(clock.now() / 1000);
    return new SignJWT({ jti: randomUUID() })
      .setProtectedHeader({ alg: client.algorithm, kid: client.keyId, typ: 'JWT' })
      .setIssuer(client.clientId)
      .setSubject(client.clientId)
      .setAudience(habits.audience(tokenUrl))
      .setIssuedAt(seconds)
      .setExpirationTime(seconds + 300)
      .sign(readPrivateKey(client.privateKey));
  }

  async function renew({ credentials, tokenUrl }: Installation): Promise<string> {
    const client = credentials.at(-1);
    if (client === undefined || tokenUrl === undefined) throw new TryLater('there are no credentials yet');
    const form = new URLSearchParams({
      grant_type: 'client_credentials',
      scope,
      client_assertion_type: assertionType,
      client_assertion: await assertion(client, tokenUrl),
    });
    const response = await fetch(tokenUrl, {
      method: 'POST',
      headers: { accept: 'application/json' },
      body: form,
      redirect: 'error',
      signal: AbortSignal.timeout(requestLimitMs),
    }).catch(() => {
      throw new TryLater('the token service gave no answer');
    });
    // A client that is refused may be told so by either status (talkdesk-api.md 3.4).
    if (response.status === 400) throw new Refused('the token request was refused', 401);
    if (!response.ok) throw await failureOf('the token request', response, clock.now());
    const answer = objectOf(await response.json().catch(() => null));
    const token = textOf(answer['access_token']);
    if (token === undefined) throw new TryLater('the answer of the token service cannot be read');
    const lifetimeMs = Number(answer['expires_in'] ?? 0) * 1000;
    kept.set(habits.tokenSlot(client.clientId), { token, until: clock.now() + lifetimeMs - earlyMs });
    return token;
  }

  return {
    renew,
    async get(installation) {
      const client = installation.credentials.at(-1);
      const found = client && kept.get(habits.tokenSlot(client.clientId));
      return found !== undefined && found.until > clock.now() ? found.token : renew(installation);
    },
    forget({ credentials }) {
      for (const { clientId } of credentials) kept.delete(habits.tokenSlot(clientId));
    },
  };
}

/** PKCS#8 or SEC1, in base64 or as PEM (talkdesk-api.md 3.2). */
function readPrivateKey(text: string): KeyObject {
  if (text.includes('-----BEGIN')) return createPrivateKey(text);
  const key = Buffer.from(text, 'base64');
  try {
    return createPrivateKey({ key, format: 'der', type: 'pkcs8' });
  } catch {
    return createPrivateKey({ key, format: 'der', type: 'sec1' });
  }
}
