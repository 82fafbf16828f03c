import type { KeyObject } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import { parsePublicKey } from './signature.js';
import type { SignatureKey } from './types.js';

/** Talkdesk's last retry of a delivery comes 15 minutes after the first attempt (talkdesk-api.md 1.5, 2.3). */
const RETRY_HORIZON_MS = 15 * 60_000;
/** A key that was in force when the event was made, give or take this, may have signed it (talkdesk-api.md 2.3). */
const CREATED_TOLERANCE_MS = 60 * 60_000;
/** How long a key without an end is used before it is asked for again (talkdesk-api.md 2.3). */
const UNBOUNDED_KEY_MS = 24 * 60 * 60_000;
const MAX_KEY_IDS = 1_000;

/** A signature key that is ready for use. */
export interface KnownKey {
  key: SignatureKey;
  publicKey: KeyObject;
  /** From then on its gateway is asked again, if it answers, before the key is used. */
  staleAtMs: number;
}

/** Signature keys in memory, by key id; the same id may be known from several gateways. */
export interface KnownKeys {
  get(keyId: string): readonly KnownKey[];
  /** Adds a key or replaces what is known of it. A key that cannot be parsed is left out. Says whether anything is new. */
  add(key: SignatureKey): boolean;
  /** Puts off asking again for the keys of an id, because nobody answers. */
  postpone(keyId: string, byMs: number): void;
}

/** Makes an empty, bounded memory of keys. */
export function createKnownKeys(now: () => Date): KnownKeys {
  const byId = new LRUCache<string, KnownKey[]>({ max: MAX_KEY_IDS });
  return {
    get: (keyId) => byId.get(keyId) ?? [],
    add(key) {
      const known = byId.peek(key.keyId) ?? [];
      const before = known.find(({ key: { gateway } }) => gateway === key.gateway);
      const publicKey = before?.key.publicKey === key.publicKey ? before.publicKey : parsePublicKey(key.publicKey);
      if (publicKey === null) return false;
      const staleAtMs = key.expiresAt === null ? now().getTime() + UNBOUNDED_KEY_MS : Number.POSITIVE_INFINITY;
      byId.set(key.keyId, [...known.filter((other) => other !== before), { key, publicKey, staleAtMs }]);
      return before?.publicKey !== publicKey || before.key.expiresAt?.getTime() !== key.expiresAt?.getTime();
    },
    postpone(keyId, byMs) {
      const staleAtMs = now().getTime() + byMs;
      const known = byId.peek(keyId) ?? [];
      byId.set(
        keyId,
        known.map((entry) => ({ ...entry, staleAtMs: Math.max(entry.staleAtMs, staleAtMs) })),
      );
    },
  };
}

/** Whether a key may still vouch for a delivery that arrives at `at`, whatever the event says. */
export function isInForce({ expiresAt }: SignatureKey, at: Date): boolean {
  return expiresAt === null || at.getTime() <= expiresAt.getTime() + RETRY_HORIZON_MS;
}

/** Whether a key was in force when the event was made: a late delivery may have been signed before the key ended. */
export function wasInForceAt({ createdAt, expiresAt }: SignatureKey, eventCreatedAt: Date): boolean {
  const eventMs = eventCreatedAt.getTime();
  return (
    (createdAt === null || eventMs >= createdAt.getTime() - CREATED_TOLERANCE_MS) &&
    (expiresAt === null || eventMs <= expiresAt.getTime() + CREATED_TOLERANCE_MS)
  );
}
