/** Moments of an installation that a person watching wants to see, in their usual order. */
export const FACT_NAMES = [
  'received',
  'acknowledged',
  'token',
  'account',
  'users',
  'provisioned',
  'updated',
  'access-ended',
  'credentials-proved',
  'decision-awaited',
  'warned',
  'approved',
  'rejected',
  'credentials-acknowledged',
  'expired',
  'superseded',
  'credentials-gone',
  'contradicted',
  'trial',
  'logout',
  'parked',
  'undone',
] as const;
export type FactName = (typeof FACT_NAMES)[number];

/** One such moment. Identifiers and plain words only, never a payload or a secret. */
export interface LifecycleFact {
  name: FactName;
  /** Business time, milliseconds since the epoch. */
  atMs: number;
  installationId: string | null;
  eventId: string | null;
  /** A short remark in plain words, such as `25 users`. */
  note?: string;
}

/** Told of every fact, synchronously; must not throw and must not block. */
export type Observer = (fact: LifecycleFact) => void;
