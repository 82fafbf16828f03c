import { type KeyObject, randomUUID } from 'node:crypto';
import { SignJWT } from 'jose';
import type { CredentialSet } from './types.js';

/** Lifetime of an assertion (talkdesk-api.md 3.2). */
const LIFETIME_S = 300;

/**
 * Makes the signed assertion of a token request (talkdesk-api.md 3.2): issuer and subject are the client, the audience is the token
 * URL itself, the id is used once.
 *
 * @param key the loaded private key of these credentials
 * @returns a JWT in compact form, valid for five minutes from `now`
 */
export async function createAssertion(
  credentials: Pick<CredentialSet, 'clientId' | 'keyId' | 'keyAlgorithm'>,
  key: KeyObject,
  tokenUrl: string,
  now: Date,
): Promise<string> {
  const issuedAt = Math.floor(now.getTime() / 1_000);
  return await new SignJWT()
    .setProtectedHeader({ alg: credentials.keyAlgorithm, kid: credentials.keyId, typ: 'JWT' })
    .setIssuer(credentials.clientId)
    .setSubject(credentials.clientId)
    .setAudience(tokenUrl)
    .setJti(randomUUID())
    .setIssuedAt(issuedAt)
    .setExpirationTime(issuedAt + LIFETIME_S)
    .sign(key);
}
