import { createHash, randomBytes } from 'node:crypto';

/** A fresh id as most of the vendor's examples show them: 32 hex digits (talkdesk-api.md 1.2). */
export function randomId(): string {
  return randomBytes(16).toString('hex');
}

/** A fresh secret of 256 bits, URL-safe. */
export function randomSecret(): string {
  return randomBytes(32).toString('base64url');
}

/** A user's id, the same for the same account and number: 24 hex digits, as users have them (talkdesk-api.md 1.2). */
export function userId(accountId: string, number: number): string {
  return createHash('sha256').update(`${accountId}:${number}`).digest('hex').slice(0, 24);
}
